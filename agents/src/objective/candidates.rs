//! What a policy objective is computed from.

use telos_nn::{NnError, Tensor};

use super::pairs::Pairs;

/// Groups of candidates that answer the same question: segments from one state, chunks for one
/// observation, or simply the two sides of a comparison. All columns are `[groups, k]`.
#[derive(Clone, Debug)]
pub struct Candidates {
    /// log pi_theta of each candidate.
    pub log_probs: Tensor,
    /// log pi_ref under the frozen reference policy.
    pub reference: Tensor,
    /// log-probability under the policy that drew the candidates; the reference unless it is said.
    pub behaviour: Tensor,
    /// How good each is. A comparison has 1 for the preferred and 0 for the other, 0 twice for a tie.
    pub scores: Tensor,
    /// Steps, for objectives that use the mean log-probability of a step; 1 unless they are said.
    pub lengths: Tensor,
}

impl Candidates {
    /// Candidates that the reference drew, of one step each.
    ///
    /// # Errors
    /// When the columns are not `[groups, k]` with the same groups and k.
    pub fn new(log_probs: Tensor, reference: Tensor, scores: Tensor) -> Result<Self, NnError> {
        let lengths = scores.ones_like()?;
        let behaviour = reference.clone();
        Self { log_probs, reference, behaviour, scores, lengths }.checked()
    }

    /// The same, drawn by a policy that gave them these log-probabilities.
    ///
    /// # Errors
    /// When the column has another shape.
    pub fn drawn_by(self, behaviour: Tensor) -> Result<Self, NnError> {
        Self { behaviour, ..self }.checked()
    }

    /// The same, with these numbers of steps.
    ///
    /// # Errors
    /// When the column has another shape.
    pub fn with_lengths(self, lengths: Tensor) -> Result<Self, NnError> {
        Self { lengths, ..self }.checked()
    }

    fn checked(self) -> Result<Self, NnError> {
        let (_, k) = self.log_probs.dims2()?;
        for (name, column) in [
            ("reference", &self.reference),
            ("behaviour", &self.behaviour),
            ("scores", &self.scores),
            ("lengths", &self.lengths),
        ] {
            if column.dims() != self.log_probs.dims() {
                let (found, expected) = (column.dims(), self.log_probs.dims());
                let reason = format!("has shape {found:?}, the log-probabilities {expected:?}");
                return Err(NnError::Mismatch { operation: "candidates", name: name.into(), reason });
            }
        }
        if k == 0 {
            let reason = "groups hold no candidate".to_owned();
            return Err(NnError::Mismatch { operation: "candidates", name: "log_probs".into(), reason });
        }
        Ok(self)
    }

    /// Candidates per group.
    pub fn per_group(&self) -> usize {
        self.log_probs.dims()[1]
    }

    /// log pi_theta - log pi_ref, `[groups, k]`: an implicit reward in units of beta.
    ///
    /// # Errors
    /// When the device refuses.
    pub fn log_ratios(&self) -> Result<Tensor, NnError> {
        Ok((&self.log_probs - &self.reference)?)
    }

    /// Mean log-probability of a step, `[groups, k]`.
    ///
    /// # Errors
    /// When the device refuses.
    pub fn step_log_probs(&self) -> Result<Tensor, NnError> {
        Ok((&self.log_probs / &self.lengths)?)
    }

    /// All pairs within the groups, the better first.
    pub(super) fn pairs(&self) -> Result<Pairs, NnError> {
        Pairs::new(&self.scores)
    }
}
