//! Acting with chunks in environments: receding horizon, as Chi et al. 2023, "Diffusion Policy", arXiv
//! 2303.04137, section 2.3, do. Of each chunk the first actions are executed, then a new one is drawn.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{EnvSpec, dataset::ChunkBatch, episode_seed};
use telos_nn::{gaussian, weights};

use super::{Chain, ChunkShape, GenerativePolicy, NoiseActor, ResidualActions};
use crate::{ActMode, ActionRange, AgentError, ObservationNormalizer, Policy, Sight, error::require};

/// Keeps the noise of [`ActMode::Mode`] apart from everything else that is seeded.
const MODE_SEED: u64 = 0x6d6f_6465;

/// A generative policy that acts in a batch of environments.
///
/// A chain has no centre that is itself likely, so [`ActMode::Mode`] starts from noise that depends on the
/// environment's place and the number of the chunk in its episode alone, and follows the means from there:
/// the policy's own generator is left as it is, and equal episodes get equal actions.
#[derive(Debug)]
pub struct ChunkActor<P> {
    policy: P,
    range: ActionRange,
    normalizer: ObservationNormalizer,
    /// What turns pictures into the policy's observations, where it sees pictures.
    sight: Option<Sight>,
    /// The regression whose remainder the policy draws, where it does not draw actions in [-1, 1].
    residual: Option<ResidualActions>,
    /// Who chooses the first latent, where that is not left to chance.
    start: Option<NoiseActor>,
    /// Actions of a chunk that are executed.
    executed: usize,
    /// `[rows, horizon, act]`: the present chunk of each environment, actions in [-1, 1].
    chunks: Vec<f32>,
    /// `[rows]`: actions taken of it.
    taken: Vec<usize>,
    /// `[rows]`: chunks drawn in the present episode.
    drawn: Vec<u64>,
    rng: Xoshiro256PlusPlus,
    chain: Chain,
    /// Environments that need a chunk, their observations, and these as the network wants them.
    due: Vec<usize>,
    seen: Vec<f32>,
    obs: Vec<f32>,
}

impl<P: GenerativePolicy> ChunkActor<P> {
    /// An actor in environments of this spec that executes the first `executed` actions of each chunk.
    ///
    /// # Errors
    /// When the policy's sizes are not the spec's, or `executed` is not in 1..=horizon.
    pub fn new(
        policy: P,
        normalizer: ObservationNormalizer,
        spec: &EnvSpec,
        executed: usize,
        seed: u64,
    ) -> Result<Self, AgentError> {
        let (shape, range) = (policy.shape(), ActionRange::new(spec)?);
        AgentError::check_length("observation of the denoiser", shape.obs, spec.observation.size())?;
        AgentError::check_length("observation of the normaliser", normalizer.size(), shape.obs)?;
        AgentError::check_length("action of the denoiser", shape.act, range.size())?;
        let sound = (1..=shape.horizon).contains(&executed);
        require(
            sound,
            "generative.executed",
            &executed,
            "use at least 1 and at most the actions of a chunk",
        )?;
        Ok(Self {
            policy,
            range,
            normalizer,
            sight: None,
            residual: None,
            start: None,
            executed,
            chunks: Vec::new(),
            taken: Vec::new(),
            drawn: Vec::new(),
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            chain: Chain::default(),
            due: Vec::new(),
            seen: Vec::new(),
            obs: Vec::new(),
        })
    }

    /// The policy.
    pub fn policy(&self) -> &P {
        &self.policy
    }

    /// The policy, for changes of its sampler.
    pub fn policy_mut(&mut self) -> &mut P {
        &mut self.policy
    }

    /// Lets the policy observe the features of pictures, in place of what the environment was said to show.
    ///
    /// # Errors
    /// When it wants another number of them.
    pub fn see_by(&mut self, sight: Sight) -> Result<(), AgentError> {
        AgentError::check_length("features of pictures", sight.features(), self.policy.shape().obs)?;
        self.sight = Some(sight);
        Ok(())
    }

