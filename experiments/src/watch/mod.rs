//! Following runs from outside: what they have recorded, how fast they are, what is wrong. Nothing in
//! a run is changed or locked, so any number of watchers may look on, also from another machine.

mod frame;
mod sparkline;
mod status;

use std::{path::PathBuf, time::SystemTime};

use crate::{
    TelosError,
    run_record::{RunRecord, RunRecords},
};

use status::Status;

/// The state of some runs at one time.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    trainings: Vec<(RunRecord, Status)>,
    /// Names of trainings that have not begun.
    missing: Vec<String>,
    /// Trials that were given up and left nothing to read, with the reason.
    given_up: Vec<(String, String)>,
}

impl Snapshot {
    /// Reads the run directories `paths`.
    ///
    /// # Errors
    /// As [`RunRecords::read`].
    pub fn read(paths: &[PathBuf], now: SystemTime) -> Result<Self, TelosError> {
        let mut snapshot = Self::default();
        for path in paths {
            let found = RunRecords::read(path)?;
            let with_status = |record: RunRecord| {
                let status = Status::of(&record, now);
                (record, status)
            };
            snapshot.trainings.extend(found.records.into_iter().map(with_status));
            snapshot.missing.extend(found.missing);
            snapshot.given_up.extend(found.given_up);
        }
        Ok(snapshot)
    }

    /// Whether every training took all its steps or was given up, so that nothing more will come.
    pub fn is_finished(&self) -> bool {
        self.missing.is_empty() && self.trainings.iter().all(|(record, _)| record.is_over())
    }
}
