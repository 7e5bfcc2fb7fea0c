//! Objectives that move a policy by the log-probabilities and the scores of its candidates, without a
//! critic and without a rollout: direct preference optimisation and its relatives.
//!
//! They know neither actions nor networks. A policy of any kind (Gaussian, categorical, or a denoising
//! chain) says how likely it finds each candidate; whoever scores them (a teacher, a reward model, the
//! environment) says how good they are; an objective makes a loss of both:
//!
//! ```
//! use telos_agents::objective::{Candidates, Dpo, PolicyObjective};
//! use telos_nn::{Device, Tensor, Var};
//!
//! // Two questions; the policy's log-probability of either answer, and which one was preferred.
//! let log_probs = Var::new(&[[-1.0f32, -2.0], [-0.5, -0.7]], &Device::Cpu)?;
//! let scores = Tensor::new(&[[0.0f32, 1.0], [1.0, 0.0]], &Device::Cpu)?;
//! let reference = log_probs.as_detached_tensor();
//! let candidates = Candidates::new(log_probs.as_tensor().clone(), reference, scores)?;
//!
//! let loss = Dpo::default().loss(&candidates)?;
//! let gradient = loss.backward()?.get(log_probs.as_tensor()).unwrap().to_vec2::<f32>()?;
//! assert!(gradient[0][1] < 0.0 && gradient[1][0] < 0.0, "the preferred become more likely");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In control a candidate is a segment, its log-probability the sum over its steps of log pi(a|s): what
//! the dynamics contribute is the same under policy and reference. It is an action chunk for a
//! diffusion policy, its log-probability the sum over the denoising chain.

mod advantage;
mod candidates;
mod config;
mod cpo;
mod dpo;
mod group_relative;
mod group_robust;
mod ipo;
mod kto;
mod nca;
mod odpo;
mod pairs;
mod relative_reward;
mod simpo;

pub use advantage::{Apa, Awr};
pub use candidates::Candidates;
pub use config::ObjectiveConfig;
pub use cpo::Cpo;
pub use dpo::Dpo;
pub use group_relative::GroupRelative;
pub use group_robust::GroupRobust;
pub use ipo::Ipo;
pub use kto::Kto;
pub use nca::{InfoNca, Nca};
pub use odpo::Odpo;
pub use relative_reward::RelativeReward;
pub use simpo::SimPo;

use telos_nn::{Activation, NnError, Tensor};

use crate::AgentError;

/// A loss over candidates whose minimum is a better policy.
pub trait PolicyObjective {
    /// The loss of each group of candidates, `[groups]`. Only [`Candidates::log_probs`] has a gradient.
    ///
    /// # Errors
    /// When the device refuses.
    fn losses(&self, candidates: &Candidates) -> Result<Tensor, NnError>;

    /// The mean over the groups, a scalar.
    ///
    /// # Errors
    /// When the device refuses.
    fn loss(&self, candidates: &Candidates) -> Result<Tensor, NnError> {
        Ok(self.losses(candidates)?.mean_all()?)
    }

    /// # Errors
    /// When a constant is outside its range; the error names it.
    fn validate(&self) -> Result<(), AgentError>;
}

/// log sigmoid(x), also where the sigmoid underflows.
fn log_sigmoid(x: &Tensor) -> Result<Tensor, NnError> {
    Ok(Activation::Softplus.apply(&x.neg()?)?.neg()?)
}
