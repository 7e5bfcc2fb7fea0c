//! Kind, size and training of a reward model.

use serde::{Deserialize, Serialize};
use telos_nn::Device;

use super::{RewardEnsemble, RewardLearner, StepSizes};
use crate::{RewardError, error::require};

/// What a reward model takes a preference to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RewardModelKind {
    /// The segment with the larger sum of rewards is preferred; an ensemble of multi-layer perceptrons.
    #[default]
    Mlp,
}

/// Configuration of a reward model. All kinds are trained in the same way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RewardModelConfig {
    /// What a preference says. Default `mlp`.
    pub kind: RewardModelKind,
    /// Networks in the ensemble. Default 3 (B-Pref).
    pub members: usize,
    /// Widths of the hidden layers. Default `[256, 256]`: one layer less than B-Pref's three, at half
    /// the cost.
    pub hidden: Vec<usize>,
    /// Adam's learning rate. Default 3e-4 (B-Pref).
    pub learning_rate: f64,
    /// Pairs per gradient step and member. Default 32: with B-Pref's 128 a session on 100 or 400 pairs
    /// of a synthetic reward of 23 inputs took two to five times as long to reach the target accuracy,
    /// for an accuracy on other pairs that differed by 1.3 points at most (one seed).
    pub batch: usize,
    /// Passes over all answered pairs in one training session, at most. Default 50 (B-Pref's walker
    /// scripts; 200 in its default configuration).
    pub max_epochs: usize,
    /// A session ends once the members' mean accuracy over a pass, measured on each batch before its
    /// gradient step, exceeds this. Default 0.97 (B-Pref): training further saturates the tanh.
    pub target_accuracy: f32,
    /// Probability mass given to the answer not chosen. Default 0.
    pub label_smoothing: f32,
}

impl Default for RewardModelConfig {
    fn default() -> Self {
        Self {
            kind: RewardModelKind::Mlp,
            members: 3,
            hidden: vec![256, 256],
            learning_rate: 3e-4,
            batch: 32,
            max_epochs: 50,
            target_accuracy: 0.97,
            label_smoothing: 0.0,
        }
    }
}

impl RewardModelConfig {
    /// The untrained model that this configuration describes, for segments of the given sizes.
    ///
    /// # Errors
    /// When the configuration is out of range or the device refuses.
    pub fn build(
        &self,
        sizes: StepSizes,
        seed: u64,
        device: &Device,
    ) -> Result<Box<dyn RewardLearner>, RewardError> {
        let config = self.clone();
        Ok(match self.kind {
            RewardModelKind::Mlp => Box::new(RewardEnsemble::new(config, sizes, seed, device)?),
        })
    }

    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        require(self.members > 0, "members", self.members, "must be at least 1")?;
        let widths = format!("{:?}", self.hidden);
        require(
            self.hidden.iter().all(|&width| width > 0),
            "hidden",
            widths,
            "every width must be at least 1",
        )?;
        let rate = self.learning_rate;
        require(rate > 0.0 && rate.is_finite(), "learning_rate", rate, "must be positive")?;
        require(self.batch > 0, "batch", self.batch, "must be at least 1 pair")?;
        require(self.max_epochs > 0, "max_epochs", self.max_epochs, "must be at least 1")?;
        let accuracy = self.target_accuracy;
        require(accuracy > 0.0 && accuracy <= 1.0, "target_accuracy", accuracy, "must be in (0, 1]")?;
        let smoothing = self.label_smoothing;
        require((0.0..0.5).contains(&smoothing), "label_smoothing", smoothing, "must be in [0, 0.5)")
    }
}
