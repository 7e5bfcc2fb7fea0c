//! Several annotators, each with a taste and a reliability of their own.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{EnvSpec, SegmentView};

use super::{
    ScriptedTeacher, ScriptedTeacherConfig, Teacher,
    taste::{FactorTaste, GoldTaste, Taste},
};
use crate::{
    RewardError,
    error::require,
    feedback::{Answer, Query},
};

/// Keeps the choice of who answers apart from what they answer.
const ROUTING_STREAM: u64 = 0xd6e8_feb8_6659_fd93;

/// A group of annotators.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnnotatorsConfig {
    /// Its members. Default none; a group needs one at least.
    pub members: Vec<AnnotatorConfig>,
}

/// One annotator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnnotatorConfig {
    /// The name that their answers carry. No default.
    pub name: String,
    /// Their share of the questions, relative to the others'. Default 1.
    pub share: f64,
    /// What they like: a weight per factor of the environment, negative for what they dislike. Default
    /// empty: the gold reward.
    pub weights: BTreeMap<String, f32>,
    /// How their answers depart from that. Default: the oracle.
    pub rationality: ScriptedTeacherConfig,
}

impl Default for AnnotatorConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            share: 1.0,
            weights: BTreeMap::new(),
            rationality: ScriptedTeacherConfig::default(),
        }
    }
}

impl AnnotatorsConfig {
    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        require(!self.members.is_empty(), "members", "[]", "must name at least one annotator")?;
        for (at, member) in self.members.iter().enumerate() {
            let AnnotatorConfig { name, share, rationality, .. } = member;
            require(!name.is_empty(), "members", "a nameless annotator", "every annotator needs a `name`")?;
            let taken = self.members[..at].iter().any(|other| other.name == *name);
            require(!taken, "members", format!("{name} twice"), "every annotator needs a name of their own")?;
            require(*share > 0.0 && share.is_finite(), "share", share, "must be above 0")?;
            rationality.validate()?;
        }
        Ok(())
    }
}

impl AnnotatorConfig {
    fn build(&self, spec: &EnvSpec, seed: u64) -> Result<ScriptedTeacher, RewardError> {
        let taste: Box<dyn Taste> = if self.weights.is_empty() {
            Box::new(GoldTaste)
        } else {
            Box::new(FactorTaste::new(spec, self.weights.iter().map(|(name, w)| (name.as_str(), *w)))?)
        };
        ScriptedTeacher::with_taste(&self.name, taste, self.rationality.clone(), seed)
    }
}

/// Sends each query to one annotator, drawn by their shares from the query's identity, so that a
/// resumed run sends it to the same one.
pub struct Annotators {
    members: Vec<ScriptedTeacher>,
    /// Sums of the shares up to and including each member's; the last is 1.
    cumulative: Vec<f64>,
    seed: u64,
}

impl Annotators {
    /// # Errors
    /// When the configuration is out of range or names a factor that the environment has not.
    pub fn new(config: &AnnotatorsConfig, spec: &EnvSpec, seed: u64) -> Result<Self, RewardError> {
        config.validate()?;
        let total: f64 = config.members.iter().map(|member| member.share).sum();
        let cumulative = (config.members.iter())
            .scan(0.0, |sum, member| {
                *sum += member.share / total;
                Some(*sum)
            })
            .collect();
        let members = (config.members.iter().enumerate())
            .map(|(at, member)| member.build(spec, seed.wrapping_add(at as u64)))
            .collect::<Result<_, _>>()?;
        Ok(Self { members, cumulative, seed })
    }

    fn member_for(&mut self, query: &Query) -> &mut ScriptedTeacher {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed ^ ROUTING_STREAM ^ query.id().0);
        let draw: f64 = rng.random();
        let drawn = self.cumulative.iter().position(|&sum| draw < sum);
        // Rounding may leave the last sum just below 1.
        let last = self.members.len() - 1;
        &mut self.members[drawn.unwrap_or(last)]
    }
}

impl Teacher for Annotators {
    fn submit(&mut self, query: Query) -> Result<(), RewardError> {
        self.member_for(&query).submit(query)
    }

    fn resubmit(&mut self, answered: Answer) -> Result<(), RewardError> {
        self.member_for(&answered.query).resubmit(answered)
    }

    fn poll(&mut self, answers: &mut Vec<Answer>) -> Result<(), RewardError> {
        self.members.iter_mut().try_for_each(|member| member.poll(answers))
    }

    fn pending(&self) -> usize {
        self.members.iter().map(ScriptedTeacher::pending).sum()
    }

    fn observe_episode(&mut self, episode: SegmentView<'_>) {
        self.members.iter_mut().for_each(|member| member.observe_episode(episode));
    }
}

impl Checkpoint for Annotators {
    fn save(&self, out: &mut Writer) {
        self.members.iter().for_each(|member| out.part("member", member));
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.members.iter_mut().try_for_each(|member| from.part("member", member))
    }
}
