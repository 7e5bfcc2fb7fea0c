//! Queries, answers and the ledger that keeps them.

mod answer;
mod choice;
mod ledger;
pub(crate) mod lock;
mod query;
mod row;
pub(crate) mod sealed_line;
pub(crate) mod segment_file;

pub use answer::Answer;
pub use choice::Choice;
pub use ledger::FeedbackLedger;
pub use query::{Query, QueryId};
pub use row::FeedbackRow;
