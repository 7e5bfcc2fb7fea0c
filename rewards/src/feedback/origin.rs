//! `origin.json`: which task a ledger is about.

use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize};
use telos_checkpoint::atomic_write;

use crate::RewardError;

const FILE: &str = "origin.json";

#[derive(Serialize, Deserialize)]
struct Origin {
    /// The environment's id.
    env: String,
}

/// Refuses a ledger that is known to be about another task.
pub(super) fn check(directory: &Path, env: &str) -> Result<(), RewardError> {
    let path = directory.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(RewardError::io(&path)(error)),
    };
    let found: Origin = serde_json::from_slice(&bytes).map_err(|error| {
        let reason = format!("{error}; delete the file if the ledger is about `{env}`");
        RewardError::DamagedRow { path: path.clone(), line: error.line(), reason }
    })?;
    if found.env == env {
        return Ok(());
    }
    Err(RewardError::OtherTask { path: directory.to_owned(), expected: env.to_owned(), found: found.env })
}

/// Keeps the task's id beside the rows, once.
pub(super) fn write(directory: &Path, env: &str) -> Result<(), RewardError> {
    let path = directory.join(FILE);
    if path.exists() {
        return Ok(());
    }
    let text = serde_json::to_vec(&Origin { env: env.to_owned() }).expect("a text is JSON");
    Ok(atomic_write(&path, &text)?)
}
