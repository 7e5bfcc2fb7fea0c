//! Numbers over the last steps: what was earned, what was learned of it, and how sure that is.

use std::collections::VecDeque;

/// What a policy and a reward model say of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// The environment's own reward.
    pub gold: f32,
    /// The learned reward.
    pub learned: Option<f32>,
    /// Standard deviation of the learned reward over the members of its ensemble.
    pub disagreement: Option<f32>,
    /// The return that the policy's critics expect.
    pub value: Option<f32>,
}

/// A named number of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// [`Reading::gold`].
    Gold,
    /// [`Reading::learned`].
    Learned,
    /// [`Reading::disagreement`].
    Disagreement,
    /// [`Reading::value`].
    Value,
}

impl Quantity {
    /// All, in the order in which they are drawn.
    pub const ALL: [Self; 4] = [Self::Gold, Self::Learned, Self::Disagreement, Self::Value];

    /// What people read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gold => "gold reward",
            Self::Learned => "learned reward",
            Self::Disagreement => "disagreement",
            Self::Value => "value",
        }
    }

    /// Its number in a reading, where it has one.
    pub fn of(self, reading: &Reading) -> Option<f32> {
        match self {
            Self::Gold => Some(reading.gold),
            Self::Learned => reading.learned,
            Self::Disagreement => reading.disagreement,
            Self::Value => reading.value,
        }
    }
}

/// The last readings of one robot, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    readings: VecDeque<Reading>,
}

impl Traces {
    /// Readings that are kept.
    pub const LENGTH: usize = 300;

    /// Appends a reading; the oldest goes.
    pub fn push(&mut self, reading: Reading) {
        if self.readings.len() == Self::LENGTH {
            self.readings.pop_front();
        }
        self.readings.push_back(reading);
    }

    /// Forgets everything: another episode.
    pub fn clear(&mut self) {
        self.readings.clear();
    }

    /// The latest reading.
    pub fn last(&self) -> Option<&Reading> {
        self.readings.back()
    }

    /// The values of a quantity, one per reading that has it.
    pub fn values(&self, quantity: Quantity) -> impl Iterator<Item = f32> + '_ {
        self.readings.iter().filter_map(move |reading| quantity.of(reading))
    }

    /// Lowest and highest finite value of a quantity; `None` without any.
    pub fn range(&self, quantity: Quantity) -> Option<[f32; 2]> {
        let finite = self.values(quantity).filter(|value| value.is_finite());
        finite.fold(None, |range, value| match range {
            None => Some([value; 2]),
            Some([low, high]) => Some([low.min(value), high.max(value)]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_readings_are_kept_and_ranges_pass_over_what_is_not_finite() {
        let mut traces = Traces::default();
        assert_eq!(traces.range(Quantity::Gold), None);
        for step in 0..Traces::LENGTH + 50 {
            traces.push(Reading { gold: step as f32, ..Reading::default() });
        }
        traces.push(Reading { gold: f32::NAN, learned: Some(2.0), ..Reading::default() });
        assert_eq!(traces.values(Quantity::Gold).count(), Traces::LENGTH);
        assert_eq!(traces.range(Quantity::Gold), Some([51.0, 349.0]));
        assert_eq!(traces.values(Quantity::Learned).collect::<Vec<_>>(), [2.0]);
        assert_eq!(traces.range(Quantity::Value), None);
    }
}
