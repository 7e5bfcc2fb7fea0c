//! Audits: what a learned reward is worth once something optimises it.
//!
//! The environment's own reward is the gold standard that people cannot write down elsewhere; here it is
//! known, and what a learned reward promises is compared with it.

mod behaviour;
mod best_of_n;
mod gold;
mod gold_report;
mod over_optimisation;
mod proxy;
mod tilt;

pub use gold::{GoldAudit, gold};
