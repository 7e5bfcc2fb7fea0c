//! A teacher who knows which factors matter more (Bukharin et al. 2023, "HERON: Hierarchical reward
//! modelling with ranked feedback signals", arXiv 2309.02632).
//!
//! Factors `f_1 > f_2 > ...` are ranked by importance. Two segments are compared level by level and
//! the first level that tells them apart decides:
//!
//! ```text
//! prefer the larger f_l where |f_l(1) - f_l(2)| > delta_l,   delta_l = margin * std(f_l)
//! ```
//!
//! `f_l` of a segment is the sum of the factor over its steps, and `std` its deviation over recent
//! segments, so that nothing depends on the scale of a factor. All factors of our tasks are better
//! when they are larger.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{EnvSpec, Segment};

use super::Teacher;
use crate::{
    RewardError,
    error::{expect_len, require},
    feedback::{Answer, Choice, Query},
};

/// Segments over which the deviations are taken.
const RECENT_SEGMENTS: usize = 1000;

/// What becomes of a pair that no level tells apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unresolved {
    /// It teaches nothing (the paper).
    #[default]
    Skip,
    /// The two are called equal.
    Equal,
}

/// A ranking of the environment's factors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RankedFactorsConfig {
    /// Names of factors, the most important first. Default none; a ranking needs one at least.
    pub ranking: Vec<String>,
    /// Deviations by which two segments must differ at a level for it to decide. Default 0.5.
    pub margin: f32,
    /// What becomes of a pair that no level tells apart. Default `skip`.
    pub unresolved: Unresolved,
}

impl Default for RankedFactorsConfig {
    fn default() -> Self {
        Self { ranking: Vec::new(), margin: 0.5, unresolved: Unresolved::Skip }
    }
}

impl RankedFactorsConfig {
    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        let ranking = format!("{:?}", self.ranking);
        require(!self.ranking.is_empty(), "ranking", ranking, "must name at least one factor")?;
        let margin = self.margin;
        require(margin >= 0.0 && margin.is_finite(), "margin", margin, "must be at least 0")
    }
}

/// Compares by ranked factors.
pub struct RankedFactors {
    config: RankedFactorsConfig,
    /// Number of factors of the environment.
    count: usize,
    /// Place of each level's factor among them.
    levels: Vec<usize>,
    /// Factor sums per step, one per level, of recently shown segments.
    recent: VecDeque<Vec<f32>>,
    pending: Vec<Query>,
}

impl RankedFactors {
    /// # Errors
    /// When the configuration is out of range or names a factor that the environment has not.
    pub fn new(config: RankedFactorsConfig, spec: &EnvSpec) -> Result<Self, RewardError> {
        config.validate()?;
        let place = |name: &String| {
            spec.factors.iter().position(|factor| factor == name).ok_or_else(|| RewardError::UnknownFactor {
                name: name.clone(),
                env: spec.id.clone(),
                known: spec.factors.join(", "),
            })
        };
        let levels = config.ranking.iter().map(place).collect::<Result<_, _>>()?;
        let (count, recent) = (spec.factors.len(), VecDeque::new());
        Ok(Self { config, count, levels, recent, pending: Vec::new() })
    }

    /// Mean of each level's factor over the steps of a segment: sums of segments of one length, up to
    /// a constant that the margins share.
    fn means(&self, segment: &Segment) -> Result<Vec<f32>, RewardError> {
        expect_len("factors of a segment", segment.factors.len(), segment.len * self.count)?;
        let rows = || segment.factors.chunks_exact(self.count);
        let mean = |&level: &usize| rows().map(|row| row[level]).sum::<f32>() / segment.len as f32;
        Ok(self.levels.iter().map(mean).collect())
    }

    fn remember(&mut self, means: Vec<f32>) {
        if self.recent.len() == RECENT_SEGMENTS {
            self.recent.pop_front();
        }
        self.recent.push_back(means);
    }

    /// `delta_l` of every level.
    fn margins(&self) -> Vec<f32> {
        let n = self.recent.len() as f32;
        let deviation = |level: usize| {
            let mean = self.recent.iter().map(|means| means[level]).sum::<f32>() / n;
            (self.recent.iter().map(|means| (means[level] - mean).powi(2)).sum::<f32>() / n).sqrt()
        };
        (0..self.levels.len()).map(|level| self.config.margin * deviation(level)).collect()
    }

    fn compare(&self, first: &[f32], second: &[f32], margins: &[f32]) -> Choice {
        for ((first, second), margin) in first.iter().zip(second).zip(margins) {
            if (first - second).abs() > *margin {
                return if first > second { Choice::First } else { Choice::Second };
            }
        }
        match self.config.unresolved {
            Unresolved::Skip => Choice::Skip,
            Unresolved::Equal => Choice::Equal,
        }
    }
}

impl Teacher for RankedFactors {
    fn submit(&mut self, query: Query) -> Result<(), RewardError> {
        self.pending.push(query);
        Ok(())
    }

    fn resubmit(&mut self, answered: Answer) -> Result<(), RewardError> {
        self.submit(answered.query)
    }

    fn poll(&mut self, answers: &mut Vec<Answer>) -> Result<(), RewardError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let pending = std::mem::take(&mut self.pending);
        let mut shown = Vec::with_capacity(pending.len());
        for query in &pending {
            let [first, second] = query.pair()?;
            let pair = [self.means(first)?, self.means(second)?];
            pair.iter().for_each(|means| self.remember(means.clone()));
            shown.push(pair);
        }
        let margins = self.margins();
        for (query, [first, second]) in pending.into_iter().zip(shown) {
            let choice = self.compare(&first, &second, &margins);
            answers.push(Answer::computed(query, choice, "factors"));
        }
        Ok(())
    }

    fn pending(&self) -> usize {
        self.pending.len()
    }
}

impl Checkpoint for RankedFactors {
    fn save(&self, out: &mut Writer) {
        out.value("recent", &self.recent);
        out.value("pending", &self.pending);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.recent = from.value("recent")?;
        self.pending = from.value("pending")?;
        if self.recent.iter().all(|means| means.len() == self.levels.len()) {
            return Ok(());
        }
        Err(from.wrong("recent", "was saved for another ranking"))
    }
}
