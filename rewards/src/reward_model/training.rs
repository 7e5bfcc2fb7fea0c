//! Fitting a reward ensemble to answered pairs.

use rand::seq::SliceRandom;
use telos_nn::{NnError, Tensor};

use super::{PreferenceData, RewardEnsemble, bradley_terry_loss};
use crate::{RewardError, error::expect_len};

/// One pass over the answered pairs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// Mean negative log-likelihood per member and pair, before the gradient steps.
    pub loss: f32,
    /// Fraction of the pairs with a preference that the members predicted right, before the gradient
    /// steps, mean over the members; `None` when all pairs are equal.
    pub accuracy: Option<f32>,
}

/// What a training session did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Session {
    /// Passes over the data.
    pub epochs: usize,
    /// The last pass.
    pub last: Epoch,
}

impl RewardEnsemble {
    /// Trains on all pairs until the accuracy of a pass exceeds the target or the epochs are used
    /// up; then the model has a new version. Rewards given by earlier versions are stale: relabel
    /// the replay.
    ///
    /// # Errors
    /// When there is no pair, the data has other sizes, or a gradient is not finite.
    pub fn train(&mut self, data: &PreferenceData) -> Result<Session, RewardError> {
        if data.is_empty() {
            return Err(RewardError::NotEnoughData("no answered pair to learn a reward from".into()));
        }
        expect_len("inputs per step of the preference data", data.width(), self.networks.inputs())?;
        self.scale.fit(data.rows());
        self.version += 1;
        let mut epochs = 0;
        loop {
            let last = self.epoch(data)?;
            epochs += 1;
            let reached = last.accuracy.is_some_and(|accuracy| accuracy > self.config.target_accuracy);
            if reached || epochs == self.config.max_epochs {
                return Ok(Session { epochs, last });
            }
        }
    }

    fn epoch(&mut self, data: &PreferenceData) -> Result<Epoch, RewardError> {
        let members = self.config.members;
        let orders: Vec<Vec<usize>> = (0..members)
            .map(|_| {
                let mut order: Vec<usize> = (0..data.len()).collect();
                order.shuffle(&mut self.rng);
                order
            })
            .collect();
        let (mut loss, mut right, mut decided) = (0.0, 0, 0);
        for first in (0..data.len()).step_by(self.config.batch) {
            let pairs = self.config.batch.min(data.len() - first);
            let batches = orders.iter().map(|order| &order[first..first + pairs]);
            let Batch { inputs, targets } = self.gather(data, batches);
            let shape = (members, pairs, 2, data.segment());
            let step = self.gradient_step(inputs, &targets, shape)?;
            loss += f64::from(step.loss) * pairs as f64;
            for (logit, target) in step.logits.iter().zip(&targets) {
                if *target != 0.5 {
                    decided += 1;
                    right += usize::from((*logit > 0.0) == (*target > 0.5));
                }
            }
        }
        let loss = (loss / data.len() as f64) as f32;
        Ok(Epoch { loss, accuracy: (decided > 0).then(|| right as f32 / decided as f32) })
    }

    /// Each member's own pairs, standardised, one member after the other.
    fn gather<'a>(&self, data: &PreferenceData, batches: impl Iterator<Item = &'a [usize]>) -> Batch {
        let mut batch = Batch::default();
        for &at in batches.flatten() {
            let (pair, target) = data.pair(at);
            self.scale.extend(pair, &mut batch.inputs);
            batch.targets.push(target);
        }
        batch
    }

    /// One step on `[members, pairs, 2, segment]` inputs.
    fn gradient_step(
        &mut self,
        inputs: Vec<f32>,
        targets: &[f32],
        shape: (usize, usize, usize, usize),
    ) -> Result<Step, NnError> {
        let (members, pairs, two, segment) = shape;
        let device = self.networks.device();
        let rows = (members, pairs * two * segment, self.networks.inputs());
        let rewards = self.networks.forward(&Tensor::from_vec(inputs, rows, device)?)?;
        let returns = rewards.reshape(shape)?.sum(3)?;
        let logits = (returns.narrow(2, 0, 1)? - returns.narrow(2, 1, 1)?)?.squeeze(2)?;
        let targets = Tensor::from_slice(targets, (members, pairs), device)?;
        // y (1 - 2 s) + s moves the mass s to the other answer and leaves 1/2 where it is.
        let smoothing = f64::from(self.config.label_smoothing);
        let loss = bradley_terry_loss(&logits, &targets.affine(1.0 - 2.0 * smoothing, smoothing)?)?;
        self.adam.backward_step(&loss)?;
        Ok(Step { loss: loss.to_scalar::<f32>()? / members as f32, logits: logits.flatten_all()?.to_vec1()? })
    }
}

#[derive(Default)]
struct Batch {
    inputs: Vec<f32>,
    targets: Vec<f32>,
}

struct Step {
    /// Mean over the members.
    loss: f32,
    /// `[members * pairs]`.
    logits: Vec<f32>,
}
