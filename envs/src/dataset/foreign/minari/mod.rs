//! Minari (Farama): a directory with `data/metadata.json` and `data/main_data.hdf5`, one group per episode.

mod read;
mod write;

pub(super) use read::import;
pub use write::export;

/// File of the episodes, inside `data`.
const EPISODES: &str = "main_data.hdf5";
/// File of the description, inside `data`.
const METADATA: &str = "metadata.json";
