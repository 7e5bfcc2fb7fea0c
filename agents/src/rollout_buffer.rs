//! The transitions of an on-policy learner between two updates.

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::StepBatch;

/// `steps` transitions of each of `envs` environments as flat time-major columns: row
/// `t * envs + i` is step `t` of environment `i`.
///
/// A row is written in two halves, before and after the environments' step:
/// [`Ppo::decide`](crate::Ppo::decide) and [`record`](Self::record).
pub struct RolloutBuffer {
    envs: usize,
    obs_size: usize,
    action_size: usize,
    /// Complete steps.
    len: usize,
    /// Whether step `len` has its first half.
    decided: bool,
    pub(crate) obs: Vec<f32>,
    pub(crate) actions: Vec<f32>,
    pub(crate) env_actions: Vec<f32>,
    pub(crate) log_probs: Vec<f32>,
    pub(crate) rewards: Vec<f32>,
    pub(crate) terminated: Vec<bool>,
    pub(crate) done: Vec<bool>,
    /// Rows whose future is not in the buffer though it exists, because the episode was truncated
    /// or the rollout ends there.
    pub(crate) cut_rows: Vec<usize>,
    /// `[cut_rows, obs]`: where those rows really led.
    pub(crate) cut_obs: Vec<f32>,
}

/// The first half of a row, for the learner to fill.
pub(crate) struct Decision<'a> {
    pub(crate) obs: &'a mut [f32],
    pub(crate) actions: &'a mut [f32],
    pub(crate) env_actions: &'a mut [f32],
    pub(crate) log_probs: &'a mut [f32],
}

impl RolloutBuffer {
    /// Room for `steps` steps of `envs` environments.
    ///
    /// # Panics
    /// When a size is 0.
    pub fn new(steps: usize, envs: usize, obs_size: usize, action_size: usize) -> Self {
        assert!(steps > 0 && envs > 0 && obs_size > 0 && action_size > 0, "a rollout has no empty side");
        let rows = steps * envs;
        Self {
            envs,
            obs_size,
            action_size,
            len: 0,
            decided: false,
            obs: vec![0.0; rows * obs_size],
            actions: vec![0.0; rows * action_size],
            env_actions: vec![0.0; rows * action_size],
            log_probs: vec![0.0; rows],
            rewards: vec![0.0; rows],
            terminated: vec![false; rows],
            done: vec![false; rows],
            cut_rows: Vec::with_capacity(2 * envs),
            cut_obs: Vec::with_capacity(2 * envs * obs_size),
        }
    }

    /// The actions `[envs, act]` of the step that has been decided, in the environment's units.
    ///
    /// # Panics
    /// When [`Ppo::decide`](crate::Ppo::decide) has not been called for this step.
    pub fn env_actions(&self) -> &[f32] {
        assert!(self.decided, "decide comes before the environments' step");
        let width = self.envs * self.action_size;
        &self.env_actions[self.len * width..][..width]
    }

    /// Completes the step with `rewards` `[envs]` (of whatever origin) and what the step led to.
    ///
    /// # Panics
    /// When nothing has been decided, or a column has another number of rows.
    pub fn record(&mut self, rewards: &[f32], step: &StepBatch) {
        assert!(self.decided, "decide comes before record");
        assert_eq!((rewards.len(), step.len()), (self.envs, self.envs), "one row per environment");
        let first = self.len * self.envs;
        let last_step = first + self.envs == self.log_probs.len();
        self.rewards[first..][..self.envs].copy_from_slice(rewards);
        self.terminated[first..][..self.envs].copy_from_slice(&step.terminated);
        for i in 0..self.envs {
            self.done[first + i] = step.done(i);
            if !step.terminated[i] && (step.truncated[i] || last_step) {
                self.cut_rows.push(first + i);
                self.cut_obs.extend_from_slice(&step.final_obs[i * self.obs_size..][..self.obs_size]);
            }
        }
        self.decided = false;
        self.len += 1;
    }

