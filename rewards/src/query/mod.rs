//! The choice of what to ask.

mod config;
mod disagreement;
mod uniform;

pub use config::{QueryConfig, SelectorKind};
pub use disagreement::Disagreement;
pub use uniform::Uniform;

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::TrajectoryStore;

use crate::{RewardError, feedback::Query, reward_model::PreferenceModel};

/// Chooses pairs of segments to compare.
pub trait QuerySelector {
    /// Chooses `count` queries about behaviour in `store`, given what `model` believes. The same
    /// arguments, generator included, give the same queries.
    ///
    /// # Errors
    /// When no episode in the store is long enough for a segment.
    fn select(
        &self,
        store: &TrajectoryStore,
        model: &dyn PreferenceModel,
        count: usize,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<Vec<Query>, RewardError>;
}

impl QueryConfig {
    /// The selector that this configuration names.
    pub fn selector(&self) -> Box<dyn QuerySelector> {
        match self.selector {
            SelectorKind::Uniform => Box::new(Uniform { segment: self.segment }),
            SelectorKind::Disagreement => {
                Box::new(Disagreement { segment: self.segment, large_batch: self.large_batch })
            }
        }
    }
}
