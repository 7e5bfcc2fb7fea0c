//! SPIN: Yuan et al. 2024, "Self-Play Fine-Tuning of Diffusion Models for Text-to-Image Generation", arXiv
//! 2402.10210. Without labels: the demonstrator's chunk is preferred to the policy's own of the last round.
//!
//! L = -E log sigmoid(-beta / 2 [(d_theta(demo) - d_t(demo)) - (d_theta(own) - d_t(own))]),   own ~ p_t
//!
//! p_t, the opponent, is both who draws and the reference; after each round it becomes the policy.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_nn::{NnError, Parameters, Tensor, Var, weights};

use super::{Chain, DenoisingDpo, GenerativePolicy, NoiseDraw};
use crate::AgentError;

/// A round of self-play against an opponent.
#[derive(Debug)]
pub struct Spin<P> {
    objective: DenoisingDpo,
    opponent: P,
    chain: Chain,
}

impl<P: GenerativePolicy> Spin<P> {
    /// The first round, against the policy as it is.
    ///
    /// # Errors
    /// When the device has no memory left.
    pub fn new(objective: DenoisingDpo, policy: &P) -> Result<Self, NnError> {
        Ok(Self { objective, opponent: policy.frozen_copy()?, chain: Chain::default() })
    }

    /// The next round: the opponent becomes equal to the policy.
    ///
    /// # Errors
    /// When the policy is of other sizes.
    pub fn next_round(&mut self, policy: &P) -> Result<(), NnError> {
        weights::copy(&self.opponent, policy)
    }

    /// The loss, a scalar, of demonstrated chunks `[rows, width]` for observations `[rows, obs]`.
    ///
    /// # Errors
    /// When a slice has another length.
    pub fn loss(
        &mut self,
        policy: &P,
        obs: &[f32],
        demonstrated: &[f32],
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<Tensor, AgentError> {
        let (shape, device) = (policy.shape(), policy.device());
        let rows = demonstrated.len() / shape.width();
        self.opponent.sample_chain(obs, rows, rng, &mut self.chain)?;
        let tensor = |values: &[f32], width: usize| -> Result<Tensor, NnError> {
            Ok(Tensor::from_slice(values, (rows, width), device)?)
        };
        let (obs, demonstrated) = (tensor(obs, shape.obs)?, tensor(demonstrated, shape.width())?);
        let own = tensor(self.chain.chunks(), shape.width())?;
        let draw = NoiseDraw::new(rng, rows, shape.width(), device)?;
        Ok(self.objective.loss(policy, &self.opponent, &obs, &demonstrated, &own, &draw)?)
    }
}

/// The opponent's weights.
impl<P: GenerativePolicy> Parameters for Spin<P> {
    fn named(&self) -> Vec<(String, &Var)> {
        self.opponent.named()
    }
}
