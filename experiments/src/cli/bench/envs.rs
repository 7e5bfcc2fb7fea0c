//! What vectorised environments cost over the physics inside them, and how they scale.

use std::{sync::Arc, time::Duration};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::{EnvError, EnvSpec, VecEnv, registry};
use telos_sim::{Model, World, assets};

use super::measurement::{Measurement, medians};
use crate::{TelosError, host};

/// Environment steps per round, about.
const STEPS: usize = 3200;
/// From this many environments on, the process's memory tells what each of them takes.
const MANY: usize = 256;

/// For every task with a robot, or for the one named: environment steps per second of `copies`
/// environments, overhead and scaling.
pub(super) fn measure(
    only: Option<&str>,
    copies: usize,
    rounds: u32,
) -> Result<Vec<Measurement>, TelosError> {
    let mut measurements = Vec::new();
    match only {
        Some(id) => measure_task(id, copies, rounds, &mut measurements)?,
        None => {
            for id in registry::ids().filter(|id| *id != "pendulum-classic") {
                measure_task(id, copies, rounds, &mut measurements)?;
            }
        }
    }
    Ok(measurements)
}

fn measure_task(id: &str, copies: usize, rounds: u32, out: &mut Vec<Measurement>) -> Result<(), TelosError> {
    let vector = |threads| -> Result<VecEnv, EnvError> {
        let mut envs = VecEnv::new(copies, threads, 1, |_| registry::make(id))?;
        envs.reset();
        Ok(envs)
    };
    let before = host::resident_bytes();
    let mut one = vector(1)?;
    let spec = one.spec().clone();
    let actions = random_actions(&spec, copies);
    one.step(&actions[0]);
    let memory = before.zip(host::resident_bytes()).filter(|_| copies >= MANY);
    let mut two = vector(2)?;
    let bare = BareWorlds::of(id, &spec, copies)?;
    let rate = |time: Duration| (copies * actions.len()) as f64 / time.as_secs_f64();
    let mut one_thread = || actions.iter().for_each(|action| _ = one.step(action));
    let mut two_threads = || actions.iter().for_each(|action| _ = two.step(action));
    let mut report =
        |name: &str, value, unit| out.push(Measurement::new(format!("{id}: {name}"), value, unit));
    let (one_thread, two_threads) = match bare {
        Some(mut bare) => {
            let mut direct = || actions.iter().for_each(|action| bare.step(action));
            let [direct, one, two] = medians(rounds, [&mut direct, &mut one_thread, &mut two_threads]);
            report("worlds alone", rate(direct), "env steps/s");
            report("overhead of environments", 100.0 * (rate(direct) / rate(one) - 1.0), "%");
            (rate(one), rate(two))
        }
        None => medians(rounds, [&mut one_thread, &mut two_threads]).map(rate).into(),
    };
    report("vectorised, 1 thread", one_thread, "env steps/s");
    report("vectorised, 2 threads", two_threads, "env steps/s");
    report("efficiency of 2 threads", 100.0 * two_threads / (2.0 * one_thread), "%");
    if let Some((before, after)) = memory {
        let each = after.saturating_sub(before) as f64 / copies as f64;
        report("memory per environment", each / 1000.0, "KB");
    }
    Ok(())
}

/// The physics inside the environments of a task, stepped directly.
struct BareWorlds {
    worlds: Vec<World>,
    substeps: usize,
    horizon: usize,
    actions: usize,
    done: usize,
}

impl BareWorlds {
    /// `None` for a task whose actions are not the controls of the robot that its id starts with.
    fn of(id: &str, spec: &EnvSpec, copies: usize) -> Result<Option<Self>, TelosError> {
        let robot = id.split('-').next().unwrap_or(id);
        let Some((_, xml)) = assets::ALL.iter().find(|(name, _)| *name == robot) else { return Ok(None) };
        let model = Arc::new(Model::from_mjcf_str(id, xml)?);
        let actions = spec.action.size();
        if id == "pendulum-classic" || id.contains("maze") || model.actuator_count() != actions {
            return Ok(None);
        }
        let worlds = (0..copies).map(|_| World::new(Arc::clone(&model))).collect();
        let substeps = (spec.dt / model.timestep()).round() as usize;
        Ok(Some(Self { worlds, substeps, horizon: spec.horizon, actions, done: 0 }))
    }

    fn step(&mut self, actions: &[f32]) {
        // As often as the environments, which reset at their horizon.
        let reset = self.done.is_multiple_of(self.horizon);
        self.done += 1;
        for (world, ctrl) in self.worlds.iter_mut().zip(actions.chunks_exact(self.actions)) {
            if reset {
                world.reset();
            }
            world.set_ctrl(ctrl);
            (0..self.substeps).for_each(|_| world.step());
        }
    }
}

/// One round of uniformly random actions, `[copies, action]` each.
fn random_actions(spec: &EnvSpec, copies: usize) -> Vec<Vec<f32>> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let bounds = || spec.action.low.iter().zip(&spec.action.high);
    let mut row = || bounds().map(|(low, high)| rng.random_range(*low..=*high)).collect::<Vec<f32>>();
    let steps = (STEPS / copies).max(2);
    (0..steps).map(|_| (0..copies).flat_map(|_| row()).collect()).collect()
}
