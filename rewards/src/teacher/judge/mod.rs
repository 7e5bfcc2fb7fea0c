//! A model behind HTTP as a teacher: it looks at clips, or reads what happened in them.

mod answer_log;
mod config;
mod question;
mod teacher;

pub use config::{Example, JudgeConfig, JudgeMode, Shown};
pub use teacher::JudgeTeacher;
