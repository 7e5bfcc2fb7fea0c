//! Queries, answers and the ledger that keeps them.

mod choice;

pub use choice::Choice;
