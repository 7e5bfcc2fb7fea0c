//! Returns of the episodes that ended since the last report.

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::StepBatch;

/// Sums over finished training episodes, cleared at each report.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct EpisodeWindow {
    episodes: u64,
    gold_return: f64,
    length: f64,
    judged: u64,
    successes: u64,
    /// Simulation faults since the start of the run; never cleared.
    pub(super) faults: u64,
}

impl EpisodeWindow {
    /// Counts the episodes that ended in this step.
    pub(super) fn observe(&mut self, outcome: &StepBatch) {
        for i in 0..outcome.reward.len() {
            if outcome.done(i) {
                self.episodes += 1;
                self.gold_return += f64::from(outcome.episode_return[i]);
                self.length += f64::from(outcome.episode_length[i]);
                if let Some(success) = outcome.success[i] {
                    self.judged += 1;
                    self.successes += u64::from(success);
                }
                self.faults += u64::from(outcome.fault[i]);
            }
        }
    }

    /// Mean gold return of the window; `None` when no episode ended.
    pub(super) fn mean_return(&self) -> Option<f64> {
        (self.episodes > 0).then(|| self.gold_return / self.episodes as f64)
    }

    /// The window's means as metrics, after which the window is empty.
    pub(super) fn drain(&mut self) -> Vec<(String, f64)> {
        let mut metrics = vec![("train/faults".to_owned(), self.faults as f64)];
        if self.episodes > 0 {
            let n = self.episodes as f64;
            metrics.push(("train/gold_return".into(), self.gold_return / n));
            metrics.push(("train/episode_length".into(), self.length / n));
        }
        if self.judged > 0 {
            metrics.push(("train/success_rate".into(), self.successes as f64 / self.judged as f64));
        }
        *self = Self { faults: self.faults, ..Self::default() };
        metrics
    }
}

impl Checkpoint for EpisodeWindow {
    fn save(&self, out: &mut Writer) {
        out.value(
            "window",
            &(self.episodes, self.gold_return, self.length, self.judged, self.successes, self.faults),
        );
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        (self.episodes, self.gold_return, self.length, self.judged, self.successes, self.faults) =
            from.value("window")?;
        Ok(())
    }
}
