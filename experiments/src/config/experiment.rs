//! The keys of an experiment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use telos_agents::{
    DrqConfig, PpoConfig, SacConfig,
    generative::{BehaviourCloningConfig, GenerativeConfig, TuningConfig},
    offline::{
        AwacConfig, BcConfig, CqlConfig, DecisionTransformerConfig, IqlConfig, MopoConfig, RebracConfig,
        RlpdConfig, Td3BcConfig,
    },
};
use telos_envs::{
    Env, EnvError, GoalRegionConfig, PixelsConfig, RandomizationConfig, ResetFreeConfig, Wrapping, registry,
};
use telos_rewards::vision::SentenceConfig;

use super::{
    BaseConfig, DataConfig, FineTuningConfig, LearnerKind, LikelihoodLoopConfig, LoopKind, PreferencesConfig,
    SuccessConfig,
};

/// One experiment: everything that its results depend on.
///
/// A table that the chosen loop and learner do not read stays at its defaults; writing it is an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What reports call runs of this configuration. Default: what sets it apart from the others.
    pub label: Option<String>,
    /// `"online"` (default), `"preferences"`, `"offline"`, `"offline-to-online"`, `"imitation"`,
    /// `"fine-tune"` or `"likelihood"`.
    #[serde(rename = "loop")]
    pub loop_kind: LoopKind,
    /// `"sac"` (default) or `"ppo"`; for recorded data `"bc"`, `"decision-transformer"`, `"awac"`,
    /// `"td3-bc"`, `"iql"`, `"cql"`, `"rebrac"`, `"mopo"` or `"rlpd"`; `"generative"` for imitation and its
    /// fine-tuning.
    pub learner: LearnerKind,
    /// Seed of every random number of the run. Default 1.
    pub seed: u64,
    /// Several seeds: one run inside the run directory for each, side by side on the available
    /// cores, in place of the run with `seed`. Default none.
    pub seeds: Vec<u64>,
    /// Environment steps of the whole run, all environments together; gradient updates, as long as a run
    /// learns from recorded data only. Default 100,000.
    pub steps: u64,
    /// The environments.
    pub env: EnvConfig,
    /// What the learner is trained on where no reward is learned.
    pub reward: RewardConfig,
    /// Several processes or threads that are one learner.
    pub parallel: ParallelConfig,
    /// When an off-policy learner collects and updates.
    pub training: TrainingConfig,
    /// Soft actor-critic.
    pub sac: SacConfig,
    /// How soft actor-critic sees pictures.
    pub encoder: DrqConfig,
    /// Proximal policy optimisation.
    pub ppo: PpoConfig,
    /// Behaviour cloning.
    pub bc: BcConfig,
    /// Decision Transformer.
    pub decision_transformer: DecisionTransformerConfig,
    /// Advantage-weighted actor-critic.
    pub awac: AwacConfig,
    /// TD3 with behaviour cloning.
    pub td3_bc: Td3BcConfig,
    /// Implicit Q-learning.
    pub iql: IqlConfig,
    /// Conservative Q-learning and Cal-QL.
    pub cql: CqlConfig,
    /// ReBRAC.
    pub rebrac: RebracConfig,
    /// MOPO and MOREC.
    pub mopo: MopoConfig,
    /// RLPD.
    pub rlpd: RlpdConfig,
    /// Diffusion, flow and consistency policies.
    pub generative: GenerativeConfig,
    /// How a generative policy imitates.
    pub cloning: BehaviourCloningConfig,
    /// The generative policy that is fine-tuned.
    pub base: BaseConfig,
    /// How a generative policy is fine-tuned.
    pub tuning: TuningConfig,
    /// Recorded data.
    pub data: DataConfig,
    /// Going on online after learning from recorded data.
    pub fine_tuning: FineTuningConfig,
    /// Feedback and the reward learned from it.
    pub preferences: PreferencesConfig,
    /// Successes and the reward learned from them.
    pub success: SuccessConfig,
    /// An expert whose observations are the reward.
    pub likelihood: LikelihoodLoopConfig,
    /// Evaluations during and after training.
    pub evaluation: EvaluationConfig,
    /// Checkpoints.
    pub checkpoint: CheckpointConfig,
    /// Further policies to compare the result with.
    pub comparison: ComparisonConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            label: None,
            loop_kind: LoopKind::Online,
            learner: LearnerKind::Sac,
            seed: 1,
            seeds: Vec::new(),
            steps: 100_000,
            env: EnvConfig::default(),
            reward: RewardConfig::default(),
            parallel: ParallelConfig::default(),
            training: TrainingConfig::default(),
            sac: SacConfig::default(),
            encoder: DrqConfig::default(),
            ppo: PpoConfig::default(),
            bc: BcConfig::default(),
            decision_transformer: DecisionTransformerConfig::default(),
            awac: AwacConfig::default(),
            td3_bc: Td3BcConfig::default(),
            iql: IqlConfig::default(),
            cql: CqlConfig::default(),
            rebrac: RebracConfig::default(),
            mopo: MopoConfig::default(),
            rlpd: RlpdConfig::default(),
            generative: GenerativeConfig::default(),
            cloning: BehaviourCloningConfig::default(),
            base: BaseConfig::default(),
            tuning: TuningConfig::default(),
            data: DataConfig::default(),
            fine_tuning: FineTuningConfig::default(),
            preferences: PreferencesConfig::default(),
            success: SuccessConfig::default(),
            likelihood: LikelihoodLoopConfig::default(),
            evaluation: EvaluationConfig::default(),
            checkpoint: CheckpointConfig::default(),
            comparison: ComparisonConfig::default(),
        }
    }
}

