//! The directory of a sweep. Files are the truth: whatever a coordinator or a scheduler remembers
//! can be lost, and the next one goes on from here.
//!
//! ```text
//! sweep.toml                        the sweep file, as it was given
//! base.toml                         the base configuration, as it was given
//! store.json                        layout number, version and digest of telos, digest of the two files
//! generations/0000.json             settings and trial ids of a generation, in index order
//! trials/<id>/config.toml           the resolved configuration: `telos train` with it repeats the trial
//! trials/<id>/trial.json            what the sweep chose, seed, steps, parent
//! trials/<id>/attempts/0001/        a run directory of its own for every process that tried
//! trials/<id>/attempts/0001.json    how that attempt ended; absent while it runs, or if it was killed
//! trials/<id>/result.json           the `result.json` of the first attempt that finished
//! trials/<id>/duplicates/0002.json  results of later attempts that differ from it: a determinism fault
//! summary.json, summary.csv         every trial in generation and index order, once the sweep is done
//! ```
//!
//! Every file but those inside a run directory is written whole or not at all, once, under its
//! final name by a hard link, so two coordinators on two machines need no lock. No decision reads a
//! clock or a modification time.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use telos_checkpoint::{publish, sync_directory};

use super::{Specification, digest, generation::Generation, trial::Trial};
use crate::TelosError;

/// Number of the layout above.
const FORMAT: u32 = 1;

/// A sweep directory with its checked specification.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    specification: Specification,
    base: String,
    identity: Identity,
}

/// `store.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    format: u32,
    telos: String,
    program: String,
    sweep: String,
}

impl Store {
    /// Makes the sweep directory `path` for the sweep file `file`, or opens it when it is that of
    /// the same sweep.
    ///
    /// # Errors
    /// When the sweep file or its base cannot be used, `path` holds something else, or cannot be
    /// written.
    pub fn create(path: &Path, file: &Path) -> Result<Self, TelosError> {
        let (text, specification, base) = read_sweep(file)?;
        if path.join("store.json").exists() {
            let store = Self::open(path)?;
            if store.identity.sweep != sweep_digest(&text, &base) {
                let reason = format!(
                    "holds another sweep than {}; name another --out, or go on with `telos sweep run {}`",
                    file.display(),
                    path.display()
                );
                return Err(TelosError::run(path, reason));
            }
            store.check_program()?;
            return Ok(store);
        }
        make_directory(path)?;
        let foreign = |name: &std::ffi::OsStr| {
            let name = name.to_string_lossy();
            !["sweep.toml", "base.toml", "store.json"].iter().any(|ours| name.starts_with(ours))
        };
        for entry in fs::read_dir(path).map_err(|source| TelosError::io(path, source))? {
            let name = entry.map_err(|source| TelosError::io(path, source))?.file_name();
            if foreign(&name) {
                return Err(TelosError::run(path, "is not empty and no sweep; name another --out"));
            }
        }
        let identity = Identity {
            format: FORMAT,
            telos: env!("CARGO_PKG_VERSION").into(),
            program: digest::of_this_program()?,
            sweep: sweep_digest(&text, &base),
        };
        let store = Self { path: path.to_owned(), specification, base, identity };
        store.publish_same(&path.join("sweep.toml"), text.as_bytes())?;
        store.publish_same(&path.join("base.toml"), store.base.as_bytes())?;
        // This one comes last: a directory that has it is complete.
        store.publish_same(&path.join("store.json"), json(&store.identity).as_bytes())?;
        Ok(store)
    }

