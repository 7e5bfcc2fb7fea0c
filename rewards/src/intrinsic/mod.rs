//! Rewards that need no teacher.

mod config;
mod neighbours;
mod running_std;
mod state_entropy;

pub use config::StateEntropyConfig;
pub use state_entropy::StateEntropy;
