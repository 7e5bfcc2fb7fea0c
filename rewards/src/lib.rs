//! Learned rewards: feedback, teachers, queries, reward models and intrinsic rewards.
//!
//! # From comparisons to a reward
//!
//! A [selector](query::QuerySelector) chooses pairs of recorded segments, a
//! [teacher](teacher::Teacher) compares them, the [ledger](feedback::FeedbackLedger) keeps every
//! answer, and a [reward model](reward_model::RewardModelConfig) learns from them:
//!
//! ```
//! use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};
//! use telos_envs::{TrajectoryStore, VecEnv, registry};
//! use telos_nn::Device;
//! use telos_rewards::{
//!     feedback::FeedbackLedger,
//!     query::{QueryConfig, QueryContext},
//!     reward_model::{PreferenceData, RewardModelConfig, StepSizes},
//!     teacher::{ScriptedTeacher, ScriptedTeacherConfig, Teacher},
//! };
//!
//! let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
//! let mut envs = VecEnv::new(4, 1, 0, |_| registry::make("pendulum-classic"))?;
//! let (observation, action) = (envs.spec().observation.size(), envs.spec().action.size());
//! let mut store = TrajectoryStore::new(envs.spec(), 4, 10)?;
//! envs.reset();
//! for step in 0..100 {
//!     let obs = envs.batch().obs.clone();
//!     let actions = vec![(step as f32 * 0.1).sin(); 4 * action];
//!     store.push(&obs, &actions, envs.step(&actions));
//! }
//!
//! let config = RewardModelConfig { hidden: vec![16], max_epochs: 5, ..Default::default() };
//! let sizes = StepSizes { observation, action, segment: 50 };
//! let mut model = config.build(sizes, 0, &Device::Cpu)?;
//! let mut data = PreferenceData::new(1000, 50, observation, action)?;
//! let mut teacher = ScriptedTeacher::new(ScriptedTeacherConfig::oracle(), 0)?;
//! # let run = tempfile::tempdir()?;
//! # let run = run.path();
//! let mut ledger = FeedbackLedger::open(&run.join("feedback"), observation, action)?;
//!
//! let mut answers = Vec::new();
//! let context = QueryContext { store: &store, model: &*model, answered: &data };
//! for query in QueryConfig::default().selector().select(&context, 10, &mut rng)? {
//!     match ledger.recall(query) {
//!         Ok(answered_before_the_run_was_interrupted) => teacher.resubmit(answered_before_the_run_was_interrupted)?,
//!         Err(query) => teacher.submit(query)?,
//!     }
//! }
//! teacher.poll(&mut answers)?;
//! ledger.append(&answers)?;
//! for answer in &answers {
//!     data.push(answer)?;
//! }
//! model.train(&data, &store)?;
//!
//! let mut rewards = vec![0.0; 4];
//! let actions = vec![0.0; 4 * action];
//! model.predict(&envs.batch().obs, &actions, 4, &mut rewards)?;
//! assert!(rewards.iter().all(|reward| reward.abs() < 1.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A reward of your own
//!
//! A reward is a function of transitions, a [`RewardSource`]. This one pays for speed and charges for
//! effort:
//!
//! ```
//! use telos_rewards::{RewardError, RewardSource, Transitions};
//!
//! struct Brisk {
//!     observation: usize,
//!     action: usize,
//!     /// Component of the observation that holds the speed, in m/s.
//!     speed: usize,
//!     effort_cost: f32,
//! }
//!
//! impl RewardSource for Brisk {
//!     fn reward(&self, transitions: &Transitions<'_>, out: &mut [f32]) -> Result<(), RewardError> {
//!         let obs = transitions.rows_of("next observations", transitions.next_obs, self.observation)?;
//!         let actions = transitions.rows_of("actions", transitions.actions, self.action)?;
//!         for ((reward, obs), action) in out.iter_mut().zip(obs).zip(actions) {
//!             let effort: f32 = action.iter().map(|a| a * a).sum();
//!             *reward = obs[self.speed].clamp(0.0, 1.0) - self.effort_cost * effort;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let brisk = Brisk { observation: 2, action: 1, speed: 1, effort_cost: 0.1 };
//! let next_obs = [0.0, 0.5, 0.0, 3.0];
//! let transitions =
//!     Transitions { rows: 2, next_obs: &next_obs, actions: &[1.0, -2.0], ..Transitions::default() };
//! let mut rewards = [0.0; 2];
//! brisk.reward(&transitions, &mut rewards)?;
//! assert_eq!(rewards, [0.4, 0.6]);
//! # Ok::<(), RewardError>(())
//! ```

pub mod feedback;
pub mod intrinsic;
pub mod judge;
pub mod likelihood;
pub mod query;
pub mod reward_model;
pub mod teacher;
pub mod vision;

mod error;
mod source;

pub use error::RewardError;
pub use source::{GoldReward, RewardSource, Transitions, WeightedFactors};