    /// What turns pictures into the policy's observations.
    pub fn sight(&self) -> Option<&Sight> {
        self.sight.as_ref()
    }

    /// Components of an environment's observation.
    fn observation_size(&self) -> usize {
        self.sight.as_ref().map_or(self.policy.shape().obs, Sight::observation_size)
    }

    /// Turns the `rows` observations in `seen` into what the network wants.
    fn observe(&mut self, rows: usize) -> Result<(), AgentError> {
        let size = self.policy.shape().obs;
        self.obs.resize(rows * size, 0.0);
        if let Some(sight) = &mut self.sight {
            self.obs.copy_from_slice(sight.see(&self.seen, rows)?);
            return Ok(());
        }
        for (seen, normalized) in self.seen.chunks_exact(size).zip(self.obs.chunks_exact_mut(size)) {
            self.normalizer.normalize(seen, normalized);
        }
        Ok(())
    }

    /// Takes what the policy draws as what a regression leaves of the actions.
    pub fn draw_residuals(&mut self, residual: ResidualActions) {
        self.residual = Some(residual);
    }

    /// The regression whose remainder the policy draws, where it does not draw actions in [-1, 1].
    pub fn residual(&self) -> Option<&ResidualActions> {
        self.residual.as_ref()
    }

    /// Lets `start` choose the first latent of every chunk; its most likely one in [`ActMode::Mode`].
    pub fn start_by(&mut self, start: NoiseActor) {
        self.start = Some(start);
    }

    /// Who chooses the first latent.
    pub fn start(&self) -> Option<&NoiseActor> {
        self.start.as_ref()
    }

    /// Takes over the weights of another actor's policy, and how it sees observations.
    ///
    /// # Errors
    /// When its network is another one.
    pub fn take_over(&mut self, other: &Self) -> Result<(), AgentError> {
        weights::copy(&self.policy, &other.policy)?;
        self.normalizer.clone_from(&other.normalizer);
        self.residual.clone_from(&other.residual);
        Ok(())
    }

    /// Recorded chunks in the environment's units as the policy sees them: the observations `[rows, obs]`
    /// before them, normalised, and actions in [-1, 1] or what the regression leaves of them.
    ///
    /// # Errors
    /// When the batch's sizes are not the policy's.
    pub fn demonstrated(
        &self,
        batch: &ChunkBatch,
        obs: &mut Vec<f32>,
        chunks: &mut Vec<f32>,
    ) -> Result<(), AgentError> {
        let (shape, rows) = (self.policy.shape(), batch.rows);
        AgentError::check_length("obs of the batch", batch.obs.len(), rows * shape.horizon * shape.obs)?;
        obs.resize(rows * shape.obs, 0.0);
        let firsts = batch.obs.chunks_exact(shape.horizon * shape.obs);
        for (seen, normalized) in firsts.zip(obs.chunks_exact_mut(shape.obs)) {
            self.normalizer.normalize(&seen[..shape.obs], normalized);
        }
        self.demonstrated_actions(batch, chunks)?;
        if let Some(residual) = &self.residual {
            residual.from_actions(obs, chunks);
        }
        Ok(())
    }

    /// Recorded chunks in the environment's units as actions in [-1, 1].
    ///
    /// # Errors
    /// When the batch's sizes are not the policy's.
    pub(super) fn demonstrated_actions(
        &self,
        batch: &ChunkBatch,
        chunks: &mut Vec<f32>,
    ) -> Result<(), AgentError> {
        let expected = batch.rows * self.policy.shape().width();
        AgentError::check_length("actions of the batch", batch.actions.len(), expected)?;
        chunks.clone_from(&batch.actions);
        self.range.to_policy(chunks);
        Ok(())
    }

    /// What observations are shifted and scaled by.
    pub fn normalizer(&self) -> &ObservationNormalizer {
        &self.normalizer
    }

