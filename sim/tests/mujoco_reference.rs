//! Trajectories of our robots against MuJoCo's, stored by `sim/peers/mujoco_reference.py`.

use std::{collections::BTreeMap, f64::consts::TAU, path::Path, sync::Arc};

use serde::Deserialize;
use telos_sim::{Health, Model, World, assets};

#[derive(Deserialize)]
struct Reference {
    mass: f32,
    kinematics: Kinematics,
    scenarios: BTreeMap<String, Scenario>,
}

#[derive(Deserialize)]
struct Kinematics {
    qpos: Vec<f32>,
    qvel: Vec<f32>,
    bodies: BTreeMap<String, BodyState>,
    com: [f32; 3],
    com_velocity: [f32; 3],
}

#[derive(Deserialize)]
struct BodyState {
    position: [f32; 3],
    orientation: [f32; 4],
    linear_velocity: [f32; 3],
    angular_velocity: [f32; 3],
}

#[derive(Deserialize)]
struct Scenario {
    gravity: bool,
    qpos: Vec<f32>,
    qvel: Vec<f32>,
    amplitude: f64,
    frequency: f64,
    every: usize,
    samples: Vec<Vec<f32>>,
}

fn reference(robot: &str) -> Reference {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/reference/{robot}.json"));
    let text = std::fs::read_to_string(&path).expect("the references are part of the repository");
    serde_json::from_str(&text).expect("the references are as the script writes them")
}

fn pose(world: &mut World, qpos: &[f32], qvel: &[f32]) {
    let joints = world.model().joints();
    assert_eq!((joints.len(), joints.len()), (qpos.len(), qvel.len()));
    for ((joint, position), velocity) in joints.zip(qpos).zip(qvel) {
        world.set_joint_position(joint, *position);
        world.set_joint_velocity(joint, *velocity);
    }
    world.forward();
}

/// Joint positions at the scenario's sampling times. Controls are held over `1 / refine` of a step.
fn simulate(robot: &str, xml: &str, scenario: &Scenario, refine: usize) -> Vec<Vec<f32>> {
    let dt = Model::from_mjcf_str(robot, xml).expect("the assets load").timestep();
    let gravity = if scenario.gravity { "" } else { " gravity=\"0 0 0\"" };
    let option = format!("<option timestep=\"{}\"{gravity}/>", dt / refine as f32);
    let written = format!("<option timestep=\"{dt}\"/>");
    assert!(xml.contains(&written), "{robot}: the asset gives only a time step");
    let model = Arc::new(Model::from_mjcf_str(robot, &xml.replace(&written, &option)).expect("it loads"));
    let mut world = World::new(model.clone());
    pose(&mut world, &scenario.qpos, &scenario.qvel);
    let mut ctrl = vec![0.0; model.actuator_count()];
    let mut samples = Vec::new();
    for step in 0..scenario.every * scenario.samples.len() {
        let phase = TAU * scenario.frequency * step as f64 * f64::from(dt);
        for (actuator, value) in ctrl.iter_mut().enumerate() {
            *value = (scenario.amplitude * (phase + actuator as f64).sin()) as f32;
        }
        world.set_ctrl(&ctrl);
        (0..refine).for_each(|_| world.step());
        if (step + 1) % scenario.every == 0 {
            samples.push(model.joints().map(|joint| world.joint_position(joint)).collect());
        }
    }
    assert_eq!(world.health(), Health::Sound, "{robot}");
    samples
}

fn worst(ours: &[Vec<f32>], theirs: &[Vec<f32>]) -> f32 {
    let pairs = ours.iter().zip(theirs).flat_map(|(ours, theirs)| ours.iter().zip(theirs));
    pairs.fold(0.0, |worst, (ours, theirs)| worst.max((ours - theirs).abs()))
}

/// The robots with stored trajectories.
fn referenced() -> impl Iterator<Item = (&'static str, &'static str)> {
    BOUNDS.into_iter().map(|(robot, ..)| {
        assets::ALL.into_iter().find(|(name, _)| *name == robot).expect("the bounds are those of assets")
    })
}

