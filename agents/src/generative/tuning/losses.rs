//! The loss of each method on some decisions of a rollout.

use telos_nn::{NnError, Tensor};

use super::{TuningMethod, critic::Critic, rollout::ChunkRollout, tuner::Tuner};
use crate::{
    AgentError,
    generative::{ChainBatch, ChunkPolicy, GenerativePolicy, NoiseDraw},
};

impl Tuner {
    /// The loss, a scalar, of `decisions`, whose chunks have been scored.
    pub(super) fn loss(&mut self, decisions: &[usize]) -> Result<Tensor, AgentError> {
        let k = self.rollout.candidates;
        let all: Vec<usize> = decisions.iter().flat_map(|d| d * k..(d + 1) * k).collect();
        Ok(match self.config.method {
            TuningMethod::RewardGradient | TuningMethod::AdjointMatching => self.through_critic(&all)?,
            TuningMethod::NoiseActor => self.of_starts(&all)?,
            TuningMethod::FlowDpo | TuningMethod::RewardWeighted | TuningMethod::Eda => {
                self.of_chunks(&all)?
            }
            _ => self.of_chains(&all)?,
        })
    }

    /// Losses on the log-probabilities of chains.
    fn of_chains(&self, candidates: &[usize]) -> Result<Tensor, NnError> {
        let (policy, reference, rollout) = (self.actor.policy(), &self.reference, &self.rollout);
        let batch = |rows: &[usize]| rollout.chains(rows, policy);
        match self.config.method {
            TuningMethod::Dppo => {
                self.config.dppo.loss(policy, &batch(candidates)?, &scores(rollout, candidates, policy)?)
            }
            TuningMethod::Dpok => {
                let advantages = scores(rollout, candidates, policy)?;
                self.config.dpok.loss(policy, reference, &batch(candidates)?, &advantages)
            }
            TuningMethod::Prdp => {
                let rewards = scores(rollout, candidates, policy)?;
                self.config.prdp.loss(policy, reference, &batch(candidates)?, &rewards)
            }
            _ => self.config.d3po.loss(policy, reference, &batch(&better_first(rollout, candidates))?),
        }
    }

    /// Losses on chunks alone.
    fn of_chunks(&mut self, candidates: &[usize]) -> Result<Tensor, NnError> {
        let (policy, reference, rollout) = (self.actor.policy(), &self.reference, &self.rollout);
        let (width, device) = (policy.shape().width(), policy.device());
        let mut draw = |rows: usize| NoiseDraw::new(&mut self.update_rng, rows, width, device);
        let column = |rows: &[usize]| rollout.chunks_of(rows, policy);
        let obs = |rows: &[usize]| rollout.obs_of(rows, policy);
        match self.config.method {
            TuningMethod::FlowDpo => {
                let sorted = better_first(rollout, candidates);
                let every_second =
                    |first: usize| -> Vec<usize> { sorted.iter().copied().skip(first).step_by(2).collect() };
                let (better, worse) = (every_second(0), every_second(1));
                let (preferred, other) = (column(&better)?, column(&worse)?);
                let objective = &self.config.flow_dpo;
                objective.loss(policy, reference, &obs(&better)?, &preferred, &other, &draw(better.len())?)
            }
            TuningMethod::Eda => {
                let columns =
                    (&obs(candidates)?, &column(candidates)?, &scores(rollout, candidates, policy)?);
                // One level for all chunks of an observation.
                let mut noise = draw(candidates.len())?;
                let k = rollout.candidates;
                for group in noise.levels.chunks_exact_mut(k) {
                    let level = group[0];
                    group.fill(level);
                }
                self.config.eda.loss(policy, reference, columns, k, &noise)
            }
            _ => {
                let (obs, chunks) = (obs(candidates)?, column(candidates)?);
                let rewards = scores(rollout, candidates, policy)?;
                self.config.reward_weighted.loss(policy, &obs, &chunks, &rewards, &draw(candidates.len())?)
            }
        }
    }

    /// Losses on fresh chunks, whose critic is differentiated.
    fn through_critic(&mut self, candidates: &[usize]) -> Result<Tensor, AgentError> {
        let policy = self.actor.policy();
        let (size, rows) = (policy.shape().obs, candidates.len());
        let obs: Vec<f32> =
            candidates.iter().flat_map(|c| &self.rollout.obs[c * size..][..size]).copied().collect();
        policy.sample_chain(&obs, rows, &mut self.update_rng, &mut self.chain)?;
        let critic = self.critic.as_ref().expect("a method that differentiates has a critic");
        let all = policy.steps().len();
        let whole = self.config.method == TuningMethod::AdjointMatching;
        let count = if whole { all } else { self.config.denoising_steps };
        let batch = ChainBatch::new(&self.chain, &obs, count, policy.device())?;
        Ok(if whole {
            self.config.adjoint_matching.loss(policy, &self.reference, &batch, critic)?
        } else {
            self.config.reward_gradient.loss(policy, &batch, critic)?
        })
    }

    /// The loss of the first latents.
    fn of_starts(&self, decisions: &[usize]) -> Result<Tensor, NnError> {
        let (policy, rollout) = (self.actor.policy(), &self.rollout);
        let actor = self.actor.start().expect("the method has a noise actor");
        let behaviour: Vec<f32> = decisions.iter().map(|d| rollout.start_log_probs[*d]).collect();
        let behaviour = Tensor::from_vec(behaviour, decisions.len(), policy.device())?;
        let advantages = scores(rollout, decisions, policy)?;
        let (obs, starts) = (rollout.obs_of(decisions, policy)?, rollout.starts_of(decisions, policy)?);
        actor.loss(&obs, &starts, &behaviour, &advantages)
    }

    /// Q of every chunk of the rollout.
    pub(super) fn critic_scores(&self, critic: &Critic) -> Result<Vec<f32>, NnError> {
        let (policy, rollout) = (self.actor.policy(), &self.rollout);
        let all: Vec<usize> = (0..rollout.len() * rollout.candidates).collect();
        critic.score(&rollout.obs_of(&all, policy)?, &rollout.chunks_of(&all, policy)?)
    }
}

/// Scores `[candidates]`.
fn scores(rollout: &ChunkRollout, candidates: &[usize], policy: &ChunkPolicy) -> Result<Tensor, NnError> {
    let scores: Vec<f32> = candidates.iter().map(|c| rollout.scores[*c]).collect();
    Ok(Tensor::from_vec(scores, candidates.len(), policy.device())?)
}

/// Neighbouring candidates, the one with the higher score first.
fn better_first(rollout: &ChunkRollout, candidates: &[usize]) -> Vec<usize> {
    let mut sorted = candidates.to_vec();
    for pair in sorted.chunks_exact_mut(2) {
        if rollout.scores[pair[0]] < rollout.scores[pair[1]] {
            pair.swap(0, 1);
        }
    }
    sorted
}
