//! `cartpole-balance` and `cartpole-swingup`: a cart balances the pole that is hinged to it, which
//! starts nearly upright or hanging down.
//!
//! After the DeepMind Control Suite's `cartpole`, tasks `balance` and `swingup` (Barto, Sutton and
//! Anderson 1983; Tassa et al. 2018): same observation, reward and times.

use std::{f32::consts::PI, sync::Arc};

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{Camera, JointId, Model, World, assets};

use super::{RobotEnv, RobotTask, Sigmoid, TaskSpec, Tolerance, effort, phrases};
use crate::EnvError;

const CENTERED: Tolerance = Tolerance::zero().margin(2.0, Sigmoid::Gaussian, 0.1);
const SLOW: Tolerance = Tolerance::zero().margin(5.0, Sigmoid::Gaussian, 0.1);

/// The tasks. Pole angle 0 is upright.
///
/// Observation: cart position (m), `cos, sin` of the pole's angle, cart velocity (m/s), angular
/// velocity (rad/s). Gold reward: `upright * (1 + centered) / 2 * (4 + gentle) / 5 * (1 + slow) / 2`
/// with `upright = (1 + cos) / 2`. Start: near the middle and nearly at rest, the pole within 0.034
/// rad of upright (balance) or 0.02 rad of hanging (swing-up). Success: within 0.2 rad of upright,
/// within 0.5 m of the middle, slower than 1 rad/s.
pub struct Cartpole {
    slider: JointId,
    hinge: JointId,
    start: Start,
}

/// Cart position (m) and pole angle (rad), each uniform within `spread` of its middle, and their
/// velocities likewise around zero.
struct Start {
    angle: f32,
    spread: [f32; 4],
}

const UPRIGHT: Start = Start { angle: 0.0, spread: [0.1, 0.034, 0.02, 0.02] };
const HANGING: Start = Start { angle: PI, spread: [0.02; 4] };

impl Cartpole {
    /// Builds `cartpole-balance`, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn balance() -> Result<RobotEnv<Self>, EnvError> {
        Self::env(
            UPRIGHT,
            "cartpole-balance",
            "Keep the pole upright with the cart near the middle of the rail.",
        )
    }

    /// Builds `cartpole-swingup`, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn swingup() -> Result<RobotEnv<Self>, EnvError> {
        let task = "Swing the pole up and balance it with the cart near the middle of the rail.";
        Self::env(HANGING, "cartpole-swingup", task)
    }

    fn env(start: Start, id: &'static str, task: &'static str) -> Result<RobotEnv<Self>, EnvError> {
        let model = Arc::new(Model::from_mjcf_str("cartpole", assets::CARTPOLE)?);
        let robot = Self { slider: model.joint("slider")?, hinge: model.joint("hinge")?, start };
        let factors = &["upright", "centered", "gentle", "slow"];
        RobotEnv::new(model, robot, &TaskSpec { id, task, observations: 5, dt: 0.01, horizon: 1000, factors })
    }
}

impl RobotTask for Cartpole {
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        let [position, angle, speed, turning] =
            self.start.spread.map(|spread| rng.random_range(-spread..spread));
        world.set_joint_position(self.slider, position);
        world.set_joint_position(self.hinge, self.start.angle + angle);
        world.set_joint_velocity(self.slider, speed);
        world.set_joint_velocity(self.hinge, turning);
        world.forward();
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        let (sin, cos) = world.joint_position(self.hinge).sin_cos();
        let velocities = [world.joint_velocity(self.slider), world.joint_velocity(self.hinge)];
        obs.copy_from_slice(&[world.joint_position(self.slider), cos, sin, velocities[0], velocities[1]]);
    }

    fn judge(&self, world: &World, action: &[f32], factors: &mut [f32]) -> f32 {
        let upright = (1.0 + world.joint_position(self.hinge).cos()) / 2.0;
        let centered = CENTERED.of(world.joint_position(self.slider));
        let gentle = effort::gentle(action);
        let slow = SLOW.of(world.joint_velocity(self.hinge));
        factors.copy_from_slice(&[upright, centered, gentle, slow]);
        upright * (1.0 + centered) / 2.0 * (4.0 + gentle) / 5.0 * (1.0 + slow) / 2.0
    }

    fn success(&self, world: &World) -> Option<bool> {
        let upright = world.joint_position(self.hinge).cos() > 0.2f32.cos();
        let centered = world.joint_position(self.slider).abs() < 0.5;
        Some(upright && centered && world.joint_velocity(self.hinge).abs() < 1.0)
    }

    fn caption(&self, world: &World) -> String {
        let position = world.joint_position(self.slider);
        let side = match position {
            0.05.. => format!("{position:.1} m right of the middle"),
            ..=-0.05 => format!("{:.1} m left of the middle", -position),
            _ => "in the middle of the rail".into(),
        };
        let pole = phrases::rod(world.joint_position(self.hinge));
        let turning = phrases::turning(world.joint_velocity(self.hinge));
        format!("the pole is {pole}, {turning}, and the cart is {side}")
    }

    fn camera(&self, _: &World) -> Camera {
        Camera { eye: [0.0, -5.0, 1.4], target: [0.0, 0.0, 1.0], fovy: 45.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Env;

    #[test]
    fn balancing_in_the_middle_is_rewarded_and_the_rail_end_less() {
        let mut env = Cartpole::swingup().unwrap();
        let mut obs = [0.0; 5];
        let model = env.world().model().clone();
        let mut reward = |slider: f32, hinge: f32| {
            env.reset(0, &mut obs);
            let world = env.world_mut();
            for (joint, position) in [("slider", slider), ("hinge", hinge)] {
                world.set_joint_position(model.joint(joint).unwrap(), position);
                world.set_joint_velocity(model.joint(joint).unwrap(), 0.0);
            }
            world.forward();
            (env.step(&[0.0], &mut obs).reward, env.success(), env.caption())
        };
        let (balanced, success, caption) = reward(0.0, 0.0);
        assert!(balanced > 0.95 && success == Some(true), "{balanced}");
        assert!(caption.contains("upright") && caption.contains("middle of the rail"), "{caption}");
        let (far, success, caption) = reward(-1.5, 0.0);
        assert!(far < balanced && success == Some(false), "{far}");
        assert!(caption.contains("1.5 m left"), "{caption}");
        let (hanging, success, caption) = reward(0.0, PI);
        assert!(hanging < 0.01 && success == Some(false), "{hanging}");
        assert!(caption.contains("hanging down"), "{caption}");
    }
}
