//! What sets a group apart, in few words.

use std::collections::{BTreeMap, BTreeSet};

use super::group::Group;

/// Names every group of one task: by its configured label or its kind of loop where these differ, and by
/// the keys in which it differs from others of that name.
pub(super) fn label(groups: &mut [Group]) {
    let mut kinds: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, group) in groups.iter().enumerate() {
        kinds.entry(kind(group)).or_default().push(index);
    }
    for (kind, members) in &kinds {
        let differing = differing_keys(members.iter().map(|index| &groups[*index].entries));
        for &index in members {
            let settings = settings(&groups[index].entries, &differing);
            groups[index].label = match (settings.is_empty(), kinds.len()) {
                (true, _) => kind.clone(),
                (false, 1) if !groups[index].entries.contains_key("label") => settings,
                (false, _) => format!("{kind}, {settings}"),
            };
        }
    }
}

/// Keys whose values are not all the same.
pub(super) fn differing_keys<'a>(
    all: impl Iterator<Item = &'a BTreeMap<String, String>> + Clone,
) -> BTreeSet<String> {
    let keys: BTreeSet<&String> = all.clone().flat_map(BTreeMap::keys).collect();
    let differs = |key: &str| {
        let mut values = all.clone().map(|entries| entries.get(key));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    keys.into_iter().filter(|key| differs(key)).cloned().collect()
}

fn kind(group: &Group) -> String {
    let of = |key: &str| group.entries.get(key).map_or("", |value| value.trim_matches('"'));
    match of("loop") {
        _ if group.entries.contains_key("label") => of("label").to_owned(),
        "preferences" => format!("{} preferences", of("preferences.budget")),
        "online" => {
            let weighted = group.entries.keys().any(|key| key.starts_with("reward.factors."));
            let reward = if weighted { "weighted factors" } else { "the gold reward" };
            format!("{} on {reward}", of("learner").to_uppercase())
        }
        other => other.to_owned(),
    }
}

/// `key = value` of the keys that differ, without the tables that stand before them.
fn settings(entries: &BTreeMap<String, String>, differing: &BTreeSet<String>) -> String {
    let name = |key: &str| key.rsplit('.').next().unwrap_or(key).to_owned();
    let parts = differing.iter().filter_map(|key| Some(format!("{} = {}", name(key), entries.get(key)?)));
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(all: &[&[(&str, &str)]]) -> Vec<Group> {
        let entries = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        all.iter()
            .map(|pairs| Group { label: String::new(), entries: entries(pairs), runs: Vec::new() })
            .collect()
    }

    fn labels(all: &[&[(&str, &str)]]) -> Vec<String> {
        let mut groups = groups(all);
        label(&mut groups);
        groups.into_iter().map(|group| group.label).collect()
    }

    #[test]
    fn the_kind_comes_first_and_then_what_differs_within_it() {
        let preferences = ("loop", "\"preferences\"");
        let online = [("loop", "\"online\""), ("learner", "\"sac\"")];
        assert_eq!(
            labels(&[
                &[preferences, ("preferences.budget", "200"), ("preferences.teacher.mistake", "0.0")],
                &online
            ]),
            ["200 preferences", "SAC on the gold reward"]
        );
        let noisy =
            |mistake| [preferences, ("preferences.budget", "200"), ("preferences.teacher.mistake", mistake)];
        assert_eq!(
            labels(&[&noisy("0.0"), &noisy("0.1"), &online]),
            ["200 preferences, mistake = 0.0", "200 preferences, mistake = 0.1", "SAC on the gold reward"]
        );
        assert_eq!(
            labels(&[
                &[online[0], online[1], ("sac.gamma", "0.9")],
                &[online[0], online[1], ("sac.gamma", "0.99")]
            ]),
            ["gamma = 0.9", "gamma = 0.99"]
        );
        assert_eq!(labels(&[&online]), ["SAC on the gold reward"]);
        let named = ("label", "\"PEBBLE\"");
        assert_eq!(labels(&[&[preferences, named], &online]), ["PEBBLE", "SAC on the gold reward"]);
        assert_eq!(
            labels(&[&[named, ("sac.gamma", "0.9")], &[named, ("sac.gamma", "0.99")]]),
            ["PEBBLE, gamma = 0.9", "PEBBLE, gamma = 0.99"]
        );
        let weighted = [online[0], online[1], ("reward.factors.upright", "0.5")];
        assert_eq!(labels(&[&online, &weighted]), ["SAC on the gold reward", "SAC on weighted factors"]);
    }
}
