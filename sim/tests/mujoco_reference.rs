//! Trajectories of our robots against MuJoCo's, stored by `sim/peers/mujoco_reference.py`.

use std::{collections::BTreeMap, f64::consts::TAU, path::Path, sync::Arc};

use serde::Deserialize;
use telos_sim::{Health, Model, World, assets};

#[derive(Deserialize)]
struct Reference {
    mass: f32,
    coordinates: Vec<Coordinate>,
    kinematics: Kinematics,
    scenarios: BTreeMap<String, Scenario>,
}

/// A joint, or a free body, and where MuJoCo keeps its position and velocity.
#[derive(Deserialize)]
struct Coordinate {
    name: String,
    free: bool,
    qpos: usize,
    qvel: usize,
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

/// Puts the world in a state of MuJoCo's.
fn pose(world: &mut World, coordinates: &[Coordinate], qpos: &[f32], qvel: &[f32]) {
    let model = world.model().clone();
    for Coordinate { name, free, qpos: at, qvel: dof } in coordinates {
        if *free {
            let body = model.body(name).expect("the reference names bodies");
            let orientation = [qpos[at + 4], qpos[at + 5], qpos[at + 6], qpos[at + 3]];
            world.set_body_pose(body, [qpos[*at], qpos[at + 1], qpos[at + 2]], orientation);
            let spin = turned(orientation, [qvel[dof + 3], qvel[dof + 4], qvel[dof + 5]]);
            world.set_body_velocity(body, [qvel[*dof], qvel[dof + 1], qvel[dof + 2]], spin);
        } else {
            let joint = model.joint(name).expect("the reference names joints");
            world.set_joint_position(joint, qpos[*at]);
            world.set_joint_velocity(joint, qvel[*dof]);
        }
    }
    world.forward();
}

/// A vector of the body's frame in the world's: MuJoCo gives the rotation of free bodies in their own
/// axes. The quaternion is x y z w.
fn turned([x, y, z, w]: [f32; 4], v: [f32; 3]) -> [f32; 3] {
    let cross = |a: [f32; 3], b: [f32; 3]| {
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    };
    let once = cross([x, y, z], v);
    let twice = cross([x, y, z], once);
    std::array::from_fn(|i| v[i] + 2.0 * (w * once[i] + twice[i]))
}

/// MuJoCo's `qpos` of the world; quaternions with the sign that is nearer to `expected`.
fn qpos(world: &World, coordinates: &[Coordinate], expected: &[f32]) -> Vec<f32> {
    let model = world.model();
    let mut out = vec![0.0; expected.len()];
    for Coordinate { name, free, qpos: at, .. } in coordinates {
        if *free {
            let body = model.body(name).expect("the reference names bodies");
            let [x, y, z, w] = world.body_orientation(body);
            let ours = [w, x, y, z];
            let along: f32 = ours.iter().zip(&expected[at + 3..at + 7]).map(|(a, b)| a * b).sum();
            out[*at..at + 3].copy_from_slice(&world.body_position(body));
            out[at + 3..at + 7].copy_from_slice(&ours.map(|component| component * along.signum()));
        } else {
            out[*at] = world.joint_position(model.joint(name).expect("the reference names joints"));
        }
    }
    out
}

/// `qpos` at the scenario's sampling times. Controls are held over `1 / refine` of a step.
fn simulate(robot: &str, xml: &str, reference: &Reference, scenario: &str, refine: usize) -> Vec<Vec<f32>> {
    let scenario = &reference.scenarios[scenario];
    let dt = Model::from_mjcf_str(robot, xml).expect("the assets load").timestep();
    let gravity = if scenario.gravity { "" } else { " gravity=\"0 0 0\"" };
    let option = format!("<option timestep=\"{}\"{gravity}/>", dt / refine as f32);
    let written = format!("<option timestep=\"{dt}\"/>");
    assert!(xml.contains(&written), "{robot}: the asset gives only a time step");
    let model = Arc::new(Model::from_mjcf_str(robot, &xml.replace(&written, &option)).expect("it loads"));
    let mut world = World::new(model.clone());
    pose(&mut world, &reference.coordinates, &scenario.qpos, &scenario.qvel);
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
            samples.push(qpos(&world, &reference.coordinates, &scenario.samples[step / scenario.every]));
        }
    }
    assert_eq!(world.health(), Health::Sound, "{robot}");
    samples
}

/// The largest difference in radians, metres or quaternion components over all samples.
fn worst(ours: &[Vec<f32>], theirs: &[Vec<f32>]) -> f32 {
    let pairs = ours.iter().zip(theirs).flat_map(|(ours, theirs)| ours.iter().zip(theirs));
    pairs.fold(0.0, |worst, (ours, theirs)| worst.max((ours - theirs).abs()))
}

#[test]
fn masses_agree() {
    for (robot, xml) in assets::ALL {
        let mass = Model::from_mjcf_str(robot, xml).unwrap().total_mass();
        let expected = reference(robot).mass;
        assert!((mass / expected - 1.0).abs() < 1e-3, "{robot}: {mass} kg, MuJoCo {expected} kg");
    }
}

