//! Which teacher answers.

use std::path::Path;

use serde::{Deserialize, Serialize, Serializer};
use telos_envs::EnvSpec;

use super::{
    Annotators, AnnotatorsConfig, Mixture, MixtureConfig, RankedFactors, RankedFactorsConfig,
    RegretTeacherConfig, ScriptedTeacher, ScriptedTeacherConfig, Stage, Teacher,
    judge::{JudgeConfig, JudgeTeacher},
    people::{PeopleConfig, PeopleTeacher},
    regret::RegretTaste,
};
use crate::{RewardError, feedback::Ask};

/// A kind of teacher with its own keys.
///
/// Written as one table whose key `kind` names the kind; without it the first kind, `scripted`, is
/// meant. For serde's readers the kind is the name of the variant.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeacherConfig {
    /// Compares gold returns, with B-Pref's irrationalities.
    Scripted(ScriptedTeacherConfig),
    /// Compares regrets.
    Regret(RegretTeacherConfig),
    /// Compares by a ranking of the environment's factors.
    Factors(RankedFactorsConfig),
    /// Several annotators with tastes of their own.
    Annotators(AnnotatorsConfig),
    /// A cheap and a dear teacher.
    Mixture(MixtureConfig),
    /// People, on the page of `telos label serve`.
    People(PeopleConfig),
    /// A model behind HTTP that looks at clips or reads captions.
    Judge(Box<JudgeConfig>),
}

/// What a teacher is built for.
#[derive(Clone, Copy)]
pub struct TeacherSetting<'a> {
    /// The task whose segments are shown.
    pub spec: &'a EnvSpec,
    /// The run's directory of feedback, for teachers that keep files; `None` where a teacher is only built
    /// to read a checkpoint.
    pub feedback: Option<&'a Path>,
    /// Where recorded behaviour can be looked at again, for teachers that do; `None` where none is to.
    pub stage: Option<&'a Stage>,
    /// Seed of whatever the teacher does at random.
    pub seed: u64,
}

impl Default for TeacherConfig {
    fn default() -> Self {
        Self::Scripted(ScriptedTeacherConfig::default())
    }
}

impl TeacherConfig {
    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        match self {
            Self::Scripted(config) => config.validate(),
            Self::Regret(config) => config.validate(),
            Self::Factors(config) => config.validate(),
            Self::Annotators(config) => config.validate(),
            Self::Mixture(config) => config.validate(),
            Self::People(config) => config.validate(),
            Self::Judge(config) => config.validate(),
        }
    }

    /// Whether such a teacher can answer what is asked.
    pub fn answers(&self, ask: Ask) -> bool {
        match self {
            Self::Scripted(_) | Self::Annotators(_) => true,
            // Regret has no usual range to be graded within.
            Self::Regret(_) => !matches!(ask, Ask::Rating { .. }),
            // Level by level comparison is not transitive, so it ranks nothing.
            Self::Factors(_) => ask == Ask::Comparison,
            // The page shows two clips.
            Self::People(_) => ask == Ask::Comparison,
            Self::Judge(config) => config.answers(ask),
            Self::Mixture(config) => config.cheap.answers(ask) && config.dear.answers(ask),
        }
    }

    /// The teacher that this configuration describes.
    ///
    /// # Errors
    /// When a value is outside its range or does not fit the task.
    pub fn build(&self, setting: TeacherSetting<'_>) -> Result<Box<dyn Teacher>, RewardError> {
        let TeacherSetting { spec, feedback, seed, .. } = setting;
        Ok(match self {
            Self::Scripted(config) => Box::new(ScriptedTeacher::new(config.clone(), seed)?),
            Self::Regret(RegretTeacherConfig { value, rationality }) => {
                let taste = Box::new(RegretTaste::new(value, spec, seed)?);
                Box::new(ScriptedTeacher::with_taste("regret", taste, rationality.clone(), seed)?)
            }
            Self::Factors(config) => Box::new(RankedFactors::new(config.clone(), spec)?),
            Self::Annotators(config) => Box::new(Annotators::new(config, spec, seed)?),
            Self::Mixture(config) => Box::new(Mixture::new(config, setting)?),
            Self::People(config) => Box::new(PeopleTeacher::new(config.clone(), feedback)?),
            Self::Judge(config) => Box::new(JudgeTeacher::new(config, setting)?),
        })
    }
}

impl Serialize for TeacherConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        enum Table<'a> {
            Scripted(&'a ScriptedTeacherConfig),
            Regret(&'a RegretTeacherConfig),
            Factors(&'a RankedFactorsConfig),
            Annotators(&'a AnnotatorsConfig),
            Mixture(&'a MixtureConfig),
            People(&'a PeopleConfig),
            Judge(&'a JudgeConfig),
        }
        match self {
            Self::Scripted(config) => Table::Scripted(config),
            Self::Regret(config) => Table::Regret(config),
            Self::Factors(config) => Table::Factors(config),
            Self::Annotators(config) => Table::Annotators(config),
            Self::Mixture(config) => Table::Mixture(config),
            Self::People(config) => Table::People(config),
            Self::Judge(config) => Table::Judge(config),
        }
        .serialize(serializer)
    }
}
