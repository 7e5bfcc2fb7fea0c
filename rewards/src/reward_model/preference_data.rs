//! Answered pairs as training data.

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use crate::{
    RewardError,
    error::{expect_len, require},
    feedback::{Answer, FeedbackLedger},
};

/// The last `capacity` comparisons, as flat columns.
pub struct PreferenceData {
    capacity: usize,
    segment: usize,
    observation: usize,
    action: usize,
    /// `[pairs, 2, segment, obs + act]`.
    inputs: Vec<f32>,
    /// `[pairs]`: probability that the first segment is preferred.
    targets: Vec<f32>,
    /// Where the next pair goes once the columns are full.
    oldest: usize,
}

impl PreferenceData {
    /// Room for `capacity` pairs of segments of `segment` steps; beyond that the oldest are replaced.
    ///
    /// # Errors
    /// When a size is zero.
    pub fn new(
        capacity: usize,
        segment: usize,
        observation: usize,
        action: usize,
    ) -> Result<Self, RewardError> {
        require(capacity > 0, "capacity", capacity, "must be at least 1 pair")?;
        require(segment > 0, "segment", segment, "must be at least 1 step")?;
        require(observation + action > 0, "observation", observation, "there is nothing to compare")?;
        let inputs = Vec::with_capacity(capacity * 2 * segment * (observation + action));
        let targets = Vec::with_capacity(capacity);
        Ok(Self { capacity, segment, observation, action, inputs, targets, oldest: 0 })
    }

    /// Adds an answer; returns false when it teaches nothing because the query was skipped.
    ///
    /// # Errors
    /// When its segments have other sizes.
    pub fn push(&mut self, answer: &Answer) -> Result<bool, RewardError> {
        let Some(target) = answer.choice.target() else { return Ok(false) };
        for segment in answer.query.segments() {
            expect_len("steps of a segment", segment.len, self.segment)?;
            expect_len("observations of a segment", segment.obs.len(), self.segment * self.observation)?;
            expect_len("actions of a segment", segment.actions.len(), self.segment * self.action)?;
        }
        let at = if self.targets.len() < self.capacity {
            self.targets.push(target);
            self.inputs.resize(self.targets.len() * self.pair_size(), 0.0);
            self.targets.len() - 1
        } else {
            self.targets[self.oldest] = target;
            let replaced = self.oldest;
            self.oldest = (self.oldest + 1) % self.capacity;
            replaced
        };
        let (observation, action, size) = (self.observation, self.action, self.pair_size());
        let mut rows = self.inputs[at * size..(at + 1) * size].chunks_exact_mut(observation + action);
        for segment in answer.query.segments() {
            for step in 0..segment.len {
                let row = rows.next().expect("a pair has two segments' rows");
                row[..observation].copy_from_slice(&segment.obs[step * observation..][..observation]);
                row[observation..].copy_from_slice(&segment.actions[step * action..][..action]);
            }
        }
        Ok(true)
    }

    /// Adds all answers of a ledger, in its order.
    ///
    /// # Errors
    /// When its segments have other sizes or cannot be read.
    pub fn read(&mut self, ledger: &FeedbackLedger) -> Result<(), RewardError> {
        for at in 0..ledger.rows().len() {
            self.push(&ledger.answer(at)?)?;
        }
        Ok(())
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Steps per segment.
    pub fn segment(&self) -> usize {
        self.segment
    }

    /// Numbers per step: observation and action.
    pub fn width(&self) -> usize {
        self.observation + self.action
    }

    /// Both segments of a pair, one after the other (`[2, segment, obs + act]`), and the probability
    /// that the first is preferred.
    ///
    /// # Panics
    /// When there is no pair `at`.
    pub fn pair(&self, at: usize) -> (&[f32], f32) {
        (&self.inputs[at * self.pair_size()..(at + 1) * self.pair_size()], self.targets[at])
    }

    /// Every step of every pair, `[len * 2 * segment, obs + act]`.
    pub fn rows(&self) -> &[f32] {
        &self.inputs
    }

    fn pair_size(&self) -> usize {
        2 * self.segment * self.width()
    }
}

impl Checkpoint for PreferenceData {
    fn save(&self, out: &mut Writer) {
        out.value("oldest", &self.oldest);
        out.f32s("targets", &self.targets);
        out.f32s("inputs", &self.inputs);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.oldest = from.value("oldest")?;
        let targets = from.f32_vec("targets")?;
        if targets.len() > self.capacity || (self.oldest != 0 && self.oldest >= targets.len()) {
            return Err(from.wrong("targets", "was saved with another capacity"));
        }
        self.targets.clear();
        self.targets.extend(targets);
        self.inputs.resize(self.targets.len() * self.pair_size(), 0.0);
        from.f32s("inputs", &mut self.inputs)
    }
}

#[cfg(test)]
mod tests {
    use telos_envs::Segment;

