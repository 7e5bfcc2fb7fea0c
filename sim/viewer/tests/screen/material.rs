//! Runs and datasets, small enough to be made by each test.

use std::path::{Path, PathBuf};

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos::{
    Interrupt, Progress, RunDirectory,
    config::Config,
    device::DeviceChoice,
    envs::{TrajectoryStore, VecEnv, registry},
    loops::train,
    rewards::{
        feedback::Query,
        teacher::people::{QueryBatch, directory},
    },
};
use telos_viewer::demonstration::Demonstrations;

pub(crate) const SEED: u64 = 5;

/// A pendulum that has learned a reward from a few answers; its checkpoints are 300 steps apart.
pub(crate) fn run(place: &Path) -> PathBuf {
    let text = format!(
        "loop = 'preferences'\nseed = {SEED}\nsteps = 1200\n[env]\nid = 'pendulum-swingup'\nthreads = 1\n\
         [training]\nlearning_starts = 200\n[sac]\nhidden = [16]\nbatch_size = 32\n\
         [preferences]\nbudget = 20\nqueries_per_session = 10\nsession_interval = 400\nunsupervised_steps = 400\n\
         held_out_pairs = 4\nquery = {{ segment = 20 }}\nreward_model = {{ hidden = [16], max_epochs = 5 }}\n\
         [evaluation]\nepisodes = 1\ninterval = 0\n[checkpoint]\ninterval = 300\nkeep = 4\n"
    );
    let config = Config::parse("small.toml", &text, &[]).unwrap();
    let path = place.join("run");
    let run = RunDirectory::create(&path, &config, DeviceChoice::Cpu).unwrap();
    train(&config, &run, &Interrupt::new(), &Progress::quiet()).unwrap();
    path
}

/// A run that asks people about `count` pairs of clips.
pub(crate) fn asking_run(place: &Path, count: usize) -> PathBuf {
    let text = format!(
        "loop = 'preferences'\nseed = {SEED}\nsteps = 20000\n[env]\nid = 'pendulum-swingup'\n\
         [preferences]\nteacher = {{ kind = 'people' }}\n"
    );
    let config = Config::parse("people.toml", &text, &[]).unwrap();
    let path = place.join("asking");
    let run = RunDirectory::create(&path, &config, DeviceChoice::Cpu).unwrap();
    let mut envs = VecEnv::new(1, 1, SEED, |_| registry::make("pendulum-swingup")).unwrap();
    let mut store = TrajectoryStore::new(envs.spec(), 1, 2).unwrap();
    envs.reset();
    for step in 0..200 {
        let obs = envs.batch().obs.clone();
        let action = [(step as f32 * 0.05).sin()];
        store.push(&obs, &action, envs.step(&action));
    }
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let queries = (0..count).map(|_| {
        let pair = [(); 2].map(|()| store.sample_segment(&mut rng, 30).unwrap());
        let [first, second] = pair.map(|segment| store.segment(segment).unwrap());
        Query::new(first, second, 1).with_origins(Some(pair.map(|segment| store.origin(segment).unwrap())))
    });
    let people = directory(&run.feedback());
    QueryBatch { queries: queries.collect() }.write(&people, 0).unwrap();
    path
}

/// Two episodes of a reacher, of 30 steps each.
pub(crate) fn dataset(place: &Path, env: &str) -> PathBuf {
    let path = place.join("dataset");
    let mut env = registry::make(env).unwrap();
    let mut obs = vec![0.0; env.spec().observation.size()];
    let mut kept = Demonstrations::create(&path, env.as_ref()).unwrap();
    for seed in [4, 7] {
        env.reset(seed, &mut obs);
        kept.begin(&obs);
        for step in 0..30 {
            let action = vec![(step as f32 * 0.2).sin(); env.spec().action.size()];
            let reward = env.step(&action, &mut obs).reward;
            kept.push(env.as_ref(), &action, reward, &obs);
        }
        kept.keep(seed, false).unwrap();
    }
    kept.finish().unwrap();
    path
}
