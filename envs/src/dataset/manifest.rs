//! `manifest.json`: what the columns of a dataset are, and their hashes. A directory with one is complete.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};

use super::{DatasetError, DatasetInfo};

/// Changes when older versions of telos could no longer read the columns.
pub(super) const FORMAT: u32 = 1;
/// Name of the file.
pub(super) const MANIFEST: &str = "manifest.json";

/// How the elements of a column are stored, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ElementType {
    F32,
    U8,
    U64,
}

impl ElementType {
    /// Bytes per element.
    pub(super) fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::U8 => 1,
            Self::U64 => 8,
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::U8 => "u8",
            Self::U64 => "u64",
        }
    }
}

/// One column: `rows` rows of `width` elements in the file `<name>.<type>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnEntry {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) element: ElementType,
    pub(super) width: usize,
    pub(super) rows: usize,
    /// Of the file, in hexadecimal.
    pub(super) sha256: String,
}

/// Name of the file of a column.
pub(super) fn file_name(name: &str, element: ElementType) -> String {
    format!("{name}.{}", element.extension())
}

/// The whole file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) format: u32,
    pub(super) episodes: usize,
    pub(super) steps: usize,
    pub(super) info: DatasetInfo,
    pub(super) columns: Vec<ColumnEntry>,
}

impl Manifest {
    /// Reads the manifest of the dataset at `directory`.
    pub(super) fn read(directory: &Path) -> Result<Self, DatasetError> {
        let path = directory.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let reason = if directory.exists() {
                    "is no dataset of telos: it has no manifest.json; foreign formats go through \
                     `telos dataset convert`"
                } else {
                    "does not exist"
                };
                return Err(DatasetError::file(directory, reason));
            }
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(DatasetError::file(&path, "is not text; restore the dataset"));
            }
            Err(source) => return Err(DatasetError::io(&path, source)),
        };
        let wrong = |reason: String| DatasetError::file(&path, reason);
        let value: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| wrong(format!("is not JSON: {error}")))?;
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(found) if found == u64::from(FORMAT) => {}
            Some(found) => {
                let reason = format!("has format {found}, this telos reads format {FORMAT}; use its version");
                return Err(wrong(reason));
            }
            None => return Err(wrong("has no `format` number: it is no manifest of a dataset".into())),
        }
        serde_json::from_value(value).map_err(|error| wrong(format!("is damaged: {error}")))
    }

    /// Whether there is a column of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|entry| entry.name == name)
    }

    /// The entry of a column, after a check of its type and shape.
    pub(super) fn column(
        &self,
        directory: &Path,
        name: &str,
        element: ElementType,
        width: usize,
        rows: usize,
    ) -> Result<&ColumnEntry, DatasetError> {
        let wrong = |reason: String| DatasetError::column(&directory.join(MANIFEST), name, reason);
        let entry = self.columns.iter().find(|entry| entry.name == name);
        let entry = entry.ok_or_else(|| wrong("is missing; restore the dataset".into()))?;
        if (entry.element, entry.width, entry.rows) != (element, width, rows) {
            return Err(wrong(format!(
                "is [{}, {}] of {:?}, but the rest of the manifest asks for [{rows}, {width}] of {element:?}",
                entry.rows, entry.width, entry.element
            )));
        }
        Ok(entry)
    }
}