    /// The map between chunks and the environment's actions.
    pub fn range(&self) -> &ActionRange {
        &self.range
    }

    /// Forgets all chunks: every environment gets a new one at its next action.
    fn restart(&mut self, rows: usize) {
        self.chunks.clear();
        self.chunks.resize(rows * self.policy.shape().width(), 0.0);
        self.taken.clear();
        self.taken.resize(rows, self.executed);
        self.drawn.clear();
        self.drawn.resize(rows, 0);
    }

    /// Finds the environments that have used their chunk up, and what they observe; whether there are any.
    fn find_due(&mut self, obs: &[f32]) -> Result<bool, AgentError> {
        let size = self.observation_size();
        self.due.clear();
        self.due.extend((0..self.taken.len()).filter(|&row| self.taken[row] == self.executed));
        self.seen.clear();
        self.due.iter().for_each(|row| self.seen.extend_from_slice(&obs[row * size..][..size]));
        self.observe(self.due.len())?;
        Ok(!self.due.is_empty())
    }

    /// Hands the environments that were due their chunks, from the end of the chain.
    fn hand_out(&mut self) {
        let ChunkShape { obs, .. } = self.policy.shape();
        let width = self.policy.shape().width();
        let drawn = self.chain.chunks().chunks_exact(width).zip(self.obs.chunks_exact(obs));
        for (&row, (chunk, obs)) in self.due.iter().zip(drawn) {
            let own = &mut self.chunks[row * width..][..width];
            own.copy_from_slice(chunk);
            if let Some(residual) = &self.residual {
                residual.to_actions(obs, own);
            }
            self.taken[row] = 0;
            self.drawn[row] += 1;
        }
    }

    /// Writes the next action of every environment's chunk, in the environment's units.
    fn take_actions(&mut self, actions: &mut [f32]) {
        let shape = self.policy.shape();
        for (row, action) in actions.chunks_exact_mut(shape.act).enumerate() {
            let start = row * shape.width() + self.taken[row] * shape.act;
            action.copy_from_slice(&self.chunks[start..][..shape.act]);
            self.taken[row] += 1;
        }
        self.range.to_env(actions);
    }

    /// Acts by chunks that `draw` writes, `[due, width]` for observations `[due, obs]` as the network wants them.
    pub(super) fn act_by(
        &mut self,
        obs: &[f32],
        rows: usize,
        actions: &mut [f32],
        draw: impl FnOnce(&[f32], &mut Xoshiro256PlusPlus, &mut [f32]) -> Result<(), AgentError>,
    ) -> Result<(), AgentError> {
        self.fit(obs, rows, actions)?;
        if self.find_due(obs)? {
            let chunks = self.chain.begin(self.due.len(), self.policy.shape().width(), 0);
            draw(&self.obs, &mut self.rng, chunks)?;
            self.hand_out();
        }
        self.take_actions(actions);
        Ok(())
    }

    /// Checks what [`Policy::act`] was given, and begins anew for another number of environments.
    fn fit(&mut self, obs: &[f32], rows: usize, actions: &[f32]) -> Result<(), AgentError> {
        AgentError::check_length("obs", obs.len(), rows * self.observation_size())?;
        AgentError::check_length("actions", actions.len(), rows * self.policy.shape().act)?;
        if self.taken.len() != rows {
            self.restart(rows);
        }
        Ok(())
    }

