//! Many environments at once, over a persistent pool of threads.

mod branching;
mod chunk;
mod seeding;
mod worker;

use std::ops::Range;

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use self::{
    chunk::{Chunk, Job},
    seeding::Seeding,
    worker::Worker,
};
use crate::{Env, EnvError, EnvSpec, StepBatch};

/// A vector of environments of one spec with Gymnasium's semantics: batch in, batch out, auto-reset
/// within the step that ends an episode.
///
/// Each thread owns a contiguous part of the environments; the calling thread works one part
/// itself. Results are bit-identical for every number of threads, because every episode's seed
/// follows from the run's seed, the environment's place and the episode's number alone (see
/// [`episode_seed`](crate::episode_seed)). Once warm, a step allocates nothing beyond what the
/// environments do; those with physics do so inside rapier's solver.
///
/// ```
/// use telos_envs::{VecEnv, registry};
///
/// let mut envs = VecEnv::new(4, 2, 0, |_| registry::make("pendulum-classic"))?;
/// envs.reset();
/// let batch = envs.step(&[0.5; 4]);
/// assert_eq!(batch.obs.len(), 4 * 3);
/// assert!(!batch.done(0));
/// # Ok::<(), telos_envs::EnvError>(())
/// ```
pub struct VecEnv {
    spec: EnvSpec,
    n: usize,
    seeding: Seeding,
    /// In order; the first is worked by the caller. Empty places are out with their threads.
    chunks: Vec<Option<Box<Chunk>>>,
    /// One for each chunk after the first.
    workers: Vec<Worker>,
    batch: StepBatch,
    started: bool,
    faults: u64,
}

impl VecEnv {
    /// Builds `n_envs` environments by calling `make` with each one's place, for `threads` threads
    /// (the calling one included; more than `n_envs` are not started). Call
    /// [`reset`](Self::reset) next.
    ///
    /// # Errors
    /// When a count is zero, a constructor fails, or the environments' specs differ or are wrong.
    pub fn new(
        n_envs: usize,
        threads: usize,
        seed: u64,
        mut make: impl FnMut(usize) -> Result<Box<dyn Env>, EnvError>,
    ) -> Result<Self, EnvError> {
        if n_envs == 0 {
            return Err(EnvError::Zero { what: "environments" });
        }
        if threads == 0 {
            return Err(EnvError::Zero { what: "threads" });
        }
        let threads = threads.min(n_envs);
        let first = make(0)?;
        let spec = first.spec().clone();
        check_spec(&spec)?;
        let mut built = Some(first);
        let seeding = Seeding::apart(seed);
        let mut chunks = Vec::with_capacity(threads);
        for thread in 0..threads {
            let range = share(n_envs, threads, thread);
            let mut envs = Vec::with_capacity(range.len());
            for index in range.clone() {
                let env = built.take().map_or_else(|| make(index), Ok)?;
                if env.spec() != &spec {
                    let (id, expected) = (env.spec().id.clone(), spec.id.clone());
                    return Err(EnvError::MixedSpecs { index, id, expected });
                }
                envs.push(env);
            }
            let actions = vec![0.0; envs.len() * spec.action.size()];
            let batch = StepBatch::new(envs.len(), &spec);
            chunks.push(Some(Box::new(Chunk { envs, first: range.start, seeding, actions, batch })));
        }
        let workers = (1..threads).map(Worker::spawn).collect::<Result<_, _>>()?;
        let batch = StepBatch::new(n_envs, &spec);
        Ok(Self { spec, n: n_envs, seeding, chunks, workers, batch, started: false, faults: 0 })
    }

    /// What each of the environments looks like.
    pub fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    /// Number of environments.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Always false: a vector has at least one environment.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Starts a new episode everywhere: episode 0 at first, then the next number of each
    /// environment or, where they are [grouped](Self::reset_groups), of each group. In the batch,
    /// `final_obs` equals `obs`, and rewards and flags are zero.
    pub fn reset(&mut self) -> &StepBatch {
        if self.started {
            // Where an episode has just ended, the next one has been started already, but not
            // stepped; it is started over.
            for group in self.batch.episode_index.chunks_mut(self.seeding.group_size) {
                let next = 1 + group.iter().max().expect("groups are not empty");
                group.fill(next);
            }
        }
        self.start()
    }

    /// Starts over with another seed, as a newly built vector would: episodes count from 0 again, and
    /// every environment has its own. Evaluations use it to meet the same initial states every time.
    pub fn restart(&mut self, seed: u64) -> &StepBatch {
        self.seeding = Seeding::apart(seed);
        self.batch.episode_index.fill(0);
        self.start()
    }

    /// Starts the episodes that the batch names.
    fn start(&mut self) -> &StepBatch {
        self.scatter();
        self.run(Job::Reset);
        self.started = true;
        &self.batch
    }

    /// As [`step`](Self::step), for actions whose number was not settled by this program: those of a
    /// file, or of another process. Their values need no check: environments clamp them and take NaN
    /// for zero.
    ///
    /// # Errors
    /// When `actions` has another length than `[n, act]`; nothing has been stepped then.
    ///
    /// # Panics
    /// As [`step`](Self::step), for other reasons.
    pub fn try_step(&mut self, actions: &[f32]) -> Result<&StepBatch, EnvError> {
        let expected = self.n * self.spec.action.size();
        if actions.len() != expected {
            return Err(EnvError::ActionSize { id: self.spec.id.clone(), found: actions.len(), expected });
        }
        Ok(self.step(actions))
    }

