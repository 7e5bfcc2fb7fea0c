//! What is asked about.

use serde::{Deserialize, Serialize};

use crate::{
    RewardError,
    error::require,
    feedback::{Ask, Order, PairRule},
};

/// Which rule chooses the pairs that a teacher compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectorKind {
    /// Pairs of uniformly drawn segments.
    Uniform,
    /// Of many uniform candidates, those over which the ensemble's members disagree most.
    #[default]
    Disagreement,
    /// Of many uniform candidates, those whose predicted answer is most open.
    Entropy,
    /// Of many uniform candidates, those that lie furthest from all asked before.
    KCenter,
    /// The same among the half over which the members disagree most.
    KCenterDisagreement,
    /// The same among the half whose predicted answer is most open.
    KCenterEntropy,
    /// For each query, the best against the worst of many segments, as the model sees them.
    BestWorst,
}

/// The form of the questions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskKind {
    /// Two segments: which is better?
    #[default]
    Comparison,
    /// Several segments: in which order?
    Ranking,
    /// One segment: how good?
    Rating,
}

/// Length of segments, form and choice of queries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueryConfig {
    /// Environment steps per segment. Default 50 (B-Pref).
    pub segment: usize,
    /// Which rule chooses pairs. Default `disagreement` (PEBBLE's main setting).
    pub selector: SelectorKind,
    /// Candidates drawn per query asked, for rules that choose: pairs, or segments for `best_worst`.
    /// Default 10 (B-Pref, `large_batch`).
    pub large_batch: usize,
    /// What is asked. Default `comparison`.
    pub ask: AskKind,
    /// Segments of a `ranking`. Default 4 (Ziegler et al. 2019, arXiv 1909.08593).
    pub ranked: usize,
    /// The best grade of a `rating`; the worst is 1. Default 5.
    pub bins: u8,
    /// Which pairs of a ranking, or of one session's ratings, the reward model learns from. Default
    /// `adjacent`.
    pub pairs: PairRule,
}

impl Default for QueryConfig {
    fn default() -> Self {
        Self {
            segment: 50,
            selector: SelectorKind::Disagreement,
            large_batch: 10,
            ask: AskKind::Comparison,
            ranked: 4,
            bins: 5,
            pairs: PairRule::Adjacent,
        }
    }
}

impl QueryConfig {
    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        require(self.segment > 0, "segment", self.segment, "must be at least 1 step")?;
        require(
            self.large_batch > 0,
            "large_batch",
            self.large_batch,
            "must be at least 1 candidate per query",
        )?;
        let most = Order::MOST;
        require((2..=most).contains(&self.ranked), "ranked", self.ranked, "must be from 2 to 8 segments")?;
        require(self.bins >= 2, "bins", self.bins, "must be at least 2 grades")
    }

    /// What every query asks.
    pub fn ask(&self) -> Ask {
        match self.ask {
            AskKind::Comparison => Ask::Comparison,
            AskKind::Ranking => Ask::Ranking,
            AskKind::Rating => Ask::Rating { bins: self.bins },
        }
    }

    /// Comparisons that `queries` answers in sessions of `session` can amount to.
    pub fn comparisons(&self, queries: usize, session: usize) -> usize {
        match self.ask {
            AskKind::Comparison => queries,
            AskKind::Ranking => queries * self.pairs.count(self.ranked),
            AskKind::Rating => queries.div_ceil(session.max(1)) * self.pairs.count(session),
        }
    }
}
