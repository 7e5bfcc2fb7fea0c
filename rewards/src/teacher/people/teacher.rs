//! The training's side: questions out, answers in.

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use super::{
    PeopleConfig, PersonalAnswer, QueryBatch,
    answer_log::{length, read_events, standing},
    directory,
    journal::{Journal, Taken},
    verdict::verdict,
};
use crate::{
    RewardError,
    feedback::{Answer, Query, QueryId},
    teacher::Teacher,
};

/// How often the answer log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// People who answer on a page, in their own time.
///
/// It delivers each answer at the poll at which it took it, also in a resumed run, whose results are
/// therefore those of a run that was never stopped.
pub struct PeopleTeacher {
    config: PeopleConfig,
    /// `None` when the teacher is only built to read a checkpoint.
    directory: Option<PathBuf>,
    /// Submitted since the last poll.
    submitted: Vec<Query>,
    pending: BTreeMap<QueryId, Query>,
    /// Batches written.
    batches: u64,
    polls: u64,
    /// Bytes of the answer log that were taken.
    taken: u64,
    /// Answers that were taken and have not decided a query yet.
    undecided: BTreeMap<QueryId, Vec<PersonalAnswer>>,
    /// What earlier processes of this run took, and this one has yet to take again.
    recorded: VecDeque<Taken>,
    next_look: Instant,
}

impl PeopleTeacher {
    /// A teacher whose files lie below the run's directory `feedback`.
    ///
    /// # Errors
    /// When the configuration is out of range, or the journal is damaged or cannot be made.
    pub fn new(config: PeopleConfig, feedback: Option<&Path>) -> Result<Self, RewardError> {
        config.validate()?;
        let directory = feedback.map(directory);
        let recorded = match &directory {
            Some(people) => Journal::wait(people)?.taken().iter().copied().collect(),
            None => VecDeque::new(),
        };
        Ok(Self {
            config,
            directory,
            submitted: Vec::new(),
            pending: BTreeMap::new(),
            batches: 0,
            polls: 0,
            taken: 0,
            undecided: BTreeMap::new(),
            recorded,
            next_look: Instant::now(),
        })
    }

    /// Up to which byte of the answer log this poll takes answers.
    fn upto(&mut self, people: &Path) -> Result<u64, RewardError> {
        while self.recorded.front().is_some_and(|taken| taken.poll < self.polls) {
            self.recorded.pop_front();
        }
        if let Some(next) = self.recorded.front() {
            return Ok(if next.poll == self.polls { next.bytes } else { self.taken });
        }
        if self.pending.is_empty() || Instant::now() < self.next_look {
            return Ok(self.taken);
        }
        self.next_look = Instant::now() + LOOK_EVERY;
        if length(people) <= self.taken {
            return Ok(self.taken);
        }
        let mut journal = match Journal::open(people) {
            // Somebody takes back an answer this very moment; nothing waits for them.
            Err(RewardError::Busy { .. }) => return Ok(self.taken),
            journal => journal?,
        };
        let until = now_ms().saturating_sub((self.config.undo_seconds * 1000.0) as u64);
        let events = read_events(people, self.taken)?;
        let settled = events.iter().take_while(|(_, event)| event.at_ms() <= until).last();
        let Some(&(bytes, _)) = settled else { return Ok(self.taken) };
        journal.record(Taken { poll: self.polls, bytes })?;
        Ok(bytes)
    }

    /// The query that `answers` decide, if they do.
    fn decide(&mut self, id: QueryId) -> Option<Answer> {
        let answers = self.undecided.get(&id)?;
        if !self.pending.contains_key(&id) || answers.len() < answers.first()?.wanted as usize {
            return None;
        }
        let query = self.pending.remove(&id)?;
        self.undecided.remove(&id).map(|answers| verdict(query, &answers))
    }
}

impl Teacher for PeopleTeacher {
    fn submit(&mut self, query: Query) -> Result<(), RewardError> {
        query.pair()?;
        self.submitted.push(query);
        Ok(())
    }

    fn resubmit(&mut self, answered: Answer) -> Result<(), RewardError> {
        // The journal knows at which poll the answer came.
        self.submit(answered.query)
    }

    fn poll(&mut self, answers: &mut Vec<Answer>) -> Result<(), RewardError> {
        self.polls += 1;
        let Some(people) = self.directory.clone() else { return Ok(()) };
        let mut touched = Vec::new();
        if !self.submitted.is_empty() {
            let batch = QueryBatch { queries: std::mem::take(&mut self.submitted) };
            batch.write(&people, self.batches)?;
            self.batches += 1;
            for query in batch.queries {
                touched.push(query.id());
                self.pending.insert(query.id(), query);
            }
        }
        let upto = self.upto(&people)?;
        if upto > self.taken {
            // An answer that is taken here may be undone only by a line that is there already.
            let events = read_events(&people, self.taken)?;
            for (_, answer) in standing(events).into_iter().filter(|(end, _)| *end <= upto) {
                touched.push(answer.query);
                self.undecided.entry(answer.query).or_default().push(answer);
            }
            self.taken = upto;
        }
        for id in touched {
            answers.extend(self.decide(id));
        }
        Ok(())
    }

    fn pending(&self) -> usize {
        self.submitted.len() + self.pending.len()
    }
}

impl Checkpoint for PeopleTeacher {
    fn save(&self, out: &mut Writer) {
        out.value("submitted", &self.submitted);
        out.value("pending", &self.pending.values().collect::<Vec<_>>());
        out.value("batches", &self.batches);
        out.value("polls", &self.polls);
        out.value("taken", &self.taken);
        // As JSON: the log's own form has optional and tagged parts that a compact encoding lacks.
        let undecided: Vec<&PersonalAnswer> = self.undecided.values().flatten().collect();
        out.value("undecided", &serde_json::to_string(&undecided).expect("answers have string keys"));
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.submitted = from.value("submitted")?;
        let pending: Vec<Query> = from.value("pending")?;
        self.pending = pending.into_iter().map(|query| (query.id(), query)).collect();
        self.batches = from.value("batches")?;
        self.polls = from.value("polls")?;
        self.taken = from.value("taken")?;
        let undecided: String = from.value("undecided")?;
        let undecided: Vec<PersonalAnswer> =
            serde_json::from_str(&undecided).map_err(|error| from.wrong("undecided", &error.to_string()))?;
        self.undecided.clear();
        for answer in undecided {
            self.undecided.entry(answer.query).or_default().push(answer);
        }
        Ok(())
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
