//! Fitting reward networks to answered pairs.

use rand::seq::SliceRandom;
use telos_nn::{NnError, Tensor};

use super::{Batch, Behaviour, LearnedReward, PreferenceData, RewardObjective, data_smoothing::SoftAnswers};
use crate::RewardError;

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

impl<O: RewardObjective> LearnedReward<O> {
    /// Passes over the data until the accuracy of one exceeds the target or there have been enough.
    pub(super) fn epochs(
        &mut self,
        data: &PreferenceData,
        behaviour: &dyn Behaviour,
    ) -> Result<Session, RewardError> {
        self.objective.prepare(data, &self.scale, behaviour)?;
        let mut answers = SoftAnswers::new(data, self.config.members);
        let mut epochs = 0;
        loop {
            let last = self.epoch(data, &mut answers)?;
            epochs += 1;
            let reached = last.accuracy.is_some_and(|accuracy| accuracy > self.config.target_accuracy);
            if reached || epochs == self.config.max_epochs {
                self.objective.finish(&self.networks, data, &self.scale)?;
                return Ok(Session { epochs, last });
            }
        }
    }

    fn epoch(&mut self, data: &PreferenceData, answers: &mut SoftAnswers) -> Result<Epoch, RewardError> {
        let orders: Vec<Vec<usize>> = (0..self.config.members)
            .map(|_| {
                let mut order: Vec<usize> = (0..data.len()).collect();
                order.shuffle(&mut self.rng);
                order
            })
            .collect();
        let (mut loss, mut right, mut decided) = (0.0, 0, 0);
        for first in (0..data.len()).step_by(self.config.batch) {
            let pairs = self.config.batch.min(data.len() - first);
            let at: Vec<usize> =
                orders.iter().flat_map(|order| &order[first..first + pairs]).copied().collect();
            let step = self.gradient_step(data, answers, &at, pairs)?;
            loss += f64::from(step.loss) * pairs as f64;
            for (logit, &at) in step.logits.iter().zip(&at) {
                let answer = data.pair(at).1;
                if answer != 0.5 {
                    decided += 1;
                    right += usize::from((*logit > 0.0) == (answer > 0.5));
                }
            }
        }
        if self.config.data_smoothing > 0.0 {
            let mut logits = vec![0.0; self.config.members];
            for at in 0..data.len() {
                self.logits_of(&self.networks, data, at, &mut logits)?;
                answers.smooth(at, &logits, self.config.data_smoothing);
            }
        }
        let loss = (loss / data.len() as f64) as f32;
        Ok(Epoch { loss, accuracy: (decided > 0).then(|| right as f32 / decided as f32) })
    }

    /// One step on the pairs `at` (`[members, pairs]`).
    fn gradient_step(
        &mut self,
        data: &PreferenceData,
        answers: &SoftAnswers,
        at: &[usize],
        pairs: usize,
    ) -> Result<Step, NnError> {
        let (mut inputs, mut targets) = (Vec::new(), Vec::with_capacity(at.len()));
        for (place, &at) in at.iter().enumerate() {
            self.scale.extend(data.pair(at).0, &mut inputs);
            targets.push(answers.target(place / pairs, at));
        }
        let members = self.config.members;
        let device = self.networks.device();
        let rows = (members, pairs * 2 * data.segment(), data.width());
        let inputs = Tensor::from_vec(inputs, rows, device)?;
        // y (1 - 2 s) + s moves the mass s to the other answer and leaves 1/2 where it is.
        let smoothing = f64::from(self.config.label_smoothing);
        let targets = Tensor::from_vec(targets, (members, pairs), device)?;
        let targets = targets.affine(1.0 - 2.0 * smoothing, smoothing)?;
        let weights = match self.config.scaled {
            true => {
                let strengths: Vec<f32> = at.iter().map(|&at| data.strength(at)).collect();
                Some(Tensor::from_vec(strengths, (members, pairs), device)?)
            }
            false => None,
        };
        let batch = Batch { data, at, pairs, inputs, targets, weights };
        let found = self.objective.loss(&self.networks, &batch)?;
        self.adam.backward_step(&found.loss)?;
        let loss = found.loss.to_scalar::<f32>()? / members as f32;
        Ok(Step { loss, logits: found.logits.flatten_all()?.to_vec1()? })
    }
}

struct Step {
    /// Mean over the members.
    loss: f32,
    /// `[members * pairs]`.
    logits: Vec<f32>,
}
