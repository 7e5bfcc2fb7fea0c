//! Recorded behaviour that nobody has judged.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::TrajectoryStore;

use super::PreferenceData;

/// Segments without an answer, for models that learn from more than the answers.
pub trait Behaviour {
    /// Appends the rows of a segment drawn uniformly, `[steps, obs + act]`; false, and nothing is
    /// appended, when no segment has `steps` steps.
    fn draw(&self, steps: usize, rng: &mut Xoshiro256PlusPlus, out: &mut Vec<f32>) -> bool;
}

impl Behaviour for TrajectoryStore {
    fn draw(&self, steps: usize, rng: &mut Xoshiro256PlusPlus, out: &mut Vec<f32>) -> bool {
        let Some(segment) = self.sample_segment(rng, steps).and_then(|segment| self.view(segment)) else {
            return false;
        };
        let (observation, action) = (segment.obs.len() / steps, segment.actions.len() / steps);
        for step in 0..steps {
            out.extend(&segment.obs[step * observation..][..observation]);
            out.extend(&segment.actions[step * action..][..action]);
        }
        true
    }
}

/// The answered segments without their answers: what is left where only a ledger is at hand.
impl Behaviour for PreferenceData {
    fn draw(&self, steps: usize, rng: &mut Xoshiro256PlusPlus, out: &mut Vec<f32>) -> bool {
        if self.is_empty() || steps == 0 || steps > self.segment() {
            return false;
        }
        let row = self.width();
        let segment = rng.random_range(0..2 * self.len() as u64) as usize * self.segment();
        let start = segment + rng.random_range(0..=(self.segment() - steps) as u64) as usize;
        out.extend(&self.rows()[start * row..][..steps * row]);
        true
    }
}
