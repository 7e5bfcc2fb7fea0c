//! Queries, answers and the ledger that keeps them.

mod answer;
mod ask;
mod choice;
mod comparisons;
mod ledger;
pub(crate) mod lock;
mod order;
mod origin;
mod query;
mod row;
pub(crate) mod sealed_line;
pub(crate) mod segment_file;
mod summary;

pub use answer::Answer;
pub use ask::Ask;
pub use choice::Choice;
pub use comparisons::{Comparison, PairRule, comparisons};
pub use ledger::FeedbackLedger;
pub use order::Order;
pub use query::{Query, QueryId};
pub use row::FeedbackRow;
pub use summary::{FeedbackSummary, SourceSummary};
