//! The checkpoints of a run: the latest few, and the way back past a damaged one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use telos_checkpoint::{
    Checkpoint, CheckpointError, Reader, Writer, from_bytes, read_file, to_bytes, write_file,
};

use crate::{TelosError, metrics::MetricsPosition};

/// The `step-<n>.ckpt` files of one directory.
#[derive(Debug)]
pub(crate) struct CheckpointSeries {
    directory: PathBuf,
}

impl CheckpointSeries {
    /// The series in `directory`, which need not exist yet.
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Writes the checkpoint of `step`, then deletes all but the last `keep` up to it.
    pub(crate) fn save(
        &self,
        step: u64,
        metrics: MetricsPosition,
        state: &(impl Checkpoint + ?Sized),
        keep: usize,
    ) -> Result<(), TelosError> {
        fs::create_dir_all(&self.directory).map_err(|source| TelosError::io(&self.directory, source))?;
        write_file(&self.path(step), &Snapshot { metrics, state: to_bytes(state) })?;
        // Later ones are those that a resume fell back from; the run will overwrite them.
        let steps = self.steps()?.into_iter().filter(|other| *other <= step);
        for old in steps.rev().skip(keep.max(1)) {
            let path = self.path(old);
            fs::remove_file(&path).map_err(|source| TelosError::io(&path, source))?;
        }
        Ok(())
    }

    /// Restores the latest checkpoint that is intact; `None` when there are no checkpoints.
    pub(crate) fn load_latest(
        &self,
        state: &mut (impl Checkpoint + ?Sized),
    ) -> Result<Option<(u64, MetricsPosition)>, TelosError> {
        let mut latest_damage = None;
        for step in self.steps()?.into_iter().rev() {
            let path = self.path(step);
            let mut snapshot = Snapshot::default();
            match read_file(&path, &mut snapshot) {
                Ok(()) => {
                    self.restore(step, state, &snapshot)?;
                    return Ok(Some((step, snapshot.metrics)));
                }
                Err(error @ (CheckpointError::Damaged { .. } | CheckpointError::Foreign { .. })) => {
                    tracing::warn!("{error}");
                    latest_damage.get_or_insert(error);
                }
                Err(error) => return Err(error.into()),
            }
        }
        latest_damage.map_or(Ok(None), |error| Err(error.into()))
    }

    /// Restores the checkpoint of `step`.
    pub(crate) fn load(&self, step: u64, state: &mut (impl Checkpoint + ?Sized)) -> Result<(), TelosError> {
        let mut snapshot = Snapshot::default();
        read_file(&self.path(step), &mut snapshot)?;
        self.restore(step, state, &snapshot)
    }

    fn restore(
        &self,
        step: u64,
        state: &mut (impl Checkpoint + ?Sized),
        snapshot: &Snapshot,
    ) -> Result<(), TelosError> {
        from_bytes(state, &snapshot.state).map_err(|error| {
            let reason = format!("does not fit the configuration of the run: {error}");
            TelosError::run(&self.path(step), reason)
        })
    }

    /// Steps with a checkpoint, ascending.
    pub(crate) fn steps(&self) -> Result<Vec<u64>, TelosError> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(TelosError::io(&self.directory, source)),
        };
        let mut steps = Vec::new();
        for entry in entries {
            let name = entry.map_err(|source| TelosError::io(&self.directory, source))?.file_name();
            steps.extend(step_of(Path::new(&name)));
        }
        steps.sort_unstable();
        Ok(steps)
    }

    /// The file of `step`.
    pub(crate) fn path(&self, step: u64) -> PathBuf {
        // Padded, so that listings by name are in order.
        self.directory.join(format!("step-{step:010}.ckpt"))
    }
}

fn step_of(name: &Path) -> Option<u64> {
    name.to_str()?.strip_prefix("step-")?.strip_suffix(".ckpt")?.parse().ok()
}

/// What a checkpoint file holds.
#[derive(Default)]
struct Snapshot {
    metrics: MetricsPosition,
    /// The state of the loop, encoded.
    state: Vec<u8>,
}

impl Checkpoint for Snapshot {
    fn save(&self, out: &mut Writer) {
        out.value("metrics", &self.metrics);
        out.bytes("state", &self.state);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.metrics = from.value("metrics")?;
        self.state = from.bytes("state")?.to_owned();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counter(u64);

    impl Checkpoint for Counter {
        fn save(&self, out: &mut Writer) {
            out.value("count", &self.0);
        }
        fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
            self.0 = from.value("count")?;
            Ok(())
        }
    }

    fn series(steps: &[u64], keep: usize) -> (tempfile::TempDir, CheckpointSeries) {
        let scratch = tempfile::tempdir().unwrap();
        let series = CheckpointSeries::new(scratch.path().join("checkpoints"));
        for step in steps {
            series.save(*step, MetricsPosition::default(), &Counter(*step), keep).unwrap();
        }
        (scratch, series)
    }

    #[test]
    fn only_the_latest_are_kept() {
        let (_scratch, series) = series(&[9, 10, 11, 200], 2);
        assert_eq!(series.steps().unwrap(), [11, 200]);
    }

    #[test]
    fn a_truncated_checkpoint_falls_back_and_is_left_alone() {
        let (_scratch, series) = series(&[10, 20], 2);
        let newest = fs::read(series.path(20)).unwrap();
        for keep in [0, 5, newest.len() - 1] {
            fs::write(series.path(20), &newest[..keep]).unwrap();
            let mut counter = Counter(0);
            assert_eq!(series.load_latest(&mut counter).unwrap().unwrap().0, 10);
            assert_eq!(counter.0, 10);
            assert_eq!(fs::read(series.path(20)).unwrap(), &newest[..keep]);
        }
        // A checkpoint written after falling back survives although a later, damaged one is there.
        series.save(15, MetricsPosition::default(), &Counter(15), 1).unwrap();
        assert_eq!(series.steps().unwrap(), [15, 20]);
    }

    #[test]
    fn without_an_intact_checkpoint_the_file_is_named() {
        let (_scratch, series) = series(&[10], 2);
        fs::write(series.path(10), b"TELOSCKP").unwrap();
        let error = series.load_latest(&mut Counter(0)).unwrap_err();
        assert!(error.to_string().contains("step-0000000010.ckpt: damaged checkpoint"), "{error}");
        assert_eq!(error.exit_code(), crate::error::exit_code::INPUT);
    }
}
