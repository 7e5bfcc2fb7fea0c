//! People as a teacher: files between a training and the labelling page, which are two processes.
//!
//! ```text
//! queries/000000.batch   questions of one session      written by the training
//! answers.jsonl          answers, and answers undone   written by the page
//! taken.jsonl            what training has learned     written by the training
//! ```
//!
//! Each file has one writer, and every write is durable before anybody is told of it, so either process
//! may die at any instant. Without a page the questions wait; without a training the answers wait.

mod answer_log;
mod batch;
mod config;
mod journal;
mod teacher;
mod verdict;

pub use answer_log::{AnswerEvent, AnswerLog, PersonalAnswer, read_events, standing};
pub use batch::QueryBatch;
pub use config::PeopleConfig;
pub use journal::Journal;
pub use teacher::PeopleTeacher;

use std::path::{Path, PathBuf};

/// Where people's questions and answers lie below a run's `feedback` directory.
pub fn directory(feedback: &Path) -> PathBuf {
    feedback.join("people")
}
