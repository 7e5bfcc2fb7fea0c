//! Questions, answers and the reward models that are learned from them: what every preference loop
//! does beside collecting experience and improving a policy.
//!
//! The teacher may be slow: questions are submitted, answers are collected whenever they come, and
//! rollouts never wait for them.

use std::path::Path;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{EnvSpec, StepBatch, TrajectoryStore};
use telos_nn::Device;
use telos_rewards::{
    RewardError,
    feedback::{Answer, Choice, FeedbackLedger, FeedbackSummary, comparisons},
    query::{QueryContext, QuerySelector},
    reward_model::{Behaviour, PreferenceData, RewardLearner, StepSizes},
    teacher::{Stage, Teacher, TeacherSetting},
};

use super::{means::RunningMeans, report::PreferenceReport};
use crate::{
    TelosError,
    config::{Config, PreferencesConfig},
};

/// Finished episodes from which segments are drawn (B-Pref keeps the last 100).
const RECENT_EPISODES: usize = 100;

/// Keep the streams of a run apart.
const QUERY_STREAM: u64 = 0x5851_f42d_4c95_7f2d;
const HELD_OUT_STREAM: u64 = 0x1405_7b7e_f767_814f;

/// Behaviour to ask about, somebody to ask, and what was learned from the answers.
pub(super) struct RewardLearning {
    pub(super) model: Box<dyn RewardLearner>,
    config: PreferencesConfig,
    seed: u64,
    env: String,
    /// Numbers of an observation and of an action.
    sizes: [usize; 2],
    /// Comparisons that `preferences` has room for.
    capacity: usize,
    trajectories: TrajectoryStore,
    selector: Box<dyn QuerySelector>,
    teacher: Box<dyn Teacher>,
    /// `None` when the loop is only built to read a checkpoint, or learns from a ledger that is not
    /// its own.
    ledger: Option<FeedbackLedger>,
    preferences: PreferenceData,
    /// Answers that no reward model has been fitted to yet.
    unlearned: usize,
    /// Questions asked so far, answered or not.
    asked: usize,
    /// Questions that the teacher did not answer.
    skipped: usize,
    /// What the answers have cost.
    cost: f64,
    /// The step from which on the next questions are asked.
    next_session: u64,
    rng: Xoshiro256PlusPlus,
}

impl RewardLearning {
    /// Before the first question, for `envs` environments of this spec. Answers are kept in the ledger
    /// at `feedback`.
    pub(super) fn new(
        config: &Config,
        spec: &EnvSpec,
        feedback: Option<&Path>,
        device: &Device,
    ) -> Result<Self, TelosError> {
        let (seed, envs) = (config.seed, config.env.count);
        let sizes @ [observation, action] = [spec.observation.size(), spec.action.size()];
        let env = config.env.clone();
        let stage = Stage::new(seed, move || env.make());
        let config = config.preferences.clone();
        let segment = config.query.segment;
        let capacity = config.query.comparisons(config.budget, config.queries_per_session);
        let own = feedback.filter(|_| config.ledger.is_none());
        Ok(Self {
            model: config.reward_model.build(StepSizes { observation, action, segment }, seed, device)?,
            trajectories: TrajectoryStore::new(spec, envs, RECENT_EPISODES)?,
            selector: config.query.selector(),
            teacher: config.teacher.build(TeacherSetting { spec, feedback, stage: Some(&stage), seed })?,
            ledger: own.map(|at| FeedbackLedger::open_for(at, &spec.id, observation, action)).transpose()?,
            preferences: PreferenceData::new(capacity, segment, observation, action)?,
            unlearned: 0,
            asked: 0,
            skipped: 0,
            cost: 0.0,
            next_session: config.unsupervised_steps,
            rng: Xoshiro256PlusPlus::seed_from_u64(seed ^ QUERY_STREAM),
            env: spec.id.clone(),
            sizes,
            capacity,
            config,
            seed,
        })
    }

    /// Whether there is no reward model yet, so that novelty is the only reward.
    pub(super) fn exploring(&self) -> bool {
        self.model.version() == 0
    }

    /// Takes in one transition of every environment: what each saw (`[n, obs]`), what it did
    /// (`[n, act]`) and what came of it.
    pub(super) fn observe(&mut self, obs: &[f32], actions: &[f32], outcome: &StepBatch) {
        let Self { trajectories, teacher, .. } = self;
        trajectories.push_with(obs, actions, outcome, |episode| teacher.observe_episode(episode));
    }

