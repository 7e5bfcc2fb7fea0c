//! A teacher that compares gold returns, with B-Pref's irrationalities.

use std::collections::VecDeque;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{Segment, SegmentView};

use super::{ScriptedTeacherConfig, Teacher};
use crate::{
    RewardError,
    feedback::{Answer, Choice, Query, QueryId},
};

/// Episodes over which the thresholds' running mean is taken (B-Pref).
const RECENT_EPISODES: usize = 10;

/// The gold rewards of a segment: all that a scripted teacher sees of it.
///
/// It can only be taken from a segment, which holds no other reward, so a learned reward cannot
/// reach a teacher by mistake.
#[derive(Clone, Copy, Debug)]
pub struct Gold<'a>(&'a [f32]);

impl<'a> Gold<'a> {
    /// The gold column of `segment`.
    pub fn of(segment: &'a Segment) -> Self {
        Self(&segment.gold)
    }

    /// `sum_t gamma^(L-1-t) r_t`.
    fn discounted(self, gamma: f32) -> f32 {
        self.0.iter().fold(0.0, |sum, reward| gamma * sum + reward)
    }
}

/// A simulated teacher (Lee et al. 2021, "B-Pref", algorithm 1).
///
/// Every answer is a function of the configuration, the seed, the query and the episodes observed so
/// far: its randomness is derived from the query's id, so a resumed run gets the same answers
/// whatever was asked in between.
pub struct ScriptedTeacher {
    config: ScriptedTeacherConfig,
    seed: u64,
    /// Gold return and number of steps of the most recent episodes, to whose mean gold reward per step
    /// the thresholds `skip` and `equal` are relative.
    recent: VecDeque<(f32, usize)>,
    pending: Vec<Query>,
}

impl ScriptedTeacher {
    /// # Errors
    /// When the configuration is out of range.
    pub fn new(config: ScriptedTeacherConfig, seed: u64) -> Result<Self, RewardError> {
        config.validate()?;
        Ok(Self { config, seed, recent: VecDeque::with_capacity(RECENT_EPISODES + 1), pending: Vec::new() })
    }

    /// Compares two segments by their gold rewards.
    pub fn compare(&self, query: QueryId, first: Gold<'_>, second: Gold<'_>) -> Choice {
        let ScriptedTeacherConfig { beta, gamma, mistake, skip, equal } = self.config;
        let returns = [first.discounted(1.0), second.discounted(1.0)];
        let typical = self.mean_reward() * first.0.len() as f32;
        if skip > 0.0 && returns[0].max(returns[1]) <= skip * typical {
            return Choice::Skip;
        }
        if (returns[0] - returns[1]).abs() < equal * typical {
            return Choice::Equal;
        }
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed ^ query.0);
        let margin = first.discounted(gamma) - second.discounted(gamma);
        let choice = if beta > 0.0 {
            let first_preferred = 1.0 / (1.0 + (-beta * margin).exp());
            if rng.random::<f32>() < first_preferred { Choice::First } else { Choice::Second }
        } else if margin == 0.0 {
            // B-Pref would always prefer the first, which teaches something untrue about sparse tasks.
            Choice::Equal
        } else if margin > 0.0 {
            Choice::First
        } else {
            Choice::Second
        };
        if rng.random::<f32>() < mistake { choice.swapped() } else { choice }
    }

    /// Mean gold reward per step of the recent episodes; 0 before the first.
    fn mean_reward(&self) -> f32 {
        let (returns, steps) = self.recent.iter().fold((0.0, 0), |(r, n), &(gold, len)| (r + gold, n + len));
        if steps == 0 { 0.0 } else { returns / steps as f32 }
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
        let pending = std::mem::take(&mut self.pending);
        answers.extend(pending.into_iter().map(|query| {
            let [first, second] = query.segments();
            Answer {
                choice: self.compare(query.id(), Gold::of(first), Gold::of(second)),
                query,
                teacher: "scripted".into(),
                at_ms: None,
                latency_ms: None,
                cost: 1.0,
            }
        }));
        Ok(())
    }

    fn pending(&self) -> usize {
        self.pending.len()
    }

    fn observe_episode(&mut self, episode: SegmentView<'_>) {
        self.recent.push_back((episode.gold_return(), episode.len));
        if self.recent.len() > RECENT_EPISODES {
            self.recent.pop_front();
        }
    }
}

