//! A configuration as written: values that remember which line or `--set` flag they came from.

use std::{fmt, path::PathBuf};

use toml::de::{DeTable, DeValue};

use super::ConfigError;

/// Where a value was written, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of a file, counted from 1.
    Line {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// A file as a whole: something is missing from it.
    File {
        /// The file.
        path: PathBuf,
    },
    /// A `--set` flag, as typed.
    Flag {
        /// `key.path=value`.
        text: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { path, line } => write!(f, "{}:{line}", path.display()),
            Self::File { path } => write!(f, "{}", path.display()),
            Self::Flag { text } => write!(f, "--set {text}"),
        }
    }
}

/// A value and where its key was written.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// The TOML types, without dates, which no key of telos has.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Array(Vec<Node>),
    Table(Vec<(String, Node)>),
}

/// Builds the tree of a TOML text.
pub(crate) fn parse_file(path: PathBuf, text: &str) -> Result<Node, ConfigError> {
    let line_of =
        |offset: usize| text.as_bytes()[..offset.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1;
    let place = |offset: usize| Place::Line { path: path.clone(), line: line_of(offset) };
    let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        place: place(error.span().map_or(0, |span| span.start)),
        reason: error.message().to_owned(),
    })?;
    let value = convert_table(table.get_ref(), &place)?;
    Ok(Node { place: Place::File { path: path.clone() }, value })
}

/// Sets `key.path=value` in `root`; the value is TOML, or else a string.
pub(super) fn apply_override(root: &mut Node, text: &str) -> Result<(), ConfigError> {
    let place = Place::Flag { text: text.to_owned() };
    let syntax = |reason: &str| ConfigError::Syntax { place: place.clone(), reason: reason.to_owned() };
    let (key, written) =
        text.split_once('=').ok_or_else(|| syntax("expected key=value, such as sac.gamma=0.98"))?;
    let (key, written) = (key.trim(), written.trim());
    let value = match DeValue::parse(written) {
        Ok(parsed) => convert(parsed.get_ref(), &|_| place.clone())?,
        Err(_) => Value::Text(written.to_owned()),
    };
    let parts: Vec<&str> = key.split('.').map(str::trim).collect();
    if parts.iter().any(|part| part.is_empty()) {
        return Err(syntax("the key before `=` has an empty part"));
    }
    let (last, tables) = parts.split_last().expect("split yields at least one part");
    let mut node = root;
    for (depth, part) in tables.iter().enumerate() {
        let Value::Table(entries) = &mut node.value else {
            return Err(syntax(&format!("`{}` is not a table", parts[..depth].join("."))));
        };
        node = table_entry(entries, part, &place);
    }
    let Value::Table(entries) = &mut node.value else {
        return Err(syntax(&format!("`{}` is not a table", tables.join("."))));
    };
    entries.retain(|(name, _)| name != last);
    entries.push(((*last).to_owned(), Node { place, value }));
    Ok(())
}

/// The entry `key`, made as an empty table when there is none.
fn table_entry<'a>(entries: &'a mut Vec<(String, Node)>, key: &str, place: &Place) -> &'a mut Node {
    let index = entries.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
        entries.push((key.to_owned(), Node { place: place.clone(), value: Value::Table(Vec::new()) }));
        entries.len() - 1
    });
    &mut entries[index].1
}

impl Node {
    /// Where `key` (dotted) was written; the nearest enclosing table when it was not.
    pub(super) fn place_of(&self, key: &str) -> &Place {
        self.place_at(key.split('.'))
    }

    /// As [`place_of`](Self::place_of), for keys that may hold dots themselves.
    pub(crate) fn place_at<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> &Place {
        let mut node = self;
        for part in path {
            let Value::Table(entries) = &node.value else { break };
            let Some((_, inner)) = entries.iter().find(|(name, _)| name == part) else { break };
            node = inner;
        }
        &node.place
    }

    /// Whether `key` (dotted) was written.
    pub(crate) fn has(&self, key: &str) -> bool {
        let mut node = self;
        key.split('.').all(|part| match &node.value {
            Value::Table(entries) => {
                entries.iter().find(|(name, _)| name == part).is_some_and(|(_, inner)| {
                    node = inner;
                    true
                })
            }
            _ => false,
        })
    }
}

fn convert_table(table: &DeTable<'_>, place: &dyn Fn(usize) -> Place) -> Result<Value, ConfigError> {
    let mut entries: Vec<_> = table.iter().collect();
    // In the order of the file, so that the first mistake is the one reported.
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
        .into_iter()
        .map(|(key, value)| {
            let here = place(key.span().start);
            Ok((key.get_ref().to_string(), Node { place: here, value: convert(value.get_ref(), place)? }))
        })
        .collect::<Result<_, _>>()
        .map(Value::Table)
}

fn convert(value: &DeValue<'_>, place: &dyn Fn(usize) -> Place) -> Result<Value, ConfigError> {
    Ok(match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(value) => Value::Integer(value),
            // Serde then reports the text where a number was expected.
            Err(_) => Value::Text(integer.to_string()),
        },
        DeValue::Float(float) => Value::Float(float.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Datetime(date) => Value::Text(date.to_string()),
        DeValue::Table(table) => convert_table(table, place)?,
        DeValue::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| {
                    Ok(Node { place: place(item.span().start), value: convert(item.get_ref(), place)? })
                })
                .collect::<Result<_, ConfigError>>()?,
        ),
    })
}