    /// Asks what is due at `step`, takes in what was answered and learns from it. Returns whether the
    /// reward models have changed, so that rewards they gave before are stale.
    pub(super) fn advance(&mut self, step: u64, losses: &mut RunningMeans) -> Result<bool, TelosError> {
        if let (true, Some(ledger)) = (self.exploring(), self.config.ledger.clone()) {
            let [observation, action] = self.sizes;
            let answers = FeedbackLedger::read(Path::new(&ledger), &self.env, observation, action)?;
            self.make_room(comparisons(&answers, self.config.query.pairs).len())?;
            self.take_in(&answers)?;
            self.fit(losses)?;
            return Ok(true);
        }
        // Questions that wait grow stale: a teacher with a whole session before them is asked nothing new.
        let idle = self.teacher.pending() < self.config.queries_per_session;
        if step >= self.next_session && idle && self.may_ask() {
            self.ask(step)?;
        }
        let mut answers = Vec::new();
        self.teacher.poll(&mut answers)?;
        if answers.is_empty() {
            return Ok(false);
        }
        if let Some(ledger) = &mut self.ledger {
            ledger.append(&answers)?;
        }
        self.take_in(&answers)?;
        self.unlearned += answers.len();
        // Who answers slowly may never have answered everything; a session's worth is enough to learn from.
        let complete = self.teacher.pending() == 0 || self.unlearned >= self.config.queries_per_session;
        if !complete || self.preferences.is_empty() {
            return Ok(false);
        }
        self.unlearned = 0;
        self.fit(losses)?;
        Ok(true)
    }

    /// Forgets all comparisons and makes room for this many.
    fn make_room(&mut self, capacity: usize) -> Result<(), RewardError> {
        let [observation, action] = self.sizes;
        self.capacity = capacity;
        self.preferences =
            PreferenceData::new(capacity.max(1), self.config.query.segment, observation, action)?;
        Ok(())
    }

    /// Whether the budgets of questions and of cost leave something.
    fn may_ask(&self) -> bool {
        self.config.ledger.is_none()
            && self.asked < self.config.budget
            && self.config.cost_budget.is_none_or(|budget| self.cost < budget)
    }

    /// Chooses the next questions and hands them to the teacher.
    fn ask(&mut self, step: u64) -> Result<(), TelosError> {
        let count = self.config.queries_per_session.min(self.config.budget - self.asked);
        let context =
            QueryContext { store: &self.trajectories, model: &*self.model, answered: &self.preferences };
        let queries = self.selector.select(&context, count, &mut self.rng)?;
        self.asked += queries.len();
        self.next_session = step + self.config.session_interval;
        for query in queries {
            // A resumed run asks again what it had asked before; nobody answers twice.
            let stored = match &self.ledger {
                Some(ledger) => ledger.recall(query),
                None => Err(query),
            };
            match stored {
                Ok(answered) => self.teacher.resubmit(answered)?,
                Err(query) => self.teacher.submit(query)?,
            }
        }
        Ok(())
    }

    fn take_in(&mut self, answers: &[Answer]) -> Result<(), TelosError> {
        self.skipped += answers.iter().filter(|answer| answer.choice == Choice::Skip).count();
        self.cost += answers.iter().map(|answer| answer.cost).sum::<f64>();
        for comparison in comparisons(answers, self.config.query.pairs) {
            self.preferences.push_comparison(&comparison)?;
        }
        Ok(())
    }

    fn fit(&mut self, losses: &mut RunningMeans) -> Result<(), TelosError> {
        // Before the first step there is no behaviour beside that of the ledger.
        let behaviour: &dyn Behaviour = match &self.config.ledger {
            None => &self.trajectories,
            Some(_) => &self.preferences,
        };
        let fit = self.model.train(&self.preferences, behaviour)?;
        losses.add("reward_model/epochs", fit.epochs as f32);
        losses.add("reward_model/loss", fit.last.loss);
        if let Some(accuracy) = fit.last.accuracy {
            losses.add("reward_model/accuracy", accuracy);
        }
        Ok(())
    }

