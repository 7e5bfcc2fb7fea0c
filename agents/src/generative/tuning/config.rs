//! The keys of fine-tuning a generative policy with rewards.

use serde::{Deserialize, Serialize};

use crate::{
    AgentError,
    error::require,
    generative::{
        AdjointMatching, D3po, DenoisingDpo, Dpok, Dppo, Eda, NoiseActorConfig, Prdp, RewardGradient,
        RewardWeighted,
    },
};

/// Which loss moves the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TuningMethod {
    /// PPO over the denoising steps of executed chunks.
    #[default]
    Dppo,
    /// The same, held by the divergence from the first policy.
    Dpok,
    /// Preferences between chains.
    D3po,
    /// Differences of rewards between chains.
    Prdp,
    /// The gradient of a learned critic through the last steps.
    RewardGradient,
    /// Regression on the adjoint of a learned critic's gradient.
    AdjointMatching,
    /// Preferences between chunks.
    FlowDpo,
    /// Cloning of own chunks, weighted by their advantages.
    RewardWeighted,
    /// Self-play against recorded actions; needs `[data]` and no environment.
    Spin,
    /// Alignment with the scores of several chunks.
    Eda,
    /// The denoiser is frozen; what is learned is where to start.
    NoiseActor,
}

impl TuningMethod {
    /// How configurations write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dppo => "dppo",
            Self::Dpok => "dpok",
            Self::D3po => "d3po",
            Self::Prdp => "prdp",
            Self::RewardGradient => "reward-gradient",
            Self::AdjointMatching => "adjoint-matching",
            Self::FlowDpo => "flow-dpo",
            Self::RewardWeighted => "reward-weighted",
            Self::Spin => "spin",
            Self::Eda => "eda",
            Self::NoiseActor => "noise-actor",
        }
    }

    /// Whether it compares several chunks for one observation.
    pub fn compares(self) -> bool {
        matches!(self, Self::D3po | Self::Prdp | Self::FlowDpo | Self::Eda)
    }

    /// Whether it follows the gradient of a critic.
    pub fn differentiates(self) -> bool {
        matches!(self, Self::RewardGradient | Self::AdjointMatching)
    }
}

/// Who says which of several chunks is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judge {
    /// A critic Q(s, chunk) that is learned on the way.
    #[default]
    Critic,
    /// A copy of the environment, in which each chunk is executed; what comes after counts by V(s').
    Simulator,
}

/// Fine-tuning. Defaults are those of DPPO's Gym configurations (Ren et al. 2024, arXiv 2409.00588, the
/// authors' code) where it has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TuningConfig {
    /// `"dppo"` (default), `"dpok"`, `"d3po"`, `"prdp"`, `"reward-gradient"`, `"adjoint-matching"`,
    /// `"flow-dpo"`, `"reward-weighted"`, `"spin"`, `"eda"` or `"noise-actor"`; each has a table of its
    /// constants here.
    pub method: TuningMethod,
    /// Steps of every environment between updates. Default 500.
    pub rollout_steps: usize,
    /// Times that each rollout is gone through. Default 5.
    pub epochs: usize,
    /// Decisions of one gradient step. Default 500.
    pub batch_size: usize,
    /// K': last denoising steps that are trained; no more than the sampler has. Default 10.
    pub denoising_steps: usize,
    /// Step size of Adam for the policy. Default 1e-4.
    pub lr: f64,
    /// The same for the values. Default 1e-3.
    pub value_lr: f64,
    /// Units of each hidden layer of the values. Default `[256, 256, 256]`.
    pub value_hidden: Vec<usize>,
    /// Rollouts on which only the values learn. Default 1.
    pub warm_up: u64,
    /// Discount per chunk. Default 0.99.
    pub gamma: f32,
    /// Default 0.95.
    pub gae_lambda: f32,
    /// Bound on the norm of the policy's gradient. Default 1.
    pub max_grad_norm: f64,
    /// Chunks that are drawn for each observation by methods that compare; even. Default 2.
    pub candidates: usize,
    /// Who compares them. Default `"critic"`.
    pub judge: Judge,
    /// Decisions that the critic Q is trained on, the latest. Default 20,000.
    pub critic_memory: usize,
    /// Constants of the methods.
    pub dppo: Dppo,
    /// See its method.
    pub dpok: Dpok,
    /// See its method.
    pub d3po: D3po,
    /// See its method.
    pub prdp: Prdp,
    /// See its method.
    pub reward_gradient: RewardGradient,
    /// See its method.
    pub adjoint_matching: AdjointMatching,
    /// See its method; for `"spin"`, too.
    pub flow_dpo: DenoisingDpo,
    /// See its method.
    pub reward_weighted: RewardWeighted,
    /// See its method.
    pub eda: Eda,
    /// See its method.
    pub noise_actor: NoiseActorConfig,
    /// Updates of a round of self-play, after which the opponent becomes equal to the policy. Default 1000.
    pub spin_round: u64,
}

