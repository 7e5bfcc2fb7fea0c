//! The thread that owns the answer log and everything known about questions and answers.
//!
//! Requests come through a channel. Those that have gathered while the disk was busy are worked
//! together and made durable by one wait; only then is any of them acknowledged.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use telos_rewards::{
    RewardError,
    feedback::{Choice, QueryId},
    teacher::people::{AnswerEvent, AnswerLog, Journal, PersonalAnswer, QueryBatch, standing},
};
use tokio::sync::oneshot;

use super::{
    desk::{Desk, Progress, Question, Who},
    refusal::Refusal,
};
use crate::TelosError;

/// How often the run directory is searched for new questions, at most.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Requests that share one wait for the disk.
const GROUP: usize = 256;

/// Questions that are drawn although nobody has asked for them.
const DRAWN_AHEAD: usize = 4;

/// What a browser wants.
#[derive(Debug)]
pub(super) enum Ask {
    /// Up to `count` questions to show.
    Next { who: Who, count: usize },
    /// To answer one.
    Answer { who: Who, query: QueryId, choice: Choice, latency_ms: u64, key: String },
    /// To take back an answer, the latest by default.
    Undo { who: Who, query: Option<QueryId> },
    /// To see a question's clips.
    Find { query: QueryId },
    /// To know how far the work has come.
    Progress,
}

/// What it gets.
#[derive(Debug)]
pub(super) enum Reply {
    /// Questions that are the page's for a while, and those that will be asked next.
    Next { questions: Vec<Question>, upcoming: Vec<Question>, progress: Progress },
    /// The answer is durable.
    Answered(Progress),
    /// So is its undoing.
    Undone(QueryId, Progress),
    /// Where a question lies.
    Found(Question),
    /// How far the work has come.
    Progress(Progress),
}

/// A line to the clerk; the clerk stops when all are gone.
#[derive(Clone, Debug)]
pub(super) struct ClerkLine(Sender<Request>);

#[derive(Debug)]
struct Request {
    ask: Ask,
    reply: oneshot::Sender<Result<Reply, Refusal>>,
}

impl ClerkLine {
    /// Asks, and waits for what is durable by then.
    pub(super) async fn ask(&self, ask: Ask) -> Result<Reply, Refusal> {
        self.send(ask)?.await.unwrap_or(Err(Refusal::Stopping))
    }

    /// As [`ask`](Self::ask), for whoever is not asynchronous.
    pub(super) fn ask_blocking(&self, ask: Ask) -> Result<Reply, Refusal> {
        self.send(ask)?.blocking_recv().unwrap_or(Err(Refusal::Stopping))
    }

    fn send(&self, ask: Ask) -> Result<oneshot::Receiver<Result<Reply, Refusal>>, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Request { ask, reply }).map_err(|_| Refusal::Stopping)?;
        Ok(answer)
    }
}

/// The clerk.
pub(super) struct Clerk {
    people: PathBuf,
    desk: Desk,
    log: AnswerLog,
    /// Known batches, by number, with what the file system says of them.
    batches: BTreeMap<u64, (Option<SystemTime>, Vec<Question>)>,
    last_look: Option<Instant>,
}

impl Clerk {
    /// Opens the people's directory `people` and starts the thread.
    ///
    /// # Errors
    /// When another server has it open, its log is damaged, or the system refuses.
    pub(super) fn start(
        people: &Path,
        agreement: u32,
        lease: Duration,
    ) -> Result<(ClerkLine, JoinHandle<()>), TelosError> {
        let (log, events) = AnswerLog::open(people)?;
        let mut desk = Desk::new(agreement, lease.as_millis() as u64);
        for (end, answer) in standing(events) {
            desk.answer(answer, end);
        }
        let people = people.to_owned();
        let mut clerk = Self { people, desk, log, batches: BTreeMap::new(), last_look: None };
        clerk.look()?;
        let (line, requests) = channel();
        let name = thread::Builder::new().name("clerk".into());
        let thread = name
            .spawn(move || clerk.work(&requests))
            .map_err(|source| TelosError::Io { doing: "starting a thread".into(), source })?;
        Ok((ClerkLine(line), thread))
    }