    /// Draws a chunk for each environment that has used its own up.
    fn draw(&mut self, obs: &[f32], mode: ActMode) -> Result<(), AgentError> {
        let width = self.policy.shape().width();
        if !self.find_due(obs)? {
            return Ok(());
        }
        match (mode, &self.start) {
            (ActMode::Sample, None) => {
                self.policy.sample_chain(&self.obs, self.due.len(), &mut self.rng, &mut self.chain)?;
            }
            (_, Some(start)) => {
                let steps = self.policy.steps().len();
                let noise = self.chain.begin(self.due.len(), width, steps);
                let sampled = mode == ActMode::Sample;
                if sampled {
                    start.draw(&self.obs, &mut self.rng, noise)?;
                } else {
                    start.choose(&self.obs, noise)?;
                }
                for step in 0..steps {
                    let rng = sampled.then_some(&mut self.rng);
                    self.policy.take_step(step, &self.obs, rng, &mut self.chain)?;
                }
            }
            (ActMode::Mode, None) => {
                let steps = self.policy.steps().len();
                let noise = self.chain.begin(self.due.len(), width, steps);
                for (&row, noise) in self.due.iter().zip(noise.chunks_exact_mut(width)) {
                    let seed = episode_seed(MODE_SEED, row as u64, self.drawn[row]);
                    gaussian::standard_normal(&mut Xoshiro256PlusPlus::seed_from_u64(seed), noise);
                }
                for step in 0..steps {
                    self.policy.take_step(step, &self.obs, None, &mut self.chain)?;
                }
            }
        }
        self.hand_out();
        Ok(())
    }
}

impl<P: GenerativePolicy> Policy for ChunkActor<P> {
    fn act(
        &mut self,
        obs: &[f32],
        rows: usize,
        mode: ActMode,
        actions: &mut [f32],
    ) -> Result<(), AgentError> {
        self.fit(obs, rows, actions)?;
        self.draw(obs, mode)?;
        self.take_actions(actions);
        Ok(())
    }

    fn episode_ended(&mut self, row: usize) {
        if let (Some(taken), Some(drawn)) = (self.taken.get_mut(row), self.drawn.get_mut(row)) {
            (*taken, *drawn) = (self.executed, 0);
        }
    }

    fn proposals(
        &mut self,
        obs: &[f32],
        count: usize,
        seed: u64,
        chunks: &mut Vec<f32>,
    ) -> Result<usize, AgentError> {
        AgentError::check_length("obs", obs.len(), self.observation_size())?;
        self.seen.clear();
        self.seen.extend_from_slice(obs);
        self.observe(1)?;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let obs = self.obs.repeat(count);
        self.policy.sample_chain(&obs, count, &mut rng, &mut self.chain)?;
        chunks.clear();
        chunks.extend_from_slice(self.chain.chunks());
        if let Some(residual) = &self.residual {
            residual.to_actions(&obs, chunks);
        }
        self.range.to_env(chunks);
        Ok(self.policy.shape().horizon)
    }
}

impl<P: GenerativePolicy> Checkpoint for ChunkActor<P> {
    fn save(&self, out: &mut Writer) {
        weights::save_values(&self.policy, out);
        out.part("normalizer", &self.normalizer);
        if let Some(sight) = &self.sight {
            out.part("sight", sight);
        }
        if let Some(residual) = &self.residual {
            out.part("residual", residual);
        }
        if let Some(start) = &self.start {
            out.part("start", start);
        }
        out.f32s("chunks", &self.chunks);
        out.value("taken", &self.taken);
        out.value("drawn", &self.drawn);
        out.value("rng", &self.rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        weights::load_values(&self.policy, from)?;
        from.part("normalizer", &mut self.normalizer)?;
        if let Some(sight) = &mut self.sight {
            from.part("sight", sight)?;
        }
        if let Some(residual) = &mut self.residual {
            from.part("residual", residual)?;
        }
        if let Some(start) = &mut self.start {
            from.part("start", start)?;
        }
        self.chunks = from.f32_vec("chunks")?;
        self.taken = from.value("taken")?;
        self.drawn = from.value("drawn")?;
        let rows = self.taken.len();
        let fits = self.drawn.len() == rows && self.chunks.len() == rows * self.policy.shape().width();
        if !fits || self.taken.iter().any(|taken| *taken > self.executed) {
            return Err(from.wrong("chunks", "does not fit the policy's chunks; check their horizon"));
        }
        self.rng = from.value("rng")?;
        Ok(())
    }
}
