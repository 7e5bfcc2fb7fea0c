//! Statistics of few runs, as Agarwal et al. 2021 recommend them ("Deep Reinforcement Learning at the
//! Edge of the Statistical Precipice", arXiv 2108.13264), and the older ones beside them.
//!
//! Every number is that of the Python package `rliable`, intervals within Monte-Carlo error:
//! `experiments/peers/rliable_statistics.py` made the reference that the tests compare with. Nothing
//! here depends on anything but its arguments: equal scores and seeds give equal intervals.
//!
//! ```
//! use telos::statistics::{Bootstrap, Scores, interquartile_mean, probability_of_improvement};
//!
//! let ours = Scores::of_one_task(vec![355.5, 349.0, 361.2, 340.8, 352.3]).unwrap();
//! let theirs = Scores::of_one_task(vec![310.4, 350.1, 298.7, 322.9, 305.0]).unwrap();
//! assert_eq!(probability_of_improvement(&ours, &theirs), 23.0 / 25.0);
//! let [low, high] = Bootstrap::default().interval(&ours, interquartile_mean);
//! assert!(low < 352.3 && 352.3 < high);
//! ```

mod bootstrap;
mod collapse;
mod improvement;
mod iqm;
mod last_and_best;
mod mean;
mod optimality_gap;
mod profile;
mod rank_correlation;
mod regret;
mod scores;
mod seed_count;
mod summary;

pub use bootstrap::{Bootstrap, quantile};
pub use collapse::{Collapse, collapse};
pub use improvement::probability_of_improvement;
pub use iqm::interquartile_mean;
pub use last_and_best::LastAndBest;
pub use mean::{mean, median};
pub use optimality_gap::optimality_gap;
pub use profile::performance_profile;
pub use rank_correlation::rank_correlation;
pub use regret::cumulative_regret;
pub use scores::Scores;
pub use seed_count::{ENOUGH_SEEDS, seed_warning};
pub use summary::Summary;
