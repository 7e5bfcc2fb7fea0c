//! Recorded episodes on disk: columns that are mapped, not read, with content hashes and an index of
//! episodes.
//!
//! A dataset is a directory. It appears whole or not at all, and equal seeds give equal bytes. Its layout,
//! which other programs may read, and the foreign formats that telos converts are described in
//! `envs/DATASETS.md`.
//!
//! ```
//! use telos_envs::{BoxSpace, dataset::{Dataset, DatasetInfo, DatasetWriter, EpisodeView}};
//!
//! let scratch = std::env::temp_dir().join(format!("telos-doc-{}", std::process::id()));
//! let info = DatasetInfo {
//!     env: "rail".into(), obs_size: 1, action: BoxSpace::uniform(1, -1.0, 1.0), factors: Vec::new(),
//!     success: false, picture_side: None, dt: 0.1, reference: None, origin: "by hand".into(),
//! };
//! let mut writer = DatasetWriter::create(&scratch, info)?;
//! writer.push(EpisodeView {
//!     steps: 2, obs: &[0.0, 0.1, 0.2], actions: &[1.0, 1.0], rewards: &[0.0, 1.0],
//!     factors: &[], success: &[], terminated: true,
//! })?;
//! let dataset = writer.finish()?;
//! assert_eq!((dataset.steps(), dataset.episodes().len()), (2, 1));
//! assert_eq!(Dataset::open(&scratch)?.episode(0).obs, [0.0, 0.1, 0.2]);
//! # std::fs::remove_dir_all(&scratch).ok();
//! # Ok::<(), telos_envs::dataset::DatasetError>(())
//! ```

mod column;
mod episode;
mod error;
mod foreign;
mod info;
mod loader;
mod manifest;
mod scratch;
mod stored;
mod writer;

pub use episode::{Episode, EpisodeView};
pub use error::DatasetError;
pub use foreign::{
    Film, Footage, Format, ImportOptions, OpenReel, Reel, export_lerobot, export_minari, import,
    import_lerobot,
};
pub use info::{DatasetInfo, PICTURE_SIDES, ReferenceScores};
pub use loader::{BatchSource, ChunkBatch, Chunks, Hindsight, Loader, TransitionBatch, Transitions};
pub use stored::Dataset;
pub use writer::DatasetWriter;
