//! The fully resolved form: every key that the run reads, written out, comparable.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::{Config, deserialize::ABSENT};

/// The first key in which two configurations differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Dotted name of the key.
    pub key: String,
    /// The value in the first configuration, as TOML; `nothing` where it has no such key.
    pub first: String,
    /// The value in the second.
    pub second: String,
}

impl Config {
    /// First line of what [`to_toml`](Self::to_toml) writes.
    pub(crate) const RESOLVED_HEADER: &'static str = "# Every key of this run, defaults included.\n";

    /// Every key that the run reads, as TOML. Reading it back gives an equal configuration.
    pub fn to_toml(&self) -> String {
        Self::text_of(&self.table())
    }

    /// Checksum of what results depend on: all but the number of threads.
    pub fn digest(&self) -> String {
        Self::digest_of(&self.to_toml()).expect("a resolved configuration is TOML")
    }

    /// The [`digest`](Self::digest) that a configuration had when it was written as `resolved`, by this
    /// version or by one that knew fewer keys; `None` for what is no TOML.
    pub(crate) fn digest_of(resolved: &str) -> Option<String> {
        let mut table: Table = resolved.parse().ok()?;
        if let Some(Value::Table(env)) = table.get_mut("env") {
            env.insert("threads".into(), Value::Integer(0));
        }
        Some(format!("{:08x}", crc32fast::hash(Self::text_of(&table).as_bytes())))
    }

    fn text_of(table: &Table) -> String {
        let body = toml::to_string(table).expect("a table of TOML values is TOML");
        format!("{}{body}", Self::RESOLVED_HEADER)
    }

    /// The first key, other than the number of threads, in which `other` differs.
    pub fn difference(&self, other: &Self) -> Option<Difference> {
        let mut other = other.clone();
        other.env.threads = self.env.threads;
        first_difference("", &Value::Table(self.table()), &Value::Table(other.table()))
    }

    /// Every key that the run reads, as a dotted name, with its value as TOML; names ascending.
    pub fn entries(&self) -> BTreeMap<String, String> {
        let mut entries = BTreeMap::new();
        flatten("", &Value::Table(self.table()), &mut entries);
        entries
    }

    fn table(&self) -> Table {
        let mut table = table_of(self);
        write_absences(&mut table, &table_of(&Self::default()));
        for (unread, _) in self.unread_tables() {
            table.remove(unread);
        }
        table
    }
}

/// By way of JSON text, which writes a single-precision number in its own shortest form: 0.99, where
/// TOML would have the double nearest to it, 0.9900000095367432.
fn table_of(config: &Config) -> Table {
    let text = serde_json::to_string(config).expect("configurations hold only what JSON can hold");
    let mut tree = serde_json::from_str(&text).expect("this is JSON");
    drop_nulls(&mut tree);
    Table::try_from(tree).expect("without nulls, TOML can hold what JSON can")
}

fn drop_nulls(tree: &mut serde_json::Value) {
    if let serde_json::Value::Object(entries) = tree {
        entries.retain(|_, value| !value.is_null());
        entries.values_mut().for_each(drop_nulls);
    }
}

/// TOML has no null: an optional value that is absent here but has a default is written as
/// [`ABSENT`], or reading it back would give the default.
fn write_absences(table: &mut Table, defaults: &Table) {
    for (key, default) in defaults {
        match (table.get_mut(key), default) {
            // Another kind has other keys.
            (Some(Value::Table(inner)), Value::Table(defaults))
                if inner.get("kind") == defaults.get("kind") =>
            {
                write_absences(inner, defaults);
            }
            (Some(_), _) => {}
            (None, _) => {
                table.insert(key.clone(), Value::String(ABSENT.to_owned()));
            }
        }
    }
}

fn flatten(key: &str, value: &Value, entries: &mut BTreeMap<String, String>) {
    let Value::Table(table) = value else {
        entries.insert(key.to_owned(), value.to_string());
        return;
    };
    for (name, value) in table {
        let inner = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
        flatten(&inner, value, entries);
    }
}

fn first_difference(key: &str, first: &Value, second: &Value) -> Option<Difference> {
    let (Value::Table(a), Value::Table(b)) = (first, second) else {
        return (first != second).then(|| Difference {
            key: key.to_owned(),
            first: first.to_string(),
            second: second.to_string(),
        });
    };
    let nothing = Value::String("nothing".into());
    let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    names.into_iter().find_map(|name| {
        let inner = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
        first_difference(&inner, a.get(name).unwrap_or(&nothing), b.get(name).unwrap_or(&nothing))
    })
}
