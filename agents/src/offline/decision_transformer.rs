//! Decision Transformer: Chen et al. 2021, "Decision Transformer: Reinforcement Learning via Sequence
//! Modeling", arXiv 2106.01345. No value is learned: a policy is cloned that knows what its episode will
//! still return, and is then asked for more than most of the data returned. A causal transformer reads the
//! last K steps as `(R_1, s_1, a_1, ..., R_K, s_K)`, with `R_t = sum_(t' >= t) r_t'` the return to go, and
//!
//! `L(phi) = E_D[ |pi_phi(R_(<= t), s_(<= t), a_(< t)) - a_t|^2 ]`
//!
//! In acting, `R_1` is the return that is wanted, and every reward is subtracted from it.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::EnvSpec;
use telos_nn::{
    Activation, Adam, AdamConfig, CausalTransformer, Device, Mlp, MlpConfig, NnError, Parameter, Parameters,
    Tensor, TransformerConfig, Var, gaussian, weights,
};

use super::{Agent, Metrics, OfflineLearner};
use crate::{
    ActMode, AgentError, Policy, ReplayBatch,
    error::{at_least_one, not_negative, positive, require},
    transitions::TransitionReader,
};

/// Deviation of the time embeddings at first (authors' code, which starts from GPT-2's).
const TIME_STD: f32 = 0.02;

/// `[decision_transformer]`: settings of the Decision Transformer. The source is the paper, table 9.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecisionTransformerConfig {
    /// K: steps that the policy looks back on. Default 20.
    pub context: usize,
    /// Sequences of K steps per update. Default 64.
    pub batch_size: usize,
    /// Width, heads and layers. Default 128, 1 and 3.
    pub transformer: TransformerConfig,
    /// Step size of Adam. Default 1e-4.
    pub lr: f64,
    /// Decoupled weight decay of Adam. Default 1e-4.
    pub weight_decay: f64,
    /// Bound of the gradients' joint norm. Default 0.25.
    pub max_grad_norm: f64,
    /// The return that is asked for. Default none: the highest of an episode of the data.
    pub target_return: Option<f32>,
    /// What returns are divided by. Default 1000 (authors' code).
    pub return_scale: f64,
}

impl Default for DecisionTransformerConfig {
    fn default() -> Self {
        Self {
            context: 20,
            batch_size: 64,
            transformer: TransformerConfig { width: 128, heads: 1, layers: 3 },
            lr: 1e-4,
            weight_decay: 1e-4,
            max_grad_norm: 0.25,
            target_return: None,
            return_scale: 1000.0,
        }
    }
}

impl DecisionTransformerConfig {
    /// Checks every value that has a range.
    ///
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        at_least_one("decision_transformer.context", self.context)?;
        at_least_one("decision_transformer.batch_size", self.batch_size)?;
        let TransformerConfig { width, heads, layers } = self.transformer;
        let fits = heads > 0 && layers > 0 && width > 0 && width.is_multiple_of(heads);
        let expected = "use at least one layer and head, and a width that is a multiple of the heads";
        require(fits, "decision_transformer.transformer", &self.transformer, expected)?;
        positive("decision_transformer.lr", self.lr)?;
        not_negative("decision_transformer.weight_decay", self.weight_decay as f32)?;
        positive("decision_transformer.max_grad_norm", self.max_grad_norm)?;
        positive("decision_transformer.return_scale", self.return_scale)
    }
}

/// The learner: one transformer, and what each environment went through lately.
pub struct DecisionTransformer {
    config: DecisionTransformerConfig,
    reader: TransitionReader,
    net: SequenceNet,
    optimizer: Adam,
    /// Highest return of an episode of the data so far.
    best: f32,
    histories: Vec<History>,
}

/// (R, s, a) of up to K steps to the action at each of them.
struct SequenceNet {
    of_return: Mlp,
    of_obs: Mlp,
    of_action: Mlp,
    /// One token-sized vector per step of an episode, `[horizon, width]`.
    of_time: Parameter,
    transformer: CausalTransformer,
    action: Mlp,
    width: usize,
}

/// What is still to be earned, what was seen and what was done, at most K steps of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct History {
    to_go: Vec<f32>,
    obs: Vec<f32>,
    actions: Vec<f32>,
    /// Steps of the episode so far.
    steps: u32,
    /// R of the step to come.
    next_to_go: f32,
}

/// Sequences as the network reads them; all columns have `sequences * K` rows.
struct Sequences {
    count: usize,
    to_go: Vec<f32>,
    obs: Vec<f32>,
    actions: Tensor,
    steps: Vec<u32>,
}

