//! Generative policies: chunks of actions, drawn by denoising.
//!
//! A [`GenerativePolicy`] walks from noise to a chunk in Gaussian steps whose means a [`Denoiser`] decides;
//! [`DiffusionPolicy`], [`FlowPolicy`] and [`ConsistencyPolicy`] differ in what it predicts. The walk is
//! kept, with its log-probabilities, in a [`Chain`], on which fine-tuning and steering work.
//!
//! ```
//! use rand::SeedableRng;
//! use rand_xoshiro::Xoshiro256PlusPlus;
//! use telos_agents::generative::{
//!     Chain, ChunkShape, FlowPolicy, GenerativePolicy, MlpDenoiser, SamplerConfig,
//! };
//! use telos_nn::Device;
//!
//! let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
//! let shape = ChunkShape { obs: 3, horizon: 8, act: 2 };
//! let denoiser = MlpDenoiser::new(&Default::default(), shape, &mut rng, &Device::Cpu)?;
//! let policy = FlowPolicy::new(denoiser, SamplerConfig { steps: 4, ..Default::default() })?;
//!
//! let mut chain = Chain::default();
//! policy.sample_chain(&[0.1, 0.2, 0.3], 1, &mut rng, &mut chain)?;
//! assert_eq!(chain.chunks().len(), 8 * 2);
//! # Ok::<(), telos_agents::AgentError>(())
//! ```

mod adjoint_matching;
mod behaviour_cloning;
mod best_of_n;
mod chain;
mod chain_batch;
mod chunk_actor;
mod chunk_policy;
mod chunk_score;
mod consistency_policy;
mod d3po;
mod denoiser;
mod denoising_dpo;
mod denoising_step;
mod diffusion_policy;
mod dpok;
mod dppo;
mod eda;
mod flow_path;
mod flow_policy;
mod generative_policy;
mod guidance;
mod noise_actor;
mod noise_draw;
mod noise_schedule;
mod noise_search;
mod particles;
mod policy_config;
mod prdp;
mod residual_actions;
mod reward_gradient;
mod reward_weighted;
mod sampler_config;
mod spin;
mod time_embedding;
mod tuning;

pub use adjoint_matching::AdjointMatching;
pub use behaviour_cloning::{BehaviourCloning, BehaviourCloningConfig, normalizer_of};
pub use best_of_n::BestOfN;
pub use chain::Chain;
pub use chain_batch::ChainBatch;
pub use chunk_actor::ChunkActor;
pub use chunk_policy::ChunkPolicy;
pub use chunk_score::{ChunkReward, ChunkScore};
pub use consistency_policy::ConsistencyPolicy;
pub use d3po::D3po;
pub use denoiser::{
    ChunkDenoiser, ChunkShape, Denoiser, DenoiserKind, EnergyDenoiser, MlpDenoiser, MlpDenoiserConfig,
    TransformerDenoiser, TransformerDenoiserConfig, UnetDenoiser, UnetDenoiserConfig,
};
pub use denoising_dpo::DenoisingDpo;
pub use denoising_step::{ChainNoise, DenoisingStep, NoiseLevel};
pub use diffusion_policy::DiffusionPolicy;
pub use dpok::Dpok;
pub use dppo::Dppo;
pub use eda::Eda;
pub use flow_policy::FlowPolicy;
pub use generative_policy::GenerativePolicy;
pub use guidance::Guidance;
pub use noise_actor::{NoiseActor, NoiseActorConfig};
pub use noise_draw::NoiseDraw;
pub use noise_schedule::NoiseSchedule;
pub use noise_search::NoiseSearch;
pub use particles::Particles;
pub use policy_config::{GenerativeConfig, Process};
pub use prdp::Prdp;
pub use residual_actions::ResidualActions;
pub use reward_gradient::RewardGradient;
pub use reward_weighted::RewardWeighted;
pub use sampler_config::SamplerConfig;
pub use spin::Spin;
pub use tuning::{Judge, Steered, Steering, Tuner, TuningConfig, TuningMethod};
