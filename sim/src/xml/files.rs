//! Files that a robot file refers to: included parts and meshes.

use std::path::{Path, PathBuf};

use crate::SimError;

/// Finds and reads files, and remembers what was read.
pub(crate) struct Files {
    /// Folder of the main file; `None` for a model that was given as text.
    folder: Option<PathBuf>,
    /// FNV-1a over everything read.
    fingerprint: u64,
}

impl Files {
    /// Files beside `main`, whose text is `text`.
    pub(crate) fn beside(main: Option<&Path>, text: &str) -> Self {
        let folder = main.map(|main| main.parent().unwrap_or(Path::new("")).to_owned());
        let mut files = Self { folder, fingerprint: 0xcbf2_9ce4_8422_2325 };
        files.remember(text.as_bytes());
        files
    }

    /// Identifies the model: it is that of other files, or of other versions of them, only by accident.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    fn remember(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.fingerprint = (self.fingerprint ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Where `path` lies: as it is if absolute, else in the folder of the main file.
    ///
    /// # Errors
    /// For a model that was given as text: the reason and the way out.
    pub(crate) fn locate(&self, path: &Path) -> Result<PathBuf, String> {
        match &self.folder {
            Some(folder) => Ok(folder.join(path)),
            None => Err(format!(
                "the model was given as text, so `{}` cannot be found; load it from its file",
                path.display()
            )),
        }
    }

    /// Reads a file that [`locate`](Self::locate) found.
    ///
    /// # Errors
    /// When it cannot be read: the path and what the system said.
    pub(crate) fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        self.remember(&bytes);
        Ok(bytes)
    }

    /// Reads a text file.
    ///
    /// # Errors
    /// As [`read`](Self::read), and when it is not UTF-8.
    pub(crate) fn read_text(&mut self, path: &Path) -> Result<String, String> {
        let bytes = self.read(path)?;
        String::from_utf8(bytes).map_err(|error| format!("{}: not UTF-8 text: {error}", path.display()))
    }
}

/// Reads the main file of a model.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn read_main(path: &Path) -> Result<String, SimError> {
    std::fs::read_to_string(path).map_err(|source| SimError::Io { path: path.to_owned(), source })
}
