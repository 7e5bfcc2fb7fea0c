//! Noukhovitch et al. 2023, "Language Model Alignment with Elastic Reset", arXiv 2312.07551: forget what
//! was learned by exploiting a learned reward, without forgetting the task.
//!
//! theta_bar <- d theta_bar + (1 - d) theta   after every update
//! theta <- theta_bar,  theta_bar <- theta_0   after every n updates
//!
//! The policy springs back to its own average, and the average to where everything began: drift from the
//! prior is bounded without a penalty in the reward. The optimiser keeps its moments.

use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{NnError, Parameters, Tensor};

use crate::{AgentError, error::require};

/// When a policy is reset, and to what average.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ElasticResetConfig {
    /// Updates from one reset to the next, n. Default 17 (the paper's for text; small policies take more
    /// and smaller updates).
    pub interval: u64,
    /// Decay of the average, d. Default 0.99 (the paper's).
    pub decay: f32,
}

impl Default for ElasticResetConfig {
    fn default() -> Self {
        Self { interval: 17, decay: 0.99 }
    }
}

/// The average of a policy's weights, and the weights it began with.
pub struct ElasticReset {
    config: ElasticResetConfig,
    updates: u64,
    /// theta_0 and theta_bar, all parameters one after the other.
    initial: Vec<f32>,
    average: Vec<f32>,
}

impl ElasticReset {
    /// Remembers the weights of `policy` as those to return to.
    ///
    /// # Errors
    /// When the configuration is wrong or the device cannot be read.
    pub fn new(config: &ElasticResetConfig, policy: &(impl Parameters + ?Sized)) -> Result<Self, AgentError> {
        require(config.interval > 0, "interval", &config.interval, "must be at least 1 update")?;
        require((0.0..1.0).contains(&config.decay), "decay", &config.decay, "must be in [0, 1)")?;
        let initial = read(policy)?;
        Ok(Self { config: config.clone(), updates: 0, average: initial.clone(), initial })
    }

    /// To be called after every update of `policy`; returns whether it was reset.
    ///
    /// # Errors
    /// When `policy` is another one than at the start, or the device refuses.
    pub fn after_update(&mut self, policy: &(impl Parameters + ?Sized)) -> Result<bool, AgentError> {
        let weights = read(policy)?;
        AgentError::check_length("weights", weights.len(), self.average.len())?;
        for (average, weight) in self.average.iter_mut().zip(weights) {
            *average += (1.0 - self.config.decay) * (weight - *average);
        }
        self.updates += 1;
        let due = self.updates.is_multiple_of(self.config.interval);
        if due {
            write(policy, &self.average)?;
            self.average.copy_from_slice(&self.initial);
        }
        Ok(due)
    }
}

impl Checkpoint for ElasticReset {
    fn save(&self, out: &mut Writer) {
        out.value("updates", &self.updates);
        out.f32s("initial", &self.initial);
        out.f32s("average", &self.average);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.updates = from.value("updates")?;
        from.f32s("initial", &mut self.initial)?;
        from.f32s("average", &mut self.average)
    }
}

fn read(policy: &(impl Parameters + ?Sized)) -> Result<Vec<f32>, NnError> {
    let mut weights = Vec::new();
    for (_, var) in policy.named() {
        weights.extend(var.flatten_all()?.to_vec1::<f32>()?);
    }
    Ok(weights)
}

fn write(policy: &(impl Parameters + ?Sized), weights: &[f32]) -> Result<(), NnError> {
    let mut rest = weights;
    for (_, var) in policy.named() {
        let values;
        (values, rest) = rest.split_at(var.elem_count());
        var.set(&Tensor::from_slice(values, var.shape(), var.device())?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use telos_nn::{Device, weights::Parameter};

    use super::*;

    fn value(policy: &Parameter) -> f32 {
        policy.var().to_vec1::<f32>().unwrap()[0]
    }

    #[test]
    fn a_policy_that_drifts_springs_back_to_its_average_and_that_to_the_start() {
        let policy = Parameter::new("policy", &[2], vec![1.0, -1.0], &Device::Cpu).unwrap();
        let config = ElasticResetConfig { interval: 3, decay: 0.5 };
        let mut reset = ElasticReset::new(&config, &policy).unwrap();
        let step = |reset: &mut ElasticReset| {
            policy.var().set(&(policy.var().as_tensor() + 8.0).unwrap()).unwrap();
            (reset.after_update(&policy).unwrap(), value(&policy))
        };
        assert_eq!(step(&mut reset), (false, 9.0));
        // The average goes 1, 5, 11, 18: half way to 9, 17 and 25.
        assert_eq!(step(&mut reset), (false, 17.0));
        let mut other = ElasticReset::new(&config, &policy).unwrap();
        telos_checkpoint::from_bytes(&mut other, &telos_checkpoint::to_bytes(&reset)).unwrap();
        assert_eq!(step(&mut other), (true, 18.0));
        // Then from 1 again: 13.5, 23.75, 32.875.
        assert_eq!(step(&mut other), (false, 26.0));
        assert_eq!(step(&mut other), (false, 34.0));
        assert_eq!(step(&mut other), (true, 32.875));
    }
}
