//! Proximal Policy Optimisation: Schulman et al., 2017, arXiv 1707.06347, with the details of
//! CleanRL's `ppo_continuous_action.py` (Huang et al. 2022, "The 37 Implementation Details of PPO").

mod parts;

use rand::{SeedableRng, seq::SliceRandom};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::EnvSpec;
use telos_nn::{
    Adam, Device, GradStore, Mlp, NnError, Parameter, Parameters, Tensor, Var, gaussian, weights,
};

use crate::{
    ActMode, ActionRange, AgentError, GaeColumns, ObservationNormalizer, Policy, PpoConfig, PpoMetrics,
    RewardScaler, RolloutBuffer,
    collective::{Alone, Collective, mean_gradients, normalize_together, share_weights},
    gae,
    observation_normalizer::normalized,
    ppo_objective::{Losses, Minibatch, OutputGradients, explained_variance, log_prob, ppo_objective},
};

/// Largest normalised observation and reward, in standard deviations (CleanRL).
const NORMALIZED_CLIP: f32 = 10.0;

/// The learner: a Gaussian actor whose deviation does not depend on the state, and a critic.
///
/// ```
/// use telos_agents::{Ppo, PpoConfig, RolloutBuffer};
/// use telos_envs::{VecEnv, registry};
/// use telos_nn::Device;
///
/// let mut envs = VecEnv::new(4, 1, 0, |_| registry::make("pendulum-classic"))?;
/// let config = PpoConfig { rollout_steps: 64, minibatches: 4, ..PpoConfig::default() };
/// let mut ppo = Ppo::new(&config, envs.spec(), 0, &Device::Cpu)?;
/// let mut rollout = RolloutBuffer::new(config.rollout_steps, 4, 3, 1);
/// envs.reset();
/// let updates = 3;
/// for update in 0..updates {
///     while !rollout.is_full() {
///         ppo.decide(&envs.batch().obs, &mut rollout)?;
///         let step = envs.step(rollout.env_actions());
///         rollout.record(&step.reward, step);
///     }
///     ppo.anneal(update as f64 / updates as f64);
///     assert!(ppo.update(&mut rollout)?.approximate_kl >= 0.0);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Ppo {
    config: PpoConfig,
    range: ActionRange,
    obs_size: usize,
    device: Device,
    /// Observation -> mean action, in [-1, 1] where the environment does not clamp it.
    actor: Mlp,
    log_std: Parameter,
    /// The values of `log_std`, at hand for acting.
    log_std_values: Vec<f32>,
    /// Observation -> V(s), in scaled rewards.
    critic: Mlp,
    optimizer: Adam,
    observation_normalizer: Option<ObservationNormalizer>,
    reward_scaler: Option<RewardScaler>,
    /// Separate generators, so that how often one acts does not change how one learns.
    act_rng: Xoshiro256PlusPlus,
    update_rng: Xoshiro256PlusPlus,
    buffers: Buffers,
}

/// Memory that is reused from update to update and holds nothing in between.
#[derive(Default)]
struct Buffers {
    obs: Vec<f32>,
    means: Vec<f32>,
    values: Vec<f32>,
    cut_values: Vec<f32>,
    next_values: Vec<f32>,
    rewards: Vec<f32>,
    advantages: Vec<f32>,
    order: Vec<usize>,
    minibatch: Minibatch,
    gradients: OutputGradients,
    exchanged: Vec<f32>,
}

