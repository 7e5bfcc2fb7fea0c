//! State entropy: a reward for being far from where one has been.

use rand::{SeedableRng, seq::index};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use super::{StateEntropyConfig, neighbours::Neighbours, running_std::RunningStd};
use crate::{
    RewardError,
    error::expect_len,
    source::{RewardSource, Transitions},
};

/// The unsupervised reward of PEBBLE (Lee et al. 2021, equation 6), after the particle estimator of
/// entropy: `r(s) = log(1 + |s - s_k|) / std`, with `s_k` the `k`-th nearest neighbour of `s` among
/// stored observations and `std` the running standard deviation of the numerator.
///
/// Two choices differ from the authors' code, which divides the distance itself by its running
/// standard deviation and searches the whole replay. The logarithm is the paper's, with 1 added as in
/// APT (Liu and Abbeel 2021), so that it stays finite where states repeat. The search goes through a
/// random subset of `references` observations, drawn anew at each [`refresh`](Self::refresh): the
/// distance to the k-th neighbour then scales by a constant on average, which the normalisation
/// takes out, and the cost of a step no longer grows with the replay.
///
/// Distances are Euclidean in the observations given; pass normalised ones if components differ in
/// scale.
pub struct StateEntropy {
    config: StateEntropyConfig,
    observation: usize,
    references: Neighbours,
    std: RunningStd,
    rng: Xoshiro256PlusPlus,
}

impl StateEntropy {
    /// A reward for observations of `observation` numbers. Call [`refresh`](Self::refresh) before use.
    ///
    /// # Errors
    /// When the configuration is out of range.
    pub fn new(config: StateEntropyConfig, observation: usize, seed: u64) -> Result<Self, RewardError> {
        config.validate()?;
        let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let references = Neighbours::new(observation);
        Ok(Self { config, observation, references, std: RunningStd::default(), rng })
    }

    /// Draws new references from `obs` (`[rows, obs]`), all of them when there are few.
    ///
    /// # Errors
    /// When `obs` does not have that shape.
    pub fn refresh(&mut self, obs: &[f32], rows: usize) -> Result<(), RewardError> {
        let width = self.observation;
        expect_len("reference observations", obs.len(), rows * width)?;
        let drawn = index::sample(&mut self.rng, rows, self.config.references.min(rows));
        self.references.fill(drawn.len(), |at| &obs[drawn.index(at) * width..][..width]);
        Ok(())
    }

    /// The reward of each observation (`[rows, obs]` to `[rows]`), after the running standard
    /// deviation has taken them in.
    ///
    /// # Errors
    /// When a shape is wrong, or there are no references yet.
    pub fn observe(&mut self, obs: &[f32], rows: usize, out: &mut [f32]) -> Result<(), RewardError> {
        self.log_distances(obs, rows, out)?;
        self.std.update(out);
        self.normalise(out);
        Ok(())
    }

    fn log_distances(&self, obs: &[f32], rows: usize, out: &mut [f32]) -> Result<(), RewardError> {
        expect_len("observations", obs.len(), rows * self.observation)?;
        expect_len("rewards", out.len(), rows)?;
        if self.references.len() == 0 {
            return Err(RewardError::NotEnoughData(
                "state entropy has no observations to compare with; call `refresh` first".into(),
            ));
        }
        for (reward, obs) in out.iter_mut().zip(obs.chunks_exact(self.observation)) {
            *reward = self.references.distance(obs, self.config.k).ln_1p();
        }
        Ok(())
    }

    fn normalise(&self, out: &mut [f32]) {
        let std = self.std.std();
        out.iter_mut().for_each(|reward| *reward /= std);
    }
}

/// The reward of the observation before each action, under the present references and deviation.
impl RewardSource for StateEntropy {
    fn reward(&self, transitions: &Transitions<'_>, out: &mut [f32]) -> Result<(), RewardError> {
        self.log_distances(transitions.obs, transitions.rows, out)?;
        self.normalise(out);
        Ok(())
    }
}

