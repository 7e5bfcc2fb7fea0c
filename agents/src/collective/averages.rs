//! What the ranks of a learner average: gradients, and the moments of what they saw.

use telos_nn::{GradStore, NnError, Parameters, Tensor};

use super::Collective;
use crate::{AgentError, RunningMoments, ppo_objective::normalize};

/// Replaces the gradients of `parameters`, and `numbers` beside them, by their means over ranks.
/// `flat` is memory to be used again.
pub(crate) fn mean_gradients(
    ranks: &mut dyn Collective,
    parameters: &dyn Parameters,
    gradients: &mut GradStore,
    numbers: &mut [f32],
    flat: &mut Vec<f32>,
) -> Result<(), AgentError> {
    let variables = parameters.named();
    flat.clear();
    flat.extend_from_slice(numbers);
    for (_, variable) in &variables {
        if let Some(gradient) = gradients.get(variable.as_tensor()) {
            let values = gradient.flatten_all().and_then(|flat| flat.to_vec1::<f32>());
            flat.extend(values.map_err(NnError::from)?);
        }
    }
    ranks.all_reduce_mean(flat)?;
    let (means, mut rest) = flat.split_at(numbers.len());
    numbers.copy_from_slice(means);
    for (_, variable) in &variables {
        if let Some(gradient) = gradients.get(variable.as_tensor()) {
            let (mean, later) = rest.split_at(gradient.elem_count());
            let mean = Tensor::from_slice(mean, gradient.shape(), gradient.device());
            gradients.insert(variable.as_tensor(), mean.map_err(NnError::from)?);
            rest = later;
        }
    }
    Ok(())
}

/// Gives `parameters` the values that rank 0 has.
pub(crate) fn share_weights(
    ranks: &mut dyn Collective,
    parameters: &dyn Parameters,
) -> Result<(), AgentError> {
    for (_, variable) in parameters.named() {
        let own = variable.as_detached_tensor();
        let mut values = own.flatten_all().and_then(|flat| flat.to_vec1()).map_err(NnError::from)?;
        ranks.broadcast(0, &mut values)?;
        let shared = Tensor::from_vec(values, own.shape(), own.device());
        shared.and_then(|shared| variable.set(&shared)).map_err(NnError::from)?;
    }
    Ok(())
}

/// Merges into `moments` what each rank gives as `batch`, in the order of ranks.
pub(crate) fn merge_moments(
    ranks: &mut dyn Collective,
    moments: &mut RunningMoments,
    batch: &RunningMoments,
) -> Result<(), AgentError> {
    let mine = batch.to_numbers();
    let all = ranks.all_gather(bytemuck::cast_slice(&mine))?;
    for theirs in all.chunks_exact(8 * mine.len()) {
        let numbers: Vec<f64> = theirs.chunks_exact(8).map(bytemuck::pod_read_unaligned).collect();
        moments.merge(&RunningMoments::from_numbers(&numbers));
    }
    Ok(())
}