impl Checkpoint for ScriptedTeacher {
    fn save(&self, out: &mut Writer) {
        out.value("recent", &self.recent);
        out.value("pending", &self.pending);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.recent = from.value("recent")?;
        self.pending = from.value("pending")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(gold: &[f32]) -> Segment {
        let len = gold.len();
        Segment {
            obs: vec![0.0; len],
            actions: vec![0.0; len],
            gold: gold.to_vec(),
            len,
            ..Segment::default()
        }
    }

    /// Shows `count` episodes of ten steps with this mean reward.
    fn show(teacher: &mut ScriptedTeacher, count: usize, reward: f32) {
        let episode = segment(&[reward; 10]);
        (0..count).for_each(|_| teacher.observe_episode(episode.view()));
    }

    fn teacher(config: ScriptedTeacherConfig) -> ScriptedTeacher {
        ScriptedTeacher::new(config, 7).unwrap()
    }

    /// Fraction of `n` queries with these gold rewards that are answered by `choice`.
    fn rate(teacher: &ScriptedTeacher, first: &[f32], second: &[f32], choice: Choice) -> f64 {
        let (first, second) = (segment(first), segment(second));
        let n = 20_000_u64;
        let ask = |i: u64| {
            // Ids as spread as those of real queries.
            let id = QueryId(i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            teacher.compare(id, Gold::of(&first), Gold::of(&second))
        };
        (0..n).filter(|&i| ask(i) == choice).count() as f64 / n as f64
    }

    #[test]
    fn the_oracle_prefers_the_larger_return_and_is_never_wrong() {
        let oracle = teacher(ScriptedTeacherConfig::oracle());
        assert_eq!(rate(&oracle, &[0.1, 0.9], &[0.5, 0.4], Choice::First), 1.0);
        assert_eq!(rate(&oracle, &[0.5, 0.4], &[0.1, 0.9], Choice::Second), 1.0);
        assert_eq!(rate(&oracle, &[0.5, 0.4], &[0.4, 0.5], Choice::Equal), 1.0);
    }

    #[test]
    fn a_stochastic_teacher_follows_bradley_terry() {
        let stochastic = teacher(ScriptedTeacherConfig { beta: 2.0, ..Default::default() });
        // sigmoid(2 * 0.5) = 0.7311; the standard error of 20 000 draws is 0.0031.
        let rate = rate(&stochastic, &[1.0, 0.5], &[0.5, 0.5], Choice::First);
        assert!((rate - 0.7311).abs() < 0.0125, "{rate}");
    }

    #[test]
    fn a_mistaken_teacher_errs_at_its_rate() {
        let mistaken = teacher(ScriptedTeacherConfig::mistaken());
        let rate = rate(&mistaken, &[1.0], &[0.0], Choice::Second);
        assert!((rate - 0.1).abs() < 0.0085, "{rate}");
    }

    #[test]
    fn a_myopic_teacher_weighs_the_end() {
        let (early, late) = ([1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.5]);
        let oracle = teacher(ScriptedTeacherConfig::oracle());
        assert_eq!(rate(&oracle, &early, &late, Choice::First), 1.0);
        // 0.7^3 + 0.7^2 = 0.83 < 1.5.
        let myopic = teacher(ScriptedTeacherConfig { gamma: 0.7, ..Default::default() });
        assert_eq!(rate(&myopic, &early, &late, Choice::Second), 1.0);
        let gold = segment(&[1.0, 2.0, 3.0]);
        assert!((Gold::of(&gold).discounted(0.5) - (0.25 + 1.0 + 3.0)).abs() < 1e-6);
    }

    #[test]
    fn thresholds_scale_with_the_recent_mean_return() {
        let config = ScriptedTeacherConfig { skip: 0.5, equal: 0.25, ..Default::default() };
        let mut teacher = teacher(config);
        // No episode yet: no threshold.
        assert_eq!(rate(&teacher, &[0.02, 0.0], &[0.01, 0.0], Choice::First), 1.0);
        show(&mut teacher, 3, 100.0);
        // Ten newer episodes push those out: 0.4 per step, 0.8 per segment of 2 steps. Skip at most
        // 0.4, equal below a difference of 0.2.
        show(&mut teacher, 10, 0.4);
        assert_eq!(rate(&teacher, &[0.39, 0.0], &[0.0, 0.0], Choice::Skip), 1.0);
        assert_eq!(rate(&teacher, &[0.41, 0.0], &[0.0, 0.0], Choice::First), 1.0);
        assert_eq!(rate(&teacher, &[0.5, 0.5], &[0.5, 0.31], Choice::Equal), 1.0);
        assert_eq!(rate(&teacher, &[0.5, 0.5], &[0.5, 0.29], Choice::First), 1.0);
    }

    #[test]
    fn answers_do_not_depend_on_what_was_asked_before() {
        let mut asked = teacher(ScriptedTeacherConfig::stochastic());
        let query = |i: u64| Query::new(segment(&[0.3, i as f32]), segment(&[0.1, 2.0]), 0);
        let answers = |teacher: &mut ScriptedTeacher| {
            let mut answers = Vec::new();
            teacher.poll(&mut answers).unwrap();
            answers.iter().map(|answer| (answer.query.id(), answer.choice)).collect::<Vec<_>>()
        };
        for i in 0..4 {
            asked.submit(query(i)).unwrap();
        }
        let all = answers(&mut asked);
        assert_eq!(asked.pending(), 0);
        let mut resumed = teacher(ScriptedTeacherConfig::stochastic());
        resumed.submit(query(3)).unwrap();
        let mut restored = teacher(ScriptedTeacherConfig::stochastic());
        telos_checkpoint::from_bytes(&mut restored, &telos_checkpoint::to_bytes(&resumed)).unwrap();
        assert_eq!(restored.pending(), 1);
        assert_eq!(answers(&mut restored), all[3..]);
    }

    #[test]
    fn only_gold_decides() {
        let mut oracle = teacher(ScriptedTeacherConfig::oracle());
        // Whatever a learned reward would say about observations and actions, the answer stays.
        for (fill, sign) in [(0.0, 1.0), (9.0, -1.0), (-9.0, 1.0)] {
            let mut better = segment(&[0.2, 0.3]);
            let mut worse = segment(&[0.2, 0.1]);
            better.obs.fill(fill * sign);
            worse.obs.fill(-fill * sign);
            better.actions.fill(-sign);
            worse.actions.fill(sign);
            oracle.submit(Query::new(better, worse, 3)).unwrap();
        }
        let mut answers = Vec::new();
        oracle.poll(&mut answers).unwrap();
        assert_eq!(answers.len(), 3);
        assert!(answers.iter().all(|answer| answer.choice == Choice::First));
    }

    #[test]
    fn configurations_out_of_range_name_their_key() {
        for (config, key) in [
            (ScriptedTeacherConfig { gamma: 0.0, ..Default::default() }, "gamma"),
            (ScriptedTeacherConfig { mistake: 1.5, ..Default::default() }, "mistake"),
            (ScriptedTeacherConfig { equal: f32::NAN, ..Default::default() }, "equal"),
        ] {
            let error = ScriptedTeacher::new(config, 0).err().unwrap().to_string();
            assert!(error.contains(key), "{error}");
        }
    }
}
