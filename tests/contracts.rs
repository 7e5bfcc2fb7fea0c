//! The contracts that hold across rooms, tested through the `telos` command and the public API.

mod command;
mod exact_resume;
mod thread_count_determinism;
