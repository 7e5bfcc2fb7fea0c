//! Who answers queries.

mod config;

pub use config::ScriptedTeacherConfig;
