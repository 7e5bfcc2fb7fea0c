//! Incidents are counted and told; pushes and masks reach the simulation.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{from_bytes, to_bytes};
use telos_envs::{
    Env, Events, Privileges, registry,
    tasks::{RobotEnv, RobotTask, TaskSpec},
};
use telos_sim::{Camera, Model, World};

/// A cart on a rail between a floor and a wall, with an arm on it that can hit the cart, and a cube.
struct Yard;

const YARD: &str = "<mujoco><option timestep='0.005'/><worldbody>
  <geom name='floor' type='plane' size='9 9 1'/>
  <geom name='wall' type='box' size='0.1 1 1' pos='1.5 0 1'/>
  <body name='cart' pos='0 0 0.5'>
    <joint name='rail' type='slide' axis='1 0 0' range='-2 2' limited='true' damping='5'/>
    <geom name='cart' type='box' size='0.2 0.2 0.1' mass='2'/>
    <body name='arm' pos='0 0 0.3'>
      <joint name='shoulder' type='hinge' axis='0 1 0' damping='0.5'/>
      <geom name='arm' type='capsule' fromto='0 0 0.05 0 0 0.15' size='0.03' mass='0.2'/>
      <body name='hand' pos='0 0 0.2'>
        <joint name='elbow' type='hinge' axis='0 1 0' damping='0.5'/>
        <geom name='hand' type='capsule' fromto='0 0 0.05 0 0 0.25' size='0.03' mass='0.2'/>
      </body>
    </body>
  </body>
  <body name='cube' pos='-1.5 0 0.05'>
    <freejoint/><geom name='cube' type='box' size='0.05 0.05 0.05' mass='0.1'/>
  </body>
  </worldbody><actuator>
    <motor name='rail' joint='rail' gear='40' ctrlrange='-1 1'/>
    <motor name='shoulder' joint='shoulder' gear='5' ctrlrange='-1 1'/>
  </actuator></mujoco>";

impl RobotTask for Yard {
    fn place(&self, _: &mut World, _: &mut Xoshiro256PlusPlus) {}

    fn observe(&self, world: &World, obs: &mut [f32]) {
        obs[0] = world.joint_position(world.model().joint("rail").unwrap());
    }

    fn judge(&self, _: &World, _: &[f32], factors: &mut [f32]) -> f32 {
        factors[0] = 0.0;
        0.0
    }

    fn success(&self, _: &World) -> Option<bool> {
        None
    }

    fn caption(&self, _: &World) -> String {
        String::new()
    }

    fn camera(&self, _: &World) -> Camera {
        Camera { eye: [0.0, -3.0, 1.0], target: [0.0; 3], fovy: 45.0 }
    }
}

fn yard() -> RobotEnv<Yard> {
    let about =
        TaskSpec { id: "yard", task: "", observations: 1, dt: 0.02, horizon: 1000, factors: &["none"] };
    let mut env = RobotEnv::new(Arc::new(Model::from_mjcf_str("yard", YARD).unwrap()), Yard, &about).unwrap();
    env.reset(0, &mut [0.0]);
    env
}

fn drive(env: &mut dyn Env, action: [f32; 2], steps: usize) {
    (0..steps).for_each(|_| _ = env.step(&action, &mut [0.0]));
}

#[test]
fn a_quiet_robot_reports_nothing() {
    let mut env = yard();
    assert_eq!(env.diagnosis(), "so far no incidents");
    drive(&mut env, [0.0; 2], 3);
    assert_eq!(env.events(), Events::default());
}

#[test]
fn collisions_with_the_scene_are_counted_once_per_touch() {
    let mut env = yard();
    for round in 1..=2 {
        drive(&mut env, [1.0, 0.0], 150);
        assert_eq!(env.events().scene_collisions, round, "{}", env.diagnosis());
        assert!(
            env.diagnosis().contains("`cart` touches `wall`")
                || env.diagnosis().contains("`wall` touches `cart`")
        );
        drive(&mut env, [-1.0, 0.0], 40);
        assert!(!env.diagnosis().contains("wall"), "{}", env.diagnosis());
    }
    env.reset(0, &mut [0.0]);
    assert_eq!(env.events(), Events::default());
}

