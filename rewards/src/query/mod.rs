//! The choice of what to ask.

mod best_worst;
mod config;
#[cfg(test)]
mod fixture;
mod k_center;
mod regrouped;
mod uncertainty;
mod uniform;

pub use best_worst::BestWorst;
pub use config::{AskKind, QueryConfig, SelectorKind};
pub use k_center::KCenter;
pub use regrouped::Regrouped;
pub use uncertainty::{MostUncertain, Uncertainty};
pub use uniform::Uniform;

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::{SegmentRef, SegmentView, TrajectoryStore};

use crate::{
    RewardError,
    feedback::Query,
    reward_model::{PreferenceData, PreferenceModel},
};

/// What a selector may look at.
#[derive(Clone, Copy)]
pub struct QueryContext<'a> {
    /// Behaviour that can be asked about.
    pub store: &'a TrajectoryStore,
    /// What is believed so far.
    pub model: &'a dyn PreferenceModel,
    /// What was answered before.
    pub answered: &'a PreferenceData,
}

impl<'a> QueryContext<'a> {
    /// A segment that was drawn from the store.
    fn view(&self, segment: SegmentRef) -> SegmentView<'a> {
        self.store.view(segment).expect("the store has not changed since it was drawn")
    }
}

/// Chooses pairs of segments to compare.
pub trait QuerySelector {
    /// Chooses `count` queries. The same arguments, generator included, give the same queries.
    ///
    /// # Errors
    /// When no episode in the store is long enough for a segment.
    fn select(
        &self,
        context: &QueryContext<'_>,
        count: usize,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<Vec<Query>, RewardError>;
}

impl QueryConfig {
    /// The selector that this configuration names.
    pub fn selector(&self) -> Box<dyn QuerySelector> {
        let (pairs, ask) = (self.pair_selector(), self.ask());
        match self.ask {
            AskKind::Comparison => pairs,
            AskKind::Ranking => Box::new(Regrouped { pairs, ask, shown: self.ranked }),
            AskKind::Rating => Box::new(Regrouped { pairs, ask, shown: 1 }),
        }
    }

    fn pair_selector(&self) -> Box<dyn QuerySelector> {
        let Self { segment, large_batch, .. } = *self;
        let most_uncertain = |uncertainty| Box::new(MostUncertain { segment, large_batch, uncertainty });
        let k_center = |among| Box::new(KCenter { segment, large_batch, among });
        match self.selector {
            SelectorKind::Uniform => Box::new(Uniform { segment }),
            SelectorKind::Disagreement => most_uncertain(Uncertainty::Disagreement),
            SelectorKind::Entropy => most_uncertain(Uncertainty::Entropy),
            SelectorKind::KCenter => k_center(None),
            SelectorKind::KCenterDisagreement => k_center(Some(Uncertainty::Disagreement)),
            SelectorKind::KCenterEntropy => k_center(Some(Uncertainty::Entropy)),
            SelectorKind::BestWorst => Box::new(BestWorst { segment, n: large_batch }),
        }
    }
}