    fn work(mut self, requests: &Receiver<Request>) {
        while let Ok(first) = requests.recv() {
            let group = std::iter::once(first).chain(requests.try_iter().take(GROUP - 1));
            let done: Vec<_> = group.map(|Request { ask, reply }| (self.serve(ask), reply)).collect();
            let stored = self.log.commit();
            for (result, reply) in done {
                let result = match (&stored, result) {
                    (Err(error), Ok(Reply::Answered(_))) => Err(Refusal::Storage(error.to_string())),
                    (_, result) => result,
                };
                // A browser that has gone away asks again, with the same key.
                let _ = reply.send(result);
            }
        }
    }

    fn serve(&mut self, ask: Ask) -> Result<Reply, Refusal> {
        let now = now_ms();
        match ask {
            Ask::Next { who, count } => {
                self.look_now_and_then();
                let questions = self.desk.lease(&who, count, now);
                let upcoming = self.desk.upcoming(DRAWN_AHEAD);
                Ok(Reply::Next { questions, upcoming, progress: self.desk.progress() })
            }
            Ask::Answer { who, query, choice, latency_ms, key } => {
                if self.desk.check(&who, query, choice, &key, now)? {
                    let wanted = self.desk.wanted(query);
                    let annotator = who.annotator;
                    let answer =
                        PersonalAnswer { query, choice, annotator, at_ms: now, latency_ms, wanted, key };
                    let end = self.log.stage(&AnswerEvent::Answer(answer.clone()));
                    self.desk.answer(answer, end);
                }
                Ok(Reply::Answered(self.desk.progress()))
            }
            Ask::Undo { who, query } => {
                let (query, end) = self.desk.undoable(&who, query)?;
                self.undo(&who, query, end, now)?;
                Ok(Reply::Undone(query, self.desk.progress()))
            }
            Ask::Find { query } => self.desk.question(query).map(Reply::Found),
            Ask::Progress => {
                self.look_now_and_then();
                Ok(Reply::Progress(self.desk.progress()))
            }
        }
    }

    /// Takes back an answer, unless the training has learned from it. While the journal is held, the
    /// training takes nothing.
    fn undo(&mut self, who: &Who, query: QueryId, end: u64, now_ms: u64) -> Result<(), Refusal> {
        let storage = |error: RewardError| Refusal::Storage(error.to_string());
        let journal = Journal::wait(&self.people).map_err(storage)?;
        if end <= journal.bytes() {
            return Err(Refusal::Learned(query));
        }
        let annotator = who.annotator.clone();
        self.log.stage(&AnswerEvent::Undo { query, annotator, at_ms: now_ms });
        self.log.commit().map_err(storage)?;
        self.desk.undo(who, query, now_ms);
        Ok(())
    }

    fn look_now_and_then(&mut self) {
        if self.last_look.is_none_or(|last| last.elapsed() >= LOOK_EVERY)
            && let Err(error) = self.look()
        {
            tracing::warn!("{error}");
        }
    }

    /// Looks for new questions. Batches that cannot be read are left out with a warning.
    fn look(&mut self) -> Result<(), RewardError> {
        self.last_look = Some(Instant::now());
        let numbers = QueryBatch::numbers(&self.people)?;
        let mut changed = self.batches.len() != numbers.len();
        let mut batches = BTreeMap::new();
        for number in numbers {
            let written = QueryBatch::written(&self.people, number);
            let known = match self.batches.remove(&number) {
                Some(known) if known.0 == written => known,
                _ => {
                    changed = true;
                    (written, self.read(number))
                }
            };
            batches.insert(number, known);
        }
        self.batches = batches;
        if changed {
            let questions = self.batches.values().flat_map(|(_, questions)| questions.clone());
            self.desk.set_questions(questions.collect());
        }
        Ok(())
    }

    fn read(&self, number: u64) -> Vec<Question> {
        let batch = QueryBatch::read(&self.people, number).unwrap_or_else(|error| {
            tracing::warn!("{error}");
            QueryBatch::default()
        });
        let questions = batch.queries.iter().enumerate().filter_map(|(index, query)| {
            if query.origins().is_none() {
                tracing::warn!("query {} was recorded without its origin and cannot be drawn", query.id());
                return None;
            }
            let steps = [0, 1].map(|side| query.segments()[side].len);
            Some(Question { query: query.id(), batch: number, index, steps })
        });
        questions.collect()
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
