//! Reading Minari.

use std::{fs, path::Path};

use serde_json::Value;

use super::{EPISODES, METADATA};
use crate::{
    BoxSpace,
    dataset::{
        Dataset, DatasetError, DatasetWriter, Episode,
        foreign::{Findings, Format, ImportOptions, hdf5::Hdf5, table::Table},
    },
};

pub(in crate::dataset::foreign) fn import(
    path: &Path,
    options: &ImportOptions,
    out: &Path,
) -> Result<Dataset, DatasetError> {
    let data = if path.join("data").is_dir() { path.join("data") } else { path.to_owned() };
    let metadata = Metadata::read(&data.join(METADATA))?;
    let file = Hdf5::open(&data.join(EPISODES))?;
    let keys = match options.observations.as_slice() {
        [] => metadata.observations.clone(),
        keys => keys.to_vec(),
    };
    let groups = file.groups("/")?;
    let mut episodes = Vec::with_capacity(metadata.episodes);
    for number in 0..metadata.episodes {
        let name = format!("episode_{number}");
        if !groups.contains(&name) {
            let reason = format!("is missing, but {METADATA} counts {} episodes", metadata.episodes);
            return Err(DatasetError::column(file.path(), &name, reason));
        }
        episodes.push(Recorded::read(&file, &name, &keys, options.truncate_last)?);
    }
    let Some(first) = episodes.first() else {
        return Err(DatasetError::file(&data.join(METADATA), "counts no episodes"));
    };
    let success = episodes.iter().all(|episode| episode.success.is_some());
    let findings = Findings {
        format: Format::Minari,
        env: metadata.env,
        obs_size: first.obs.width,
        action: metadata.action,
        dt: None,
        factors: Vec::new(),
        success,
    };
    let info = findings.describe(path, options, episodes.iter().map(|episode| &episode.actions))?;
    let mut writer = DatasetWriter::create(out, info)?;
    for (number, episode) in episodes.into_iter().enumerate() {
        let widths = [
            ("observations", episode.obs.width, writer.info().obs_size),
            ("actions", episode.actions.width, writer.info().action_size()),
        ];
        for (column, found, expected) in widths {
            if found != expected {
                let reason = format!("has {found} components, those of episode_0 have {expected}");
                return Err(DatasetError::column(file.path(), &format!("episode_{number}/{column}"), reason));
            }
        }
        writer.push(episode.into_episode(success).view())?;
    }
    writer.finish()
}

/// What `metadata.json` says.
struct Metadata {
    episodes: usize,
    env: Option<String>,
    action: Option<BoxSpace>,
    /// Names of the observations; none where they have none.
    observations: Vec<String>,
}

impl Metadata {
    fn read(path: &Path) -> Result<Self, DatasetError> {
        let text = fs::read_to_string(path).map_err(|source| DatasetError::io(path, source))?;
        let wrong = |reason: String| DatasetError::file(path, reason);
        let value: Value = json(&text).map_err(|error| wrong(format!("is not JSON: {error}")))?;
        let format = value["data_format"].as_str().unwrap_or("hdf5");
        if format != "hdf5" {
            return Err(wrong(format!(
                "the data is in the format \"{format}\"; telos reads \"hdf5\": write it again with \
                 minari's data_format=\"hdf5\""
            )));
        }
        let space = |key: &str| -> Result<Value, DatasetError> {
            let text = value[key].as_str().unwrap_or("null");
            json(text).map_err(|error| wrong(format!("`{key}` is not JSON: {error}")))
        };
        let observations = space("observation_space")?;
        let observations = match observations["type"].as_str() {
            Some("Box") | None => Vec::new(),
            Some("Dict") => observations["subspaces"]
                .as_object()
                .into_iter()
                .flat_map(|map| map.keys().cloned())
                .collect(),
            Some(other) => {
                return Err(wrong(format!(
                    "`observation_space` is a {other}; telos reads Box and Dict of Box"
                )));
            }
        };
        let action = space("action_space")?;
        let action = match action["type"].as_str() {
            Some("Box") => {
                bounds(&action["low"]).zip(bounds(&action["high"])).map(|(low, high)| BoxSpace { low, high })
            }
            None => None,
            Some(other) => {
                return Err(wrong(format!("`action_space` is a {other}; telos reads Box")));
            }
        };
        let spec = value["env_spec"].as_str().and_then(|text| json(text).ok()).unwrap_or_default();
        let env = spec["id"].as_str().or(value["dataset_id"].as_str());
        let episodes = value["total_episodes"].as_u64().and_then(|count| usize::try_from(count).ok());
        Ok(Self {
            episodes: episodes.ok_or_else(|| wrong("has no `total_episodes`".into()))?,
            env: env.map(str::to_owned),
            action,
            observations,
        })
    }
}

