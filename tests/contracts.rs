//! The contracts that hold across rooms, tested through the `telos` command and the public API.

mod command;
mod exact_resume;
mod relabel_is_complete;
mod thread_count_determinism;
