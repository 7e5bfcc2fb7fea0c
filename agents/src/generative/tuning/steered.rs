//! A fine-tuned policy that its critic steers while it acts; no weight changes.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_nn::{NnError, Tensor, gaussian};

use super::{Tuner, critic::Critic};
use crate::{
    ActMode, AgentError, Policy,
    error::require,
    generative::{BestOfN, ChunkActor, ChunkPolicy, GenerativePolicy, Guidance, NoiseSearch, Particles},
};

/// Share of a chain after which estimates of its end are good enough for a critic.
const TRUSTED_FROM: f32 = 0.4;

/// How chunks are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Steering {
    /// The best of so many draws.
    BestOfN(usize),
    /// One of so many Feynman-Kac particles, tilted by exp(strength Q).
    Particles {
        /// Particles for each observation.
        count: usize,
        /// lambda, in nats per unit of Q.
        strength: f32,
    },
    /// Draws that are shifted up the gradient of Q by this strength, in nats per unit of Q.
    Guidance(f32),
    /// The best end that so many steps of gradient ascent on the first latent lead to.
    NoiseSearch(usize),
}

/// [`Steering`] with what it needs.
#[derive(Debug)]
enum Method {
    BestOfN(BestOfN),
    Particles(Particles),
    Guidance(Guidance),
    NoiseSearch(NoiseSearch),
}

/// A policy that draws every chunk as its [`Steering`] says, whatever the [`ActMode`].
#[derive(Debug)]
pub struct Steered<'a> {
    actor: &'a mut ChunkActor<ChunkPolicy>,
    /// Without gradients.
    frozen: ChunkPolicy,
    critic: &'a Critic,
    method: Method,
}

impl Tuner {
    /// Steers this policy by the critic that was learned with it.
    ///
    /// # Errors
    /// When its method learns no critic, or a number is outside its range.
    pub fn steered(&mut self, steering: Steering) -> Result<Steered<'_>, AgentError> {
        let Some(critic) = &self.critic else {
            let expected = "there is no critic to steer by: fine-tune with \"reward-gradient\", or compare chunks with \
                            judge = \"critic\"";
            let value = self.config.method.name().into();
            return Err(AgentError::Config { key: "tuning.method", value, expected });
        };
        let method = match steering {
            Steering::BestOfN(n) => Method::BestOfN(BestOfN::new(n)?),
            Steering::Particles { count, strength } => {
                Method::Particles(Particles::new(count, strength, TRUSTED_FROM)?)
            }
            Steering::Guidance(strength) => Method::Guidance(Guidance::new(strength)?),
            Steering::NoiseSearch(iterations) => {
                require(iterations > 0, "steering.iterations", &iterations, "use at least 1")?;
                Method::NoiseSearch(NoiseSearch { iterations, ..NoiseSearch::default() })
            }
        };
        Ok(Steered { frozen: self.actor.policy().frozen_copy()?, actor: &mut self.actor, critic, method })
    }
}

impl Method {
    /// Chunks for observations, as the network wants them.
    fn draw(
        &mut self,
        (policy, critic): (&ChunkPolicy, &Critic),
        obs: &[f32],
        rng: &mut Xoshiro256PlusPlus,
        chunks: &mut [f32],
    ) -> Result<(), AgentError> {
        let (shape, device) = (policy.shape(), policy.device());
        let mut score = |obs: &[f32], chunks: &[f32], scores: &mut [f32]| -> Result<(), AgentError> {
            let obs = Tensor::from_slice(obs, (scores.len(), shape.obs), device).map_err(NnError::from)?;
            let chunks =
                Tensor::from_slice(chunks, (scores.len(), shape.width()), device).map_err(NnError::from)?;
            scores.copy_from_slice(&critic.score(&obs, &chunks)?);
            Ok(())
        };
        match self {
            Self::BestOfN(best) => best.choose(policy, obs, &mut score, rng, chunks),
            Self::Particles(particles) => particles.sample(policy, obs, &mut score, rng, chunks),
            Self::Guidance(guidance) => guidance.sample(policy, obs, critic, rng, chunks),
            Self::NoiseSearch(search) => {
                let rows = obs.len() / shape.obs;
                let mut noise = vec![0.0; rows * shape.width()];
                gaussian::standard_normal(rng, &mut noise);
                let tensor = |values: &[f32], width| Tensor::from_slice(values, (rows, width), device);
                let seen = tensor(obs, shape.obs).map_err(NnError::from)?;
                let noise = tensor(&noise, shape.width()).map_err(NnError::from)?;
                let (found, _) = search.improve(policy, &seen, &noise, critic)?;
                let found = found.flatten_all().and_then(|found| found.to_vec1::<f32>());
                chunks.copy_from_slice(&found.map_err(NnError::from)?);
                Ok(())
            }
        }
    }
}

impl Policy for Steered<'_> {
    fn act(&mut self, obs: &[f32], rows: usize, _: ActMode, actions: &mut [f32]) -> Result<(), AgentError> {
        let (method, parts) = (&mut self.method, (&self.frozen, self.critic));
        self.actor.act_by(obs, rows, actions, |obs, rng, chunks| method.draw(parts, obs, rng, chunks))
    }

    fn episode_ended(&mut self, row: usize) {
        self.actor.episode_ended(row);
    }
}
