//! The irrationalities of a scripted teacher.

use serde::{Deserialize, Serialize};

use crate::{RewardError, error::require};

/// How a scripted teacher departs from a perfect one (Lee et al. 2021, "B-Pref", section 4.1).
///
/// The default is the oracle. Departures combine freely; the benchmark's own six teachers are the
/// named constructors, and `preset` in a configuration, where further keys change what the preset says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Keys")]
pub struct ScriptedTeacherConfig {
    /// Rationality constant of a Bradley-Terry choice between the two returns: the first segment is
    /// preferred with probability `sigmoid(beta * (return_1 - return_2))`. A value that is not
    /// positive means perfectly rational. Default -1 (oracle, as B-Pref writes it).
    pub beta: f32,
    /// Discount toward the past: the reward of step t of a segment of length L counts
    /// `gamma^(L-1-t)`, so a value below 1 is a teacher who remembers the end best. Default 1.
    pub gamma: f32,
    /// Probability that the answer is flipped. Default 0.
    pub mistake: f32,
    /// Skips a query when neither segment's return exceeds `skip` times the current mean return of a
    /// segment. Default 0: never.
    pub skip: f32,
    /// Calls two segments equal when their returns differ by less than `equal` times the current mean
    /// return of a segment. Default 0: only exactly equal returns.
    pub equal: f32,
}

/// The benchmark's six teachers by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptedPreset {
    /// [`ScriptedTeacherConfig::oracle`].
    Oracle,
    /// [`ScriptedTeacherConfig::stochastic`].
    Stochastic,
    /// [`ScriptedTeacherConfig::myopic`].
    Myopic,
    /// [`ScriptedTeacherConfig::mistaken`].
    Mistake,
    /// [`ScriptedTeacherConfig::skipping`].
    Skip,
    /// [`ScriptedTeacherConfig::undecided`].
    Equal,
}

impl ScriptedPreset {
    /// All six, in the benchmark's order.
    pub const ALL: [Self; 6] =
        [Self::Oracle, Self::Stochastic, Self::Myopic, Self::Mistake, Self::Skip, Self::Equal];

    /// What the name stands for.
    pub fn config(self) -> ScriptedTeacherConfig {
        match self {
            Self::Oracle => ScriptedTeacherConfig::oracle(),
            Self::Stochastic => ScriptedTeacherConfig::stochastic(),
            Self::Myopic => ScriptedTeacherConfig::myopic(),
            Self::Mistake => ScriptedTeacherConfig::mistaken(),
            Self::Skip => ScriptedTeacherConfig::skipping(),
            Self::Equal => ScriptedTeacherConfig::undecided(),
        }
    }
}

/// The keys as they are written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    preset: Option<ScriptedPreset>,
    beta: Option<f32>,
    gamma: Option<f32>,
    mistake: Option<f32>,
    skip: Option<f32>,
    equal: Option<f32>,
}

impl From<Keys> for ScriptedTeacherConfig {
    fn from(keys: Keys) -> Self {
        let base = keys.preset.map_or_else(Self::default, ScriptedPreset::config);
        Self {
            beta: keys.beta.unwrap_or(base.beta),
            gamma: keys.gamma.unwrap_or(base.gamma),
            mistake: keys.mistake.unwrap_or(base.mistake),
            skip: keys.skip.unwrap_or(base.skip),
            equal: keys.equal.unwrap_or(base.equal),
        }
    }
}

impl Default for ScriptedTeacherConfig {
    fn default() -> Self {
        Self { beta: -1.0, gamma: 1.0, mistake: 0.0, skip: 0.0, equal: 0.0 }
    }
}

impl ScriptedTeacherConfig {
    /// Always prefers the segment with the larger gold return.
    pub fn oracle() -> Self {
        Self::default()
    }

    /// Bradley-Terry choices with beta = 1.
    pub fn stochastic() -> Self {
        Self { beta: 1.0, ..Self::default() }
    }

    /// Remembers the end of a segment best, gamma = 0.9.
    pub fn myopic() -> Self {
        Self { gamma: 0.9, ..Self::default() }
    }

    /// Errs in one answer of ten.
    pub fn mistaken() -> Self {
        Self { mistake: 0.1, ..Self::default() }
    }

    /// Skips queries about two poor segments, threshold 0.1.
    pub fn skipping() -> Self {
        Self { skip: 0.1, ..Self::default() }
    }

    /// Calls similar segments equal, threshold 0.1.
    pub fn undecided() -> Self {
        Self { equal: 0.1, ..Self::default() }
    }

    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        require(self.beta.is_finite(), "beta", self.beta, "must be a number; -1 is perfectly rational")?;
        require(self.gamma > 0.0 && self.gamma <= 1.0, "gamma", self.gamma, "must be in (0, 1]")?;
        require((0.0..=1.0).contains(&self.mistake), "mistake", self.mistake, "must be in [0, 1]")?;
        require(self.skip >= 0.0 && self.skip.is_finite(), "skip", self.skip, "must be at least 0")?;
        require(self.equal >= 0.0 && self.equal.is_finite(), "equal", self.equal, "must be at least 0")
    }
}