#[test]
fn masses_agree() {
    for (robot, xml) in referenced() {
        let mass = Model::from_mjcf_str(robot, xml).unwrap().total_mass();
        let expected = reference(robot).mass;
        assert!((mass / expected - 1.0).abs() < 1e-3, "{robot}: {mass} kg, MuJoCo {expected} kg");
    }
}

#[test]
fn poses_and_velocities_agree() {
    for (robot, xml) in referenced() {
        let expected = reference(robot).kinematics;
        let model = Arc::new(Model::from_mjcf_str(robot, xml).unwrap());
        let mut world = World::new(model.clone());
        pose(&mut world, &expected.qpos, &expected.qvel);
        let near = |name: &str, ours: &[f32], theirs: &[f32]| {
            let error = worst(&[ours.to_vec()], &[theirs.to_vec()]);
            assert!(error < 1e-5, "{robot} {name}: {ours:?}, MuJoCo {theirs:?}");
        };
        for (name, state) in &expected.bodies {
            let body = model.body(name).unwrap();
            near(name, &world.body_position(body), &state.position);
            near(name, &world.body_linear_velocity(body), &state.linear_velocity);
            near(name, &world.body_angular_velocity(body), &state.angular_velocity);
            // A quaternion and its negative are the same rotation.
            let ours = world.body_orientation(body);
            let sign = ours.iter().zip(state.orientation).map(|(a, b)| a * b).sum::<f32>().signum();
            near(name, &ours.map(|component| sign * component), &state.orientation);
        }
        near("centre of mass", &world.com(), &expected.com);
        near("its velocity", &world.com_velocity(), &expected.com_velocity);
    }
}

/// Radians or metres over 60 (coast) and 100 (drive) steps; about twice of what is measured.
const BOUNDS: [(&str, f32, f32); 6] = [
    ("pendulum", 0.001, 0.002),
    ("cartpole", 0.001, 0.007),
    ("reacher", 0.001, 0.005),
    ("hopper", 0.002, 0.012),
    ("cheetah", 0.02, 0.035),
    ("walker", 0.002, 0.022),
];

#[test]
fn motion_without_contact_agrees() {
    for ((robot, xml), (_, coast, drive)) in referenced().zip(BOUNDS) {
        let reference = reference(robot);
        for (name, bound) in [("coast", coast), ("drive", drive)] {
            let scenario = &reference.scenarios[name];
            let error = worst(&simulate(robot, xml, scenario, 1), &scenario.samples);
            assert!(error < bound, "{robot} {name}: {error} after {} samples", scenario.samples.len());
        }
    }
}

/// What is left is the error of a first-order integrator, not a wrong mass, gear or damping.
#[test]
fn the_difference_vanishes_with_the_time_step() {
    for (robot, xml) in referenced().filter(|(robot, _)| *robot != "cartpole") {
        let scenario = &reference(robot).scenarios["coast"];
        let coarse = worst(&simulate(robot, xml, scenario, 1), &scenario.samples);
        let fine = worst(&simulate(robot, xml, scenario, 8), &scenario.samples);
        assert!(fine < coarse / 5.0, "{robot}: {coarse}, at an eighth of the step {fine}");
    }
}

#[test]
fn robots_come_to_rest_at_the_same_height() {
    for robot in ["hopper", "cheetah", "walker"] {
        let (_, xml) = assets::ALL.into_iter().find(|(name, _)| *name == robot).unwrap();
        let scenario = &reference(robot).scenarios["settle"];
        let ours = simulate(robot, xml, scenario, 1);
        let (height, expected) = (ours[ours.len() - 1][1], scenario.samples[ours.len() - 1][1]);
        assert!((height - expected).abs() < 0.02, "{robot}: {height} m, MuJoCo {expected} m");
    }
}

/// MuJoCo's contacts are soft and creep, rapier's are hard: the shuffle travels further, but as far to
/// a third.
#[test]
fn the_cheetah_shuffles_as_far() {
    let scenario = &reference("cheetah").scenarios["gait"];
    let ours = simulate("cheetah", assets::CHEETAH, scenario, 1);
    let (distance, expected) = (ours[ours.len() - 1][0], scenario.samples[ours.len() - 1][0]);
    assert!(expected < -1.5, "the reference moves");
    assert!((0.8..1.45).contains(&(distance / expected)), "{distance} m, MuJoCo {expected} m");
}
