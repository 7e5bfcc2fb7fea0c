//! The parts of TD3 that its offline descendants share: Fujimoto, van Hoof, Meger 2018, "Addressing
//! Function Approximation Error in Actor-Critic Methods", arXiv 1802.09477, algorithm 1.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::EnvSpec;
use telos_nn::{Device, Mlp, MlpConfig, NnError, Parameters, Tensor, Var, gaussian, weights};

use super::{deterministic_actor::DeterministicActor, exploring_mean};
use crate::{AgentError, actor_critic::ActorCritic, critics::Critics, transitions::TransitionReader};

/// What shapes a [`Td3`].
pub(super) struct Td3Parts<'a> {
    pub(super) gamma: f32,
    pub(super) polyak: f32,
    pub(super) hidden: &'a [usize],
    pub(super) critic_layer_norm: bool,
    pub(super) actor_lr: f64,
    pub(super) critic_lr: f64,
    /// Deviation and bound of the noise on target actions.
    pub(super) target_noise: f32,
    pub(super) target_noise_clip: f32,
    pub(super) exploration_noise: f32,
}

/// Actor, twin critics, the targets of both, and the noise of the target policy.
pub(super) struct Td3 {
    pub(super) nets: ActorCritic<DeterministicActor>,
    target_actor: Mlp,
    polyak: f32,
    target_noise: f32,
    target_noise_clip: f32,
    /// Updates so far; the actor takes part in some of them only.
    pub(super) updates: u64,
    update_rng: Xoshiro256PlusPlus,
    noise: Vec<f32>,
}

impl Td3 {
    pub(super) fn new(
        parts: &Td3Parts<'_>,
        spec: &EnvSpec,
        seed: u64,
        device: &Device,
    ) -> Result<Self, AgentError> {
        let reader = TransitionReader::new(spec, parts.gamma, device)?;
        let (obs_size, action_size) = (reader.obs_size(), reader.action_size());
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut update_rng = rng.clone();
        update_rng.long_jump();
        let noise = parts.exploration_noise;
        let sizes = (obs_size, action_size);
        let actor = DeterministicActor::new(sizes, parts.hidden, parts.actor_lr, noise, &mut rng, device)?;
        let shape = exploring_mean::shape(sizes, parts.hidden);
        let target_actor = Mlp::new("target_actor", &shape, &mut rng.clone(), device)?;
        weights::copy(&target_actor, actor.net())?;
        let critic_shape = MlpConfig {
            inputs: obs_size + action_size,
            hidden: parts.hidden.to_vec(),
            layer_norm: parts.critic_layer_norm,
            ..MlpConfig::default()
        };
        let critics = Critics::new(2, critic_shape, parts.critic_lr, &mut rng, device)?;
        Ok(Self {
            nets: ActorCritic { reader, actor, critics },
            target_actor,
            polyak: parts.polyak,
            target_noise: parts.target_noise,
            target_noise_clip: parts.target_noise_clip,
            updates: 0,
            update_rng,
            noise: Vec::new(),
        })
    }

    /// Equation 14: `a~ = clip(pibar(s') + clip(eps, -c, c), -1, 1)`, `[b, act]`.
    pub(super) fn target_actions(&mut self, next_obs: &Tensor) -> Result<Tensor, NnError> {
        let (rows, width) = (next_obs.dim(0)?, self.nets.reader.action_size());
        self.noise.resize(rows * width, 0.0);
        gaussian::standard_normal(&mut self.update_rng, &mut self.noise);
        let (deviation, bound) = (self.target_noise, self.target_noise_clip);
        self.noise.iter_mut().for_each(|x| *x = (deviation * *x).clamp(-bound, bound));
        let noise = Tensor::from_slice(&self.noise, (rows, width), next_obs.device())?;
        Ok((self.target_actor.forward_frozen(next_obs)? + noise)?.clamp(-1.0_f32, 1.0_f32)?)
    }

    /// Moves the targets of actor and critics, as after every step of the actor.
    pub(super) fn move_targets(&self) -> Result<(), NnError> {
        weights::polyak(&self.target_actor, self.nets.actor.net(), self.polyak.into())?;
        self.nets.critics.move_targets(self.polyak)
    }
}

impl Parameters for Td3 {
    fn named(&self) -> Vec<(String, &Var)> {
        let parts: [&dyn Parameters; 3] = [&self.nets.actor, &self.target_actor, &self.nets.critics];
        parts.into_iter().flat_map(Parameters::named).collect()
    }
}

impl Checkpoint for Td3 {
    fn save(&self, out: &mut Writer) {
        out.part("actor", &self.nets.actor);
        weights::save_values(&self.target_actor, out);
        out.part("critics", &self.nets.critics);
        out.value("updates", &self.updates);
        out.value("update_rng", &self.update_rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("actor", &mut self.nets.actor)?;
        weights::load_values(&self.target_actor, from)?;
        from.part("critics", &mut self.nets.critics)?;
        self.updates = from.value("updates")?;
        self.update_rng = from.value("update_rng")?;
        Ok(())
    }
}
