//! The labelling page from the side of its browsers: `telos label serve` over HTTP.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "a failing test shows what happened")]

mod bad_input;
mod bulk;
mod http;
mod kills;
mod run;
mod training;
mod turns;
