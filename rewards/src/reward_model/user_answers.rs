//! Answers as an encoder of users sees them.

use super::{InputScale, PreferenceData, StepSizes};

/// The answered pairs, by user.
#[derive(Default)]
pub(super) struct UserAnswers {
    /// `[pairs, width]`: the preferred segment's standardised steps, the other's, and 1 for a
    /// preference or 0 for "equal".
    features: Vec<f32>,
    width: usize,
    /// `[pairs]`: whose answer it is, counted from 0 among those who have an answer.
    user_of: Vec<u32>,
    /// Pairs of each of them.
    pairs_of: Vec<Vec<usize>>,
    /// Where each teacher of the data is in `pairs_of`.
    place: Vec<Option<usize>>,
}

impl UserAnswers {
    /// Numbers that describe one answer.
    pub(super) fn features(sizes: StepSizes) -> usize {
        2 * sizes.segment * sizes.width() + 1
    }

    pub(super) fn of(data: &PreferenceData, scale: &InputScale) -> Self {
        let half = data.segment() * data.width();
        let width = 2 * half + 1;
        let mut answers = Self {
            features: Vec::with_capacity(data.len() * width),
            width,
            user_of: Vec::with_capacity(data.len()),
            pairs_of: Vec::new(),
            place: vec![None; data.teachers().len()],
        };
        for at in 0..data.len() {
            let (pair, target) = data.pair(at);
            let (first, second) = pair.split_at(half);
            let (better, worse) = if target < 0.5 { (second, first) } else { (first, second) };
            scale.extend(better, &mut answers.features);
            scale.extend(worse, &mut answers.features);
            answers.features.push(f32::from(u8::from(target != 0.5)));
            let teacher = data.teacher_place(at);
            let user = *answers.place[teacher].get_or_insert(answers.pairs_of.len());
            if user == answers.pairs_of.len() {
                answers.pairs_of.push(Vec::new());
            }
            answers.pairs_of[user].push(at);
            answers.user_of.push(user as u32);
        }
        answers
    }

    /// How many users have answered.
    pub(super) fn users(&self) -> usize {
        self.pairs_of.len()
    }

    /// Numbers per answer.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Whose answer pair `at` is.
    pub(super) fn user(&self, at: usize) -> u32 {
        self.user_of[at]
    }

    /// `n` answers of every user, `[users, n, width]`; `draw` chooses among as many as it is given.
    pub(super) fn draw(&self, n: usize, mut draw: impl FnMut(usize) -> usize) -> Vec<f32> {
        let mut drawn = Vec::with_capacity(self.users() * n * self.width);
        for pairs in &self.pairs_of {
            for _ in 0..n {
                drawn.extend(self.answer(pairs[draw(pairs.len())]));
            }
        }
        drawn
    }

    /// Every answer of the teacher at a place of the data's list, `[n, width]`.
    pub(super) fn all_of(&self, teacher: usize) -> Vec<f32> {
        let pairs = self.place[teacher].map_or(&[][..], |user| &self.pairs_of[user]);
        pairs.iter().flat_map(|&at| self.answer(at)).copied().collect()
    }

    fn answer(&self, at: usize) -> &[f32] {
        &self.features[at * self.width..][..self.width]
    }
}
