//! The contracts that hold across rooms, tested through the `telos` command and the public API.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod command;
mod exact_resume;
mod thread_count_determinism;