    /// The numbers of a learning curve.
    pub(super) fn metrics(&self) -> Vec<(String, f64)> {
        let mut metrics = vec![
            ("preferences/asked".to_owned(), self.asked as f64),
            ("preferences/answered".into(), self.preferences.len() as f64),
            ("preferences/skipped".into(), self.skipped as f64),
            ("preferences/cost".into(), self.cost),
        ];
        metrics.extend(self.teacher.metrics().into_iter().map(|(name, value)| (name.to_owned(), value)));
        metrics
    }

    /// How well the reward model orders pairs of recent segments that it never saw, and what the
    /// answers were.
    pub(super) fn report(&self) -> Result<PreferenceReport, TelosError> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed ^ HELD_OUT_STREAM);
        let (mut pairs, mut correct) = (0, 0);
        let mut draw = || self.trajectories.sample_segment(&mut rng, self.config.query.segment);
        while pairs < self.config.held_out_pairs {
            let (Some(first), Some(second)) = (draw(), draw()) else { break };
            let (Some(first), Some(second)) = (self.trajectories.view(first), self.trajectories.view(second))
            else {
                break;
            };
            let margin = first.gold_return() - second.gold_return();
            pairs += 1;
            // A tie has no right order: it counts half, as guessing would.
            let logit = self.model.logit(first, second)?;
            correct += if margin == 0.0 { 1 } else { 2 * usize::from((logit > 0.0) == (margin > 0.0)) };
        }
        let rows = self.ledger.as_ref().map_or(&[][..], FeedbackLedger::rows);
        Ok(PreferenceReport {
            asked: self.asked,
            answered: self.preferences.len(),
            held_out_pairs: pairs,
            held_out_accuracy: correct as f64 / (2 * pairs.max(1)) as f64,
            feedback: FeedbackSummary::of(rows),
        })
    }
}

impl Checkpoint for RewardLearning {
    fn save(&self, out: &mut Writer) {
        out.part("trajectories", &self.trajectories);
        out.part("teacher", self.teacher.as_ref());
        out.value("capacity", &self.capacity);
        out.part("preferences", &self.preferences);
        out.part("model", &*self.model);
        out.value("unlearned", &self.unlearned);
        out.value("asked", &self.asked);
        out.value("skipped", &self.skipped);
        out.value("cost", &self.cost);
        out.value("next_session", &self.next_session);
        out.value("rng", &self.rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("trajectories", &mut self.trajectories)?;
        from.part("teacher", self.teacher.as_mut())?;
        let capacity = from.value("capacity")?;
        self.make_room(capacity).map_err(|error| from.wrong("capacity", &error.to_string()))?;
        from.part("preferences", &mut self.preferences)?;
        from.part("model", &mut *self.model)?;
        self.unlearned = from.value("unlearned")?;
        self.asked = from.value("asked")?;
        self.skipped = from.value("skipped")?;
        self.cost = from.value("cost")?;
        self.next_session = from.value("next_session")?;
        self.rng = from.value("rng")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{driver::TrainingLoop, preferences::PreferenceLoop},
        *,
    };

    const CONFIG: &str = "
        loop = 'preferences'
        steps = 2000
        [env]
        id = 'pendulum-classic'
        count = 4
        threads = 1
        [training]
        learning_starts = 100
        updates_per_step = 0.01
        [sac]
        hidden = [8]
        batch_size = 16
        [preferences]
        budget = 40
        queries_per_session = 4
        session_interval = 200
        unsupervised_steps = 400
        cost_budget = 30
        query = { segment = 20 }
        teacher = { kind = 'mixture', dear_share = 1, dear_cost = 5 }
        reward_model = { hidden = [8], max_epochs = 2 }
    ";

    #[test]
    fn asking_stops_when_the_cost_budget_is_spent_and_the_report_says_on_whom() {
        let scratch = tempfile::tempdir().unwrap();
        let config = Config::parse("test.toml", CONFIG, &[]).unwrap();
        let mut training = PreferenceLoop::new(&config, Some(scratch.path()), &Device::Cpu).unwrap();
        while training.step() < config.steps {
            training.advance().unwrap();
        }
        let report = training.preference_report().unwrap().unwrap();
        // A session costs 20: the second one still begins below the budget, no third does.
        assert_eq!((report.asked, report.feedback.total.asked, report.feedback.total.cost), (8, 8, 40.0));
        assert_eq!(report.feedback.sources.keys().collect::<Vec<_>>(), ["dear:scripted"]);
        let cost = training.drain_metrics().into_iter().find(|(name, _)| name == "preferences/cost").unwrap();
        assert_eq!(cost.1, 40.0);
    }
}
