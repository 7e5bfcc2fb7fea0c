//! `telos sweep` from outside: what it writes, and what it does when things go wrong.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod generations;
mod sandbox;
