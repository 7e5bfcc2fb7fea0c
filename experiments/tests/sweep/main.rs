//! `telos sweep` from outside: what it writes, and what it does when things go wrong.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "a failing test shows what its random numbers were")]

mod bad_input;
mod faults;
mod generations;
mod reports;
mod sandbox;
mod searches;
