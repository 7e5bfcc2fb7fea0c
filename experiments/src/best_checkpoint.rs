//! The checkpoint of a run's best evaluation, beside its latest ones.

use std::{fs, path::PathBuf};

use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, atomic_write};

use crate::{TelosError, checkpoint_series::CheckpointSeries, metrics::MetricsPosition};

/// `best/`: one checkpoint, and `score.json`, which says how good it is.
///
/// A run that is resumed before the step of its best evaluation meets that evaluation again, and nothing better on
/// the way, so what lies here needs no undoing.
#[derive(Debug)]
pub(crate) struct BestCheckpoint {
    directory: PathBuf,
}

/// The content of `score.json`.
#[derive(Serialize, Deserialize)]
struct Score {
    step: u64,
    mean_return: f64,
}

impl BestCheckpoint {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Replaces the checkpoint when `mean_return` is above that of the present one.
    pub(crate) fn offer(
        &self,
        mean_return: f64,
        step: u64,
        metrics: MetricsPosition,
        state: &(impl Checkpoint + ?Sized),
    ) -> Result<(), TelosError> {
        if self.score()?.is_some_and(|best| mean_return <= best.mean_return) {
            return Ok(());
        }
        self.series().save(step, metrics, state, 1)?;
        // Last: a score whose checkpoint a kill prevented would never be beaten.
        let score = serde_json::to_vec(&Score { step, mean_return }).expect("two numbers are JSON");
        atomic_write(&self.score_path(), &score)?;
        Ok(())
    }

    /// Restores it and returns its step; `None` before the first evaluation.
    pub(crate) fn load(&self, state: &mut (impl Checkpoint + ?Sized)) -> Result<Option<u64>, TelosError> {
        let Some(Score { step, .. }) = self.score()? else { return Ok(None) };
        self.series().load(step, state)?;
        Ok(Some(step))
    }

    fn score(&self) -> Result<Option<Score>, TelosError> {
        let path = self.score_path();
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
                TelosError::run(&path, format!("is no score of a checkpoint ({error}); delete it"))
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(TelosError::io(&path, source)),
        }
    }

    fn score_path(&self) -> PathBuf {
        self.directory.join("score.json")
    }

    fn series(&self) -> CheckpointSeries {
        CheckpointSeries::new(self.directory.clone())
    }
}

#[cfg(test)]
mod tests {
    use telos_checkpoint::{CheckpointError, Reader, Writer};

    use super::*;

    struct State(u64);

    impl Checkpoint for State {
        fn save(&self, out: &mut Writer) {
            out.value("state", &self.0);
        }

        fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
            self.0 = from.value("state")?;
            Ok(())
        }
    }

    #[test]
    fn the_first_of_the_best_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let best = BestCheckpoint::new(scratch.path().join("best"));
        let mut state = State(0);
        assert_eq!(best.load(&mut state).unwrap(), None);
        for (step, mean_return) in [(10, -3.0), (20, 5.0), (30, 5.0), (40, 1.0)] {
            best.offer(mean_return, step, MetricsPosition::default(), &State(step)).unwrap();
        }
        assert_eq!(best.load(&mut state).unwrap(), Some(20));
        assert_eq!(state.0, 20);
        fs::write(scratch.path().join("best/score.json"), "{").unwrap();
        assert!(best.load(&mut state).unwrap_err().to_string().contains("score.json"));
    }
}
