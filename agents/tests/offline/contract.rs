//! What holds for every learner of recorded data.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{
    ActMode, AgentError, Policy, Replay, ReplayBatch, SacConfig,
    offline::{
        Awac, AwacConfig, Bc, BcConfig, Cql, CqlConfig, DecisionTransformer, DecisionTransformerConfig, Iql,
        IqlConfig, Mopo, MopoConfig, MorecConfig, Normalized, OfflineLearner, Rebrac, RebracConfig, Rlpd,
        RlpdConfig, Td3Bc, Td3BcConfig,
    },
};
use telos_checkpoint::{from_bytes, to_bytes};
use telos_envs::{EnvSpec, dataset::Episode, registry};
use telos_nn::{Device, Parameters, TransformerConfig};

use crate::recording::{ENV, episodes};

fn spec() -> EnvSpec {
    registry::make(ENV).unwrap().spec().clone()
}

type Made = Result<Box<dyn OfflineLearner>, AgentError>;

/// One learner of each kind, small, with weights drawn from `seed`.
fn learners(seed: u64) -> Vec<(&'static str, Box<dyn OfflineLearner>)> {
    fn boxed<L: OfflineLearner + 'static>(learner: Result<L, AgentError>) -> Made {
        learner.map(|learner| Box::new(learner) as Box<dyn OfflineLearner>)
    }
    let (spec, hidden, batch_size) = (spec(), vec![8], 16);
    let cql = CqlConfig {
        actor_hidden: vec![8],
        critic_hidden: vec![8],
        target_gap: Some(1.0),
        max_target: true,
        batch_size,
        ..CqlConfig::default()
    };
    let mopo = MopoConfig {
        model_updates: 3,
        members: 3,
        elites: 2,
        model_hidden: vec![8],
        horizon: 2,
        rollout_interval: 2,
        replay_capacity: 50,
        sac: SacConfig { hidden: vec![8], batch_size, ..Default::default() },
        ..Default::default()
    };
    let morec = MorecConfig { hidden: vec![8], snapshots: 2, ..Default::default() };
    let transformer = DecisionTransformerConfig {
        context: 2,
        batch_size: 8,
        transformer: TransformerConfig { width: 8, heads: 2, layers: 1 },
        ..Default::default()
    };
    let d = &Device::Cpu;
    let made: Vec<(&str, Made)> = vec![
        (
            "bc",
            boxed(Bc::new(
                &BcConfig { hidden: hidden.clone(), batch_size, ..Default::default() },
                &spec,
                seed,
                d,
            )),
        ),
        (
            "awac",
            boxed(Awac::new(
                &AwacConfig { hidden: hidden.clone(), batch_size, ..Default::default() },
                &spec,
                seed,
                d,
            )),
        ),
        (
            "iql",
            boxed(Iql::new(
                &IqlConfig { hidden: hidden.clone(), batch_size, ..Default::default() },
                &spec,
                seed,
                d,
            )),
        ),
        (
            "td3_bc",
            boxed(Td3Bc::new(
                &Td3BcConfig { hidden: hidden.clone(), batch_size, ..Default::default() },
                &spec,
                seed,
                d,
            )),
        ),
        (
            "rebrac",
            boxed(Rebrac::new(
                &RebracConfig { hidden: hidden.clone(), batch_size, ..Default::default() },
                &spec,
                seed,
                d,
            )),
        ),
        ("decision_transformer", boxed(DecisionTransformer::new(&transformer, &spec, seed, d))),
        ("cql", boxed(Cql::new(&cql, &spec, seed, d))),
        ("mopo", boxed(Mopo::new(&mopo, &spec, seed, d))),
        ("morec", boxed(Mopo::new(&MopoConfig { morec: Some(morec), ..mopo.clone() }, &spec, seed, d))),
        ("cal_ql", boxed(Cql::new(&CqlConfig { calibrated: true, ..cql.clone() }, &spec, seed, d))),
        (
            "rlpd",
            boxed(Rlpd::new(
                &RlpdConfig { hidden, batch_size, actor_period: 3, ..Default::default() },
                &spec,
                seed,
                d,
            )),
        ),
    ];
    made.into_iter().map(|(name, learner)| (name, learner.unwrap())).collect()
}

fn recorded() -> Replay {
    Replay::from_episodes(3, 1, 0.99, episodes(4, 3).iter().map(Episode::view)).unwrap()
}

/// Updates and acts, as a loop that goes on online does.
fn go_on(
    learner: &mut Normalized,
    replay: &Replay,
    rng: &mut Xoshiro256PlusPlus,
    updates: usize,
) -> Vec<f32> {
    let mut batch = ReplayBatch::default();
    let mut actions = vec![0.0; 2];
    for update in 0..updates {
        learner.anneal(update as f64 / updates as f64);
        learner.sample(replay, rng, &mut batch);
        let metrics = learner.update(&mut batch).unwrap();
        assert!(metrics.iter().count() > 0 && metrics.iter().all(|(_, value)| value.is_finite()));
        learner.act(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 2, ActMode::Sample, &mut actions).unwrap();
        assert!(actions.iter().all(|action| action.abs() <= 1.0));
        learner.rewarded(&[-1.0, -2.0]);
    }
    actions
}

