//! Cheap and dear labels under one budget (row 209: label quantity against quality).
//!
//! Each query goes to the dear teacher with probability `dear_share`, as long as `dear_budget` lasts,
//! and to the cheap one otherwise. What an answer cost stands in the ledger.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::SegmentView;

use super::{ScriptedTeacherConfig, Teacher, TeacherConfig, TeacherSetting};
use crate::{
    RewardError,
    error::require,
    feedback::{Answer, Query},
};

/// Keeps the choice of who answers apart from what they answer.
const ROUTING_STREAM: u64 = 0xa076_1d64_78bd_642f;

/// Two teachers and what they cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MixtureConfig {
    /// Who answers cheaply. Default: a scripted teacher who errs in one answer of four.
    pub cheap: Box<TeacherConfig>,
    /// Who answers well. Default: the oracle.
    pub dear: Box<TeacherConfig>,
    /// Cost of a cheap answer. Default 1.
    pub cheap_cost: f64,
    /// Cost of a dear answer. Default 10.
    pub dear_cost: f64,
    /// Probability that a query goes to the dear teacher. Default 0.1.
    pub dear_share: f64,
    /// What may be spent on dear answers; none is no limit. Default none.
    pub dear_budget: Option<f64>,
}

impl Default for MixtureConfig {
    fn default() -> Self {
        let hasty = ScriptedTeacherConfig { mistake: 0.25, ..ScriptedTeacherConfig::default() };
        Self {
            cheap: Box::new(TeacherConfig::Scripted(hasty)),
            dear: Box::default(),
            cheap_cost: 1.0,
            dear_cost: 10.0,
            dear_share: 0.1,
            dear_budget: None,
        }
    }
}

impl MixtureConfig {
    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        for (key, cost) in [
            ("cheap_cost", self.cheap_cost),
            ("dear_cost", self.dear_cost),
            ("dear_budget", self.dear_budget.unwrap_or(0.0)),
        ] {
            require(cost >= 0.0 && cost.is_finite(), key, cost, "must be at least 0")?;
        }
        require((0.0..=1.0).contains(&self.dear_share), "dear_share", self.dear_share, "must be in [0, 1]")?;
        self.cheap.validate()?;
        self.dear.validate()
    }
}

/// One of the two teachers.
struct Priced {
    name: &'static str,
    teacher: Box<dyn Teacher>,
    cost: f64,
}

/// Routes queries to a cheap and a dear teacher.
pub struct Mixture {
    cheap: Priced,
    dear: Priced,
    share: f64,
    /// Dear answers that the budget allows.
    affordable: u64,
    /// Queries sent to the dear teacher.
    dear_asked: u64,
    seed: u64,
}

impl Mixture {
    /// # Errors
    /// When the configuration is out of range or does not fit the task.
    pub fn new(config: &MixtureConfig, setting: TeacherSetting<'_>) -> Result<Self, RewardError> {
        config.validate()?;
        let dear_setting = TeacherSetting { seed: setting.seed.wrapping_add(1), ..setting };
        let affordable = config.dear_budget.map_or(u64::MAX, |budget| (budget / config.dear_cost) as u64);
        Ok(Self {
            cheap: Priced { name: "cheap", teacher: config.cheap.build(setting)?, cost: config.cheap_cost },
            dear: Priced { name: "dear", teacher: config.dear.build(dear_setting)?, cost: config.dear_cost },
            share: config.dear_share,
            affordable,
            dear_asked: 0,
            seed: setting.seed,
        })
    }

    /// Draws who answers, from the query's identity, so that a resumed run draws the same.
    fn teacher_for(&mut self, query: &Query) -> &mut dyn Teacher {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed ^ ROUTING_STREAM ^ query.id().0);
        if rng.random::<f64>() < self.share && self.dear_asked < self.affordable {
            self.dear_asked += 1;
            self.dear.teacher.as_mut()
        } else {
            self.cheap.teacher.as_mut()
        }
    }
}

impl Priced {
    /// The answers that have come, with their price and with whose they are: `cheap:scripted`.
    fn poll(&mut self, answers: &mut Vec<Answer>) -> Result<(), RewardError> {
        let known = answers.len();
        self.teacher.poll(answers)?;
        for answer in &mut answers[known..] {
            answer.teacher = format!("{}:{}", self.name, answer.teacher);
            answer.cost = self.cost;
        }
        Ok(())
    }
}

impl Teacher for Mixture {
    fn submit(&mut self, query: Query) -> Result<(), RewardError> {
        self.teacher_for(&query).submit(query)
    }

    fn resubmit(&mut self, answered: Answer) -> Result<(), RewardError> {
        self.teacher_for(&answered.query).resubmit(answered)
    }

    fn poll(&mut self, answers: &mut Vec<Answer>) -> Result<(), RewardError> {
        self.cheap.poll(answers)?;
        self.dear.poll(answers)
    }

    fn pending(&self) -> usize {
        self.cheap.teacher.pending() + self.dear.teacher.pending()
    }

    fn metrics(&self) -> Vec<(&'static str, f64)> {
        let mut metrics = self.cheap.teacher.metrics();
        metrics.extend(self.dear.teacher.metrics());
        metrics
    }

    fn observe_episode(&mut self, episode: SegmentView<'_>) {
        self.cheap.teacher.observe_episode(episode);
        self.dear.teacher.observe_episode(episode);
    }
}

impl Checkpoint for Mixture {
    fn save(&self, out: &mut Writer) {
        out.part("cheap", self.cheap.teacher.as_ref());
        out.part("dear", self.dear.teacher.as_ref());
        out.value("dear_asked", &self.dear_asked);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("cheap", self.cheap.teacher.as_mut())?;
        from.part("dear", self.dear.teacher.as_mut())?;
        self.dear_asked = from.value("dear_asked")?;
        Ok(())
    }
}
