//! Questions out, answers in.

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use super::{
    JudgeConfig, Shown,
    answer_log::{AnswerLog, Judged},
    config::stops_training,
    question::ClipQuestion,
};
use crate::{
    RewardError,
    feedback::{Answer, Choice, Query, QueryId},
    judge::{Endpoint, JudgeError, JudgePool, Opinion, ReplyCache, Tally},
    teacher::{Stage, Teacher, TeacherSetting},
};

/// A model that is asked over HTTP, by threads of its own, while the run goes on.
///
/// It delivers each answer at the poll at which it took it, also in a resumed run, whose results are
/// therefore those of a run that was never stopped.
pub struct JudgeTeacher {
    config: Arc<JudgeConfig>,
    goal: Arc<str>,
    /// `None` when the teacher is only built to read a checkpoint.
    office: Option<Office>,
    /// Shared with the threads that ask; copies of long episodes would take time of the run.
    pending: BTreeMap<QueryId, Arc<Query>>,
    polls: u64,
    /// What the answers taken so far have taken.
    spent: Tally,
}

/// Whoever asks, and what it has heard.
struct Office {
    stage: Stage,
    pool: JudgePool<ClipQuestion>,
    log: AnswerLog,
    /// What earlier processes of this run took, and this one has yet to take again.
    recorded: VecDeque<Judged>,
    /// By ticket of the pool.
    asked: BTreeMap<u64, (QueryId, Instant)>,
}

impl JudgeTeacher {
    /// A judge of the task of `setting`, with its files below the run's directory of feedback. Without that,
    /// or without a stage, it answers nothing.
    ///
    /// # Errors
    /// When the configuration is out of range or names an environment variable that is not set, pictures
    /// are to be shown of a task without bodies, or the log of answers is damaged or cannot be made.
    pub fn new(config: &JudgeConfig, setting: TeacherSetting<'_>) -> Result<Self, RewardError> {
        config.validate()?;
        if let Some(stage) = setting.stage.filter(|_| config.show == Shown::Pictures) {
            check_visible(stage)?;
        }
        let goal = config.goal.as_deref().unwrap_or(&setting.spec.task);
        let office = match (setting.stage, setting.feedback) {
            (Some(stage), Some(feedback)) => Some(Office::open(config, stage, feedback)?),
            _ => None,
        };
        Ok(Self {
            config: Arc::new(config.clone()),
            goal: goal.trim().trim_end_matches('.').into(),
            office,
            pending: BTreeMap::new(),
            polls: 0,
            spent: Tally::default(),
        })
    }

    /// The answer that a line of the log tells of; `None` for a query that nobody waits for.
    fn take(&mut self, judged: &Judged) -> Option<Answer> {
        let query = self.pending.remove(&judged.query)?;
        self.spent += judged.spent;
        Some(Answer {
            query: Arc::unwrap_or_clone(query),
            choice: judged.choice,
            teacher: format!("judge:{}", self.config.endpoint.model),
            at_ms: Some(judged.at_ms),
            latency_ms: Some(judged.latency_ms),
            cost: judged.spent.cost,
        })
    }

    /// Has `query` asked, unless its answer is recorded.
    fn ask(&mut self, query: Arc<Query>) -> Result<(), RewardError> {
        let Some(office) = &mut self.office else { return Ok(()) };
        let id = query.id();
        if office.recorded.iter().any(|judged| judged.query == id) {
            return Ok(());
        }
        let (stage, config, goal) = (office.stage.clone(), self.config.clone(), self.goal.clone());
        let ticket = office.pool.submit(ClipQuestion { query, stage, config, goal });
        let ticket = ticket.map_err(|_| JudgeError::Clip { reason: "its thread has died".into() })?;
        office.asked.insert(ticket, (id, Instant::now()));
        Ok(())
    }
}

impl Office {
    fn open(config: &JudgeConfig, stage: &Stage, feedback: &Path) -> Result<Self, RewardError> {
        let directory = directory(config, feedback);
        let (log, recorded) = AnswerLog::open(&directory)?;
        let replies = config.cache.as_ref().map_or(directory.join("replies"), PathBuf::from);
        let cache = ReplyCache::open(&replies)?;
        let share = config.share(recorded.iter().map(|judged| judged.spent.cost).sum());
        let endpoints = (0..config.connections).map(|_| Endpoint::new(&share, Some(cache.clone())));
        Ok(Self {
            stage: stage.clone(),
            pool: JudgePool::new(endpoints.collect::<Result<_, _>>()?),
            log,
            recorded: recorded.into(),
            asked: BTreeMap::new(),
        })
    }

