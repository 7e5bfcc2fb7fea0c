//! Answered pairs as training data.

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use crate::{
    RewardError,
    error::{expect_len, require},
    feedback::{Answer, Comparison, FeedbackLedger},
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
    /// `[pairs]`: by how much the better one is better, 1 where that was not said.
    strengths: Vec<f32>,
    /// `[pairs]`: place in `teachers` of who answered.
    answered_by: Vec<usize>,
    /// Everybody who has answered, in the order of their first answers.
    teachers: Vec<String>,
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
        let [targets, strengths] = [(), ()].map(|()| Vec::with_capacity(capacity));
        let (answered_by, teachers) = (Vec::with_capacity(capacity), Vec::new());
        Ok(Self {
            capacity,
            segment,
            observation,
            action,
            inputs,
            targets,
            strengths,
            answered_by,
            teachers,
            oldest: 0,
        })
    }

    /// Adds an answer; returns false when it teaches nothing because the query was skipped.
    ///
    /// # Errors
    /// When its segments have other sizes.
    pub fn push(&mut self, answer: &Answer) -> Result<bool, RewardError> {
        self.push_answer(answer, 1.0)
    }

    /// Adds a comparison and its strength; returns false when it teaches nothing.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_comparison(&mut self, comparison: &Comparison) -> Result<bool, RewardError> {
        self.push_answer(&comparison.answer, f32::from(comparison.strength))
    }

    fn push_answer(&mut self, answer: &Answer, strength: f32) -> Result<bool, RewardError> {
        let Some(target) = answer.choice.target() else { return Ok(false) };
        let pair = answer.query.pair()?;
        for segment in pair {
            expect_len("steps of a segment", segment.len, self.segment)?;
            expect_len("observations of a segment", segment.obs.len(), self.segment * self.observation)?;
            expect_len("actions of a segment", segment.actions.len(), self.segment * self.action)?;
        }
        let mut rows = Vec::with_capacity(self.pair_size());
        for segment in pair {
            for step in 0..segment.len {
                rows.extend(&segment.obs[step * self.observation..][..self.observation]);
                rows.extend(&segment.actions[step * self.action..][..self.action]);
            }
        }
        self.push_rows(&rows, [target, strength], &answer.teacher);
        Ok(true)
    }

    /// Adds a pair `[2, segment, obs + act]` with its target and strength.
    pub(super) fn push_rows(&mut self, rows: &[f32], [target, strength]: [f32; 2], teacher: &str) {
        let teacher = self.teachers.iter().position(|known| known == teacher).unwrap_or_else(|| {
            self.teachers.push(teacher.to_owned());
            self.teachers.len() - 1
        });
        if self.targets.len() < self.capacity {
            self.targets.push(target);
            self.strengths.push(strength);
            self.answered_by.push(teacher);
            self.inputs.extend(rows);
        } else {
            let size = self.pair_size();
            self.targets[self.oldest] = target;
            self.strengths[self.oldest] = strength;
            self.answered_by[self.oldest] = teacher;
            self.inputs[self.oldest * size..][..size].copy_from_slice(rows);
            self.oldest = (self.oldest + 1) % self.capacity;
        }
    }

    /// Data for segments of the same sizes, without a pair.
    pub(super) fn emptied(&self, capacity: usize) -> Result<Self, RewardError> {
        Self::new(capacity, self.segment, self.observation, self.action)
    }

    /// The same pairs, with room for more.
    pub(super) fn with_room_for(&self, more: usize) -> Result<Self, RewardError> {
        let mut copy = self.emptied(self.len() + more)?;
        for at in 0..self.len() {
            let (rows, target) = self.pair(at);
            copy.push_rows(rows, [target, self.strength(at)], self.teacher(at));
        }
        Ok(copy)
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

    /// By how much the better segment of a pair is better, in places or grades; 1 where that was not said.
    ///
    /// # Panics
    /// When there is no pair `at`.
    pub fn strength(&self, at: usize) -> f32 {
        self.strengths[at]
    }

    /// Who judged a pair.
    ///
    /// # Panics
    /// When there is no pair `at`.
    pub fn teacher(&self, at: usize) -> &str {
        &self.teachers[self.answered_by[at]]
    }

    /// Place in [`teachers`](Self::teachers) of who judged a pair.
    pub(super) fn teacher_place(&self, at: usize) -> usize {
        self.answered_by[at]
    }

    /// Everybody who has answered, in the order of their first answers.
    pub fn teachers(&self) -> &[String] {
        &self.teachers
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
        out.f32s("strengths", &self.strengths);
        out.value("answered_by", &self.answered_by);
        out.value("teachers", &self.teachers);
        out.f32s("inputs", &self.inputs);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.oldest = from.value("oldest")?;
        let targets = from.f32_vec("targets")?;
        if targets.len() > self.capacity || (self.oldest != 0 && self.oldest >= targets.len()) {
            return Err(from.wrong("targets", "was saved with another capacity"));
        }
        self.strengths.resize(targets.len(), 1.0);
        from.f32s("strengths", &mut self.strengths)?;
        self.answered_by = from.value("answered_by")?;
        self.teachers = from.value("teachers")?;
        let named = self.answered_by.iter().all(|&teacher| teacher < self.teachers.len());
        if self.answered_by.len() != targets.len() || !named {
            return Err(from.wrong("answered_by", "does not name the teacher of every pair"));
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