#[test]
fn limits_and_the_robots_own_parts_are_hit() {
    let mut env = yard();
    drive(&mut env, [-1.0, 0.0], 250);
    let events = env.events();
    assert_eq!(events.limit_hits, 1, "{}", env.diagnosis());
    assert!(env.diagnosis().contains("joint `rail` is at its limit"), "{}", env.diagnosis());
    let mut env = yard();
    drive(&mut env, [0.0, 1.0], 250);
    assert!(env.events().self_collisions >= 1, "the hand falls on the cart: {}", env.diagnosis());
}

#[test]
fn what_falls_freely_was_dropped_and_what_is_set_down_was_not() {
    let mut env = yard();
    drive(&mut env, [0.0; 2], 20);
    let cube = env.world().model().body("cube").unwrap();
    for (height, drops) in [(0.06, 0), (1.0, 1)] {
        env.world_mut().set_body_pose(cube, [-1.5, 0.0, height], [0.0, 0.0, 0.0, 1.0]);
        let mut told = false;
        for _ in 0..60 {
            drive(&mut env, [0.0; 2], 1);
            told |= env.diagnosis().contains("`cube` is falling");
        }
        assert_eq!((env.events().drops, told), (drops, drops > 0), "from {height} m");
    }
}

#[test]
fn events_are_part_of_checkpoints_and_branches() {
    let mut env = yard();
    drive(&mut env, [1.0, 1.0], 100);
    assert_ne!(env.events(), Events::default());
    let bytes = to_bytes(&env);
    let [mut restored, mut branch] = [0, 1].map(|_| yard());
    from_bytes(&mut restored, &bytes).unwrap();
    branch.branch_from(&env).unwrap();
    for other in [&mut restored, &mut branch] {
        assert_eq!(other.diagnosis(), env.diagnosis());
    }
    drive(&mut env, [-1.0, 1.0], 200);
    for other in [&mut restored, &mut branch] {
        drive(other, [-1.0, 1.0], 200);
        assert_eq!(other.events(), env.events());
    }
}

#[test]
fn a_push_lasts_one_environment_step_and_survives_a_checkpoint() {
    let mut env = yard();
    let model = env.world().model().clone();
    let (cart, rail) = (model.body("cart").unwrap(), model.joint("rail").unwrap());
    env.push(cart, [30.0, 0.0, 0.0], [0.0; 3]);
    env.push(cart, [10.0, 0.0, 0.0], [0.0; 3]);
    let bytes = to_bytes(&env);
    let [mut restored, mut branch] = [0, 1].map(|_| yard());
    from_bytes(&mut restored, &bytes).unwrap();
    branch.branch_from(&env).unwrap();
    drive(&mut env, [0.0; 2], 1);
    let speed = env.world().joint_velocity(rail);
    // 40 N on 2.4 kg for 0.02 s; arm and hand swing a little.
    assert!((0.25..0.45).contains(&speed), "{speed}");
    for other in [&mut restored, &mut branch] {
        drive(other, [0.0; 2], 1);
        assert_eq!(other.world().joint_velocity(rail), speed);
    }
    drive(&mut env, [0.0; 2], 1);
    assert!(env.world().joint_velocity(rail) < speed, "the push has ended");
    env.push(cart, [30.0, 0.0, 0.0], [0.0; 3]);
    env.reset(0, &mut [0.0]);
    drive(&mut env, [0.0; 2], 1);
    assert!(env.world().joint_velocity(rail).abs() < 0.01, "a reset ends it as well");
}

#[test]
fn every_simulated_task_reports_and_grants_privileges() {
    for id in registry::ids() {
        let mut env = registry::make(id).unwrap();
        let mut obs = vec![0.0; env.spec().observation.size()];
        env.reset(1, &mut obs);
        let action = vec![0.7; env.spec().action.size()];
        (0..100).for_each(|_| _ = env.step(&action, &mut obs));
        assert!(env.diagnosis().starts_with("so far "), "{id}");
        assert_eq!(env.privileges().is_some(), id != "pendulum-classic", "{id}");
        if id.starts_with("hopper") || id.starts_with("walker") {
            assert!(env.events().ground_contacts > 0, "{id}: {}", env.diagnosis());
        }
    }
}
