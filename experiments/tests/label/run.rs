//! Run directories whose questions wait, and servers for them.

use std::{net::SocketAddr, path::Path, thread::JoinHandle, time::Duration};

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos::{
    Interrupt, RunDirectory, TelosError,
    config::Config,
    device::DeviceChoice,
    envs::{Origin, Segment, TrajectoryStore, VecEnv, registry},
    label::{LabelServer, ServerOptions},
    rewards::{
        feedback::Query,
        teacher::people::{PersonalAnswer, QueryBatch, directory, read_events, standing},
    },
};

pub(crate) const SEED: u64 = 5;

/// A run of the pendulum that has asked nothing yet.
pub(crate) fn empty_run(path: &Path) -> RunDirectory {
    let text = format!(
        "loop = 'preferences'\nseed = {SEED}\nsteps = 20000\n[env]\nid = 'pendulum-swingup'\n\
         [preferences]\nbudget = 6000\nteacher = {{ kind = 'people' }}\n"
    );
    let config = Config::parse("people.toml", &text, &[]).unwrap();
    let run = RunDirectory::create(path, &config, DeviceChoice::Cpu).unwrap();
    std::fs::create_dir_all(directory(&run.feedback())).unwrap();
    drop(run);
    RunDirectory::open(path).unwrap()
}

/// Asks about `count` pairs of segments of random behaviour.
pub(crate) fn ask(run: &RunDirectory, number: u64, count: usize) -> Vec<Query> {
    let mut envs = VecEnv::new(1, 1, SEED, |_| registry::make("pendulum-swingup")).unwrap();
    let mut store = TrajectoryStore::new(envs.spec(), 1, 2).unwrap();
    envs.reset();
    for step in 0..200 {
        let obs = envs.batch().obs.clone();
        let action = [(step as f32 * 0.05).sin()];
        store.push(&obs, &action, envs.step(&action));
    }
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(number);
    let mut draw = || store.sample_segment(&mut rng, 30).unwrap();
    let queries = (0..count).map(|_| {
        let pair = [draw(), draw()];
        let [first, second] = pair.map(|segment| store.segment(segment).unwrap());
        let origins = pair.map(|segment| store.origin(segment).unwrap());
        Query::new(first, second, 1).with_origins(Some(origins))
    });
    let queries: Vec<Query> = queries.collect();
    QueryBatch { queries: queries.clone() }.write(&directory(&run.feedback()), number).unwrap();
    queries
}

/// Asks `count` questions that nobody will look at.
pub(crate) fn ask_blindly(run: &RunDirectory, number: u64, count: usize) -> Vec<String> {
    let queries = (0..count).map(|at| {
        let value = (number as usize * 10_000 + at) as f32;
        let segment = |value: f32| Segment {
            obs: vec![value],
            actions: vec![0.0],
            gold: vec![0.0],
            len: 1,
            ..Segment::default()
        };
        let origin = || Origin { env: 0, episode: 0, start: 0, actions: vec![0.0] };
        Query::new(segment(value), segment(-value), 0).with_origins(Some([origin(), origin()]))
    });
    let queries: Vec<Query> = queries.collect();
    let ids = queries.iter().map(|query| query.id().to_string()).collect();
    QueryBatch { queries }.write(&directory(&run.feedback()), number).unwrap();
    ids
}

/// The answers that stand on the disk.
pub(crate) fn stored(run: &RunDirectory) -> Vec<PersonalAnswer> {
    let events = read_events(&directory(&run.feedback()), 0).unwrap();
    standing(events).into_iter().map(|(_, answer)| answer).collect()
}

/// A server in a thread of this process.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    interrupt: Interrupt,
    thread: Option<JoinHandle<Result<(), TelosError>>>,
}

/// Options of a server at a free port, which lets tests ask faster than people would.
pub(crate) fn options() -> ServerOptions {
    ServerOptions {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        requests_per_second: 1e6,
        lease: Duration::from_secs(60),
        ..ServerOptions::default()
    }
}

pub(crate) fn serve(run: &RunDirectory, options: &ServerOptions) -> Served {
    let server = LabelServer::bind(run, options).unwrap();
    let (address, interrupt) = (server.address().unwrap(), Interrupt::new());
    let thread = std::thread::spawn({
        let interrupt = interrupt.clone();
        move || server.run(&interrupt)
    });
    Served { address, interrupt, thread: Some(thread) }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.interrupt.request();
        let served = self.thread.take().unwrap().join();
        if !std::thread::panicking() {
            served.unwrap().unwrap();
        }
    }
}
