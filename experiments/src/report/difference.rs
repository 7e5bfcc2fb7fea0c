//! In which keys of their configurations the groups of a task differ.

use std::collections::BTreeSet;

use super::{group::Group, label::differing_keys};

/// One row of the table of differences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Dotted name of the key, or the name of a table in brackets.
    pub(super) key: String,
    /// Its value in each group, in their order; `None` where the group does not read it.
    pub(super) values: Vec<Option<String>>,
}

/// The keys that differ. A table that some groups do not read at all is one row, not one for each of
/// its keys, unless groups that read it differ in it.
pub(super) fn differences(groups: &[Group]) -> Vec<Difference> {
    let reads = |group: &Group, table: &str| group.entries.keys().any(|key| top(key) == Some(table));
    let mut found = Vec::new();
    let mut reported = BTreeSet::new();
    for key in differing_keys(groups.iter().map(|group| &group.entries)) {
        if let Some(table) = top(&key) {
            let readers: Vec<&Group> = groups.iter().filter(|group| reads(group, table)).collect();
            if readers.len() < groups.len() && reported.insert(table.to_owned()) {
                let value = |group| reads(group, table).then(|| "read".to_owned());
                found.push(Difference {
                    key: format!("[{table}]"),
                    values: groups.iter().map(value).collect(),
                });
            }
            if !differing_keys(readers.iter().map(|group| &group.entries)).contains(&key) {
                continue;
            }
        }
        let value = |group: &Group| group.entries.get(&key).cloned();
        found.push(Difference { values: groups.iter().map(value).collect(), key });
    }
    found
}

/// The table that a dotted key stands in.
fn top(key: &str) -> Option<&str> {
    Some(key.split_once('.')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(pairs: &[(&str, &str)]) -> Group {
        let entries = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Group { label: String::new(), entries, runs: Vec::new() }
    }

    #[test]
    fn a_table_that_is_not_read_is_one_row() {
        let groups = [
            group(&[("loop", "a"), ("p.x", "1"), ("p.y", "2")]),
            group(&[("loop", "a"), ("p.x", "1"), ("p.y", "3")]),
            group(&[("loop", "b")]),
        ];
        let rows: Vec<(String, Vec<Option<String>>)> =
            differences(&groups).into_iter().map(|row| (row.key, row.values)).collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            rows,
            [
                ("loop".to_owned(), vec![some("a"), some("a"), some("b")]),
                ("[p]".to_owned(), vec![some("read"), some("read"), None]),
                ("p.y".to_owned(), vec![some("2"), some("3"), None]),
            ]
        );
    }
}