#[test]
fn poses_and_velocities_agree() {
    for (robot, xml) in assets::ALL {
        let Reference { kinematics: expected, coordinates, .. } = reference(robot);
        let model = Arc::new(Model::from_mjcf_str(robot, xml).unwrap());
        let mut world = World::new(model.clone());
        pose(&mut world, &coordinates, &expected.qpos, &expected.qvel);
        let near = |name: &str, ours: &[f32], theirs: &[f32]| {
            let error = worst(&[ours.to_vec()], &[theirs.to_vec()]);
            assert!(error < 1e-5, "{robot} {name}: {ours:?}, MuJoCo {theirs:?}");
        };
        for (name, state) in &expected.bodies {
            let body = model.body(name).expect("the reference names bodies");
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

/// What telos differs from MuJoCo by at most: about one and a half times of what is measured.
struct Bounds {
    robot: &'static str,
    /// Radians, metres or quaternion components over 60 steps without control, and 100 with it.
    coast: f32,
    drive: f32,
    /// Metres of height at the end.
    settle: Option<f32>,
    /// Metres of sliding, of up to 0.07 m: legs that give way take up a part of the throw.
    slide: Option<f32>,
    /// Distance travelled in units of MuJoCo's, whose soft contacts creep.
    gait: Option<[f32; 2]>,
}

const fn free(robot: &'static str, coast: f32, drive: f32) -> Bounds {
    Bounds { robot, coast, drive, settle: None, slide: None, gait: None }
}

const BOUNDS: [Bounds; 13] = [
    free("pendulum", 0.001, 0.002),
    free("cartpole", 0.001, 0.007),
    free("reacher", 0.001, 0.005),
    Bounds { settle: Some(0.001), slide: Some(0.012), ..free("hopper", 0.002, 0.012) },
    Bounds {
        settle: Some(0.003),
        slide: Some(0.025),
        gait: Some([0.8, 1.25]),
        ..free("cheetah", 0.02, 0.035)
    },
    Bounds { settle: Some(0.001), slide: Some(0.01), ..free("walker", 0.002, 0.022) },
    free("acrobot", 0.001, 0.015),
    Bounds { settle: Some(0.003), slide: Some(0.02), ..free("ant", 0.002, 0.02) },
    Bounds {
        settle: Some(0.003),
        slide: Some(0.03),
        gait: Some([0.8, 1.6]),
        ..free("quadruped", 0.004, 0.03)
    },
    Bounds { settle: Some(0.001), ..free("humanoid", 0.008, 0.012) },
    free("point", 0.002, 0.004),
    free("arm", 0.018, 0.022),
    free("push_t", 0.003, 0.004),
];

fn bounded() -> impl Iterator<Item = (&'static str, Bounds, Reference)> {
    assets::ALL.into_iter().map(|(robot, xml)| {
        let bounds = BOUNDS.into_iter().find(|bounds| bounds.robot == robot);
        (xml, bounds.expect("every robot has bounds"), reference(robot))
    })
}

#[test]
fn motion_without_contact_agrees() {
    for (xml, Bounds { robot, coast, drive, .. }, reference) in bounded() {
        for (name, bound) in [("coast", coast), ("drive", drive)] {
            let theirs = &reference.scenarios[name].samples;
            let error = worst(&simulate(robot, xml, &reference, name, 1), theirs);
            assert!(error < bound, "{robot} {name}: {error} after {} samples", theirs.len());
        }
    }
}

/// What is left is the error of a first-order integrator, not a wrong mass, gear or damping.
#[test]
fn the_difference_vanishes_with_the_time_step() {
    for (xml, Bounds { robot, .. }, reference) in
        bounded().filter(|(_, bounds, _)| bounds.robot != "cartpole")
    {
        let theirs = &reference.scenarios["coast"].samples;
        let coarse = worst(&simulate(robot, xml, &reference, "coast", 1), theirs);
        let fine = worst(&simulate(robot, xml, &reference, "coast", 8), theirs);
        assert!(fine < coarse / 5.0, "{robot}: {coarse}, at an eighth of the step {fine}");
    }
}

/// The last states of a scenario, telos's and MuJoCo's.
fn ends(robot: &str, xml: &str, reference: &Reference, scenario: &str) -> [Vec<f32>; 2] {
    let mut ours = simulate(robot, xml, reference, scenario, 1);
    let theirs = reference.scenarios[scenario].samples.last().expect("a scenario has samples").clone();
    [ours.pop().expect("as many as theirs"), theirs]
}

#[test]
fn robots_sink_to_the_same_height() {
    for (xml, Bounds { robot, settle, .. }, reference) in bounded() {
        let Some(bound) = settle else { continue };
        let is_height = |coordinate: &&Coordinate| coordinate.free || coordinate.name == "root_z";
        let root = reference.coordinates.iter().find(is_height).expect("a robot on the floor has a root");
        let height = root.qpos + if root.free { 2 } else { 0 };
        let [ours, theirs] = ends(robot, xml, &reference, "settle").map(|qpos| qpos[height]);
        assert!((ours - theirs).abs() < bound, "{robot}: {ours} m, MuJoCo {theirs} m");
    }
}

#[test]
fn robots_slide_as_far() {
    for (xml, Bounds { robot, slide, .. }, reference) in bounded() {
        let Some(bound) = slide else { continue };
        let start = reference.scenarios["slide"].qpos[0];
        let [ours, theirs] = ends(robot, xml, &reference, "slide").map(|qpos| qpos[0] - start);
        assert!(theirs > 0.02, "the reference slides: {theirs} m");
        assert!((ours - theirs).abs() < bound, "{robot}: {ours} m, MuJoCo {theirs} m");
    }
}

#[test]
fn gaits_travel_as_far() {
    for (xml, Bounds { robot, gait, .. }, reference) in bounded() {
        let Some([least, most]) = gait else { continue };
        let free = reference.coordinates[0].free;
        let travelled = |qpos: Vec<f32>| if free { qpos[0].hypot(qpos[1]) } else { qpos[0].abs() };
        let [ours, theirs] = ends(robot, xml, &reference, "gait").map(travelled);
        assert!(theirs > 0.3, "the reference moves: {theirs} m");
        assert!((least..most).contains(&(ours / theirs)), "{robot}: {ours} m, MuJoCo {theirs} m");
    }
}
