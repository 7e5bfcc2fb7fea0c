//! Chunks that a policy drew and executed between two updates, with the chains that made them.

use std::ops::Range;

use telos_envs::StepBatch;
use telos_nn::{NnError, Tensor};

use crate::{
    GaeColumns, gae,
    generative::{Chain, ChainBatch, ChunkShape, GenerativePolicy, ResidualActions},
};

/// Decisions of a batch of environments. At each, the policy drew one chunk or several for one observation, and
/// executed the first of them.
///
/// Environments decide when their chunk is used up or their episode ends, each at its own time. What is under
/// way when the rollout ends counts as a shorter chunk.
#[derive(Debug)]
pub(super) struct ChunkRollout {
    shape: ChunkShape,
    executed: usize,
    /// Chunks per decision, k.
    pub(super) candidates: usize,
    /// Denoising steps that are kept, the last K'.
    kept: usize,
    /// `[decisions]`.
    env: Vec<usize>,
    /// `[decisions, obs]`, as the network wants them.
    pub(super) obs: Vec<f32>,
    /// `[decisions]`: rewards of the executed actions, summed.
    pub(super) rewards: Vec<f32>,
    /// `[decisions]`: whether what followed has no future.
    pub(super) terminated: Vec<bool>,
    /// `[decisions]`: whether the episode ended with it.
    ended: Vec<bool>,
    /// `[decisions, obs]`: what followed.
    pub(super) next_obs: Vec<f32>,
    /// `[decisions k, K' + 1, width]`.
    latents: Vec<f32>,
    /// `[decisions k, K']`.
    log_probs: Vec<f32>,
    /// `[decisions]`: log-probabilities of the first latents, where an actor chose them.
    pub(super) start_log_probs: Vec<f32>,
    /// `[decisions k]`: how good each chunk is; empty until it is known.
    pub(super) scores: Vec<f32>,
    /// `[envs]`: the decision under way.
    open: Vec<Option<usize>>,
    /// `[envs]`: actions taken of it.
    taken: Vec<usize>,
}

impl ChunkRollout {
    /// Room for `envs` environments.
    pub(super) fn new(
        envs: usize,
        shape: ChunkShape,
        executed: usize,
        candidates: usize,
        kept: usize,
    ) -> Self {
        Self {
            shape,
            executed,
            candidates,
            kept,
            env: Vec::new(),
            obs: Vec::new(),
            rewards: Vec::new(),
            terminated: Vec::new(),
            ended: Vec::new(),
            next_obs: Vec::new(),
            latents: Vec::new(),
            log_probs: Vec::new(),
            start_log_probs: Vec::new(),
            scores: Vec::new(),
            open: vec![None; envs],
            taken: vec![0; envs],
        }
    }

    /// Number of decisions.
    pub(super) fn len(&self) -> usize {
        self.env.len()
    }

    /// Actions of a chunk that are executed.
    pub(super) fn executed(&self) -> usize {
        self.executed
    }

    /// Environments that have to decide now.
    pub(super) fn due(&self) -> impl Iterator<Item = usize> {
        self.open.iter().enumerate().filter(|(_, open)| open.is_none()).map(|(env, _)| env)
    }

    /// The environment of a decision.
    pub(super) fn env_of(&self, decision: usize) -> usize {
        self.env[decision]
    }

    /// Takes in what was decided for the environments `due`: their observations `[due, obs]`, and the chain
    /// of `[due k]` chunks. Returns the new decisions.
    pub(super) fn decide(&mut self, due: &[usize], obs: &[f32], chain: &Chain) -> Range<usize> {
        let first = self.len();
        for (i, &env) in due.iter().enumerate() {
            self.open[env] = Some(first + i);
            self.taken[env] = 0;
        }
        self.env.extend_from_slice(due);
        self.obs.extend_from_slice(obs);
        let decisions = first + due.len();
        self.rewards.resize(decisions, 0.0);
        self.terminated.resize(decisions, false);
        self.ended.resize(decisions, false);
        self.next_obs.resize(decisions * self.shape.obs, 0.0);
        let skipped = chain.steps - self.kept;
        for row in 0..chain.rows {
            for step in skipped..=chain.steps {
                self.latents.extend_from_slice(&chain.latent(step)[row * chain.width..][..chain.width]);
            }
            let steps = skipped..chain.steps;
            self.log_probs.extend(steps.map(|step| chain.log_probs[step * chain.rows + row]));
        }
        first..decisions
    }

    /// The observation of a decision, as the network wants it.
    pub(super) fn observed(&self, decision: usize) -> &[f32] {
        &self.obs[decision * self.shape.obs..][..self.shape.obs]
    }

    /// The chunk `[horizon, act]` of a candidate, as the policy drew it.
    pub(super) fn chunk(&self, candidate: usize) -> &[f32] {
        let width = self.shape.width();
        &self.latents[(candidate * (self.kept + 1) + self.kept) * width..][..width]
    }

    /// Writes the next action of every environment, in [-1, 1].
    pub(super) fn next_actions(&self, residual: Option<&ResidualActions>, actions: &mut [f32]) {
        let act = self.shape.act;
        for ((open, taken), action) in self.open.iter().zip(&self.taken).zip(actions.chunks_exact_mut(act)) {
            let decision = open.expect("every environment has decided");
            action.copy_from_slice(&self.chunk(decision * self.candidates)[taken * act..][..act]);
            if let Some(residual) = residual {
                residual.to_action(self.observed(decision), *taken, action);
            }
        }
    }

