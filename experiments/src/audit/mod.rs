//! Audits: what a learned reward is worth once something optimises it.
//!
//! The environment's own reward is the gold standard that people cannot write down elsewhere; here it is
//! known, and what a learned reward promises is compared with it.

mod behaviour;
mod best_of_n;
mod calibration;
mod fine_tuned;
mod gold;
mod gold_report;
mod goodhart;
mod nuisance;
mod over_optimisation;
mod poisoning;
mod proxy;
mod robustness;
mod tilt;

pub(crate) use calibration::auroc;
pub use gold::{GoldAudit, gold};
pub use goodhart::{Drop, goodhart};
pub use robustness::robustness;
