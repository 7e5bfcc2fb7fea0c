//! Imports an MJCF or URDF file, drives it with random controls, and prints as one line of JSON what
//! came of it: `refused` with the reason, or the mass, the approximations and how long it stayed sound.
//!
//! ```sh
//! cargo run --release -p telos-sim --example import_model -- robot.xml --seconds 10 --seed 0
//! ```

#![allow(clippy::print_stdout, reason = "the output is the purpose of this program")]

use std::{path::Path, sync::Arc};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::{Value, json};
use telos_sim::{Health, Model, World};

/// Controls change this often, seconds.
const HOLD: f32 = 0.02;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str, default: f64| {
        let place = arguments.iter().position(|argument| argument == name);
        let value = place.and_then(|place| arguments.get(place + 1)).and_then(|value| value.parse().ok());
        value.unwrap_or(default)
    };
    let Some(file) = arguments.first() else {
        println!("import_model FILE [--seconds N] [--seed S]");
        return;
    };
    let report = match Model::from_file(Path::new(file)) {
        Ok(model) => drive(model, option("--seconds", 10.0), option("--seed", 0.0) as u64),
        Err(error) => json!({ "refused": error.to_string() }),
    };
    println!("{report}");
}

fn drive(model: Model, seconds: f64, seed: u64) -> Value {
    let model = Arc::new(model);
    let mut world = World::new(model.clone());
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let hold = (HOLD / model.timestep()).ceil() as u64;
    let steps = (seconds / f64::from(model.timestep())) as u64;
    let mut ctrl = vec![0.0; model.actuator_count()];
    let mut health = Health::Sound;
    for step in 0..steps {
        if step % hold == 0 {
            for (actuator, value) in ctrl.iter_mut().enumerate() {
                let [low, high] = model.ctrl_range(actuator).map(|bound| bound.clamp(-1e3, 1e3));
                let [low, high] = if high - low > 1e3 { [-1.0, 1.0] } else { [low, high] };
                *value = rng.random_range(low..=high);
            }
            world.set_ctrl(&ctrl);
        }
        world.step();
        health = world.health();
        if health != Health::Sound {
            break;
        }
    }
    json!({
        "mass": model.total_mass(),
        "joints": model.joints().len(),
        "actuators": model.actuator_count(),
        "health": format!("{health:?}"),
        "seconds": world.time(),
        "approximations": model.approximations(),
    })
}
