//! The policy and the learned reward of a run, which may still be in training.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use telos::{RunDirectory, agents::Policy, loops::RunPolicy};

use crate::{ViewerError, traces::Reading};

/// How often the run directory is looked at: listing it costs a training nothing.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a run has learned, as of its latest checkpoint.
pub struct RunPilot {
    run: RunDirectory,
    learned: RunPolicy,
    looked: Instant,
    rewards: Vec<f32>,
    members: Vec<f32>,
    values: Vec<f32>,
}

impl RunPilot {
    /// The policy of `run` at its latest checkpoint.
    ///
    /// # Errors
    /// When the run has no checkpoint, or holds one run for each of several seeds.
    pub fn open(run: RunDirectory) -> Result<Self, ViewerError> {
        let learned = RunPolicy::read(&run, None)?;
        Ok(Self {
            run,
            learned,
            looked: Instant::now(),
            rewards: Vec::new(),
            members: Vec::new(),
            values: Vec::new(),
        })
    }

    /// Where the run lives.
    pub fn path(&self) -> &Path {
        self.run.path()
    }

    /// The run.
    pub fn run(&self) -> &RunDirectory {
        &self.run
    }

    /// Environment steps of training behind what is shown.
    pub fn step(&self) -> u64 {
        self.learned.step()
    }

    /// The policy.
    pub fn policy(&mut self) -> &mut dyn Policy {
        self.learned.policy()
    }

    /// What people read.
    pub fn describe(&self) -> String {
        let of = self.run.config().steps;
        format!("{} at step {} of {of}", self.run.path().display(), self.step())
    }

    /// Reads a newer checkpoint, if the training has written one since; whether it did. Called every frame,
    /// it looks once a second.
    ///
    /// # Errors
    /// When a newer checkpoint cannot be read; what was read before stays.
    pub fn follow(&mut self) -> Result<bool, ViewerError> {
        if self.looked.elapsed() < LOOK_EVERY {
            return Ok(false);
        }
        self.looked = Instant::now();
        self.reload()
    }

    /// As [`follow`](Self::follow), now.
    ///
    /// # Errors
    /// As [`follow`](Self::follow).
    pub fn reload(&mut self) -> Result<bool, ViewerError> {
        let newest = self.run.checkpoint_steps()?.last().copied();
        if newest.is_none_or(|newest| newest <= self.step()) {
            return Ok(false);
        }
        self.learned = RunPolicy::read(&self.run, None)?;
        Ok(true)
    }

    /// What the run makes of `rows` steps, each with its observation and action: learned rewards,
    /// disagreement and values, without gold rewards.
    ///
    /// # Errors
    /// When the policy or the reward model does not fit them.
    pub fn read(
        &mut self,
        obs: &[f32],
        actions: &[f32],
        rows: usize,
        readings: &mut Vec<Reading>,
    ) -> Result<(), ViewerError> {
        readings.clear();
        readings.resize(rows, Reading::default());
        let members = self.learned.reward_members();
        let (policy, model) = self.learned.parts();
        self.values.resize(rows, 0.0);
        if policy.expected_return(obs, actions, rows, &mut self.values)? {
            let values = readings.iter_mut().zip(&self.values);
            values.for_each(|(reading, value)| reading.value = Some(*value));
        }
        let Some(model) = model else { return Ok(()) };
        self.rewards.resize(rows, 0.0);
        model.predict(obs, actions, rows, &mut self.rewards)?;
        self.members.resize(members * rows, 0.0);
        // Not every model is an ensemble of as many members as its configuration names.
        let ensemble = members > 1 && model.predict_members(obs, actions, rows, &mut self.members).is_ok();
        for (row, reading) in readings.iter_mut().enumerate() {
            reading.learned = Some(self.rewards[row]);
            if ensemble {
                let of_member = (0..members).map(|member| self.members[member * rows + row]);
                reading.disagreement = Some(deviation(of_member));
            }
        }
        Ok(())
    }
}

/// Standard deviation, with the mean of these numbers as their centre.
fn deviation(values: impl ExactSizeIterator<Item = f32> + Clone) -> f32 {
    let count = values.len() as f32;
    let mean = values.clone().sum::<f32>() / count;
    (values.map(|value| (value - mean).powi(2)).sum::<f32>() / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::deviation;

    #[test]
    fn disagreement_is_the_spread_of_the_members() {
        assert_eq!(deviation([1.0, 3.0].into_iter()), 1.0);
        assert_eq!(deviation([0.5; 3].into_iter()), 0.0);
    }
}
