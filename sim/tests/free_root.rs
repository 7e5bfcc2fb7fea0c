//! Robots whose root moves freely: placing, throwing, settling, health.

use std::{f32::consts::FRAC_PI_3, sync::Arc};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, Health, Model, World, assets};

/// The robots with free roots, their root bodies, and the height in metres at which MuJoCo sees the
/// root after half a second without control.
const ROBOTS: [(&str, &str, &str, f32); 3] = [
    ("ant", assets::ANT, "torso", 0.450),
    ("quadruped", assets::QUADRUPED, "trunk", 0.395),
    ("humanoid", assets::HUMANOID, "torso", 1.215),
];

fn robot(name: &str, xml: &str, root: &str) -> (World, BodyId) {
    let model = Arc::new(Model::from_mjcf_str(name, xml).expect("the assets load"));
    let root = model.body(root).expect("every robot has its root");
    (World::new(model), root)
}

fn near(ours: [f32; 3], expected: [f32; 3], bound: f32, what: &str) {
    let close = ours.iter().zip(expected).all(|(a, b)| (a - b).abs() < bound);
    assert!(close, "{what}: {ours:?}, not {expected:?}");
}

/// A turn about the vertical, quaternion x y z w.
fn turned(angle: f32) -> [f32; 4] {
    [0.0, 0.0, (angle / 2.0).sin(), (angle / 2.0).cos()]
}

#[test]
fn the_robot_follows_its_root() {
    for (name, xml, root, _) in ROBOTS {
        let (mut world, root) = robot(name, xml, root);
        let model = world.model().clone();
        let [x, y, z] = world.body_position(root);
        let offsets: Vec<[f32; 3]> = model
            .bodies()
            .map(|body| {
                let [bx, by, bz] = world.body_position(body);
                [bx - x, by - y, bz - z]
            })
            .collect();
        world.set_body_pose(root, [1.0, 2.0, 3.0], turned(FRAC_PI_3));
        world.set_body_velocity(root, [0.5, -0.25, 1.0], [0.0, 0.0, 2.0]);
        world.forward();
        let (sin, cos) = FRAC_PI_3.sin_cos();
        for (body, [x, y, z]) in model.bodies().zip(offsets).skip(1) {
            let arm = [cos * x - sin * y, sin * x + cos * y, z];
            let name = model.body_name(body);
            near(world.body_position(body), [1.0 + arm[0], 2.0 + arm[1], 3.0 + arm[2]], 1e-5, name);
            let speed = [0.5 - 2.0 * arm[1], -0.25 + 2.0 * arm[0], 1.0];
            near(world.body_linear_velocity(body), speed, 1e-5, name);
            near(world.body_angular_velocity(body), [0.0, 0.0, 2.0], 1e-6, name);
        }
    }
}

#[test]
fn a_thrown_robot_flies_on_a_parabola() {
    for (name, xml, root, _) in ROBOTS {
        let (mut world, root) = robot(name, xml, root);
        let model = world.model().clone();
        world.set_body_pose(root, [0.0, 0.0, 50.0], turned(0.0));
        world.set_body_velocity(root, [2.0, 0.5, 3.0], [0.7, -1.9, 1.3]);
        world.forward();
        let (start, speed) = (world.com(), world.com_velocity());
        let steps = 100;
        (0..steps).for_each(|_| world.step());
        let time = steps as f32 * model.timestep();
        // Semi-implicit Euler falls with the speed of the end of each step.
        let fallen = 0.5 * 9.81 * time * (time + model.timestep());
        let end =
            [start[0] + speed[0] * time, start[1] + speed[1] * time, start[2] + speed[2] * time - fallen];
        // The joints' springs and stops turn the limbs, but the centre of mass cannot know.
        near(world.com(), end, 0.015, name);
        assert_eq!(world.health(), Health::Sound);
    }
}

#[test]
fn robots_settle_as_in_mujoco() {
    for (name, xml, root, height) in ROBOTS {
        let (mut world, root) = robot(name, xml, root);
        let steps = (0.5 / world.model().timestep()).round() as usize;
        (0..steps).for_each(|_| world.step());
        let [x, y, z] = world.body_position(root);
        assert!((z - height).abs() < 0.02 && x.hypot(y) < 0.05, "{name}: at {x}, {y}, {z}, MuJoCo {height}");
    }
}

#[test]
fn random_controls_never_break_the_simulation() {
    for (name, xml, root, _) in ROBOTS {
        for seed in 0..4 {
            let (mut world, root) = robot(name, xml, root);
            let model = world.model().clone();
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let mut ctrl = vec![0.0; model.actuator_count()];
            let mut fastest = 0f32;
            for step in 0..2500 {
                if step % 3 == 0 {
                    for (index, value) in ctrl.iter_mut().enumerate() {
                        let [low, high] = model.ctrl_range(index);
                        *value = rng.random_range(low..=high);
                    }
                }
                world.set_ctrl(&ctrl);
                world.step();
                assert_eq!(world.health(), Health::Sound, "{name} at step {step} of seed {seed}");
                let speed = model.joints().map(|joint| world.joint_velocity(joint).abs());
                fastest = speed.fold(fastest, f32::max);
            }
            let [.., z] = world.body_position(root);
            assert!((0.0..2.0).contains(&z), "{name}: the root is at {z} m");
            assert!(fastest < 100.0, "{name}: a joint turned at {fastest} rad/s");
        }
    }
}

#[test]
fn health_covers_free_bodies() {
    let ball =
        "<mujoco><worldbody><body name='ball'><freejoint/><geom size='0.1'/></body></worldbody></mujoco>";
    for (name, xml, root) in [("ball", ball, "ball"), ("ant", assets::ANT, "torso")] {
        let (mut world, root) = robot(name, xml, root);
        for (linear, angular, expected) in [
            ([0.0; 3], [0.0; 3], Health::Sound),
            ([2e3, 0.0, 0.0], [0.0; 3], Health::Runaway),
            ([0.0; 3], [0.0, 2e3, 0.0], Health::Runaway),
            ([0.0, f32::NAN, 0.0], [0.0; 3], Health::NotFinite),
            ([0.0; 3], [f32::INFINITY, 0.0, 0.0], Health::NotFinite),
        ] {
            world.reset();
            world.set_body_velocity(root, linear, angular);
            world.forward();
            assert_eq!(world.health(), expected, "{name} {linear:?} {angular:?}");
        }
        world.reset();
        world.set_body_pose(root, [0.0, 0.0, 2e4], turned(0.0));
        world.forward();
        assert_eq!(world.health(), Health::Runaway, "{name}");
    }
}

#[test]
#[should_panic(expected = "`front_left_leg` is no free body")]
fn the_velocity_of_a_jointed_body_belongs_to_its_joints() {
    let (mut world, _) = robot("ant", assets::ANT, "torso");
    let leg = world.model().body("front_left_leg").expect("it has four");
    world.set_body_velocity(leg, [0.0; 3], [0.0; 3]);
}
