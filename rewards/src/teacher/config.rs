//! Which teacher answers.

use serde::{Deserialize, Serialize, Serializer};
use telos_envs::EnvSpec;

use super::{ScriptedTeacher, ScriptedTeacherConfig, Teacher};
use crate::RewardError;

/// A kind of teacher with its own keys.
///
/// Written as one table whose key `kind` names the kind; without it the first kind, `scripted`, is
/// meant. For serde's readers the kind is the name of the variant.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeacherConfig {
    /// Compares gold returns, with B-Pref's irrationalities.
    Scripted(ScriptedTeacherConfig),
}

/// What a teacher is built for.
#[derive(Clone, Copy)]
pub struct TeacherSetting<'a> {
    /// The task whose segments are shown.
    pub spec: &'a EnvSpec,
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
        }
    }

    /// The teacher that this configuration describes.
    ///
    /// # Errors
    /// When a value is outside its range or does not fit the task.
    pub fn build(&self, setting: TeacherSetting<'_>) -> Result<Box<dyn Teacher>, RewardError> {
        Ok(match self {
            Self::Scripted(config) => Box::new(ScriptedTeacher::new(config.clone(), setting.seed)?),
        })
    }
}

impl Serialize for TeacherConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        enum Table<'a> {
            Scripted(&'a ScriptedTeacherConfig),
        }
        match self {
            Self::Scripted(config) => Table::Scripted(config),
        }
        .serialize(serializer)
    }
}