#[test]
fn every_learner_resumes_exactly() {
    let replay = recorded();
    for ((name, learner), (_, other)) in learners(1).into_iter().zip(learners(2)) {
        let mut learner = Normalized::by(learner, replay.obs(), 3);
        // Drawn from another seed and without the data's moments: all of it comes from the checkpoint.
        let mut resumed = Normalized::new(other);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
        go_on(&mut learner, &replay, &mut rng, 7);
        let (bytes, mut again) = (to_bytes(&learner), rng.clone());
        from_bytes(&mut resumed, &bytes).unwrap();
        let actions = go_on(&mut learner, &replay, &mut rng, 5);
        assert_eq!(actions, go_on(&mut resumed, &replay, &mut again, 5), "{name}");
        assert!(to_bytes(&learner) == to_bytes(&resumed), "{name}");
        assert!(to_bytes(&learner) != bytes, "{name}: updates change the state");
    }
}

#[test]
fn parameters_have_names_of_their_own_and_change() {
    let replay = recorded();
    for (name, learner) in learners(1) {
        let mut learner = Normalized::new(learner);
        let mut names: Vec<String> = learner.named().into_iter().map(|(name, _)| name).collect();
        names.sort();
        let all = names.len();
        names.dedup();
        assert!(all > 0 && names.len() == all, "{name}: {names:?}");
        let values = |learner: &Normalized| -> Vec<Vec<f32>> {
            let flat =
                |var: &telos_nn::Var| var.as_detached_tensor().flatten_all().unwrap().to_vec1().unwrap();
            learner.named().into_iter().map(|(_, var)| flat(var)).collect()
        };
        let before = values(&learner);
        go_on(&mut learner, &replay, &mut Xoshiro256PlusPlus::seed_from_u64(5), 6);
        let still: Vec<_> = before.iter().zip(values(&learner)).filter(|(a, b)| *a == b).collect();
        assert!(still.is_empty(), "{name}: {} parameters never moved", still.len());
    }
}

#[test]
fn values_are_the_least_of_the_critics_in_the_units_of_the_environment() {
    let (obs, actions) = ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.5, -1.0]);
    for (name, mut learner) in learners(1) {
        let mut found = [f32::NAN; 2];
        let valued = learner.agent_mut().values(&obs, &actions, &mut found).unwrap();
        assert_eq!(valued, !["bc", "decision_transformer"].contains(&name), "{name}");
        assert_eq!(found.iter().all(|value| value.is_finite()), valued, "{name}");
        if valued {
            let mut alone = [0.0];
            learner.agent_mut().values(&obs[3..], &actions[1..], &mut alone).unwrap();
            assert!((alone[0] - found[1]).abs() < 1e-6, "{name}");
            assert!(learner.agent_mut().values(&obs, &actions[1..], &mut found).is_err(), "{name}");
        }
    }
}

#[test]
fn batches_that_do_not_fit_are_refused_by_column() {
    for (name, mut learner) in learners(1) {
        let batch = ReplayBatch { rows: 4, obs: vec![0.0; 8], ..ReplayBatch::default() };
        let error = learner.update(&batch).unwrap_err().to_string();
        assert_eq!(error, "`obs` holds 8 numbers, expected 12", "{name}");
    }
}

#[test]
fn wrong_settings_are_refused_by_key() {
    let messages = [
        IqlConfig { expectile: 1.0, ..Default::default() }.validate(),
        AwacConfig { lambda: 0.0, ..Default::default() }.validate(),
        Td3BcConfig { actor_period: 0, ..Default::default() }.validate(),
        RebracConfig { gamma: 1.5, ..Default::default() }.validate(),
        CqlConfig { samples: 0, ..Default::default() }.validate(),
        RlpdConfig { subset: 11, ..Default::default() }.validate(),
        BcConfig { lr: f64::NAN, ..Default::default() }.validate(),
        DecisionTransformerConfig { context: 0, ..Default::default() }.validate(),
    ]
    .map(|verdict| verdict.unwrap_err().to_string());
    let keys = [
        "iql.expectile",
        "awac.lambda",
        "td3_bc.actor_period",
        "rebrac.gamma",
        "cql.samples",
        "rlpd.subset",
        "bc.lr",
        "decision_transformer.context",
    ];
    for (message, key) in messages.iter().zip(keys) {
        assert!(message.starts_with(&format!("configuration key `{key}` is")), "{message}");
    }
}