/// `[env]`: which environment, how many copies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnvConfig {
    /// The id, one of those that `telos envs` lists. Required.
    pub id: String,
    /// Copies that step together. Default 1.
    pub count: usize,
    /// Threads that step them; no result depends on it. Default 0: as many as there are cores, but
    /// no more than copies.
    pub threads: usize,
    /// Environment steps that each action lasts; their rewards add up. Default 1.
    pub action_repeat: usize,
    /// Another robot in every episode, drawn from ranges, evaluations included. Default none.
    pub randomization: Option<RandomizationConfig>,
    /// A goal in place of the task's reward: values that components of the observation should take.
    /// Default none.
    pub goal: Option<GoalRegionConfig>,
    /// What is true of a state that is a success, such as "legs-straight", in place of what the task calls
    /// success; an unknown one is told with those that there are. Default none.
    pub fact: Option<String>,
    /// A forward and a backward goal in turn, in an environment that is not reset between them. Default
    /// none.
    pub reset_free: Option<ResetFreeConfig>,
    /// The latest pictures in place of observations, for learner = "sac" online and for imitation. Default none.
    pub pixels: Option<PixelsConfig>,
}

impl Default for EnvConfig {
    fn default() -> Self {
        Self {
            id: String::new(),
            count: 1,
            threads: 0,
            action_repeat: 1,
            randomization: None,
            goal: None,
            fact: None,
            reset_free: None,
            pixels: None,
        }
    }
}

impl EnvConfig {
    /// Builds one environment, wrapped as these keys say.
    ///
    /// # Errors
    /// When there is no such id, or a wrapper does not fit the environment.
    pub fn make(&self) -> Result<Box<dyn Env>, EnvError> {
        let wrapping = Wrapping {
            action_repeat: self.action_repeat,
            randomization: self.randomization.clone(),
            goal: self.goal.clone(),
            fact: self.fact.clone(),
            reset_free: self.reset_free.clone(),
            pixels: self.pixels.clone(),
        };
        wrapping.wrap(registry::make(&self.id)?)
    }