impl Ppo {
    /// A learner for environments of this spec, with weights drawn from `seed`.
    ///
    /// # Errors
    /// When the configuration is wrong, an action component has no finite bounds, or the device
    /// refuses.
    pub fn new(config: &PpoConfig, spec: &EnvSpec, seed: u64, device: &Device) -> Result<Self, AgentError> {
        config.validate()?;
        let range = ActionRange::new(spec)?;
        let (obs_size, action_size) = (spec.observation.size(), range.size());
        let mut init_rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut act_rng = init_rng.clone();
        act_rng.jump();
        let mut update_rng = act_rng.clone();
        update_rng.jump();

        let network = |outputs, gain| config.network(obs_size, outputs, gain);
        let actor = Mlp::new("actor", &network(action_size, 0.01), &mut init_rng, device)?;
        let critic = Mlp::new("critic", &network(1, 1.0), &mut init_rng, device)?;
        let log_std = vec![config.initial_log_std; action_size];
        let log_std = Parameter::new("log_std", &[action_size], log_std, device)?;
        let parts: [&dyn Parameters; 3] = [&actor, &log_std, &critic];
        Ok(Self {
            optimizer: Adam::new(&parts, config.adam())?,
            observation_normalizer: config
                .normalize_observations
                .then(|| ObservationNormalizer::new(obs_size, NORMALIZED_CLIP)),
            reward_scaler: config.normalize_rewards.then(|| RewardScaler::new(config.gamma, NORMALIZED_CLIP)),
            config: config.clone(),
            log_std_values: vec![config.initial_log_std; action_size],
            device: device.clone(),
            buffers: Buffers::default(),
            range,
            obs_size,
            actor,
            log_std,
            critic,
            act_rng,
            update_rng,
        })
    }

    /// Makes this learner one of several that are updated together: it takes the weights of rank 0, and
    /// draws actions and minibatches of its own.
    ///
    /// # Errors
    /// When a rank is lost or has other networks.
    pub fn join(&mut self, ranks: &mut dyn Collective) -> Result<(), AgentError> {
        for _ in 0..ranks.rank() {
            self.act_rng.long_jump();
            self.update_rng.long_jump();
        }
        share_weights(ranks, self)
    }

    /// Draws actions for the observations `[envs, obs]` and begins the rollout's next step with
    /// them; [`RolloutBuffer::env_actions`] are what to do.
    ///
    /// # Errors
    /// When `obs` has another length, or the device refuses.
    pub fn decide(&mut self, obs: &[f32], rollout: &mut RolloutBuffer) -> Result<(), AgentError> {
        let rows = rollout.envs();
        self.mean_actions(obs, rows)?;
        let decision = rollout.begin();
        decision.obs.copy_from_slice(obs);
        self.perturb(decision.actions);
        let width = self.range.size();
        for (row, slot) in decision.log_probs.iter_mut().enumerate() {
            let (mean, action) = (&self.buffers.means[row * width..], &decision.actions[row * width..]);
            *slot = log_prob(&mean[..width], &self.log_std_values, &action[..width]);
        }
        decision.env_actions.copy_from_slice(decision.actions);
        self.range.to_env(decision.env_actions);
        Ok(())
    }

    /// Sets the step size for a run of which the share `progress`, in [0, 1], is done.
    pub fn anneal(&mut self, progress: f64) {
        if self.config.anneal_lr {
            self.optimizer.set_lr(self.config.lr * (1.0 - progress).clamp(0.0, 1.0));
        }
    }

    /// Algorithm 1 from line 6 on: advantages, then epochs of minibatch steps. Empties the rollout.
    ///
    /// The moments of observations change after the steps, so that the first minibatch sees the very
    /// policy that acted.
    ///
    /// # Errors
    /// When a gradient is not finite, or the device refuses.
    ///
    /// # Panics
    /// When the rollout is not full.
    pub fn update(&mut self, rollout: &mut RolloutBuffer) -> Result<PpoMetrics, AgentError> {
        self.update_together(rollout, &mut Alone::default())
    }

