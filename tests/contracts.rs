//! The contracts that hold across rooms, tested through the `telos` command and the public API.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "a failing test shows what its random numbers were")]

mod command;
mod exact_resume;
mod preference_loops_learn;
mod relabel_is_complete;
mod thread_count_determinism;