impl Default for TuningConfig {
    fn default() -> Self {
        Self {
            method: TuningMethod::Dppo,
            rollout_steps: 500,
            epochs: 5,
            batch_size: 500,
            denoising_steps: 10,
            lr: 1e-4,
            value_lr: 1e-3,
            value_hidden: vec![256; 3],
            warm_up: 1,
            gamma: 0.99,
            gae_lambda: 0.95,
            max_grad_norm: 1.0,
            candidates: 2,
            judge: Judge::Critic,
            critic_memory: 20_000,
            dppo: Dppo::default(),
            dpok: Dpok::default(),
            d3po: D3po::default(),
            prdp: Prdp::default(),
            reward_gradient: RewardGradient::default(),
            adjoint_matching: AdjointMatching::default(),
            flow_dpo: DenoisingDpo::default(),
            reward_weighted: RewardWeighted::default(),
            eda: Eda::default(),
            noise_actor: NoiseActorConfig::default(),
            spin_round: 1000,
        }
    }
}

impl TuningConfig {
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        let (one, positive) = ("use at least 1", "use a positive number");
        let above = |x: f64| x > 0.0 && x.is_finite();
        let unit = |x: f64| (0.0..=1.0).contains(&x);
        let counts = [
            ("tuning.rollout_steps", self.rollout_steps),
            ("tuning.epochs", self.epochs),
            ("tuning.batch_size", self.batch_size),
            ("tuning.denoising_steps", self.denoising_steps),
            ("tuning.critic_memory", self.critic_memory),
        ];
        for (key, count) in counts {
            require(count > 0, key, &count, one)?;
        }
        require(self.spin_round > 0, "tuning.spin_round", &self.spin_round, one)?;
        let numbers = [
            ("tuning.lr", self.lr),
            ("tuning.value_lr", self.value_lr),
            ("tuning.max_grad_norm", self.max_grad_norm),
            ("tuning.dppo.clip", self.dppo.clip),
            ("tuning.dppo.clip_base", self.dppo.clip_base),
            ("tuning.dpok.clip", self.dpok.clip),
            ("tuning.d3po.clip", self.d3po.clip),
            ("tuning.prdp.beta", self.prdp.beta),
            ("tuning.prdp.clip", self.prdp.clip.unwrap_or(1.0)),
            ("tuning.flow_dpo.beta", self.flow_dpo.beta),
            ("tuning.reward_weighted.beta", self.reward_weighted.beta),
            ("tuning.eda.label_share", self.eda.label_share),
            ("tuning.noise_actor.clip", self.noise_actor.clip),
        ];
        for (key, number) in numbers {
            require(above(number), key, &number, positive)?;
        }
        let share = "use a number in [0, 1]";
        require(unit(self.gamma.into()), "tuning.gamma", &self.gamma, share)?;
        require(unit(self.gae_lambda.into()), "tuning.gae_lambda", &self.gae_lambda, share)?;
        let (hidden, no_empty) = (&self.value_hidden, !self.value_hidden.contains(&0));
        require(no_empty, "tuning.value_hidden", hidden, "use at least 1 unit")?;
        let pairs = self.candidates >= 2 && self.candidates.is_multiple_of(2);
        require(pairs, "tuning.candidates", &self.candidates, "use an even number from 2 on")
    }

    /// Chunks drawn for each observation.
    pub(super) fn per_decision(&self) -> usize {
        if self.method.compares() { self.candidates } else { 1 }
    }
}