    /// [`update`](Self::update) in step with other ranks, each with a rollout of the same size: every
    /// gradient is that of the minibatches of all ranks together, and so are advantages' moments,
    /// statistics and the metrics, but for the explained variance, which is this rank's.
    ///
    /// # Errors
    /// As [`update`](Self::update), and when a rank is lost.
    ///
    /// # Panics
    /// When the rollout is not full.
    pub fn update_together(
        &mut self,
        rollout: &mut RolloutBuffer,
        ranks: &mut dyn Collective,
    ) -> Result<PpoMetrics, AgentError> {
        assert!(rollout.is_full(), "an update needs a full rollout");
        self.estimate_advantages(rollout, ranks)?;
        let explained_variance = explained_variance(&self.buffers.values, &self.buffers.advantages);

        let rows = rollout.log_probs.len();
        self.buffers.order.clear();
        self.buffers.order.extend(0..rows);
        let minibatch_rows = rows.div_ceil(self.config.minibatches);
        let (mut total, mut grad_norm, mut steps, mut epochs) = (Losses::default(), 0.0, 0.0, 0);
        while epochs < self.config.epochs {
            self.buffers.order.shuffle(&mut self.update_rng);
            let mut kl = 0.0;
            for first in (0..rows).step_by(minibatch_rows) {
                let end = rows.min(first + minibatch_rows);
                let Buffers { minibatch, order, obs, values, advantages, .. } = &mut self.buffers;
                minibatch.gather(&order[first..end], rollout, obs, values, advantages);
                if self.config.normalize_advantages {
                    normalize_together(ranks, &mut minibatch.advantages)?;
                }
                let (losses, norm) = self.step(end - first, ranks)?;
                total += losses;
                grad_norm += norm as f32;
                kl += losses.approximate_kl * (end - first) as f32 / rows as f32;
                steps += 1.0;
            }
            epochs += 1;
            if self.config.target_kl.is_some_and(|limit| kl > limit) {
                break;
            }
        }
        if let Some(normalizer) = &mut self.observation_normalizer {
            normalizer.update_together(&rollout.obs, ranks)?;
        }
        rollout.clear();
        let grad_norm = grad_norm / steps;
        Ok(PpoMetrics { explained_variance, grad_norm, epochs, ..PpoMetrics::of_losses(total, steps) })
    }

    /// Equations 11 and 12 on scaled rewards; fills `obs`, `values` and `advantages` of the buffers.
    fn estimate_advantages(
        &mut self,
        rollout: &RolloutBuffer,
        ranks: &mut dyn Collective,
    ) -> Result<(), AgentError> {
        let (rows, envs) = (rollout.log_probs.len(), rollout.envs());
        let buffers = &mut self.buffers;
        buffers.cut_values.resize(rollout.cut_rows.len(), 0.0);
        if !rollout.cut_rows.is_empty() {
            normalized(&self.observation_normalizer, &rollout.cut_obs, &mut buffers.obs);
            self.critic.infer(&buffers.obs, rollout.cut_rows.len(), &mut buffers.cut_values)?;
        }
        buffers.values.resize(rows, 0.0);
        normalized(&self.observation_normalizer, &rollout.obs, &mut buffers.obs);
        self.critic.infer(&buffers.obs, rows, &mut buffers.values)?;
        buffers.next_values.resize(rows, 0.0);
        rollout.next_values(&buffers.values, &buffers.cut_values, &mut buffers.next_values);

        buffers.rewards.clone_from(&rollout.rewards);
        if let Some(scaler) = &mut self.reward_scaler {
            scaler.update_together(&rollout.rewards, &rollout.done, envs, ranks)?;
            scaler.scale(&mut buffers.rewards);
        }
        buffers.advantages.resize(rows, 0.0);
        let columns = GaeColumns {
            envs,
            rewards: &buffers.rewards,
            values: &buffers.values,
            next_values: &buffers.next_values,
            terminated: &rollout.terminated,
            done: &rollout.done,
        };
        gae(self.config.gamma, self.config.gae_lambda, columns, &mut buffers.advantages);
        Ok(())
    }

    /// One gradient step on the minibatch of `rows` rows, together with those of the other ranks.
    fn step(&mut self, rows: usize, ranks: &mut dyn Collective) -> Result<(Losses, f64), AgentError> {
        let (mut losses, mut gradients) = self.gradients(rows)?;
        if ranks.size() > 1 {
            let (mut flat, mut numbers) = (std::mem::take(&mut self.buffers.exchanged), losses.to_array());
            mean_gradients(ranks, self, &mut gradients, &mut numbers, &mut flat)?;
            (self.buffers.exchanged, losses) = (flat, Losses::from_array(numbers));
        }
        let norm = self.optimizer.step(&gradients)?;
        self.log_std_values = self.log_std.var().as_detached_tensor().to_vec1().map_err(NnError::from)?;
        Ok((losses, norm))
    }

