//! Physics alone.

use std::{path::Path, sync::Arc};

use telos_sim::{Model, World, assets};

use super::measurement::{Measurement, medians};
use crate::TelosError;

/// Physics steps per round.
const STEPS: usize = 5_000;

/// Physics steps per second of every robot, or of the one in `file`, thrown about by its motors.
pub(super) fn measure(
    file: Option<&Path>,
    iterations: Option<u32>,
    rounds: u32,
) -> Result<Vec<Measurement>, TelosError> {
    let models: Vec<(String, Model)> = match file {
        Some(file) => vec![(file.display().to_string(), Model::from_file(file)?)],
        None => assets::ALL
            .iter()
            .map(|(name, xml)| Ok(((*name).to_owned(), Model::from_mjcf_str(name, xml)?)))
            .collect::<Result<_, TelosError>>()?,
    };
    let asked = |model: Model| match iterations {
        Some(iterations) => model.with_solver_iterations(iterations as usize),
        None => model,
    };
    Ok(models.into_iter().map(|(name, model)| measure_robot(&name, asked(model), rounds)).collect())
}

fn measure_robot(name: &str, model: Model, rounds: u32) -> Measurement {
    let mut world = World::new(Arc::new(model));
    let mut motors = Motors::new(world.model());
    let [time] = medians(
        rounds,
        [&mut || {
            world.reset();
            for step in 0..STEPS {
                world.set_ctrl(motors.at(step));
                world.step();
            }
        }],
    );
    Measurement::new(name, STEPS as f64 / time.as_secs_f64(), "physics steps/s")
}

/// Controls that swing through the full range, out of step with each other.
pub(super) struct Motors {
    ranges: Vec<[f32; 2]>,
    ctrl: Vec<f32>,
}

impl Motors {
    pub(super) fn new(model: &Model) -> Self {
        let ranges: Vec<_> = (0..model.actuator_count()).map(|actuator| model.ctrl_range(actuator)).collect();
        Self { ctrl: vec![0.0; ranges.len()], ranges }
    }

    /// The controls at a physics step.
    pub(super) fn at(&mut self, step: usize) -> &[f32] {
        for (index, (ctrl, [low, high])) in self.ctrl.iter_mut().zip(&self.ranges).enumerate() {
            let phase = step as f32 * 0.05 + index as f32;
            *ctrl = low + (high - low) * (0.5 + 0.5 * phase.sin());
        }
        &self.ctrl
    }
}