/// Shifts and scales advantages as [`normalize`] does for those of all ranks together.
pub(crate) fn normalize_together(
    ranks: &mut dyn Collective,
    advantages: &mut [f32],
) -> Result<(), AgentError> {
    if ranks.size() == 1 {
        normalize(advantages);
        return Ok(());
    }
    let mut all = RunningMoments::new(1);
    merge_moments(ranks, &mut all, &RunningMoments::of(1, advantages))?;
    let sample_variance = all.variance(0) * all.count() / (all.count() - 1.0).max(1.0);
    let (mean, scale) = (all.mean()[0], (sample_variance.sqrt() + 1e-8).recip());
    advantages.iter_mut().for_each(|a| *a = ((f64::from(*a) - mean) * scale) as f32);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::thread;

    use telos_envs::{EnvSpec, StepBatch, VecEnv, registry};
    use telos_nn::Device;

    use super::*;
    use crate::{Ppo, PpoConfig, RolloutBuffer, collective::ThreadCollective};

    const ENVS: usize = 4;
    const STEPS: usize = 24;

    /// Rows `range` of a step.
    fn part(step: &StepBatch, range: std::ops::Range<usize>) -> StepBatch {
        StepBatch {
            final_obs: step.final_obs[range.start * 3..range.end * 3].to_vec(),
            reward: step.reward[range.clone()].to_vec(),
            terminated: step.terminated[range.clone()].to_vec(),
            truncated: step.truncated[range].to_vec(),
            ..StepBatch::default()
        }
    }

    /// A rollout of `ppo`, whole and as that of two ranks with half of the environments each.
    fn collect(ppo: &mut Ppo, envs: &mut VecEnv) -> (RolloutBuffer, [RolloutBuffer; 2]) {
        let rollout = |envs| RolloutBuffer::new(STEPS, envs, 3, 1);
        let (mut whole, mut halves) = (rollout(ENVS), [rollout(ENVS / 2), rollout(ENVS / 2)]);
        for t in 0..STEPS {
            ppo.decide(&envs.batch().obs, &mut whole).unwrap();
            let step = envs.step(whole.env_actions());
            for (index, half) in halves.iter_mut().enumerate() {
                let range = index * ENVS / 2..(index + 1) * ENVS / 2;
                let (first, n) = (t * ENVS + range.start, range.len());
                let decision = half.begin();
                decision.obs.copy_from_slice(&whole.obs[first * 3..][..n * 3]);
                decision.actions.copy_from_slice(&whole.actions[first..][..n]);
                decision.env_actions.copy_from_slice(&whole.env_actions[first..][..n]);
                decision.log_probs.copy_from_slice(&whole.log_probs[first..][..n]);
                let step = part(step, range);
                half.record(&step.reward, &step);
            }
            whole.record(&step.reward, step);
        }
        (whole, halves)
    }

    fn learner(config: &PpoConfig, spec: &EnvSpec) -> Ppo {
        Ppo::new(config, spec, 5, &Device::Cpu).unwrap()
    }

    #[test]
    fn two_ranks_take_the_steps_of_one_learner_on_the_union_of_their_rollouts() {
        // One minibatch, so that shuffling changes nothing but the order of sums.
        let config = PpoConfig {
            rollout_steps: STEPS,
            minibatches: 1,
            epochs: 3,
            entropy_coefficient: 0.01,
            ..PpoConfig::default()
        };
        let mut envs = VecEnv::new(ENVS, 1, 9, |_| registry::make("pendulum-classic")).unwrap();
        envs.reset();
        let mut one = learner(&config, envs.spec());
        let mut ranks: Vec<(ThreadCollective, Ppo)> = ThreadCollective::group(2)
            .into_iter()
            .map(|rank| (rank, learner(&config, envs.spec())))
            .collect();
        for _ in 0..3 {
            let (mut whole, halves) = collect(&mut one, &mut envs);
            let expected = one.update(&mut whole).unwrap();
            thread::scope(|scope| {
                for ((rank, ppo), mut half) in ranks.iter_mut().zip(halves) {
                    scope.spawn(move || {
                        let found = ppo.update_together(&mut half, rank).unwrap();
                        let near = |a: f32, b: f32| (a - b).abs() <= 1e-4 * (1.0 + b.abs());
                        assert!(near(found.policy_loss, expected.policy_loss), "{found:?} {expected:?}");
                        assert!(near(found.value_loss, expected.value_loss), "{found:?} {expected:?}");
                        assert!(near(found.grad_norm, expected.grad_norm), "{found:?} {expected:?}");
                        assert_eq!(found.epochs, expected.epochs);
                    });
                }
            });
        }
        let values = |ppo: &Ppo| -> Vec<f32> {
            let flat =
                |var: &telos_nn::Var| var.as_detached_tensor().flatten_all().unwrap().to_vec1().unwrap();
            ppo.named().into_iter().flat_map(|(_, var)| flat(var)).collect()
        };
        let (expected, start) = (values(&one), values(&learner(&config, envs.spec())));
        for (_, ppo) in &ranks {
            let pairs = || expected.iter().zip(values(ppo));
            let off = pairs().map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            let moved = pairs().zip(&start).map(|((a, _), b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(off < 1e-5 && moved > 1e-3, "off by {off} after moving by {moved}");
            let (a, b) = (one.observation_normalizer().unwrap(), ppo.observation_normalizer().unwrap());
            assert!(a.mean().iter().zip(b.mean()).all(|(a, b)| (a - b).abs() < 1e-6));
        }
    }
}
