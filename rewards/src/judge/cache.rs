//! Replies by the content of their requests.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;
use sha2::{Digest, Sha256};
use telos_checkpoint::atomic_write;

use super::Reply;
use crate::RewardError;

/// A directory with one file per reply, named by the SHA-256 of what was asked of whom. It outlives the
/// run: asked again, nothing is sent and nothing is paid. Several processes may share it.
#[derive(Clone, Debug)]
pub struct ReplyCache {
    directory: PathBuf,
}

impl ReplyCache {
    /// The cache in `directory`, which is created.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(directory: &Path) -> Result<Self, RewardError> {
        fs::create_dir_all(directory).map_err(RewardError::io(directory))?;
        Ok(Self { directory: directory.to_owned() })
    }

    fn path(&self, url: &str, body: &Value) -> PathBuf {
        let digest = Sha256::new().chain_update(url).chain_update([0]).chain_update(body.to_string());
        let name: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        self.directory.join(name).with_extension("json")
    }

    /// The stored reply. A file that is damaged counts as absent: its request is sent again.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn get(&self, url: &str, body: &Value) -> Result<Option<Reply>, RewardError> {
        let path = self.path(url, body);
        match fs::read(&path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(RewardError::io(&path)(error)),
        }
    }

    pub(super) fn put(&self, url: &str, body: &Value, reply: &Reply) -> Result<(), RewardError> {
        let bytes = serde_json::to_vec(reply).expect("a reply has string keys");
        Ok(atomic_write(&self.path(url, body), &bytes)?)
    }
}