/// JSON as Python writes it, with infinities, which JSON has not.
fn json(text: &str) -> serde_json::Result<Value> {
    serde_json::from_str(
        &text.replace("-Infinity", "null").replace("Infinity", "null").replace("NaN", "null"),
    )
}

/// The bounds of a Box, if all are finite.
fn bounds(value: &Value) -> Option<Vec<f32>> {
    value.as_array()?.iter().map(|bound| bound.as_f64().map(|bound| bound as f32)).collect()
}

/// An episode as the file has it.
struct Recorded {
    obs: Table,
    actions: Table,
    rewards: Table,
    success: Option<Vec<bool>>,
    terminated: bool,
}

impl Recorded {
    fn read(file: &Hdf5, group: &str, keys: &[String], truncate: bool) -> Result<Self, DatasetError> {
        let path = file.path();
        let column = |name: &str| format!("{group}/{name}");
        let actions = file.finite(&column("actions"))?;
        let rewards = file.finite(&column("rewards"))?;
        let obs = match keys {
            [] => file.finite(&column("observations"))?,
            keys => {
                let table = |key: &String| file.finite(&column(&format!("observations/{key}")));
                let tables = keys.iter().map(table).collect::<Result<Vec<_>, _>>()?;
                for (key, table) in keys.iter().zip(&tables) {
                    table.check_rows(
                        path,
                        &column(&format!("observations/{key}")),
                        tables[0].rows,
                        &keys[0],
                    )?;
                }
                Table::beside(&tables)
            }
        };
        let steps = actions.rows;
        rewards.check_rows(path, &column("rewards"), steps, &column("actions"))?;
        if rewards.width != 1 {
            return Err(DatasetError::column(
                path,
                &column("rewards"),
                "has several values per row; one is needed",
            ));
        }
        if obs.rows != steps + 1 {
            let reason = format!(
                "has {} rows, but {} belong to {steps} actions: one before each, and the last",
                obs.rows,
                steps + 1
            );
            return Err(DatasetError::column(path, &column("observations"), reason));
        }
        let [terminations, truncations] =
            ["terminations", "truncations"].map(|name| file.flags(&column(name)));
        let (terminations, truncations) = (terminations?, truncations?);
        for (name, flags) in [("terminations", &terminations), ("truncations", &truncations)] {
            if flags.len() != steps {
                let reason =
                    format!("has {} rows, but {steps} belong to `{}`", flags.len(), column("actions"));
                return Err(DatasetError::column(path, &column(name), reason));
            }
            if let Some(row) = flags[..steps - 1].iter().position(|flag| *flag) {
                let reason = format!("ends the episode, but {steps} rows belong to it");
                return Err(DatasetError::row(path, &column(name), row, reason));
            }
        }
        if !(terminations[steps - 1] || truncations[steps - 1] || truncate) {
            let reason = "is the last of an episode that neither `terminations` nor `truncations` end; pass \
                          --truncate-last to take it as cut off there";
            return Err(DatasetError::row(path, &column("truncations"), steps - 1, reason));
        }
        // One entry for the reset and one for each step, as Gymnasium's infos come.
        let success =
            file.has_dataset(&column("infos/success")).then(|| file.flags(&column("infos/success")));
        let success =
            success.transpose()?.filter(|flags| flags.len() == steps + 1).map(|flags| flags[1..].to_vec());
        Ok(Self { obs, actions, rewards, success, terminated: terminations[steps - 1] })
    }

    fn into_episode(self, success: bool) -> Episode {
        Episode {
            obs: self.obs.values,
            actions: self.actions.values,
            rewards: self.rewards.values,
            factors: Vec::new(),
            success: self.success.filter(|_| success).unwrap_or_default(),
            terminated: self.terminated,
        }
    }
}
