//! Contracts of `TrajectoryStore`: whole episodes, uniform segments, dropping, checkpoints.

use proptest::prelude::*;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{from_bytes, to_bytes};
use telos_envs::{BoxSpace, EnvSpec, SegmentRef, StepBatch, TrajectoryStore, VecEnv, registry};

const HORIZON: usize = 20;

fn spec() -> EnvSpec {
    EnvSpec {
        id: "tape".into(),
        task: "Be recorded.".into(),
        observation: BoxSpace::unbounded(2),
        action: BoxSpace::uniform(1, -1.0, 1.0),
        dt: 1.0,
        horizon: HORIZON,
        factors: vec![],
        can_terminate: true,
        goal: None,
    }
}

/// Feeds a store with transitions whose numbers say where they come from: the observation is
/// `[environment * 1000 + episode, step]`, the action is minus the step, the reward a tenth of it.
struct Tape {
    store: TrajectoryStore,
    batch: StepBatch,
    at: Vec<(usize, usize)>,
}

impl Tape {
    fn new(n: usize, episodes: usize) -> Self {
        let store = TrajectoryStore::new(&spec(), n, episodes).expect("positive counts");
        Self { store, batch: StepBatch::new(n, &spec()), at: vec![(0, 0); n] }
    }

    fn push(&mut self, terminated: &[bool]) {
        let (mut obs, mut actions) = (Vec::new(), Vec::new());
        for (i, (episode, step)) in self.at.iter_mut().enumerate() {
            obs.extend([(i * 1000 + *episode) as f32, *step as f32]);
            actions.push(-(*step as f32));
            self.batch.reward[i] = *step as f32 / 10.0;
            self.batch.terminated[i] = terminated[i];
            self.batch.truncated[i] = !terminated[i] && *step + 1 == HORIZON;
            *step += 1;
            if self.batch.done(i) {
                (*episode, *step) = (*episode + 1, 0);
            }
        }
        self.store.push(&obs, &actions, &self.batch);
    }
}

#[test]
fn all_start_positions_are_drawn_equally_often_and_nothing_else() {
    let mut tape = Tape::new(1, 3);
    // Episodes of 8 and 2 steps, and one of 6 under way: 4 + 0 + 2 segments of 5.
    for length in [8, 2] {
        (1..=length).for_each(|step| tape.push(&[step == length]));
    }
    (0..6).for_each(|_| tape.push(&[false]));
    assert_eq!((tape.store.segments(5), tape.store.len(), tape.store.finished_episodes()), (6, 16, 2));
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..6000 {
        *counts.entry(tape.store.sample_segment(&mut rng, 5).unwrap()).or_insert(0) += 1;
    }
    let starts: Vec<_> = counts.keys().map(|segment| (segment.episode, segment.start)).collect();
    assert_eq!(starts, [(0, 0), (0, 1), (0, 2), (0, 3), (2, 0), (2, 1)]);
    // Binomial with mean 1000 and standard deviation 29.
    assert!(counts.values().all(|count| (850..1150).contains(count)), "{counts:?}");
    assert!(tape.store.sample_segment(&mut rng, 9).is_none());
    assert!(tape.store.sample_segment(&mut rng, 0).is_none());
}

#[test]
fn references_to_dropped_episodes_are_noticed() {
    let mut tape = Tape::new(1, 1);
    (0..HORIZON).for_each(|_| tape.push(&[false]));
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
    let old = tape.store.sample_segment(&mut rng, 4).unwrap();
    let copy = tape.store.segment(old).unwrap();
    assert_eq!(copy.view(), tape.store.view(old).unwrap());
    assert_eq!(copy.gold_return(), copy.gold.iter().sum::<f32>());
    // The second episode finishes in the last free slot; the third needs that of the first.
    (0..HORIZON).for_each(|_| tape.push(&[false]));
    assert_eq!(tape.store.view(old), None);
    let refused = tape.store.locate(old).unwrap_err().to_string();
    assert_eq!(refused, "episode 0 has been dropped: more recent ones took its place");
    assert_eq!(tape.store.finished_episodes(), 1);
}

#[test]
fn a_segment_across_the_end_of_its_episode_is_refused() {
    let mut tape = Tape::new(1, 3);
    (1..=6).for_each(|step| tape.push(&[step == 6]));
    (0..4).for_each(|_| tape.push(&[false]));
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
    let whole = tape.store.sample_segment(&mut rng, 6).unwrap();
    let view = tape.store.locate(whole).unwrap();
    let part = |start: usize, len: usize| {
        let mut part: SegmentRef = whole;
        (part.start, part.len) = (start, len);
        part
    };
    assert!(view.terminated && !tape.store.locate(part(0, 5)).unwrap().terminated);
    assert_eq!((view.final_obs.len(), view.factors.len()), (2, 6 * spec().factors.len()));
    let across = part(3, 4);
    let refused = tape.store.locate(across).unwrap_err().to_string();
    assert_eq!(refused, "episode 0 has 6 steps, and a segment of steps 3 to 7 would cross its end");
    assert_eq!(tape.store.segment(across), None);
}

