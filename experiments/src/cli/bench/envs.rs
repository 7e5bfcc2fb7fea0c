//! What vectorised environments cost over the physics inside them, and how they scale.

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::{EnvError, EnvSpec, VecEnv, registry};
use telos_sim::{Model, World, assets};

use super::measurement::{Measurement, medians};
use crate::TelosError;

/// Copies of each environment.
const COPIES: usize = 16;
/// Vector steps per round.
const STEPS: usize = 200;

/// For every task with a robot: environment steps per second, overhead and scaling.
pub(super) fn measure(rounds: u32) -> Result<Vec<Measurement>, TelosError> {
    let mut measurements = Vec::new();
    for id in registry::ids() {
        let robot = id.split('-').next().unwrap_or(id);
        let asset = assets::ALL.iter().find(|(name, _)| *name == robot);
        if let Some((_, xml)) = asset.filter(|_| id != "pendulum-classic") {
            measure_task(id, xml, rounds, &mut measurements)?;
        }
    }
    Ok(measurements)
}

fn measure_task(id: &str, xml: &str, rounds: u32, out: &mut Vec<Measurement>) -> Result<(), TelosError> {
    let model = Arc::new(Model::from_mjcf_str(id, xml)?);
    let mut worlds: Vec<World> = (0..COPIES).map(|_| World::new(Arc::clone(&model))).collect();
    let vector = |threads| -> Result<VecEnv, EnvError> {
        let mut envs = VecEnv::new(COPIES, threads, 1, |_| registry::make(id))?;
        envs.reset();
        Ok(envs)
    };
    let (mut one, mut two) = (vector(1)?, vector(2)?);
    let spec = one.spec().clone();
    let substeps = (spec.dt / model.timestep()).round() as usize;
    let actions = random_actions(&spec);
    let mut done = 0;
    let [direct, one_thread, two_threads] = medians(
        rounds,
        [
            &mut || {
                for action in &actions {
                    // As often as the environments, which reset at their horizon.
                    let reset = done % spec.horizon == 0;
                    done += 1;
                    for (world, ctrl) in worlds.iter_mut().zip(action.chunks_exact(spec.action.size())) {
                        if reset {
                            world.reset();
                        }
                        world.set_ctrl(ctrl);
                        (0..substeps).for_each(|_| world.step());
                    }
                }
            },
            &mut || actions.iter().for_each(|action| _ = one.step(action)),
            &mut || actions.iter().for_each(|action| _ = two.step(action)),
        ],
    );
    let rate = |time: std::time::Duration| (COPIES * STEPS) as f64 / time.as_secs_f64();
    out.extend([
        Measurement::new(format!("{id}: worlds alone"), rate(direct), "env steps/s"),
        Measurement::new(format!("{id}: vectorised, 1 thread"), rate(one_thread), "env steps/s"),
        Measurement::new(format!("{id}: vectorised, 2 threads"), rate(two_threads), "env steps/s"),
        Measurement::new(
            format!("{id}: overhead of environments"),
            100.0 * (rate(direct) / rate(one_thread) - 1.0),
            "%",
        ),
        Measurement::new(
            format!("{id}: efficiency of 2 threads"),
            100.0 * rate(two_threads) / (2.0 * rate(one_thread)),
            "%",
        ),
    ]);
    Ok(())
}

/// One round of uniformly random actions, `[COPIES, action]` each.
fn random_actions(spec: &EnvSpec) -> Vec<Vec<f32>> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let bounds = || spec.action.low.iter().zip(&spec.action.high);
    let mut row = || bounds().map(|(low, high)| rng.random_range(*low..=*high)).collect::<Vec<f32>>();
    (0..STEPS).map(|_| (0..COPIES).flat_map(|_| row()).collect()).collect()
}