    /// Replaces every reward by that of `reward(obs [rows, obs], actions [rows, act], rows,
    /// out [rows])`, with actions in the environment's units.
    ///
    /// # Errors
    /// The error of `reward`.
    pub fn relabel<E>(
        &mut self,
        reward: impl FnOnce(&[f32], &[f32], usize, &mut [f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let rows = self.len * self.envs;
        let obs = &self.obs[..rows * self.obs_size];
        reward(obs, &self.env_actions[..rows * self.action_size], rows, &mut self.rewards[..rows])
    }

    /// The rewards of the complete steps, step by step, `[len * envs]`.
    pub fn rewards(&self) -> &[f32] {
        &self.rewards[..self.len * self.envs]
    }

    /// Whether every step is complete.
    pub fn is_full(&self) -> bool {
        self.len * self.envs == self.log_probs.len()
    }

    /// Number of complete steps.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no step is complete.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of environments.
    pub fn envs(&self) -> usize {
        self.envs
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        (self.len, self.decided) = (0, false);
        self.cut_rows.clear();
        self.cut_obs.clear();
    }

    /// Begins the next step.
    pub(crate) fn begin(&mut self) -> Decision<'_> {
        assert!(!self.is_full(), "a full rollout is updated on and cleared before the next step");
        self.decided = true;
        let (first, n) = (self.len * self.envs, self.envs);
        Decision {
            obs: &mut self.obs[first * self.obs_size..][..n * self.obs_size],
            actions: &mut self.actions[first * self.action_size..][..n * self.action_size],
            env_actions: &mut self.env_actions[first * self.action_size..][..n * self.action_size],
            log_probs: &mut self.log_probs[first..][..n],
        }
    }

    /// Writes V of where each row led: the next row's value, or that of its cut-off observation.
    /// Rows that terminated get whatever comes next; nobody reads it.
    pub(crate) fn next_values(&self, values: &[f32], cut_values: &[f32], next_values: &mut [f32]) {
        let later = &values[self.envs..];
        next_values[..later.len()].copy_from_slice(later);
        for (&row, &value) in self.cut_rows.iter().zip(cut_values) {
            next_values[row] = value;
        }
    }
}

impl Checkpoint for RolloutBuffer {
    fn save(&self, out: &mut Writer) {
        out.value("len", &self.len);
        out.value("decided", &self.decided);
        out.f32s("obs", &self.obs);
        out.f32s("actions", &self.actions);
        out.f32s("env_actions", &self.env_actions);
        out.f32s("log_probs", &self.log_probs);
        out.f32s("rewards", &self.rewards);
        out.value("terminated", &self.terminated);
        out.value("done", &self.done);
        out.value("cut_rows", &self.cut_rows);
        out.f32s("cut_obs", &self.cut_obs);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        let rows = self.log_probs.len();
        self.len = from.value("len")?;
        self.decided = from.value("decided")?;
        from.f32s("obs", &mut self.obs)?;
        from.f32s("actions", &mut self.actions)?;
        from.f32s("env_actions", &mut self.env_actions)?;
        from.f32s("log_probs", &mut self.log_probs)?;
        from.f32s("rewards", &mut self.rewards)?;
        self.terminated = from.value("terminated")?;
        self.done = from.value("done")?;
        self.cut_rows = from.value("cut_rows")?;
        self.cut_obs = from.f32_vec("cut_obs")?;
        let sound = self.len * self.envs <= rows
            && self.terminated.len() == rows
            && self.done.len() == rows
            && self.cut_rows.iter().all(|row| *row < rows)
            && self.cut_obs.len() == self.cut_rows.len() * self.obs_size;
        if sound { Ok(()) } else { Err(from.wrong("len", "the columns do not fit this rollout's size")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Step `t` of two environments: the first is truncated at step 1, the second terminates there.
    fn filled() -> RolloutBuffer {
        let mut rollout = RolloutBuffer::new(3, 2, 1, 1);
        for t in 0..3 {
            let decision = rollout.begin();
            decision.obs.copy_from_slice(&[t as f32, 10.0 + t as f32]);
            decision.env_actions.copy_from_slice(&[0.1 * t as f32, -0.1]);
            assert_eq!(rollout.env_actions(), [0.1 * t as f32, -0.1]);
            let step = StepBatch {
                final_obs: vec![100.0 + t as f32, 200.0 + t as f32],
                reward: vec![0.0; 2],
                terminated: vec![false, t == 1],
                truncated: vec![t == 1, false],
                ..StepBatch::default()
            };
            rollout.record(&[t as f32, 0.5], &step);
        }
        rollout
    }

    #[test]
    fn every_row_with_a_future_outside_the_buffer_keeps_its_final_observation() {
        let rollout = filled();
        assert!(rollout.is_full());
        // Row 2 is the truncation; rows 4 and 5 are the rollout's end; row 3 terminated.
        assert_eq!(rollout.cut_rows, [2, 4, 5]);
        assert_eq!(rollout.cut_obs, [101.0, 102.0, 202.0]);
        let mut next_values = [0.0; 6];
        rollout.next_values(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], &[0.2, 0.4, 0.5], &mut next_values);
        assert_eq!(next_values[..3], [2.0, 3.0, 0.2]);
        assert_eq!(next_values[4..], [0.4, 0.5]);
    }

    #[test]
    fn relabel_sees_every_row() {
        let mut rollout = filled();
        let relabelled: Result<(), ()> = rollout.relabel(|obs, actions, rows, out| {
            assert_eq!((rows, out.len()), (6, 6));
            (0..rows).for_each(|i| out[i] = obs[i] + actions[i]);
            Ok(())
        });
        assert_eq!(relabelled, Ok(()));
        assert_eq!(rollout.rewards, [0.0, 9.9, 1.1, 10.9, 2.2, 11.9]);
    }

    #[test]
    fn a_checkpoint_of_another_size_is_refused() {
        let bytes = telos_checkpoint::to_bytes(&filled());
        let mut restored = RolloutBuffer::new(3, 2, 1, 1);
        telos_checkpoint::from_bytes(&mut restored, &bytes).unwrap();
        assert_eq!(telos_checkpoint::to_bytes(&restored), bytes);
        let mut longer = RolloutBuffer::new(4, 2, 1, 1);
        assert!(telos_checkpoint::from_bytes(&mut longer, &bytes).is_err());
    }
}
