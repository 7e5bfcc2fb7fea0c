//! Preferences without a stored chain: Wallace et al. 2023, "Diffusion Model Alignment Using Direct
//! Preference Optimization", arXiv 2311.12908, for diffusions, and Liu et al. 2025, "Improving Video
//! Generation with Human Feedback" (Flow-DPO), arXiv 2501.13918, for flows.
//!
//! L = -E log sigmoid(-beta / 2 [(d_theta(w) - d_ref(w)) - (d_theta(l) - d_ref(l))])
//!
//! d is the squared error of the prediction at a noisy latent of the chunk, the same noise for all four: a
//! policy predicts better than the reference where it finds a chunk more likely. beta is constant over the
//! noise levels, which Flow-DPO found to work better than the weight of its derivation.

use serde::{Deserialize, Serialize};
use telos_nn::{Activation, NnError, Tensor};

use super::{GenerativePolicy, NoiseDraw};

/// The constants of Diffusion-DPO and Flow-DPO.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DenoisingDpo {
    /// Strength of the pull to the reference, on errors summed over the chunk. Default 10: chunks have a
    /// thousandth of the components of pictures, for which the papers have thousands.
    pub beta: f64,
}

impl Default for DenoisingDpo {
    fn default() -> Self {
        Self { beta: 10.0 }
    }
}

impl DenoisingDpo {
    /// The loss, a scalar, of pairs of chunks `[b, width]` for observations `[b, obs]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn loss(
        &self,
        policy: &dyn GenerativePolicy,
        reference: &dyn GenerativePolicy,
        obs: &Tensor,
        preferred: &Tensor,
        other: &Tensor,
        draw: &NoiseDraw,
    ) -> Result<Tensor, NnError> {
        let gap = |chunks: &Tensor| -> Result<Tensor, NnError> {
            let ours = policy.one_step_loss(obs, chunks, draw)?;
            Ok((ours - reference.one_step_loss(obs, chunks, draw)?.detach())?.sum(1)?)
        };
        let against = ((gap(preferred)? - gap(other)?)? * (0.5 * self.beta))?;
        Ok(Activation::Softplus.apply(&against)?.mean_all()?)
    }
}
