//! Judges that work while rollouts go on.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread::JoinHandle,
};

use super::{Endpoint, JudgeError, Question, Tally};

/// What came of a question.
#[derive(Debug)]
pub struct Opinion<V> {
    /// Its ticket.
    pub ticket: u64,
    /// The verdict, or why there is none.
    pub verdict: Result<V, JudgeError>,
    /// What it took.
    pub spent: Tally,
}

/// Threads that ask, each with its own connection; whoever has questions never waits (Zheng et al. 2024,
/// "Online Intrinsic Rewards for Decision Making Agents from Large Language Model Feedback", arXiv
/// 2410.23022).
///
/// Verdicts come back in the order in which judges finish, each with the ticket of its question.
pub struct JudgePool<Q: Question> {
    queues: Vec<Sender<(u64, Q)>>,
    verdicts: Receiver<Opinion<Q::Verdict>>,
    threads: Vec<JoinHandle<Tally>>,
    submitted: u64,
    received: u64,
}

impl<Q: Question + 'static> JudgePool<Q> {
    /// One thread per endpoint. Each has limits of rate and budget of its own.
    pub fn new(endpoints: Vec<Endpoint>) -> Self {
        let (verdict, verdicts) = channel();
        let mut queues = Vec::new();
        let threads = endpoints.into_iter().map(|mut endpoint| {
            let (queue, questions) = channel::<(u64, Q)>();
            queues.push(queue);
            let verdict = verdict.clone();
            std::thread::spawn(move || {
                for (ticket, question) in questions {
                    let before = endpoint.tally();
                    let opinion = endpoint.ask(&question);
                    let spent = endpoint.tally().since(before);
                    // Nobody is left to tell when the pool is dropped.
                    if verdict.send(Opinion { ticket, verdict: opinion, spent }).is_err() {
                        break;
                    }
                }
                endpoint.tally()
            })
        });
        let threads = threads.collect();
        Self { queues, verdicts, threads, submitted: 0, received: 0 }
    }

    /// Hands over a question and returns its ticket, at once. Questions take turns on the threads.
    ///
    /// # Errors
    /// The question, when the pool has no endpoint or its thread has died.
    pub fn submit(&mut self, question: Q) -> Result<u64, Q> {
        let ticket = self.submitted;
        let count = self.queues.len().max(1) as u64;
        let Some(queue) = self.queues.get((ticket % count) as usize) else { return Err(question) };
        queue.send((ticket, question)).map_err(|refused| refused.0.1)?;
        self.submitted += 1;
        Ok(ticket)
    }

    /// A verdict that has come, if one has; does not wait.
    pub fn poll(&mut self) -> Option<Opinion<Q::Verdict>> {
        let verdict = self.verdicts.try_recv().ok()?;
        self.received += 1;
        Some(verdict)
    }

    /// The next verdict, as soon as it comes; `None` when none is pending.
    pub fn wait(&mut self) -> Option<Opinion<Q::Verdict>> {
        if self.pending() == 0 {
            return None;
        }
        let verdict = self.verdicts.recv().ok()?;
        self.received += 1;
        Some(verdict)
    }

    /// Questions without a verdict yet.
    pub fn pending(&self) -> u64 {
        self.submitted - self.received
    }

    /// Lets the threads finish what they were given, and returns what each has asked and paid.
    pub fn finish(mut self) -> Vec<Tally> {
        self.queues.clear();
        // A thread that panicked asked nothing that anybody could still use.
        self.threads.drain(..).filter_map(|thread| thread.join().ok()).collect()
    }
}