    /// The same without pictures: what data are recorded in, whatever a policy sees.
    pub fn without_pixels(&self) -> Self {
        Self { pixels: None, ..self.clone() }
    }

    /// The number of threads to step `count` environments with on this machine, at least 1.
    pub fn thread_count(&self) -> usize {
        let available = std::thread::available_parallelism().map_or(1, usize::from);
        let wanted = if self.threads == 0 { available } else { self.threads };
        wanted.min(self.count).max(1)
    }
}

/// `[reward]`: another reward than the environment's own. Evaluations still count the environment's own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RewardConfig {
    /// A weight for each of some of the environment's factors, those that `telos envs` lists; the
    /// reward is their weighted sum, and factors without a weight count nothing. Default none: the
    /// environment's own reward.
    pub factors: BTreeMap<String, f32>,
    /// A sentence that says what is wanted, in place of any reward that the environment reports.
    /// Default none.
    pub sentence: Option<SentenceConfig>,
}

/// `[parallel]`: data-parallel training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ParallelConfig {
    /// Copies of the learner, each with as many of the `env.count` environments, whose gradients are
    /// averaged at every step: threads of one process, or the processes that `mpirun` started.
    /// Results depend on their number, not on what they are. Default 1.
    pub ranks: usize,
}

impl Default for ParallelConfig {
    fn default() -> Self {
        Self { ranks: 1 }
    }
}

/// `[training]`: the schedule around an off-policy learner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// Environment steps with uniformly random actions before the first update. Default 1000.
    pub learning_starts: u64,
    /// Gradient updates per environment step afterwards; may be a fraction. Default 1.0 (Haarnoja
    /// et al. 2018, arXiv 1812.05905).
    pub updates_per_step: f64,
    /// Transitions that the replay holds; a run with fewer steps allocates only those. Default
    /// 1,000,000 (same source).
    pub replay_capacity: u64,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self { learning_starts: 1000, updates_per_step: 1.0, replay_capacity: 1_000_000 }
    }
}

/// `[evaluation]`: whole episodes of the deterministic policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluationConfig {
    /// Environment steps between evaluations; 0 evaluates at the end only. Default 10,000.
    pub interval: u64,
    /// Episodes of one evaluation. Default 10.
    pub episodes: usize,
    /// Seed of their initial states, the same every time so that curves are comparable, and apart
    /// from the training seeds. Default 1,000,000.
    pub seed: u64,
    /// Whether `result.json` says what the episodes ended in: the mean of their last observations, by
    /// which sweeps can tell behaviours apart. Default false.
    pub last_observation: bool,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self { interval: 10_000, episodes: 10, seed: 1_000_000, last_observation: false }
    }
}

/// `[checkpoint]`: how much work a kill can cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointConfig {
    /// Environment steps between checkpoints; 0 writes one at the end only. Default 10,000.
    pub interval: u64,
    /// Latest checkpoints to keep; the one before the last stands in when the last is damaged.
    /// Default 2.
    pub keep: usize,
    /// Whether the checkpoint of the best evaluation is kept as well, and is what the finished run stands for, in
    /// place of the last: by the return under the sentence, where there is one, else by the gold return. For
    /// loop = "online". Default false.
    pub best: bool,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self { interval: 10_000, keep: 2, best: false }
    }
}

/// `[comparison]`: policies beside the trained one in the final table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ComparisonConfig {
    /// Also train the same learner, for as many steps, on the gold reward. Default false.
    pub gold: bool,
    /// Also evaluate uniformly random actions. Default false.
    pub random: bool,
}

impl Config {
    /// The same experiment with the environment's own reward in place of a learned one, and nothing
    /// to compare with.
    pub fn on_gold_reward(&self) -> Self {
        Self {
            label: None,
            loop_kind: LoopKind::Online,
            reward: RewardConfig::default(),
            preferences: PreferencesConfig::default(),
            comparison: ComparisonConfig::default(),
            ..self.clone()
        }
    }
}
