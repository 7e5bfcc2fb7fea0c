//! The thread that draws clips, those that are asked for first, and keeps the recent ones.

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvError, Sender, TryRecvError, channel},
    thread::{self, JoinHandle},
};

use axum::body::Bytes;
use telos_rewards::{feedback::QueryId, teacher::people::QueryBatch};
use tokio::sync::oneshot;

use super::{clip::ClipArtist, desk::Question, refusal::Refusal};
use crate::TelosError;

/// Clips that are kept: a few dozen megabytes, enough for several people and their undos.
const KEPT: usize = 96;

enum Job {
    /// Somebody waits for a clip.
    Draw { question: Question, side: usize, reply: oneshot::Sender<Result<Bytes, Refusal>> },
    /// Somebody will.
    Ahead(Vec<Question>),
}

/// A line to the studio, which closes when all are gone.
#[derive(Clone)]
pub(super) struct StudioLine(Sender<Job>);

impl StudioLine {
    /// A clip of a question, side 0 or 1, as a PNG file.
    pub(super) async fn draw(&self, question: Question, side: usize) -> Result<Bytes, Refusal> {
        let (reply, clip) = oneshot::channel();
        self.0.send(Job::Draw { question, side, reply }).map_err(|_| Refusal::Stopping)?;
        clip.await.unwrap_or(Err(Refusal::Stopping))
    }

    /// Has the clips of `questions` drawn when there is nothing more urgent. What was to be drawn ahead
    /// before is forgotten.
    pub(super) fn draw_ahead(&self, questions: Vec<Question>) {
        // Where the studio has closed, the next request says so.
        let _ = self.0.send(Job::Ahead(questions));
    }
}

/// The studio.
pub(super) struct Studio {
    people: PathBuf,
    artist: ClipArtist,
    /// The batch that was read last.
    batch: Option<(u64, QueryBatch)>,
    clips: BTreeMap<(QueryId, usize), Result<Bytes, Refusal>>,
    /// Their keys, the oldest first.
    age: VecDeque<(QueryId, usize)>,
    ahead: VecDeque<(Question, usize)>,
}

impl Studio {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn start(
        people: &Path,
        artist: ClipArtist,
    ) -> Result<(StudioLine, JoinHandle<()>), TelosError> {
        let (people, ahead, age) = (people.to_owned(), VecDeque::new(), VecDeque::new());
        let mut studio = Self { people, artist, batch: None, clips: BTreeMap::new(), age, ahead };
        let (line, jobs) = channel();
        let thread = thread::Builder::new()
            .name("studio".into())
            .spawn(move || studio.work(&jobs))
            .map_err(|source| TelosError::Io { doing: "starting a thread".into(), source })?;
        Ok((StudioLine(line), thread))
    }

    fn work(&mut self, jobs: &Receiver<Job>) {
        loop {
            let job = if self.ahead.is_empty() {
                jobs.recv().map_err(|RecvError| TryRecvError::Disconnected)
            } else {
                jobs.try_recv()
            };
            match job {
                Ok(Job::Draw { question, side, reply }) => {
                    // A browser that has gone away asks again.
                    let _ = reply.send(self.clip(question, side));
                }
                Ok(Job::Ahead(questions)) => {
                    let clips = questions.into_iter().flat_map(|question| [(question, 0), (question, 1)]);
                    self.ahead = clips.collect();
                }
                Err(TryRecvError::Empty) => {
                    if let Some((question, side)) = self.ahead.pop_front() {
                        // Whoever asks for it learns why it could not be drawn.
                        let _ = self.clip(question, side);
                    }
                }
                Err(TryRecvError::Disconnected) => return,
            }
        }
    }

    fn clip(&mut self, question: Question, side: usize) -> Result<Bytes, Refusal> {
        let key = (question.query, side);
        if let Some(clip) = self.clips.get(&key) {
            return clip.clone();
        }
        let drawn = self.draw(question, side);
        let clip = drawn.map_err(|reason| Refusal::NotDrawable(question.query, reason));
        if let Err(refusal) = &clip {
            tracing::warn!("{refusal}");
        }
        self.clips.insert(key, clip.clone());
        self.age.push_back(key);
        if self.age.len() > KEPT
            && let Some(oldest) = self.age.pop_front()
        {
            self.clips.remove(&oldest);
        }
        clip
    }

    fn draw(&mut self, question: Question, side: usize) -> Result<Bytes, String> {
        let of_query = |batch: &QueryBatch| {
            batch.queries.get(question.index).is_some_and(|query| query.id() == question.query)
        };
        if !self.batch.as_ref().is_some_and(|(number, batch)| *number == question.batch && of_query(batch)) {
            let read = QueryBatch::read(&self.people, question.batch).map_err(|error| error.to_string())?;
            self.batch = Some((question.batch, read));
        }
        let query = self.batch.as_ref().filter(|(_, batch)| of_query(batch));
        let query = &query.ok_or("its file has changed")?.1.queries[question.index];
        let origins = query.origins().ok_or("its origin was not recorded")?;
        self.artist.draw(&query.segments()[side], &origins[side]).map(Bytes::from)
    }
}