impl Checkpoint for StateEntropy {
    fn save(&self, out: &mut Writer) {
        out.f32s("references", &self.references.rows());
        out.value("std", &self.std);
        out.value("rng", &self.rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        let rows = from.f32_vec("references")?;
        let width = self.observation;
        if rows.len() % width != 0 || rows.len() / width > self.config.references {
            return Err(from.wrong("references", "was saved for other observations or settings"));
        }
        self.references.fill(rows.len() / width, |at| &rows[at * width..][..width]);
        self.std = from.value("std")?;
        self.rng = from.value("rng")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    const WIDTH: usize = 5;

    fn points(rows: usize, seed: u64) -> Vec<f32> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        (0..rows * WIDTH).map(|_| rng.random_range(-1.0..1.0)).collect()
    }

    fn entropy(k: usize, references: usize) -> StateEntropy {
        StateEntropy::new(StateEntropyConfig { k, references }, WIDTH, 1).unwrap()
    }

    /// The definition, in double precision: sort all distances, drop one zero, take the k-th.
    fn brute_force(query: &[f32], points: &[f32], k: usize) -> f64 {
        let mut distances: Vec<f64> = points
            .chunks_exact(WIDTH)
            .map(|point| point.iter().zip(query).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt())
            .collect();
        distances.sort_by(f64::total_cmp);
        let itself = usize::from(distances[0] == 0.0);
        distances[(k - 1 + itself).min(distances.len() - 1)].ln_1p()
    }

    #[test]
    fn agrees_with_the_definition() {
        // Counts around the block size, stored and unknown queries, more neighbours than points.
        for (count, k) in [(1, 1), (3, 5), (31, 3), (32, 5), (33, 5), (100, 31), (333, 5)] {
            let stored = points(count, 3);
            let mut entropy = entropy(k, 1000);
            entropy.refresh(&stored, count).unwrap();
            let unknown = points(20, 4);
            for query in stored.chunks_exact(WIDTH).chain(unknown.chunks_exact(WIDTH)) {
                let mut reward = [0.0];
                entropy.log_distances(query, 1, &mut reward).unwrap();
                let expected = brute_force(query, &stored, k);
                assert!((f64::from(reward[0]) - expected).abs() < 1e-6, "{count} points, k = {k}");
            }
        }
    }

    #[test]
    fn rewards_have_unit_deviation_and_favour_the_unvisited() {
        let stored = points(500, 5);
        let mut entropy = entropy(5, 200);
        entropy.refresh(&stored, 500).unwrap();
        assert_eq!(entropy.references.len(), 200);
        let mut rewards = vec![0.0; 500];
        entropy.observe(&stored, 500, &mut rewards).unwrap();
        let mean = rewards.iter().sum::<f32>() / 500.0;
        let variance = rewards.iter().map(|r| (r - mean).powi(2)).sum::<f32>() / 500.0;
        assert!((variance - 1.0).abs() < 1e-3, "{variance}");
        let far = [3.0; WIDTH];
        let transitions = Transitions { rows: 1, obs: &far, ..Transitions::default() };
        let mut reward = [0.0];
        entropy.reward(&transitions, &mut reward).unwrap();
        assert!(rewards.iter().all(|&r| r < reward[0]));
    }

    #[test]
    fn a_restored_reward_continues_bit_for_bit() {
        let (stored, more) = (points(300, 6), points(300, 7));
        let mut original = entropy(5, 100);
        let mut rewards = vec![0.0; 300];
        original.refresh(&stored, 300).unwrap();
        original.observe(&stored, 300, &mut rewards).unwrap();
        let mut restored = entropy(5, 100);
        telos_checkpoint::from_bytes(&mut restored, &telos_checkpoint::to_bytes(&original)).unwrap();
        let mut ends = [&mut original, &mut restored].map(|entropy| {
            let mut rewards = vec![0.0; 300];
            entropy.observe(&more, 300, &mut rewards).unwrap();
            entropy.refresh(&more, 300).unwrap();
            (rewards, telos_checkpoint::to_bytes(entropy))
        });
        let [a, b] = &mut ends;
        assert_eq!(a, b);
    }

    #[test]
    fn asking_too_early_says_what_to_do() {
        let mut reward = [0.0];
        let error = entropy(5, 100).observe(&[0.0; WIDTH], 1, &mut reward).unwrap_err().to_string();
        assert!(error.contains("refresh"), "{error}");
    }
}
