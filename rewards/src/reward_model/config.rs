//! Kind, size and training of a reward model.

use serde::{Deserialize, Serialize};
use telos_nn::Device;

use super::{
    Advantage, AdvantageConfig, Aggregation, Decorrelated, DecorrelatedConfig, Hindsight, HindsightConfig,
    LearnedReward, PseudoLabelConfig, RewardEnsemble, RewardLearner, StepSizes, Ties, TiesConfig, UserLatent,
    UserLatentConfig,
};
use crate::{RewardError, error::require};

/// What a reward model takes a preference to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RewardModelKind {
    /// The segment with the larger sum of rewards is preferred; an ensemble of multi-layer perceptrons.
    #[default]
    Mlp,
    /// The same, with the rewards drawn to the steps to which a world model looks back
    /// ([`Hindsight`](super::Hindsight)); reads `hindsight`.
    Hindsight,
    /// The segment with the larger sum of advantages is preferred ([`Advantage`](super::Advantage));
    /// reads `regret`.
    Regret,
    /// "Equal" is an answer of its own ([`Ties`](super::Ties)); reads `ties`.
    Ties,
    /// Every user has a reward of their own ([`UserLatent`](super::UserLatent)); reads `user_latent`.
    UserLatent,
    /// The reward does not follow a nuisance such as effort ([`Decorrelated`](super::Decorrelated)); reads
    /// `decorrelated`.
    Decorrelated,
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
    /// Whether a pair counts as often as its preference is strong: by the difference of two grades, or the
    /// places between them in a ranking (Wang et al. 2024, arXiv 2410.01257). Not for kind `ties`. Default
    /// false.
    pub scaled: bool,
    /// How far every answer moves to what the model believes after each epoch: iterative data smoothing
    /// (Zhu et al. 2024, arXiv 2401.16335). Default 0.
    pub data_smoothing: f32,
    /// Further training on the model's own sure answers.
    pub pseudo_labels: PseudoLabelConfig,
    /// How the members' rewards become one. Default `mean`.
    pub aggregation: Aggregation,
    /// What `uncertainty_weighted` takes from the mean for each unit of variance. Default 0.1 (Coste et
    /// al. 2023, arXiv 2310.02743, for reinforcement learning; 0.5 for best-of-n).
    pub variance_penalty: f32,
    /// Members start from the same weights, and the mean of their weights is what is asked (Ramé et al.
    /// 2024, arXiv 2401.12187). Default false.
    pub average_weights: bool,
    /// Of kind `hindsight`.
    pub hindsight: HindsightConfig,
    /// Of kind `regret`.
    pub regret: AdvantageConfig,
    /// Of kind `ties`.
    pub ties: TiesConfig,
    /// Of kind `user_latent`.
    pub user_latent: UserLatentConfig,
    /// Of kind `decorrelated`.
    pub decorrelated: DecorrelatedConfig,
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
            scaled: false,
            data_smoothing: 0.0,
            pseudo_labels: PseudoLabelConfig::default(),
            aggregation: Aggregation::Mean,
            variance_penalty: 0.1,
            average_weights: false,
            hindsight: HindsightConfig::default(),
            regret: AdvantageConfig::default(),
            ties: TiesConfig::default(),
            user_latent: UserLatentConfig::default(),
            decorrelated: DecorrelatedConfig::default(),
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
            RewardModelKind::Hindsight => {
                Box::new(LearnedReward::<Hindsight>::new(config, sizes, seed, device)?)
            }
            RewardModelKind::Regret => {
                Box::new(LearnedReward::<Advantage>::new(config, sizes, seed, device)?)
            }
            RewardModelKind::Ties => Box::new(LearnedReward::<Ties>::new(config, sizes, seed, device)?),
            RewardModelKind::UserLatent => {
                Box::new(LearnedReward::<UserLatent>::new(config, sizes, seed, device)?)
            }
            RewardModelKind::Decorrelated => {
                Box::new(LearnedReward::<Decorrelated>::new(config, sizes, seed, device)?)
            }
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
        require((0.0..0.5).contains(&smoothing), "label_smoothing", smoothing, "must be in [0, 0.5)")?;
        let smoothing = self.data_smoothing;
        require((0.0..1.0).contains(&smoothing), "data_smoothing", smoothing, "must be in [0, 1)")?;
        let penalty = self.variance_penalty;
        require(penalty >= 0.0 && penalty.is_finite(), "variance_penalty", penalty, "must not be negative")?;
        require(
            !self.average_weights || self.aggregation == Aggregation::Mean,
            "average_weights",
            true,
            "leaves one network, which needs no aggregation",
        )?;
        require(
            !self.scaled || self.kind != RewardModelKind::Ties,
            "scaled",
            true,
            "is not for kind = \"ties\", whose likelihood has no strengths",
        )?;
        if self.kind == RewardModelKind::UserLatent {
            require(
                !self.average_weights,
                "average_weights",
                true,
                "is not for kind = \"user_latent\", whose members scale users differently",
            )?;
            let rounds = self.pseudo_labels.rounds;
            require(
                rounds == 0,
                "pseudo_labels.rounds",
                rounds,
                "must be 0 for kind = \"user_latent\": nobody's answers are not a user's",
            )?;
        }
        self.read_tables()?;
        self.pseudo_labels.validate()?;
        self.hindsight.validate()?;
        self.regret.validate()?;
        self.ties.validate()?;
        self.user_latent.validate()?;
        self.decorrelated.validate()
    }

    /// The table of another kind must be left out.
    fn read_tables(&self) -> Result<(), RewardError> {
        let plain = Self::default();
        let tables = [
            (RewardModelKind::Hindsight, "hindsight", self.hindsight == plain.hindsight),
            (RewardModelKind::Regret, "regret", self.regret == plain.regret),
            (RewardModelKind::Ties, "ties", self.ties == plain.ties),
            (RewardModelKind::UserLatent, "user_latent", self.user_latent == plain.user_latent),
            (RewardModelKind::Decorrelated, "decorrelated", self.decorrelated == plain.decorrelated),
        ];
        tables.into_iter().try_for_each(|(kind, key, untouched)| {
            require(kind == self.kind || untouched, key, "set", "only `kind` of the same name reads it")
        })
    }
}
