//! Rewards divided by the running deviation of the discounted return.

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use crate::{
    AgentError, RunningMoments,
    collective::{Collective, merge_moments},
};

/// Keeps constant rewards from dividing by zero; the value of Gymnasium's `NormalizeReward`.
const VARIANCE_FLOOR: f64 = 1e-8;

/// Scales rewards, without shifting them, so that discounted returns have a deviation of about 1
/// whatever the reward's unit (Engstrom et al. 2020, arXiv 2005.12729, section 3).
///
/// The return is summed forward, `R <- gamma R + r`, and starts anew with each episode.
#[derive(Clone, Debug, PartialEq)]
pub struct RewardScaler {
    gamma: f32,
    clip: f32,
    returns: Vec<f32>,
    moments: RunningMoments,
}

impl RewardScaler {
    /// Scales rewards of any number of environments to at most `clip`.
    pub fn new(gamma: f32, clip: f32) -> Self {
        Self { gamma, clip, returns: Vec::new(), moments: RunningMoments::new(1) }
    }

    /// Learns from the rewards of one step, `[envs]`; `done` says where an episode ended with it.
    pub fn update(&mut self, rewards: &[f32], done: &[bool]) {
        let step = self.fold(rewards, done);
        self.moments.merge(&step);
    }

    /// Learns from the rewards of several steps, `[steps, envs]`, of every rank.
    ///
    /// # Errors
    /// When a rank is lost.
    pub fn update_together(
        &mut self,
        rewards: &[f32],
        done: &[bool],
        envs: usize,
        ranks: &mut dyn Collective,
    ) -> Result<(), AgentError> {
        let steps = rewards.chunks(envs).zip(done.chunks(envs));
        if ranks.size() == 1 {
            steps.for_each(|(rewards, done)| self.update(rewards, done));
            return Ok(());
        }
        let mut batch = RunningMoments::new(1);
        steps.for_each(|(rewards, done)| batch.merge(&self.fold(rewards, done)));
        merge_moments(ranks, &mut self.moments, &batch)
    }

    /// Sums the returns one step further; their moments.
    fn fold(&mut self, rewards: &[f32], done: &[bool]) -> RunningMoments {
        self.returns.resize(rewards.len(), 0.0);
        for (sum, reward) in self.returns.iter_mut().zip(rewards) {
            *sum = self.gamma * *sum + reward;
        }
        let moments = RunningMoments::of(1, &self.returns);
        for (sum, end) in self.returns.iter_mut().zip(done) {
            // A reward that is not finite must not stay in the sum.
            if *end || !sum.is_finite() {
                *sum = 0.0;
            }
        }
        moments
    }

    /// Scales rewards in place.
    pub fn scale(&self, rewards: &mut [f32]) {
        let factor = (self.moments.variance(0) + VARIANCE_FLOOR).sqrt().recip() as f32;
        rewards.iter_mut().for_each(|r| *r = (*r * factor).clamp(-self.clip, self.clip));
    }
}

impl Checkpoint for RewardScaler {
    fn save(&self, out: &mut Writer) {
        out.f32s("returns", &self.returns);
        out.part("moments", &self.moments);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.returns = from.f32_vec("returns")?;
        from.part("moments", &mut self.moments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_get_unit_deviation_and_restart_with_the_episode() {
        let mut scaler = RewardScaler::new(0.5, 10.0);
        scaler.update(&[4.0, 8.0], &[false, true]);
        scaler.update(&[4.0, 8.0], &[false, true]);
        // The returns were 4, 8, 6 and again 8: deviation sqrt(2.75).
        let mut rewards = [1.0, -2.0, 100.0];
        scaler.scale(&mut rewards);
        let factor = 2.75f32.sqrt().recip();
        assert!((rewards[0] - factor).abs() < 1e-6 && (rewards[1] + 2.0 * factor).abs() < 1e-6);
        assert_eq!(rewards[2], 10.0);
    }

    #[test]
    fn a_restored_scaler_goes_on_alike() {
        let mut scaler = RewardScaler::new(0.9, 10.0);
        scaler.update(&[1.0, 2.0], &[false, false]);
        let mut restored = RewardScaler::new(0.9, 10.0);
        telos_checkpoint::from_bytes(&mut restored, &telos_checkpoint::to_bytes(&scaler)).unwrap();
        for scaler in [&mut scaler, &mut restored] {
            scaler.update(&[3.0, f32::NAN], &[false, false]);
            scaler.update(&[3.0, 1.0], &[false, false]);
        }
        assert_eq!(scaler, restored);
        assert!(scaler.moments.variance(0).is_finite());
    }
}