    /// Losses of the minibatch of `rows` rows, and their gradients.
    fn gradients(&mut self, rows: usize) -> Result<(Losses, GradStore), NnError> {
        let Buffers { minibatch, gradients, .. } = &mut self.buffers;
        let obs = Tensor::from_slice(&minibatch.obs, (rows, self.obs_size), &self.device)?;
        let (means, values) = (self.actor.forward(&obs)?, self.critic.forward(&obs)?);
        let losses = ppo_objective(
            &self.config,
            minibatch,
            &means.detach().flatten_all()?.to_vec1::<f32>()?,
            &self.log_std_values,
            &values.detach().flatten_all()?.to_vec1::<f32>()?,
            gradients,
        );
        // A scalar whose gradients at the outputs are those of the objective.
        let at = |output: &Tensor, gradient: &[f32]| -> Result<Tensor, NnError> {
            let gradient = Tensor::from_slice(gradient, output.shape(), &self.device)?;
            Ok(output.mul(&gradient)?.sum_all()?)
        };
        let loss = (at(&means, &gradients.means)? + at(&values, &gradients.values)?)?;
        let loss = (loss + at(self.log_std.var(), &gradients.log_std)?)?;
        Ok((losses, loss.backward()?))
    }

    /// Fills `means` of the buffers.
    fn mean_actions(&mut self, obs: &[f32], rows: usize) -> Result<(), AgentError> {
        AgentError::check_length("obs", obs.len(), rows * self.obs_size)?;
        let buffers = &mut self.buffers;
        normalized(&self.observation_normalizer, obs, &mut buffers.obs);
        buffers.means.resize(rows * self.range.size(), 0.0);
        self.actor.infer(&buffers.obs, rows, &mut buffers.means)?;
        Ok(())
    }

    /// Writes the means of the buffers plus Gaussian noise.
    fn perturb(&mut self, actions: &mut [f32]) {
        gaussian::standard_normal(&mut self.act_rng, actions);
        let width = self.range.size();
        for (i, (x, mean)) in actions.iter_mut().zip(&self.buffers.means).enumerate() {
            *x = mean + self.log_std_values[i % width].exp() * *x;
        }
    }
}

impl Policy for Ppo {
    fn act(
        &mut self,
        obs: &[f32],
        rows: usize,
        mode: ActMode,
        actions: &mut [f32],
    ) -> Result<(), AgentError> {
        AgentError::check_length("actions", actions.len(), rows * self.range.size())?;
        self.mean_actions(obs, rows)?;
        match mode {
            ActMode::Sample => self.perturb(actions),
            ActMode::Mode => actions.copy_from_slice(&self.buffers.means),
        }
        self.range.to_env(actions);
        Ok(())
    }

    /// The value of the state, in scaled rewards; the actions do not count.
    fn expected_return(
        &mut self,
        obs: &[f32],
        _actions: &[f32],
        rows: usize,
        out: &mut [f32],
    ) -> Result<bool, AgentError> {
        AgentError::check_length("obs", obs.len(), rows * self.obs_size)?;
        normalized(&self.observation_normalizer, obs, &mut self.buffers.obs);
        self.critic.infer(&self.buffers.obs, rows, out)?;
        Ok(true)
    }
}

impl Parameters for Ppo {
    fn named(&self) -> Vec<(String, &Var)> {
        let parts: [&dyn Parameters; 3] = [&self.actor, &self.log_std, &self.critic];
        parts.into_iter().flat_map(|part| part.named()).collect()
    }
}

impl Checkpoint for Ppo {
    fn save(&self, out: &mut Writer) {
        weights::save_values(self, out);
        out.part("optimizer", &self.optimizer);
        if let Some(normalizer) = &self.observation_normalizer {
            out.part("observation_normalizer", normalizer);
        }
        if let Some(scaler) = &self.reward_scaler {
            out.part("reward_scaler", scaler);
        }
        out.value("act_rng", &self.act_rng);
        out.value("update_rng", &self.update_rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        weights::load_values(self, from)?;
        self.log_std_values = (self.log_std.var().as_detached_tensor().to_vec1())
            .map_err(|error| from.wrong("log_std", &error.to_string()))?;
        from.part("optimizer", &mut self.optimizer)?;
        if let Some(normalizer) = &mut self.observation_normalizer {
            from.part("observation_normalizer", normalizer)?;
        }
        if let Some(scaler) = &mut self.reward_scaler {
            from.part("reward_scaler", scaler)?;
        }
        self.act_rng = from.value("act_rng")?;
        self.update_rng = from.value("update_rng")?;
        Ok(())
    }
}
