//! Learners of recorded data: they learn, they resume exactly, they refuse what they cannot use.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise, in its helpers too")]

mod contract;
mod learning;
mod recording;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
