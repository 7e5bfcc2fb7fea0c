//! What a teacher who computes likes about behaviour.

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{EnvSpec, SegmentView};

use crate::{RewardError, Transitions, WeightedFactors, error::expect_len, source::RewardSource};

/// A value of every step of a segment. What it may look at is a segment, and a segment holds no learned
/// reward.
pub(super) trait Taste: Checkpoint {
    /// Writes the worth of each step of `segment` (`[len]`).
    ///
    /// # Errors
    /// When the segment lacks what the taste looks at.
    fn worths(&self, segment: SegmentView<'_>, out: &mut Vec<f32>) -> Result<(), RewardError>;

    /// Writes what the steps of a whole episode are worth, as the measure of what is usual (`[len]`).
    fn usual(&self, episode: SegmentView<'_>, out: &mut Vec<f32>) {
        // An episode that cannot be judged says nothing about what is usual.
        if self.worths(episode, out).is_err() {
            out.clear();
        }
    }

    /// Sees a finished episode of the run.
    fn observe_episode(&mut self, _episode: SegmentView<'_>) {}

    /// Gets ready to judge, after episodes and before the answers of a session.
    ///
    /// # Errors
    /// When something cannot be learned.
    fn prepare(&mut self) -> Result<(), RewardError> {
        Ok(())
    }
}

/// Likes what the environment's own reward likes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GoldTaste;

impl Taste for GoldTaste {
    fn worths(&self, segment: SegmentView<'_>, out: &mut Vec<f32>) -> Result<(), RewardError> {
        out.clear();
        out.extend_from_slice(segment.gold);
        Ok(())
    }
}

impl Checkpoint for GoldTaste {
    fn save(&self, _out: &mut Writer) {}

    fn load(&mut self, _from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        Ok(())
    }
}

/// Likes some of the environment's named factors, each by its own weight.
pub(super) struct FactorTaste {
    weighted: WeightedFactors,
    count: usize,
}

impl FactorTaste {
    /// # Errors
    /// When the environment has no factor of such a name, or a weight is not a number.
    pub(super) fn new<'a>(
        spec: &EnvSpec,
        weights: impl Iterator<Item = (&'a str, f32)>,
    ) -> Result<Self, RewardError> {
        let weights: Vec<(&str, f32)> = weights.collect();
        Ok(Self { weighted: WeightedFactors::new(spec, &weights)?, count: spec.factors.len() })
    }
}

impl Taste for FactorTaste {
    fn worths(&self, segment: SegmentView<'_>, out: &mut Vec<f32>) -> Result<(), RewardError> {
        expect_len("factors of a segment", segment.factors.len(), segment.len * self.count)?;
        let factors = segment.factors;
        out.resize(segment.len, 0.0);
        self.weighted.reward(&Transitions { rows: segment.len, factors, ..Transitions::default() }, out)
    }
}

impl Checkpoint for FactorTaste {
    fn save(&self, _out: &mut Writer) {}

    fn load(&mut self, _from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        Ok(())
    }
}
