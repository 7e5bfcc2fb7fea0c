//! What can be wrong with a configuration. Every message names the file and line, or the flag.

use std::path::PathBuf;

use super::{suggestion::nearest, tree::Place};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is not TOML, or a flag is not `key=value`.
    #[error("{place}: {}", reason.trim_end())]
    Syntax {
        /// Where.
        place: Place,
        /// What the parser expected.
        reason: String,
    },
    /// A key that no table of this name has.
    #[error("{place}: unknown key `{key}` {}; {advice}", table_name(table))]
    UnknownKey {
        /// Where.
        place: Place,
        /// The key as written.
        key: String,
        /// Dotted name of the table; empty at the top level.
        table: String,
        /// The nearest key, or all of them.
        advice: String,
    },
    /// A key with a value of another type, or outside its range.
    #[error("{place}: `{key}`: {reason}")]
    Value {
        /// Where.
        place: Place,
        /// Dotted name of the key.
        key: String,
        /// What is wrong and what would be right.
        reason: String,
    },
}

impl ConfigError {
    pub(super) fn unknown_key(place: Place, key: &str, table: &str, known: &[&str]) -> Self {
        let advice = match nearest(key, known) {
            Some(similar) => format!("did you mean `{similar}`?"),
            None => format!("its keys are {}", known.join(", ")),
        };
        Self::UnknownKey { place, key: key.to_owned(), table: table.to_owned(), advice }
    }

    pub(super) fn unknown_choice(place: Place, key: &str, value: &str, known: &[&str]) -> Self {
        let reason = match nearest(value, known) {
            Some(similar) => format!("there is no \"{value}\"; did you mean \"{similar}\"?"),
            None => format!("there is no \"{value}\"; choose from {}", known.join(", ")),
        };
        Self::Value { place, key: key.to_owned(), reason }
    }
}

fn table_name(table: &str) -> String {
    if table.is_empty() { "at the top level".to_owned() } else { format!("in [{table}]") }
}