impl SequenceNet {
    fn new(
        config: &DecisionTransformerConfig,
        (obs_size, action_size): (usize, usize),
        horizon: usize,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let width = config.transformer.width;
        let mut linear = |name: &str, inputs, outputs, output_activation| {
            let shape =
                MlpConfig { inputs, hidden: vec![], outputs, output_activation, ..MlpConfig::default() };
            Mlp::new(name, &shape, rng, device)
        };
        let of_return = linear("of_return", 1, width, Activation::Identity)?;
        let of_obs = linear("of_obs", obs_size, width, Activation::Identity)?;
        let of_action = linear("of_action", action_size, width, Activation::Identity)?;
        let action = linear("action", width, action_size, Activation::Tanh)?;
        let mut time = vec![0.0; horizon * width];
        gaussian::standard_normal(rng, &mut time);
        time.iter_mut().for_each(|x| *x *= TIME_STD);
        Ok(Self {
            of_return,
            of_obs,
            of_action,
            of_time: Parameter::new("of_time", &[horizon, width], time, device)?,
            transformer: CausalTransformer::new("transformer", config.transformer, rng, device)?,
            action,
            width,
        })
    }

    /// The action at every step of every sequence, `[sequences * K, act]`.
    fn forward(&self, of: &Sequences) -> Result<Tensor, NnError> {
        let (rows, device) = (of.to_go.len(), self.transformer.device());
        let length = rows / of.count;
        let to_go = Tensor::from_slice(&of.to_go, (rows, 1), device)?;
        let obs = Tensor::from_slice(&of.obs, (rows, of.obs.len() / rows), device)?;
        let steps = Tensor::from_slice(&of.steps, rows, device)?;
        let time = self.of_time.var().index_select(&steps, 0)?;
        let tokens = [
            (self.of_return.forward(&to_go)? + &time)?,
            (self.of_obs.forward(&obs)? + &time)?,
            (self.of_action.forward(&of.actions)? + &time)?,
        ];
        let tokens = Tensor::stack(&tokens, 1)?.reshape((of.count, 3 * length, self.width))?;
        let output = self.transformer.forward(&tokens)?.output.reshape((rows, 3, self.width))?;
        // What follows s_t and does not see a_t.
        self.action.forward(&output.narrow(1, 1, 1)?.squeeze(1)?.contiguous()?)
    }
}

impl DecisionTransformer {
    /// A learner for environments of this spec, with weights drawn from `seed`.
    ///
    /// # Errors
    /// When the configuration is wrong, an action component has no finite bounds, or the device
    /// refuses.
    pub fn new(
        config: &DecisionTransformerConfig,
        spec: &EnvSpec,
        seed: u64,
        device: &Device,
    ) -> Result<Self, AgentError> {
        config.validate()?;
        // Returns to go are not discounted.
        let reader = TransitionReader::new(spec, 1.0, device)?;
        let sizes = (reader.obs_size(), reader.action_size());
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let net = SequenceNet::new(config, sizes, spec.horizon, &mut rng, device)?;
        let adam = AdamConfig {
            lr: config.lr,
            weight_decay: config.weight_decay,
            max_grad_norm: Some(config.max_grad_norm),
            ..AdamConfig::default()
        };
        let optimizer = Adam::new(&net, adam)?;
        let best = f32::NEG_INFINITY;
        Ok(Self { config: config.clone(), reader, net, optimizer, best, histories: Vec::new() })
    }

    /// The return that an episode is asked for.
    fn target(&self) -> f32 {
        self.config.target_return.unwrap_or(if self.best.is_finite() { self.best } else { 0.0 })
    }

    fn scaled(&self, to_go: f32) -> f32 {
        to_go / self.config.return_scale as f32
    }

    fn step(&mut self, of: &Sequences, present: &[bool]) -> Result<Metrics, NnError> {
        let mask = present.iter().map(|present| f32::from(*present));
        let mask = Tensor::from_iter(mask, self.reader.device())?.unsqueeze(1)?;
        let count = present.iter().filter(|present| **present).count() * self.reader.action_size();
        let error = (self.net.forward(of)? - &of.actions)?.sqr()?.broadcast_mul(&mask)?;
        let loss = error.sum_all()?.affine(1.0 / count.max(1) as f64, 0.0)?;
        self.optimizer.backward_step(&loss)?;
        Ok(Metrics::new(&[("actor_loss", loss.to_scalar()?), ("target_return", self.target())]))
    }

    /// The histories as sequences that end with zeros, which no step before them sees.
    fn sequences(&self) -> Result<Sequences, NnError> {
        let (k, o, a) = (self.config.context, self.reader.obs_size(), self.reader.action_size());
        let rows = self.histories.len() * k;
        let (mut to_go, mut obs) = (vec![0.0; rows], vec![0.0; rows * o]);
        let (mut actions, mut steps) = (vec![0.0; rows * a], vec![0; rows]);
        let last = self.net.of_time.var().dim(0)? as u32 - 1;
        for (at, history) in self.histories.iter().enumerate() {
            let (first, len) = (at * k, history.to_go.len());
            for i in 0..len {
                to_go[first + i] = self.scaled(history.to_go[i]);
                steps[first + i] = (history.steps + i as u32 - len as u32).min(last);
            }
            obs[first * o..][..len * o].copy_from_slice(&history.obs);
            actions[first * a..][..len * a].copy_from_slice(&history.actions);
        }
        let actions = Tensor::from_slice(&actions, (rows, a), self.reader.device())?;
        Ok(Sequences { count: self.histories.len(), to_go, obs, actions, steps })
    }
}