    /// What has come for the poll number `poll`, in the order in which it was asked, and why no more will.
    fn hear(&mut self, poll: u64, wait: bool) -> (Vec<Judged>, Option<JudgeError>) {
        let mut opinions: Vec<Opinion<Choice>> = Vec::new();
        while let Some(opinion) = if wait { self.pool.wait() } else { self.pool.poll() } {
            opinions.push(opinion);
        }
        opinions.sort_by_key(|opinion| opinion.ticket);
        let (mut heard, mut stop) = (Vec::new(), None);
        for Opinion { ticket, verdict, spent } in opinions {
            let Some((query, since)) = self.asked.remove(&ticket) else { continue };
            let (choice, reason) = match verdict {
                Ok(choice) => (choice, None),
                Err(error) if stops_training(&error) => {
                    stop.get_or_insert(error);
                    continue;
                }
                Err(error) => (Choice::Skip, Some(error.to_string())),
            };
            let latency_ms = since.elapsed().as_millis() as u64;
            heard.push(Judged { poll, query, choice, reason, at_ms: now_ms(), latency_ms, spent });
        }
        (heard, stop)
    }
}

/// Where the files of a judge lie. Two judges of one run differ in their configurations.
fn directory(config: &JudgeConfig, feedback: &Path) -> PathBuf {
    let written = serde_json::to_string(config).expect("a configuration has string keys");
    feedback.join(format!("judge-{:08x}", crc32fast::hash(written.as_bytes())))
}

fn check_visible(stage: &Stage) -> Result<(), RewardError> {
    let Ok(mut env) = stage.env() else { return Ok(()) };
    let mut obs = vec![0.0; env.spec().observation.size()];
    env.reset(stage.seed(), &mut obs);
    crate::error::require(
        env.scene().is_some(),
        "show",
        "\"pictures\"",
        "this task has no bodies to be drawn; use \"captions\"",
    )
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

impl Teacher for JudgeTeacher {
    fn submit(&mut self, query: Query) -> Result<(), RewardError> {
        let (ask, id) = (query.ask(), query.id());
        if !self.config.answers(ask) {
            let reason = format!("this judge cannot give {ask}");
            return Err(RewardError::Answer { query: id, reason });
        }
        let query = Arc::new(query);
        self.pending.insert(id, query.clone());
        self.ask(query)
    }

    fn resubmit(&mut self, answered: Answer) -> Result<(), RewardError> {
        // The log knows at which poll the answer came.
        self.submit(answered.query)
    }

    fn poll(&mut self, answers: &mut Vec<Answer>) -> Result<(), RewardError> {
        self.polls += 1;
        let poll = self.polls;
        let Some(office) = &mut self.office else { return Ok(()) };
        if !office.recorded.is_empty() {
            let due = office.recorded.iter().take_while(|judged| judged.poll <= poll).count();
            let due: Vec<Judged> = office.recorded.drain(..due).collect();
            answers.extend(due.iter().filter_map(|judged| self.take(judged)));
            return Ok(());
        }
        let (heard, stop) = office.hear(poll, self.config.wait);
        if !heard.is_empty() {
            office.log.append(&heard)?;
        }
        answers.extend(heard.iter().filter_map(|judged| self.take(judged)));
        stop.map_or(Ok(()), |error| Err(error.into()))
    }

    fn pending(&self) -> usize {
        self.pending.len()
    }

    fn metrics(&self) -> Vec<(&'static str, f64)> {
        let Tally { answered, cached, retried, unparsable, .. } = self.spent;
        vec![
            ("judge/requests", answered as f64),
            ("judge/cached", cached as f64),
            ("judge/retried", retried as f64),
            ("judge/unparsable", unparsable as f64),
        ]
    }
}

impl Checkpoint for JudgeTeacher {
    fn save(&self, out: &mut Writer) {
        out.value("pending", &self.pending.values().collect::<Vec<_>>());
        out.value("polls", &self.polls);
        out.value("spent", &self.spent);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        let pending: Vec<Arc<Query>> = from.value("pending")?;
        self.pending = pending.iter().map(|query| (query.id(), query.clone())).collect();
        self.polls = from.value("polls")?;
        self.spent = from.value("spent")?;
        if let Some(office) = &mut self.office {
            let polls = self.polls;
            office.recorded.retain(|judged| judged.poll > polls);
            office.asked.clear();
        }
        for query in pending {
            self.ask(query).map_err(|error| from.wrong("pending", &error.to_string()))?;
        }
        Ok(())
    }
}
