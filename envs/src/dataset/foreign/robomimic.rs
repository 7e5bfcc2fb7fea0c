//! robomimic (Mandlekar et al. 2021, arXiv 2108.03298): one HDF5 file with a group `data/demo_<n>` per
//! demonstration, whose observations are named.
//!
//! Pictures are left out unless they are asked for by name, which is an error. Without `next_obs` the last
//! observation becomes the final one and the last step goes.

use std::path::Path;

use super::{Findings, Format, ImportOptions, hdf5::Hdf5, table::Table};
use crate::dataset::{Dataset, DatasetError, DatasetWriter, EpisodeView};

struct Demonstration {
    /// `[steps + 1, obs]`.
    obs: Table,
    actions: Table,
    rewards: Table,
    terminated: bool,
}

pub(super) fn import(path: &Path, options: &ImportOptions, out: &Path) -> Result<Dataset, DatasetError> {
    let file = Hdf5::open(path)?;
    let mut names = file.groups("data")?;
    // demo_10 comes after demo_9.
    names.sort_by_key(|name| (name.len(), name.clone()));
    let Some(first) = names.first() else {
        return Err(DatasetError::column(path, "data", "has no demonstrations"));
    };
    let keys = match options.observations.as_slice() {
        [] => vectors(&file, &format!("data/{first}/obs"))?,
        keys => keys.to_vec(),
    };
    let demonstrations = names
        .iter()
        .map(|name| demonstration(&file, &format!("data/{name}"), &keys))
        .collect::<Result<Vec<_>, _>>()?;
    let (width, action_width) = (demonstrations[0].obs.width, demonstrations[0].actions.width);
    for (name, demonstration) in names.iter().zip(&demonstrations) {
        let widths =
            [("obs", demonstration.obs.width, width), ("actions", demonstration.actions.width, action_width)];
        if let Some((column, found, expected)) =
            widths.into_iter().find(|(_, found, expected)| found != expected)
        {
            let reason = format!("has {found} components, those of {first} have {expected}");
            return Err(DatasetError::column(path, &format!("data/{name}/{column}"), reason));
        }
    }
    let arguments = file.text("data", "env_args").and_then(|text| serde_json::from_str(&text).ok());
    let arguments: serde_json::Value = arguments.unwrap_or_default();
    let rate = arguments["env_kwargs"]["control_freq"].as_f64().filter(|rate| *rate > 0.0);
    let findings = Findings {
        format: Format::Robomimic,
        env: arguments["env_name"].as_str().map(str::to_owned),
        obs_size: width,
        action: None,
        dt: rate.map(|rate| (1.0 / rate) as f32),
        factors: Vec::new(),
        success: false,
    };
    let info = findings.describe(
        path,
        options,
        demonstrations.iter().map(|demonstration| &demonstration.actions),
    )?;
    let mut writer = DatasetWriter::create(out, info)?;
    for Demonstration { obs, actions, rewards, terminated } in &demonstrations {
        let steps = obs.rows - 1;
        if steps > 0 {
            writer.push(EpisodeView {
                steps,
                obs: &obs.values,
                actions: actions.slice(0..steps),
                rewards: rewards.slice(0..steps),
                factors: &[],
                success: &[],
                terminated: *terminated,
            })?;
        }
    }
    writer.finish()
}

/// Names of the observations that are no pictures.
fn vectors(file: &Hdf5, group: &str) -> Result<Vec<String>, DatasetError> {
    let mut keys = Vec::new();
    for name in file.datasets(group)? {
        if file.is_vector(&format!("{group}/{name}"))? {
            keys.push(name);
        }
    }
    if keys.is_empty() {
        return Err(DatasetError::column(
            file.path(),
            group,
            "has no observations that are vectors of numbers",
        ));
    }
    Ok(keys)
}

fn demonstration(file: &Hdf5, group: &str, keys: &[String]) -> Result<Demonstration, DatasetError> {
    let path = file.path();
    let column = |name: &str| format!("{group}/{name}");
    let actions = file.finite(&column("actions"))?;
    let rewards = file.finite(&column("rewards"))?;
    let dones = file.flags(&column("dones"))?;
    let side_by_side = |part: &str| -> Result<Table, DatasetError> {
        let tables = keys
            .iter()
            .map(|key| {
                let name = column(&format!("{part}/{key}"));
                if !file.is_vector(&name)? {
                    return Err(DatasetError::column(path, &name, "is no vector of numbers per step"));
                }
                let table = file.finite(&name)?;
                table.check_rows(path, &name, actions.rows, &column("actions"))?;
                Ok(table)
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Table::beside(&tables))
    };
    let mut obs = side_by_side("obs")?;
    if file.has_group(&column("next_obs")) {
        let next = side_by_side("next_obs")?;
        if next.width != obs.width {
            let reason = format!("has {} components, `obs` has {}", next.width, obs.width);
            return Err(DatasetError::column(path, &column("next_obs"), reason));
        }
        obs.values.extend_from_slice(next.row(next.rows - 1));
        obs.rows += 1;
    }
    rewards.check_rows(path, &column("rewards"), actions.rows, &column("actions"))?;
    if rewards.width != 1 {
        return Err(DatasetError::column(
            path,
            &column("rewards"),
            "has several values per row; one is needed",
        ));
    }
    if dones.len() != actions.rows {
        let reason =
            format!("has {} rows, but {} belong to `{}`", dones.len(), actions.rows, column("actions"));
        return Err(DatasetError::column(path, &column("dones"), reason));
    }
    // Without `next_obs` the last step, the one that ended it, is left out.
    let terminated = obs.rows > actions.rows && dones.last() == Some(&true);
    Ok(Demonstration { obs, actions, rewards, terminated })
}
