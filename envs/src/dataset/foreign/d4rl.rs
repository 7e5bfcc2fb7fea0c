//! D4RL (Fu et al. 2020, arXiv 2004.07219): one HDF5 file, all episodes one after the other.
//!
//! `observations`, `actions`, `rewards` and `terminals` are needed, `timeouts` and `next_observations` are
//! used where they exist. Without `next_observations` nobody knows what a truncated episode would have led
//! to: its last observation becomes the final one, and its last step goes, as in D4RL's own
//! `qlearning_dataset`. After a terminated one nothing is ever read: the last observation is repeated.

use std::path::Path;

use super::{Findings, Format, ImportOptions, hdf5::Hdf5};
use crate::dataset::{Dataset, DatasetError, DatasetWriter, EpisodeView};

pub(super) fn import(path: &Path, options: &ImportOptions, out: &Path) -> Result<Dataset, DatasetError> {
    let file = Hdf5::open(path)?;
    let obs = file.finite("observations")?;
    let actions = file.finite("actions")?;
    let rewards = file.finite("rewards")?;
    let terminals = file.flags("terminals")?;
    let timeouts = match file.has_dataset("timeouts") {
        true => file.flags("timeouts")?,
        false => vec![false; terminals.len()],
    };
    let next = file.has_dataset("next_observations").then(|| file.finite("next_observations")).transpose()?;
    actions.check_rows(path, "actions", obs.rows, "observations")?;
    rewards.check_rows(path, "rewards", obs.rows, "observations")?;
    for (column, flags) in [("terminals", &terminals), ("timeouts", &timeouts)] {
        if flags.len() != obs.rows {
            let reason = format!("has {} rows, but {} belong to `observations`", flags.len(), obs.rows);
            return Err(DatasetError::column(path, column, reason));
        }
    }
    if rewards.width != 1 {
        return Err(DatasetError::column(path, "rewards", "has several values per row; one is needed"));
    }
    if let Some(next) = &next {
        next.check_rows(path, "next_observations", obs.rows, "observations")?;
        if next.width != obs.width {
            let reason = format!("has {} components, `observations` have {}", next.width, obs.width);
            return Err(DatasetError::column(path, "next_observations", reason));
        }
    }
    let findings = Findings {
        format: Format::D4rl,
        env: None,
        obs_size: obs.width,
        action: None,
        dt: None,
        factors: Vec::new(),
        success: false,
    };
    let mut writer = DatasetWriter::create(out, findings.describe(path, options, [&actions])?)?;
    let mut start = 0;
    let mut rows = Vec::new();
    for row in 0..obs.rows {
        let last = row + 1 == obs.rows;
        let ended = terminals[row] || timeouts[row];
        if last && !ended && !options.truncate_last {
            let reason = "begins an episode that neither `terminals` nor `timeouts` end; pass \
                          --truncate-last to take it as cut off where the file ends";
            return Err(DatasetError::row(path, "timeouts", start, reason));
        }
        if !(ended || last) {
            continue;
        }
        let terminated = terminals[row];
        rows.clear();
        rows.extend_from_slice(obs.slice(start..row + 1));
        let end = match &next {
            Some(next) => {
                rows.extend_from_slice(next.row(row));
                row + 1
            }
            None if terminated => {
                rows.extend_from_slice(obs.row(row));
                row + 1
            }
            None => row,
        };
        if end > start {
            writer.push(EpisodeView {
                steps: end - start,
                obs: &rows,
                actions: actions.slice(start..end),
                rewards: rewards.slice(start..end),
                factors: &[],
                success: &[],
                terminated,
            })?;
        }
        start = row + 1;
    }
    writer.finish()
}
