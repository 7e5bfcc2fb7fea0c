//! The choice of what to ask.

mod config;

pub use config::{QueryConfig, SelectorKind};