impl History {
    /// Begins a step that sees `obs`; its action is not known yet.
    fn begin(&mut self, obs: &[f32], action_size: usize, target: f32, most: usize) {
        if self.steps == 0 {
            self.next_to_go = target;
        }
        if self.to_go.len() == most {
            self.to_go.remove(0);
            self.obs.drain(..obs.len());
            self.actions.drain(..action_size);
        }
        self.to_go.push(self.next_to_go);
        self.obs.extend_from_slice(obs);
        self.actions.resize(self.actions.len() + action_size, 0.0);
        self.steps += 1;
    }
}

impl OfflineLearner for DecisionTransformer {
    fn update(&mut self, batch: &ReplayBatch) -> Result<Metrics, AgentError> {
        let rows = batch.rows;
        AgentError::check_length("obs", batch.obs.len(), rows * self.reader.obs_size())?;
        AgentError::check_length("returns", batch.returns.len(), rows)?;
        AgentError::check_length("steps", batch.steps.len(), rows)?;
        AgentError::check_length("present", batch.present.len(), rows)?;
        let k = self.config.context;
        AgentError::check_length("steps", rows % k, 0)?;
        let horizon = self.net.of_time.var().dim(0).map_err(NnError::from)? as u32;
        let whole = (0..rows).filter(|row| batch.present[*row] && batch.steps[*row] == 0);
        self.best = whole.map(|row| batch.returns[row]).fold(self.best, f32::max);
        let sequences = Sequences {
            count: rows / k,
            to_go: batch.returns.iter().map(|to_go| self.scaled(*to_go)).collect(),
            obs: batch.obs.clone(),
            actions: self.reader.read_actions("actions", &batch.actions, rows)?,
            steps: batch.steps.iter().map(|step| (*step).min(horizon - 1)).collect(),
        };
        Ok(self.step(&sequences, &batch.present)?)
    }

    fn batch_size(&self) -> usize {
        self.config.batch_size
    }

    fn sequence_length(&self) -> Option<usize> {
        Some(self.config.context)
    }

    fn agent(&self) -> &dyn Agent {
        self
    }

    fn agent_mut(&mut self) -> &mut dyn Agent {
        self
    }
}

impl Agent for DecisionTransformer {
    fn gamma(&self) -> f32 {
        self.reader.gamma()
    }

    fn obs_size(&self) -> usize {
        self.reader.obs_size()
    }
}

impl Policy for DecisionTransformer {
    fn act(&mut self, obs: &[f32], rows: usize, _: ActMode, actions: &mut [f32]) -> Result<(), AgentError> {
        let (o, a, k) = (self.reader.obs_size(), self.reader.action_size(), self.config.context);
        AgentError::check_length("obs", obs.len(), rows * o)?;
        AgentError::check_length("actions", actions.len(), rows * a)?;
        let target = self.target();
        self.histories.resize_with(rows, History::default);
        for (history, obs) in self.histories.iter_mut().zip(obs.chunks_exact(o)) {
            history.begin(obs, a, target, k);
        }
        let found = self.sequences().and_then(|sequences| {
            Ok(self.net.forward(&sequences)?.detach().flatten_all()?.to_vec1::<f32>()?)
        })?;
        for (at, history) in self.histories.iter_mut().enumerate() {
            let now = history.to_go.len() - 1;
            let action = &found[(at * k + now) * a..][..a];
            history.actions[now * a..].copy_from_slice(action);
            actions[at * a..][..a].copy_from_slice(action);
        }
        self.reader.range().to_env(actions);
        Ok(())
    }

    fn episode_ended(&mut self, row: usize) {
        if let Some(history) = self.histories.get_mut(row) {
            *history = History::default();
        }
    }

    fn rewarded(&mut self, rewards: &[f32]) {
        for (history, reward) in self.histories.iter_mut().zip(rewards) {
            history.next_to_go -= reward;
        }
    }
}

impl Parameters for SequenceNet {
    fn named(&self) -> Vec<(String, &Var)> {
        let parts: [&dyn Parameters; 6] =
            [&self.of_return, &self.of_obs, &self.of_action, &self.of_time, &self.transformer, &self.action];
        parts.into_iter().flat_map(Parameters::named).collect()
    }
}

impl Parameters for DecisionTransformer {
    fn named(&self) -> Vec<(String, &Var)> {
        self.net.named()
    }
}

impl Checkpoint for DecisionTransformer {
    fn save(&self, out: &mut Writer) {
        weights::save_values(&self.net, out);
        out.part("optimizer", &self.optimizer);
        out.value("best", &self.best);
        out.value("histories", &self.histories);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        weights::load_values(&self.net, from)?;
        from.part("optimizer", &mut self.optimizer)?;
        self.best = from.value("best")?;
        self.histories = from.value("histories")?;
        Ok(())
    }
}