    /// Steps every environment; `actions` is `[n, act]`.
    ///
    /// # Panics
    /// When `actions` has another length, before the first [`reset`](Self::reset), or when an
    /// environment panics, in whatever thread; the vector must then be discarded.
    pub fn step(&mut self, actions: &[f32]) -> &StepBatch {
        let width = self.spec.action.size();
        assert_eq!(actions.len(), self.n * width, "one action of {width} numbers per environment");
        assert!(self.started, "reset comes before the first step");
        self.chunks_mut().for_each(|chunk| {
            let start = chunk.first * width;
            let rows = start..start + chunk.actions.len();
            chunk.actions.copy_from_slice(&actions[rows]);
        });
        self.run(Job::Step);
        self.faults += self.batch.fault.iter().filter(|fault| **fault).count() as u64;
        &self.batch
    }

    /// The result of the last step or reset.
    pub fn batch(&self) -> &StepBatch {
        &self.batch
    }

    /// Failed simulations (NaN or runaway states) since the vector was built.
    pub fn faults(&self) -> u64 {
        self.faults
    }

    /// Environment `i`, for its caption or scene. Where an episode has just ended, it is in the
    /// first state of the next one.
    ///
    /// # Panics
    /// When there is no such environment.
    pub fn env(&self, i: usize) -> &dyn Env {
        assert!(i < self.n, "environment {i} of {}", self.n);
        let chunk = self.chunks[self.chunk_of(i)].as_ref().expect(AT_REST);
        chunk.envs[i - chunk.first].as_ref()
    }

    /// Environment `i`, to interfere with through [`Env::privileges`]. To step or reset it by itself would
    /// leave the batch behind.
    ///
    /// # Panics
    /// When there is no such environment.
    pub fn env_mut(&mut self, i: usize) -> &mut dyn Env {
        assert!(i < self.n, "environment {i} of {}", self.n);
        let home = self.chunk_of(i);
        let chunk = self.chunks[home].as_mut().expect(AT_REST);
        chunk.envs[i - chunk.first].as_mut()
    }

    /// The chunk of environment `i`.
    fn chunk_of(&self, i: usize) -> usize {
        let threads = self.chunks.len();
        (0..threads).find(|thread| i < share(self.n, threads, *thread).end).expect("an environment")
    }

    /// Hands every chunk its rows of the batch, and the seeding.
    fn scatter(&mut self) {
        let (seeding, whole) = (self.seeding, &self.batch);
        for place in &mut self.chunks {
            let chunk = place.as_mut().expect(AT_REST);
            chunk.seeding = seeding;
            chunk.batch.scatter(chunk.first, whole);
        }
    }

    fn chunks_mut(&mut self) -> impl Iterator<Item = &mut Chunk> {
        self.chunks.iter_mut().map(|place| &mut **place.as_mut().expect(AT_REST))
    }

    /// Does `job` on all chunks and gathers their batches.
    fn run(&mut self, job: Job) {
        let (own, others) = self.chunks.split_first_mut().expect("at least one chunk");
        for (worker, place) in self.workers.iter_mut().zip(others.iter_mut()) {
            worker.begin(place.take().expect(AT_REST), job);
        }
        let own = own.as_mut().expect(AT_REST);
        own.run(job);
        self.batch.gather(own.first, &own.batch);
        for (worker, place) in self.workers.iter_mut().zip(others) {
            let chunk = worker.finish();
            self.batch.gather(chunk.first, &chunk.batch);
            *place = Some(chunk);
        }
    }
}

/// Between calls every chunk is here, unless a panic has been propagated and caught.
const AT_REST: &str = "a VecEnv is discarded after a panic of one of its environments";

/// The environments of thread `index`; the sizes of shares differ by at most one.
fn share(n: usize, threads: usize, index: usize) -> Range<usize> {
    n * index / threads..n * (index + 1) / threads
}

fn check_spec(spec: &EnvSpec) -> Result<(), EnvError> {
    let wrong = |reason: &str| Err(EnvError::BadSpec { id: spec.id.clone(), reason: reason.into() });
    for (space, name) in [(&spec.observation, "observation"), (&spec.action, "action")] {
        if space.size() == 0 || space.low.len() != space.high.len() {
            return wrong(&format!("the {name} space needs one low and one high bound per component"));
        }
    }
    if spec.horizon == 0 {
        return wrong("the horizon is 0 steps; an episode has at least 1");
    }
    Ok(())
}

impl Checkpoint for VecEnv {
    fn save(&self, out: &mut Writer) {
        out.value("seeding", &self.seeding);
        out.value("started", &self.started);
        out.value("faults", &self.faults);
        out.part("batch", &self.batch);
        // In the order of the vector, so that a run may resume with another number of threads.
        for i in 0..self.n {
            out.part("env", self.env(i));
        }
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.seeding = from.value("seeding")?;
        self.started = from.value("started")?;
        self.faults = from.value("faults")?;
        from.part("batch", &mut self.batch)?;
        self.scatter();
        for chunk in self.chunks_mut() {
            for env in &mut chunk.envs {
                from.part("env", env.as_mut())?;
            }
        }
        Ok(())
    }
}
