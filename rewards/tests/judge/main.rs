//! Judges against a server that answers, fails, stalls and lies as told.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod questions;
mod server;
mod teacher;