    /// Opens a sweep directory; nothing in it will be changed until something is written.
    ///
    /// # Errors
    /// When `path` is no sweep directory, one of another layout, or its sweep file was changed.
    pub fn open(path: &Path) -> Result<Self, TelosError> {
        let manifest = path.join("store.json");
        let text = match fs::read_to_string(&manifest) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let reason = "not a sweep directory: it has no store.json; make it with `telos sweep plan`";
                return Err(TelosError::run(path, reason));
            }
            Err(source) => return Err(TelosError::io(&manifest, source)),
        };
        let FormatOnly { format } = parse(&manifest, &text)?;
        if format != FORMAT {
            let reason = format!(
                "`format` is {format}, but this telos {} reads format {FORMAT}; use the version that made the store",
                env!("CARGO_PKG_VERSION")
            );
            return Err(TelosError::run(&manifest, reason));
        }
        let identity: Identity = parse(&manifest, &text)?;
        let file = path.join("sweep.toml");
        let text = fs::read_to_string(&file).map_err(|source| TelosError::io(&file, source))?;
        let specification = Specification::parse(&file, &text)?;
        let base_file = path.join("base.toml");
        let base = fs::read_to_string(&base_file).map_err(|source| TelosError::io(&base_file, source))?;
        if identity.sweep != sweep_digest(&text, &base) {
            let reason = "was changed after the sweep began (the digest in store.json differs); restore it, \
                          or plan another sweep";
            return Err(TelosError::run(&file, reason));
        }
        Ok(Self { path: path.to_owned(), specification, base, identity })
    }

    /// Whether the running program is the one that planned the sweep.
    ///
    /// # Errors
    /// When it is another one, whose results need not be comparable.
    pub fn check_program(&self) -> Result<(), TelosError> {
        if digest::of_this_program()? == self.identity.program {
            return Ok(());
        }
        let reason = format!(
            "was planned by another build of telos (version {}); run it with that one, or plan the sweep \
             anew in another directory",
            self.identity.telos
        );
        Err(TelosError::run(&self.path.join("store.json"), reason))
    }

    /// Where the sweep lives.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the sweep file says.
    pub fn specification(&self) -> &Specification {
        &self.specification
    }

    /// Text of the base configuration.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// SHA-256 of the program that planned the sweep.
    pub(super) fn program(&self) -> &str {
        &self.identity.program
    }

    /// The directory of a trial.
    pub fn trial_path(&self, id: &str) -> PathBuf {
        self.path.join("trials").join(id)
    }

    /// The published result of a trial.
    pub fn result_path(&self, id: &str) -> PathBuf {
        self.trial_path(id).join("result.json")
    }

    /// Generation `number`, if it was decided.
    ///
    /// # Errors
    /// When its file is damaged or cannot be read.
    pub fn generation(&self, number: usize) -> Result<Option<Generation>, TelosError> {
        let path = self.generation_path(number);
        match fs::read_to_string(&path) {
            Ok(text) => parse(&path, &text).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(TelosError::io(&path, source)),
        }
    }

    /// All generations that were decided, in order.
    ///
    /// # Errors
    /// As [`generation`](Self::generation).
    pub fn generations(&self) -> Result<Vec<Generation>, TelosError> {
        let mut found = Vec::new();
        while let Some(generation) = self.generation(found.len())? {
            found.push(generation);
        }
        Ok(found)
    }

    /// Writes a trial; the same one may be there already.
    pub(super) fn add_trial(&self, trial: &Trial, config: &str) -> Result<(), TelosError> {
        let path = self.trial_path(&trial.id);
        if path.join("trial.json").exists() {
            // Another setting or generation, or a coordinator before this one.
            return Ok(());
        }
        make_directory(&path)?;
        self.publish_same(&path.join("config.toml"), config.as_bytes())?;
        // Two settings may resolve to one configuration: whoever names the trial first names it.
        publish(&path.join("trial.json"), json(trial).as_bytes())?;
        Ok(())
    }

    /// Reads a trial.
    ///
    /// # Errors
    /// When there is none of this id, or its file is damaged.
    pub fn trial(&self, id: &str) -> Result<Trial, TelosError> {
        let path = self.trial_path(id).join("trial.json");
        let text = fs::read_to_string(&path).map_err(|source| TelosError::io(&path, source))?;
        parse(&path, &text)
    }

    /// Decides a generation, once all of its trials are written.
    pub(super) fn add_generation(&self, generation: &Generation) -> Result<(), TelosError> {
        let path = self.generation_path(generation.generation);
        make_directory(path.parent().expect("the path has two parts below the store"))?;
        self.publish_same(&path, json(generation).as_bytes())
    }

    /// Publishes what every coordinator must write the same.
    fn publish_same(&self, path: &Path, bytes: &[u8]) -> Result<(), TelosError> {
        if publish(path, bytes)? {
            return Ok(());
        }
        let found = fs::read(path).map_err(|source| TelosError::io(path, source))?;
        if found == bytes {
            return Ok(());
        }
        let reason = "another coordinator wrote something else here; the sweep goes on with what is there: \
                      run the command again";
        Err(TelosError::run(path, reason))
    }

    fn generation_path(&self, number: usize) -> PathBuf {
        self.path.join("generations").join(format!("{number:04}.json"))
    }
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

/// Text and content of a sweep file, and the text of its base.
fn read_sweep(file: &Path) -> Result<(String, Specification, String), TelosError> {
    let read = |path: &Path| {
        fs::read_to_string(path)
            .map_err(|source| crate::config::ConfigError::Read { path: path.to_owned(), source })
    };
    let text = read(file)?;
    let specification = Specification::parse(file, &text)?;
    let base = read(&file.with_file_name(&specification.base))?;
    Ok((text, specification, base))
}

fn sweep_digest(sweep: &str, base: &str) -> String {
    digest::of_bytes(
        format!("{}\n{}\n", digest::of_bytes(sweep.as_bytes()), digest::of_bytes(base.as_bytes())).as_bytes(),
    )
}

/// Makes a directory and its parents, durably.
pub(crate) fn make_directory(path: &Path) -> Result<(), TelosError> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(|source| TelosError::io(path, source))?;
    Ok(sync_directory(path)?)
}

/// Reads a JSON file of the store.
pub(super) fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, TelosError> {
    serde_json::from_str(text)
        .map_err(|error| TelosError::run(path, format!("not what `telos sweep` writes here: {error}")))
}

/// A JSON file of the store.
pub(super) fn json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("what the store holds has string keys");
    text.push('\n');
    text
}
