//! Datasets of other programs: told apart, read as a whole, and written.

mod d4rl;
mod hdf5;
mod lerobot;
mod minari;
mod parquet;
mod robomimic;
mod table;

use std::{fmt, path::Path};

use self::{hdf5::Hdf5, table::Table};
pub use self::{
    lerobot::{Film, Footage, OpenReel, Reel, export as export_lerobot, import as import_lerobot},
    minari::export as export_minari,
};
use super::{Dataset, DatasetError, DatasetInfo};
use crate::{BoxSpace, EnvSpec};

/// A layout of files that telos reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A dataset of telos.
    Telos,
    /// A directory of Minari, with HDF5 inside.
    Minari,
    /// A directory of LeRobot, version 3.
    Lerobot,
    /// An HDF5 file of D4RL.
    D4rl,
    /// An HDF5 file of robomimic.
    Robomimic,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Telos => "telos",
            Self::Minari => "minari",
            Self::Lerobot => "lerobot",
            Self::D4rl => "d4rl",
            Self::Robomimic => "robomimic",
        })
    }
}

impl Format {
    /// The format of what lies at `path`, by its files.
    ///
    /// # Errors
    /// When it is of no format that telos reads; the message says how each is recognised.
    pub fn detect(path: &Path) -> Result<Self, DatasetError> {
        let has = |name: &str| path.join(name).exists();
        if path.is_dir() {
            return if has("meta/info.json") {
                Ok(Self::Lerobot)
            } else if has("data/metadata.json") || has("metadata.json") {
                Ok(Self::Minari)
            } else if has("manifest.json") {
                Ok(Self::Telos)
            } else {
                let reason = "is no dataset: manifest.json (telos), data/metadata.json (Minari) and \
                              meta/info.json (LeRobot) are all missing";
                Err(DatasetError::file(path, reason))
            };
        }
        let file = Hdf5::open(path)?;
        if file.has_dataset("observations") {
            Ok(Self::D4rl)
        } else if file.has_group("data") {
            Ok(Self::Robomimic)
        } else {
            let reason = "has neither `observations` (D4RL) nor `data` (robomimic) at its root: another \
                          kind of HDF5 file";
            Err(DatasetError::file(path, reason))
        }
    }
}

/// What the files of other programs do not say.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// The environment of telos that the data is for; sizes must agree.
    pub spec: Option<EnvSpec>,
    /// Seconds per step, where the files do not say.
    pub dt: Option<f32>,
    /// Observations to put one after the other, where the data has several; none for all that are numbers.
    pub observations: Vec<String>,
    /// Take an episode without an end, which the data stops in the middle of, as truncated there.
    pub truncate_last: bool,
}

/// Reads the dataset of another program at `path`, and writes it as the dataset `out`, which appears when it
/// is complete.
///
/// # Errors
/// When `path` is no dataset or a damaged one, columns have unequal lengths, numbers are not finite, an
/// episode has no end, or the data is of another robot than the options ask for. File, column and row are
/// named, and there is no dataset then.
pub fn import(
    path: &Path,
    format: Format,
    options: &ImportOptions,
    out: &Path,
) -> Result<Dataset, DatasetError> {
    match format {
        Format::Minari => minari::import(path, options, out),
        Format::Lerobot => lerobot::import(path, options, None, out),
        Format::D4rl => d4rl::import(path, options, out),
        Format::Robomimic => robomimic::import(path, options, out),
        Format::Telos => Err(DatasetError::file(path, "is a dataset of telos already")),
    }
}

/// What an importer has found out about its data.
struct Findings {
    format: Format,
    /// Id of the environment, as the data has it.
    env: Option<String>,
    obs_size: usize,
    /// `None` where the data does not say; then those of the actions themselves.
    action: Option<BoxSpace>,
    dt: Option<f32>,
    factors: Vec<String>,
    success: bool,
}

impl Findings {
    /// The description of the data at `path`, whose actions are `actions`.
    fn describe<'a>(
        self,
        path: &Path,
        options: &ImportOptions,
        actions: impl IntoIterator<Item = &'a Table>,
    ) -> Result<DatasetInfo, DatasetError> {
        let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let spec = options.spec.as_ref();
        let dt = options.dt.or(spec.map(|spec| spec.dt)).or(self.dt).ok_or_else(|| {
            let reason = "does not say how long a step lasts; pass --dt SECONDS, or --env ID";
            DatasetError::file(path, reason)
        })?;
        let bounds = bounds(actions);
        let found = DatasetInfo {
            env: self.env.unwrap_or_else(|| name.clone()),
            obs_size: self.obs_size,
            action: self.action.filter(|space| space.size() == bounds.size()).unwrap_or(bounds),
            factors: self.factors,
            success: self.success,
            picture_side: None,
            dt,
            reference: None,
            origin: format!("{} dataset {name}", self.format),
        };
        let Some(spec) = spec else { return Ok(found) };
        match found.mismatch(spec) {
            Some(reason) => Err(DatasetError::file(path, reason)),
            None => Ok(DatasetInfo { env: spec.id.clone(), action: spec.action.clone(), ..found }),
        }
    }
}

/// [-1, 1] for every component, as nearly all robots have it, or the extremes of what was done.
fn bounds<'a>(actions: impl IntoIterator<Item = &'a Table>) -> BoxSpace {
    let mut space = BoxSpace { low: Vec::new(), high: Vec::new() };
    for table in actions {
        if space.low.is_empty() {
            space = BoxSpace::uniform(table.width, -1.0, 1.0);
        }
        for row in table.values.chunks_exact(table.width) {
            for ((low, high), value) in space.low.iter_mut().zip(&mut space.high).zip(row) {
                *low = low.min(*value);
                *high = high.max(*value);
            }
        }
    }
    space
}