#[test]
fn cutting_ends_episodes_without_a_transition() {
    let mut tape = Tape::new(2, 3);
    (0..5).for_each(|_| tape.push(&[false, false]));
    tape.store.cut();
    tape.store.cut();
    assert_eq!((tape.store.finished_episodes(), tape.store.len()), (2, 10));
    (0..5).for_each(|_| tape.push(&[false, false]));
    assert_eq!(tape.store.segments(6), 0, "no segment spans the cut");
}

proptest! {
    #[test]
    fn segments_never_span_episodes_and_survive_a_checkpoint(
        n in 1usize..4, episodes in 1usize..5, length in 1usize..12, seed: u64,
        ends in prop::collection::vec(prop::collection::vec(prop::bool::weighted(0.1), 3), 1..120),
    ) {
        let mut tape = Tape::new(n, episodes);
        for terminated in &ends {
            tape.push(&terminated[..n]);
        }
        prop_assert!(tape.store.finished_episodes() <= episodes);
        let mut restored = TrajectoryStore::new(&spec(), n, episodes).unwrap();
        from_bytes(&mut restored, &to_bytes(&tape.store)).unwrap();
        let (mut rng, mut other) =
            (Xoshiro256PlusPlus::seed_from_u64(seed), Xoshiro256PlusPlus::seed_from_u64(seed));
        for _ in 0..20 {
            let Some(reference) = tape.store.sample_segment(&mut rng, length) else {
                prop_assert_eq!(tape.store.segments(length), 0);
                break;
            };
            let segment = tape.store.view(reference).unwrap();
            for i in 0..length {
                prop_assert_eq!(segment.obs[2 * i], segment.obs[0], "one episode");
                let step = segment.obs[1] + i as f32;
                prop_assert_eq!(segment.obs[2 * i + 1], step, "consecutive");
                prop_assert_eq!((segment.actions[i], segment.gold[i]), (-step, step / 10.0));
            }
            prop_assert_eq!(restored.sample_segment(&mut other, length), Some(reference));
            prop_assert_eq!(restored.view(reference), Some(segment));
        }
        // The restored store also goes on in the same way.
        let before = to_bytes(&restored);
        prop_assert_eq!(to_bytes(&tape.store), before);
    }
}

#[test]
fn a_checkpoint_of_another_shape_is_refused() {
    let bytes = to_bytes(&Tape::new(2, 3).store);
    let error = from_bytes(&mut Tape::new(2, 4).store, &bytes).unwrap_err().to_string();
    assert!(error.contains("slots"), "{error}");
}

/// Every segment of a store can be lived through again, bit for bit, across resets and after a restore.
#[test]
fn segments_can_be_lived_through_again() {
    const SEED: u64 = 11;
    let make = || registry::make("pendulum-swingup").unwrap();
    let mut envs = VecEnv::new(3, 2, SEED, |_| Ok(make())).unwrap();
    let horizon = envs.spec().horizon;
    let mut store = TrajectoryStore::new(envs.spec(), 3, 5).unwrap();
    envs.reset();
    for step in 0..2 * horizon + 40 {
        let obs = envs.batch().obs.clone();
        let actions: Vec<f32> = (0..3).map(|i| (step as f32 * 0.1 * (i + 1) as f32).sin()).collect();
        store.push(&obs, &actions, envs.step(&actions));
    }
    let mut restored = TrajectoryStore::new(envs.spec(), 3, 5).unwrap();
    from_bytes(&mut restored, &to_bytes(&store)).unwrap();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
    let mut env = make();
    for _ in 0..20 {
        let drawn = store.sample_segment(&mut rng, 25).unwrap();
        let (segment, origin) = (restored.segment(drawn).unwrap(), restored.origin(drawn).unwrap());
        assert_eq!(Some(&origin), store.origin(drawn).as_ref());
        let mut states = 0;
        let seen = origin.relive(env.as_mut(), SEED, |state, _, obs| {
            assert_eq!(state, states);
            states += 1;
            let width = obs.len();
            match segment.obs.get(state * width..(state + 1) * width) {
                Some(recorded) if recorded != obs => Err(format!("state {state}: {recorded:?}, {obs:?}")),
                _ => Ok(()),
            }
        });
        assert_eq!(seen, Ok(()), "{origin:?}");
        assert_eq!(states, 26);
    }
}

#[test]
fn an_episode_without_its_beginning_has_no_origin() {
    let mut tape = Tape::new(1, 2);
    // Where recording starts within an episode, its first row is not the episode's first transition.
    tape.batch.episode_length[0] = 4;
    for _ in 0..5 {
        tape.push(&[false]);
    }
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
    let drawn = tape.store.sample_segment(&mut rng, 3).unwrap();
    assert_eq!(tape.store.origin(drawn), None);
}
