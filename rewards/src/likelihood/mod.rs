//! Escontrela et al. 2023, "Video Prediction Models as Rewards for Reinforcement Learning" (VIPER), arXiv
//! 2305.14343: do what an expert's next observation is likely to be.
//!
//! An autoregressive model learns p(x_{t+1} | x_{t-c+1:t}) from an expert's episodes, without actions or
//! rewards. Then
//!
//! r_t = 1 / (c + 1) sum_{i = t-c+1}^{t+1} ln p(x_i | x_{t-c+1:i-1}), from 0 for random actions to 1 for the expert
//!
//! is the reward of whoever has no reward: its last term says whether one moves as the expert would from here,
//! its first, p(x_{t-c+1}), whether the expert would be here. Here x is an observation, each component of which is one of a
//! number of tokens, and a small transformer takes the place of VideoGPT:
//!
//! p(x_{t+1} | ...) = prod_i p(token_i(x_{t+1}) | x_{t-c+1:t})
//!
//! Likely is not good: a state in which the expert rests is likely wherever one gets to it. The paper adds a
//! reward for exploration, as whoever uses this should.

mod bins;
mod config;
mod contexts;
mod reward;
mod sequence_model;

pub use config::LikelihoodConfig;
pub use contexts::Contexts;
pub use reward::{LikelihoodFit, LikelihoodReward};
