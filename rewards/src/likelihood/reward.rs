//! The likelihood of an observation as a reward.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{Device, NnError, Parameters, Var};

use super::{Contexts, LikelihoodConfig, bins::Bins, sequence_model::SequenceModel};
use crate::{RewardError, error::expect_len};

/// Stretches whose likelihoods are computed together.
const STRETCHES: usize = 256;

/// How well the expert was learned, in nats per token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LikelihoodFit {
    /// Mean negative log-likelihood of the last tenth of the updates.
    pub training: f32,
    /// Of the episodes that were held out.
    pub held_out: f32,
}

/// `r = clamp((ln p - low) / (high - low), -1, 1)`: 0 is what the mean observation of somebody else is worth, 1
/// the chosen quantile of the expert's own episodes that were held out. Where nobody else was shown, 0 is a
/// guess among all tokens.
pub struct LikelihoodReward {
    config: LikelihoodConfig,
    observation: usize,
    bins: Bins,
    model: SequenceModel,
    /// Of the mean over the components; `None` before [`learn`](Self::learn).
    high: Option<f32>,
    low: f32,
    rng: Xoshiro256PlusPlus,
}

impl LikelihoodReward {
    /// A model of observations of `observation` numbers, with weights drawn from `seed`.
    ///
    /// # Errors
    /// When the configuration is out of range or the device refuses.
    pub fn new(
        config: LikelihoodConfig,
        observation: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self, RewardError> {
        config.validate()?;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let model = SequenceModel::new(&config, observation, &mut rng, device)?;
        let bins = Bins::new(observation, config.bins);
        let low = -(config.bins as f32).ln();
        Ok(Self { config, observation, bins, model, high: None, low, rng })
    }

    /// Whether an expert has been learned.
    pub fn is_learned(&self) -> bool {
        self.high.is_some()
    }

    /// Learns an expert from the observations of whole episodes, `[steps + 1, obs]` each.
    ///
    /// # Errors
    /// When fewer than two episodes are longer than the context.
    pub fn learn(&mut self, episodes: &[&[f32]]) -> Result<LikelihoodFit, RewardError> {
        let (context, width) = (self.config.context, self.observation);
        let long = |episode: &&[f32]| episode.len() > context * width;
        let mut episodes: Vec<&[f32]> = episodes.iter().copied().filter(long).collect();
        if episodes.len() < 2 {
            return Err(RewardError::NotEnoughData(format!(
                "fewer than two episodes have more than {context} observations; record longer ones, or lower `context`"
            )));
        }
        self.bins.fit(episodes.iter().flat_map(|episode| episode.chunks_exact(width)));
        let held_out = ((episodes.len() as f64 * self.config.held_out).ceil() as usize).max(1);
        let held_out = episodes.split_off(episodes.len() - held_out);
        let (mut sum, mut count) = (0.0, 0);
        for update in 0..self.config.updates {
            let (mut inputs, mut tokens) = (Vec::new(), Vec::new());
            for _ in 0..self.config.batch {
                let episode = episodes[self.rng.random_range(0..episodes.len())];
                let start = self.rng.random_range(0..=episode.len() / width - context - 1);
                self.stretch(&episode[start * width..][..(context + 1) * width], &mut inputs, &mut tokens);
            }
            let loss = self.model.learn(inputs, tokens, context)?;
            if update >= self.config.updates * 9 / 10 {
                (sum, count) = (sum + loss, count + 1);
            }
        }
        let mut likelihoods = Vec::new();
        for episode in held_out {
            self.likelihoods(episode, &mut likelihoods)?;
        }
        likelihoods.sort_by(f32::total_cmp);
        let place = (likelihoods.len() - 1) as f64 * self.config.quantile;
        // A model that knows nothing still gives rewards on a scale.
        self.high = Some(likelihoods[place.round() as usize].max(self.low + 1e-3));
        let mean = likelihoods.iter().sum::<f32>() / likelihoods.len() as f32;
        Ok(LikelihoodFit { training: sum / count.max(1) as f32, held_out: -mean })
    }

    /// Takes the mean of these episodes, `[steps + 1, obs]` each, for the reward 0: those of random actions,
    /// say, so that what anybody does earns nothing.
    ///
    /// # Errors
    /// When no expert has been learned, or the episodes are shorter than the context.
    pub fn contrast(&mut self, episodes: &[&[f32]]) -> Result<(), RewardError> {
        let high = self.high()?;
        let mut likelihoods = Vec::new();
        episodes.iter().try_for_each(|episode| self.likelihoods(episode, &mut likelihoods))?;
        if likelihoods.is_empty() {
            return Err(RewardError::NotEnoughData(format!(
                "no episode has more than {} observations; lower `context`",
                self.config.context
            )));
        }
        let mean = likelihoods.iter().sum::<f32>() / likelihoods.len() as f32;
        // An expert who is no more predictable than others still gives rewards on a scale.
        self.low = mean.min(high - 1e-3);
        Ok(())
    }

    /// The reward of going on to `next` (`[envs, obs]`) after `contexts`, which must end with the
    /// observation before.
    ///
    /// # Errors
    /// When a shape is wrong or no expert has been learned.
    pub fn reward(&self, contexts: &Contexts, next: &[f32], out: &mut [f32]) -> Result<(), RewardError> {
        let (high, low) = (self.high()?, self.low);
        let (context, width) = (self.config.context, self.observation);
        expect_len("rewards", out.len(), contexts.iter().len())?;
        expect_len("next observations", next.len(), out.len() * width)?;
        let (mut inputs, mut tokens, mut last) = (Vec::new(), Vec::new(), Vec::new());
        for (seen, next) in contexts.iter().zip(next.chunks_exact(width)) {
            let length = seen.len() / width;
            if length == 0 {
                return Err(RewardError::NotEnoughData("an environment has shown nothing yet".into()));
            }
            seen.chunks_exact(width).for_each(|obs| self.bins.scaled(obs, &mut inputs));
            // What comes after the last place is not attended to.
            inputs.resize(inputs.len() + (context - length) * width, 0.0);
            seen.chunks_exact(width).for_each(|obs| self.bins.tokens(obs, &mut tokens));
            self.bins.tokens(next, &mut tokens);
            tokens.resize(tokens.len() + (context - length) * width, 0);
            last.push(length);
        }
        let likelihoods = self.means(inputs, tokens)?;
        let windows = likelihoods.chunks_exact(context + 1).zip(last);
        for (reward, (likelihoods, last)) in out.iter_mut().zip(windows) {
            *reward = ((self.of_window(&likelihoods[..=last]) - low) / (high - low)).clamp(-1.0, 1.0);
        }
        Ok(())
    }

    fn high(&self) -> Result<f32, RewardError> {
        self.high.ok_or_else(|| {
            RewardError::NotEnoughData("the likelihood has no expert yet; call `learn` first".into())
        })
    }

    /// What a window is worth whose observations have these likelihoods.
    fn of_window(&self, likelihoods: &[f32]) -> f32 {
        if self.config.joint {
            likelihoods.iter().sum::<f32>() / likelihoods.len() as f32
        } else {
            likelihoods[likelihoods.len() - 1]
        }
    }

    /// The inputs and tokens of `context + 1` observations.
    fn stretch(&self, rows: &[f32], inputs: &mut Vec<f32>, tokens: &mut Vec<u32>) {
        let width = self.observation;
        rows[..rows.len() - width].chunks_exact(width).for_each(|obs| self.bins.scaled(obs, inputs));
        rows.chunks_exact(width).for_each(|obs| self.bins.tokens(obs, tokens));
    }

    /// Appends what each observation of an episode is worth that has a whole context before it.
    fn likelihoods(&self, episode: &[f32], out: &mut Vec<f32>) -> Result<(), RewardError> {
        let (context, width) = (self.config.context, self.observation);
        let stretches: Vec<&[f32]> = episode.windows((context + 1) * width).step_by(width).collect();
        for stretches in stretches.chunks(STRETCHES) {
            let (mut inputs, mut tokens) = (Vec::new(), Vec::new());
            stretches.iter().for_each(|rows| self.stretch(rows, &mut inputs, &mut tokens));
            let means = self.means(inputs, tokens)?;
            out.extend(means.chunks_exact(context + 1).map(|window| self.of_window(window)));
        }
        Ok(())
    }

    /// Mean of ln p over the components, `[n, context + 1]`.
    fn means(&self, inputs: Vec<f32>, tokens: Vec<u32>) -> Result<Vec<f32>, RewardError> {
        let likelihood = self.model.log_likelihood(inputs, tokens, self.config.context)?;
        let means = likelihood.detach().mean(2).and_then(|x| x.flatten_all()?.to_vec1());
        Ok(means.map_err(NnError::from)?)
    }
}

impl Parameters for LikelihoodReward {
    fn named(&self) -> Vec<(String, &Var)> {
        self.model.named()
    }
}

impl Checkpoint for LikelihoodReward {
    fn save(&self, out: &mut Writer) {
        out.part("bins", &self.bins);
        out.part("model", &self.model);
        out.value("scale", &(self.high, self.low));
        out.value("rng", &self.rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("bins", &mut self.bins)?;
        from.part("model", &mut self.model)?;
        (self.high, self.low) = from.value("scale")?;
        self.rng = from.value("rng")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use telos_nn::TransformerConfig;

    use super::*;

    /// Points on a circle, at a speed that differs from episode to episode, so that only the context
    /// tells what comes next.
    fn circle(speed: f32, phase: f32, steps: usize) -> Vec<f32> {
        let angle = |step: usize| phase + speed * step as f32;
        (0..steps).flat_map(|step| [angle(step).cos(), angle(step).sin()]).collect()
    }

    fn expert() -> LikelihoodReward {
        let config = LikelihoodConfig {
            bins: 16,
            context: 4,
            transformer: TransformerConfig { width: 32, heads: 2, layers: 1 },
            updates: 400,
            learning_rate: 3e-3,
            ..LikelihoodConfig::default()
        };
        LikelihoodReward::new(config, 2, 1, &Device::Cpu).unwrap()
    }

    fn episodes() -> Vec<Vec<f32>> {
        (0..20).map(|at| circle(if at % 2 == 0 { 0.3 } else { -0.3 }, at as f32, 40)).collect()
    }

    /// Mean reward of an episode.
    fn mean_reward(reward: &LikelihoodReward, episode: &[f32]) -> f32 {
        let mut contexts = Contexts::new(1, 4, 2);
        let (mut sum, mut out) = (0.0, [0.0]);
        let rows: Vec<&[f32]> = episode.chunks_exact(2).collect();
        for pair in rows.windows(2) {
            contexts.push(pair[0]);
            reward.reward(&contexts, pair[1], &mut out).unwrap();
            sum += out[0];
        }
        sum / (rows.len() - 1) as f32
    }

    #[test]
    fn what_the_expert_does_is_rewarded_and_what_it_does_not_is_not() {
        let (mut reward, episodes) = (expert(), episodes());
        let episodes: Vec<&[f32]> = episodes.iter().map(Vec::as_slice).collect();
        let mut nothing = [0.0];
        assert!(reward.reward(&Contexts::new(1, 4, 2), &[0.0; 2], &mut nothing).is_err());
        let fit = reward.learn(&episodes).unwrap();
        assert!(fit.held_out < 1.5, "{fit:?}, guessing has {}", 16f32.ln());
        let same = mean_reward(&reward, &circle(0.3, 0.5, 40));
        // In the expert's places, too fast; at rest there; and elsewhere.
        let others = [circle(0.9, 0.5, 40), circle(0.0, 0.5, 40), vec![0.0; 80]];
        for other in others.each_ref().map(|other| mean_reward(&reward, other)) {
            assert!(same > 0.7 && other + 0.15 < same, "{other} against {same}");
        }
        reward.contrast(&others.each_ref().map(Vec::as_slice)).unwrap();
        let mean = others.map(|other| mean_reward(&reward, &other)).iter().sum::<f32>() / 3.0;
        assert!(mean.abs() < 0.3 && mean_reward(&reward, &circle(0.3, 0.5, 40)) > 0.7, "{mean}");
    }

    #[test]
    fn a_restored_reward_is_the_same() {
        let (mut reward, episodes) = (expert(), episodes());
        let episodes: Vec<&[f32]> = episodes.iter().map(Vec::as_slice).collect();
        reward.config.updates = 3;
        reward.learn(&episodes).unwrap();
        let mut restored = expert();
        telos_checkpoint::from_bytes(&mut restored, &telos_checkpoint::to_bytes(&reward)).unwrap();
        let episode = circle(0.3, 0.1, 10);
        assert_eq!(mean_reward(&restored, &episode), mean_reward(&reward, &episode));
        assert!(restored.is_learned());
        let error = expert().learn(&[&[0.0; 8]]).unwrap_err().to_string();
        assert!(error.contains("`context`"), "{error}");
    }
}
