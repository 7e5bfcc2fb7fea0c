//! A teacher that answers by computation, with B-Pref's irrationalities.

use std::collections::VecDeque;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::SegmentView;

use super::{
    ScriptedTeacherConfig, Teacher,
    rationality::{Opinion, Usual},
    taste::{GoldTaste, Taste},
};
use crate::{
    RewardError,
    feedback::{Answer, Query},
};

/// Episodes over which the thresholds' running mean is taken (B-Pref).
const RECENT_EPISODES: usize = 10;

/// A simulated teacher (Lee et al. 2021, "B-Pref", algorithm 1), who likes the gold reward or something
/// else.
///
/// Every answer is a function of the configuration, the seed, the query and the episodes observed so
/// far: its randomness is derived from the query's id, so a resumed run gets the same answers
/// whatever was asked in between.
pub struct ScriptedTeacher {
    name: String,
    taste: Box<dyn Taste>,
    config: ScriptedTeacherConfig,
    seed: u64,
    /// Worth and number of steps of the most recent episodes, to whose mean worth per step the
    /// thresholds `skip` and `equal` are relative.
    recent: VecDeque<(f32, usize)>,
    /// Least and greatest worth of a step so far: the ends of the scale on which segments are rated.
    range: Option<[f32; 2]>,
    pending: Vec<Query>,
    worths: Vec<f32>,
}

impl ScriptedTeacher {
    /// A teacher by the name of `scripted` who likes the gold reward.
    ///
    /// # Errors
    /// When the configuration is out of range.
    pub fn new(config: ScriptedTeacherConfig, seed: u64) -> Result<Self, RewardError> {
        Self::with_taste("scripted", Box::new(GoldTaste), config, seed)
    }

    /// A teacher who likes what `taste` likes.
    pub(super) fn with_taste(
        name: &str,
        taste: Box<dyn Taste>,
        config: ScriptedTeacherConfig,
        seed: u64,
    ) -> Result<Self, RewardError> {
        config.validate()?;
        Ok(Self {
            name: name.to_owned(),
            taste,
            config,
            seed,
            recent: VecDeque::with_capacity(RECENT_EPISODES + 1),
            range: None,
            pending: Vec::new(),
            worths: Vec::new(),
        })
    }

    fn answer(&mut self, query: Query, usual: Usual) -> Result<Answer, RewardError> {
        let mut opinions = Vec::with_capacity(query.segments().len());
        for segment in query.segments() {
            self.taste.worths(segment.view(), &mut self.worths)?;
            opinions.push(Opinion::of(&self.worths, self.config.gamma));
        }
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed ^ query.id().0);
        let choice = self.config.answer(query.ask(), &opinions, usual, &mut rng);
        Ok(Answer::computed(query, choice, &self.name))
    }

    fn usual(&self) -> Usual {
        let (worth, steps) = self.recent.iter().fold((0.0, 0), |(w, n), &(worth, len)| (w + worth, n + len));
        Usual { mean: if steps == 0 { 0.0 } else { worth / steps as f32 }, range: self.range }
    }
}

impl Teacher for ScriptedTeacher {
    fn submit(&mut self, query: Query) -> Result<(), RewardError> {
        self.pending.push(query);
        Ok(())
    }

    fn resubmit(&mut self, answered: Answer) -> Result<(), RewardError> {
        self.submit(answered.query)
    }

    fn poll(&mut self, answers: &mut Vec<Answer>) -> Result<(), RewardError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.taste.prepare()?;
        let usual = self.usual();
        for query in std::mem::take(&mut self.pending) {
            answers.push(self.answer(query, usual)?);
        }
        Ok(())
    }

    fn pending(&self) -> usize {
        self.pending.len()
    }

    fn observe_episode(&mut self, episode: SegmentView<'_>) {
        self.taste.observe_episode(episode);
        self.taste.usual(episode, &mut self.worths);
        if self.worths.is_empty() {
            return;
        }
        let seen = self.range.unwrap_or([f32::INFINITY, f32::NEG_INFINITY]);
        let widen = |[low, high]: [f32; 2], worth: &f32| [low.min(*worth), high.max(*worth)];
        self.range = Some(self.worths.iter().fold(seen, widen));
        self.recent.push_back((self.worths.iter().sum(), self.worths.len()));
        if self.recent.len() > RECENT_EPISODES {
            self.recent.pop_front();
        }
    }
}

impl Checkpoint for ScriptedTeacher {
    fn save(&self, out: &mut Writer) {
        out.part("taste", self.taste.as_ref());
        out.value("recent", &self.recent);
        out.value("range", &self.range);
        out.value("pending", &self.pending);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("taste", self.taste.as_mut())?;
        self.recent = from.value("recent")?;
        self.range = from.value("range")?;
        self.pending = from.value("pending")?;
        Ok(())
    }
}
