//! `manifest.json`: what a program has to know about a run before it reads the rest.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::{TelosError, config::Config, device::DeviceChoice};

/// Number of the layout of a run directory and of what its checkpoints hold.
const FORMAT: u32 = 1;

/// Who wrote a run, and how to read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of telos that wrote the run.
    pub telos: String,
    /// Number of the layout.
    pub format: u32,
    /// Seed of the run.
    pub seed: u64,
    /// Where its tensors live.
    pub device: DeviceChoice,
    /// [`Config::digest`] of `config.toml`.
    pub config_digest: String,
}

impl Manifest {
    /// The manifest of a new run.
    pub(crate) fn new(config: &Config, device: DeviceChoice) -> Self {
        Self {
            telos: env!("CARGO_PKG_VERSION").to_owned(),
            format: FORMAT,
            seed: config.seed,
            device,
            config_digest: config.digest(),
        }
    }

    /// Reads the manifest of the run directory `run`.
    pub(crate) fn read(run: &Path) -> Result<Self, TelosError> {
        let path = run.join("manifest.json");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(TelosError::run(
                    run,
                    "not a run directory of `telos train`: it has no manifest.json",
                ));
            }
            Err(source) => return Err(TelosError::io(&path, source)),
        };
        let foreign = |error: serde_json::Error| {
            TelosError::run(&path, format!("not a manifest of `telos train`: {error}"))
        };
        // The format number first, since another format may have other fields.
        let FormatOnly { format } = serde_json::from_str(&text).map_err(foreign)?;
        if format != FORMAT {
            let reason = format!(
                "`format` is {format}, but this telos {} reads format {FORMAT}; use the version that wrote the run",
                env!("CARGO_PKG_VERSION")
            );
            return Err(TelosError::run(&path, reason));
        }
        serde_json::from_str(&text).map_err(foreign)
    }

    /// Whether this program, on `device`, continues the run `run` exactly.
    pub(crate) fn check_resume(&self, run: &Path, device: DeviceChoice) -> Result<(), TelosError> {
        let path = run.join("manifest.json");
        if self.telos != env!("CARGO_PKG_VERSION") {
            let reason = format!(
                "`telos` is {}, and telos {} might not continue the run exactly; resume with the version that wrote it",
                self.telos,
                env!("CARGO_PKG_VERSION")
            );
            return Err(TelosError::run(&path, reason));
        }
        if self.device != device {
            let reason = format!("`device` is {}; resume with --device {0}", self.device);
            return Err(TelosError::run(&path, reason));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}
