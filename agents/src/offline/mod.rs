//! Learning from recorded data, and from there on online.
//!
//! | learner | actor | critics | how it stays near the data |
//! |---|---|---|---|
//! | [`Bc`] | deterministic | none | it copies the data, or the best episodes of it |
//! | [`Awac`], [`Iql`] | Gaussian | twin | the actor is a weighted regression on the data's actions |
//! | [`Td3Bc`], [`Rebrac`] | deterministic | twin | the distance to the data's actions is a penalty |
//! | [`Cql`], also calibrated | tanh-Gaussian | twin | values of other actions are pushed down |
//! | [`Mopo`] | tanh-Gaussian | twin | it learns in models that are fitted to the data, and pays for their doubt |
//! | [`Rlpd`] | tanh-Gaussian | ten, normalised | by nothing: half of every batch is recorded data |
//!
//! Each is one file that reads from top to bottom. What they share lies beside them: critics with slow
//! targets, the actor of soft actor-critic, the deterministic and the Gaussian actor, the parts of TD3.

mod awac;
mod behaviour_cloning;
mod cql;
mod deterministic_actor;
mod dynamics;
mod exploring_mean;
mod gaussian_actor;
mod iql;
mod learner;
mod mopo;
mod normalized;
mod rebrac;
mod reward_scale;
mod reward_smoothing;
mod rlpd;
mod state_entropy;
mod td3;
mod td3_bc;
mod transition_filter;

pub use awac::{Awac, AwacConfig};
pub use behaviour_cloning::{Bc, BcConfig, best_episodes};
pub use cql::{Cql, CqlConfig};
pub use iql::{Iql, IqlConfig};
pub use learner::{Agent, Metrics, OfflineLearner};
pub use mopo::{Mopo, MopoConfig};
pub use normalized::Normalized;
pub use rebrac::{Rebrac, RebracConfig};
pub use reward_scale::{RewardScale, RewardScaleConfig};
pub use reward_smoothing::RewardSmoothing;
pub use rlpd::{Rlpd, RlpdConfig};
pub use state_entropy::{Sera, SeraConfig};
pub use td3_bc::{Td3Bc, Td3BcConfig};
pub use transition_filter::MorecConfig;