    use super::*;
    use crate::feedback::{Choice, Query};

    fn answer(value: f32, choice: Choice) -> Answer {
        let segment = |value: f32| Segment {
            obs: vec![value, value + 0.25, value + 0.5, value + 0.75],
            actions: vec![-value, -value - 0.5],
            gold: vec![9.0; 2],
            len: 2,
            ..Segment::default()
        };
        Answer {
            query: Query::new(segment(value), segment(value + 10.0), 0),
            choice,
            teacher: "test".into(),
            at_ms: None,
            latency_ms: None,
            cost: 1.0,
        }
    }

    #[test]
    fn rows_join_observation_and_action_and_the_oldest_pair_goes_first() {
        let mut data = PreferenceData::new(2, 2, 2, 1).unwrap();
        assert!(!data.push(&answer(0.0, Choice::Skip)).unwrap());
        assert!(data.is_empty());
        assert!(data.push(&answer(1.0, Choice::First)).unwrap());
        assert!(data.push(&answer(2.0, Choice::Equal)).unwrap());
        let first = [1.0, 1.25, -1.0, 1.5, 1.75, -1.5];
        let second = [11.0, 11.25, -11.0, 11.5, 11.75, -11.5];
        assert_eq!(data.pair(0), ([first, second].concat().as_slice(), 1.0));
        data.push(&answer(3.0, Choice::Second)).unwrap();
        assert_eq!((data.len(), data.pair(0).1, data.pair(1).1), (2, 0.0, 0.5));

        let mut restored = PreferenceData::new(2, 2, 2, 1).unwrap();
        telos_checkpoint::from_bytes(&mut restored, &telos_checkpoint::to_bytes(&data)).unwrap();
        for data in [&mut data, &mut restored] {
            data.push(&answer(4.0, Choice::First)).unwrap();
        }
        assert_eq!(restored.rows(), data.rows());
        assert_eq!((restored.pair(0).1, restored.pair(1).1), (0.0, 1.0));
    }

    #[test]
    fn a_ledger_gives_back_what_was_answered() {
        let scratch = tempfile::tempdir().unwrap();
        let mut ledger = FeedbackLedger::open(scratch.path(), 2, 1).unwrap();
        let answers = [answer(1.0, Choice::First), answer(2.0, Choice::Skip), answer(3.0, Choice::Second)];
        ledger.append(&answers).unwrap();
        let (mut read, mut pushed) = (PreferenceData::new(5, 2, 2, 1), PreferenceData::new(5, 2, 2, 1));
        let (read, pushed) = (read.as_mut().unwrap(), pushed.as_mut().unwrap());
        read.read(&ledger).unwrap();
        for answer in &answers {
            pushed.push(answer).unwrap();
        }
        assert_eq!((read.len(), read.rows()), (2, pushed.rows()));
    }

    #[test]
    fn other_sizes_are_errors() {
        let mut data = PreferenceData::new(2, 3, 2, 1).unwrap();
        let error = data.push(&answer(0.0, Choice::First)).unwrap_err().to_string();
        assert_eq!(error, "steps of a segment: expected 3 numbers, found 2");
    }
}