    /// Takes in what the actions led to, observations by way of `normalize`.
    pub(super) fn record(
        &mut self,
        rewards: &[f32],
        step: &StepBatch,
        normalize: impl Fn(&[f32], &mut [f32]),
    ) {
        let size = self.shape.obs;
        for (env, reward) in rewards.iter().enumerate() {
            let decision = self.open[env].expect("every environment has decided");
            self.rewards[decision] += reward;
            self.taken[env] += 1;
            let next = &mut self.next_obs[decision * size..][..size];
            normalize(&step.final_obs[env * size..][..size], next);
            if step.done(env) || self.taken[env] == self.executed {
                self.terminated[decision] = step.terminated[env];
                self.ended[decision] = step.done(env);
                self.open[env] = None;
            }
        }
    }

    /// Ends the rollout: writes the advantages `[decisions]` of the executed chunks, given the values
    /// `[decisions]` of `obs` and `next_obs` and rewards.
    pub(super) fn advantages(
        &mut self,
        (gamma, lambda): (f32, f32),
        rewards: &[f32],
        (values, next_values): (&[f32], &[f32]),
    ) -> Vec<f32> {
        // One environment after the other, so that the next row is the next decision.
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by_key(|&decision| self.env[decision]);
        let ordered = |column: &[f32]| -> Vec<f32> { order.iter().map(|&i| column[i]).collect() };
        let last =
            |place: usize| order.get(place + 1).is_none_or(|next| self.env[*next] != self.env[order[place]]);
        let done: Vec<bool> =
            order.iter().enumerate().map(|(place, &i)| self.ended[i] || last(place)).collect();
        let terminated: Vec<bool> = order.iter().map(|&i| self.terminated[i]).collect();
        let columns = GaeColumns {
            envs: 1,
            rewards: &ordered(rewards),
            values: &ordered(values),
            next_values: &ordered(next_values),
            terminated: &terminated,
            done: &done,
        };
        let mut sorted = vec![0.0; self.len()];
        gae(gamma, lambda, columns, &mut sorted);
        let mut advantages = vec![0.0; self.len()];
        order.iter().zip(sorted).for_each(|(&decision, advantage)| advantages[decision] = advantage);
        advantages
    }

    /// The chains of these candidates as tensors, for a policy whose sampler drew them.
    pub(super) fn chains(
        &self,
        candidates: &[usize],
        policy: &dyn GenerativePolicy,
    ) -> Result<ChainBatch, NnError> {
        let (rows, kept, width) = (candidates.len(), self.kept, self.shape.width());
        let first = policy.steps().len() - kept;
        let mut latents = Vec::with_capacity((kept + 1) * rows * width);
        for step in 0..=kept {
            for candidate in candidates {
                latents.extend_from_slice(&self.latents[(candidate * (kept + 1) + step) * width..][..width]);
            }
        }
        let log_probs = (0..kept)
            .flat_map(|step| candidates.iter().map(move |candidate| self.log_probs[candidate * kept + step]));
        let (device, size) = (policy.device(), rows * width);
        let columns = (kept * rows, width);
        Ok(ChainBatch {
            rows,
            count: kept,
            steps: (first..first + kept).flat_map(|step| std::iter::repeat_n(step, rows)).collect(),
            obs: self.obs_of(candidates, policy)?.repeat((kept, 1))?,
            x: Tensor::from_slice(&latents[..kept * size], columns, device)?,
            next: Tensor::from_slice(&latents[size..], columns, device)?,
            behaviour: Tensor::from_vec(log_probs.collect::<Vec<f32>>(), (kept, rows), device)?,
        })
    }

    /// Observations `[candidates, obs]`.
    pub(super) fn obs_of(
        &self,
        candidates: &[usize],
        policy: &dyn GenerativePolicy,
    ) -> Result<Tensor, NnError> {
        let (size, k) = (self.shape.obs, self.candidates);
        let rows = candidates.iter().flat_map(|candidate| &self.obs[candidate / k * size..][..size]);
        let rows: Vec<f32> = rows.copied().collect();
        Ok(Tensor::from_vec(rows, (candidates.len(), size), policy.device())?)
    }

    /// Chunks `[candidates, width]`.
    pub(super) fn chunks_of(
        &self,
        candidates: &[usize],
        policy: &dyn GenerativePolicy,
    ) -> Result<Tensor, NnError> {
        let rows: Vec<f32> =
            candidates.iter().flat_map(|candidate| self.chunk(*candidate)).copied().collect();
        Ok(Tensor::from_vec(rows, (candidates.len(), self.shape.width()), policy.device())?)
    }

    /// First latents that are kept `[candidates, width]`.
    pub(super) fn starts_of(
        &self,
        candidates: &[usize],
        policy: &dyn GenerativePolicy,
    ) -> Result<Tensor, NnError> {
        let width = self.shape.width();
        let start = |candidate: &usize| &self.latents[candidate * (self.kept + 1) * width..][..width];
        let rows: Vec<f32> = candidates.iter().flat_map(start).copied().collect();
        Ok(Tensor::from_vec(rows, (candidates.len(), width), policy.device())?)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.env.clear();
        self.terminated.clear();
        self.ended.clear();
        for column in [
            &mut self.obs,
            &mut self.rewards,
            &mut self.next_obs,
            &mut self.latents,
            &mut self.log_probs,
            &mut self.start_log_probs,
            &mut self.scores,
        ] {
            column.clear();
        }
        self.open.fill(None);
        self.taken.fill(0);
    }
}
