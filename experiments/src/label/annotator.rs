//! One person at this machine, without a server: the questions of a run and their answers, by the same clerk
//! and into the same log as those of the page.

use std::{path::PathBuf, thread::JoinHandle, time::Duration};

use telos_rewards::{
    feedback::{Choice, Query, QueryId},
    teacher::people::QueryBatch,
};

use super::{
    clerk::{Ask, Clerk, ClerkLine, Reply},
    desk::{Progress, Question, Who},
    refusal::Refusal,
    server::people_of,
};
use crate::{RunDirectory, TelosError};

/// For as long as somebody at this machine looks at a question, nobody else gets it.
const LEASE: Duration = Duration::from_secs(3600);

/// How far the labelling of a run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LabelProgress {
    /// Questions that were asked.
    pub asked: usize,
    /// Those of them that were answered.
    pub answered: usize,
}

/// A question: two segments and where they come from.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The question with its segments and origins.
    pub query: Query,
    question: Question,
}

/// A person who answers the questions of one run. No page can serve the run meanwhile.
pub struct Annotator {
    run: PathBuf,
    people: PathBuf,
    who: Who,
    /// `None` only while it is dropped.
    line: Option<ClerkLine>,
    clerk: Option<JoinHandle<()>>,
    /// Answers so far, which makes the key of each answer its own.
    answers: u64,
    progress: LabelProgress,
}

impl Annotator {
    /// Takes the labelling of `run` for the person `name`.
    ///
    /// # Errors
    /// When the run asks nobody, a page or another window has it already, or a file is damaged.
    pub fn open(run: &RunDirectory, name: &str) -> Result<Self, TelosError> {
        let people = people_of(run)?;
        let (line, clerk) = Clerk::start(&people, 1, LEASE)?;
        let who = Who { annotator: name.to_owned(), client: format!("viewer-{}", std::process::id()) };
        Ok(Self {
            run: run.path().to_owned(),
            people,
            who,
            line: Some(line),
            clerk: Some(clerk),
            answers: 0,
            progress: LabelProgress::default(),
        })
    }

    /// The question to answer now, the same until it is answered; `None` while there is none.
    ///
    /// # Errors
    /// When its file has changed or cannot be read.
    pub fn next(&mut self) -> Result<Option<Pair>, TelosError> {
        let Reply::Next { questions, progress, .. } =
            self.ask(Ask::Next { who: self.who.clone(), count: 1 })?
        else {
            return Ok(None);
        };
        self.note(&progress);
        let Some(question) = questions.first().copied() else { return Ok(None) };
        let mut batch = QueryBatch::read(&self.people, question.batch)?;
        let fits = batch.queries.get(question.index).is_some_and(|query| query.id() == question.query);
        if !fits {
            return Err(self.refused(format!("query {}: its file has changed", question.query)));
        }
        Ok(Some(Pair { query: batch.queries.swap_remove(question.index), question }))
    }

    /// Stores an answer, on disk when this returns.
    ///
    /// # Errors
    /// When the answer is no longer wanted, or the system refuses.
    pub fn answer(&mut self, pair: &Pair, choice: Choice, latency: Duration) -> Result<(), TelosError> {
        self.answers += 1;
        let key = format!("{}-{}", self.who.client, self.answers);
        let (who, query) = (self.who.clone(), pair.question.query);
        let latency_ms = latency.as_millis() as u64;
        if let Reply::Answered(progress) = self.ask(Ask::Answer { who, query, choice, latency_ms, key })? {
            self.note(&progress);
        }
        Ok(())
    }

    /// Takes back the last answer of this person, whose question comes next again.
    ///
    /// # Errors
    /// When there is none, or the training has learned from it.
    pub fn undo(&mut self) -> Result<QueryId, TelosError> {
        match self.ask(Ask::Undo { who: self.who.clone(), query: None })? {
            Reply::Undone(query, progress) => {
                self.note(&progress);
                Ok(query)
            }
            _ => Err(self.refused(Refusal::NothingToUndo.to_string())),
        }
    }

    /// As of the last call.
    pub fn progress(&self) -> LabelProgress {
        self.progress
    }

    fn note(&mut self, progress: &Progress) {
        self.progress = LabelProgress { asked: progress.asked, answered: progress.answered };
    }

    fn ask(&self, ask: Ask) -> Result<Reply, TelosError> {
        let line = self.line.as_ref().ok_or(Refusal::Stopping);
        line.and_then(|line| line.ask_blocking(ask)).map_err(|refusal| self.refused(refusal.to_string()))
    }

    fn refused(&self, reason: String) -> TelosError {
        TelosError::run(&self.run, reason)
    }
}

impl Drop for Annotator {
    /// Waits for the clerk, who then has let go of the log.
    fn drop(&mut self) {
        self.line = None;
        if let Some(clerk) = self.clerk.take() {
            // A clerk that panicked has said why.
            let _ = clerk.join();
        }
    }
}
