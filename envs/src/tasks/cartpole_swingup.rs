//! `cartpole-swingup`: swing a free pole up by moving the cart it hangs from, and balance it.
//!
//! After the DeepMind Control Suite's `cartpole`, task `swingup` (Barto, Sutton and Anderson 1983;
//! Tassa et al. 2018): same observation, reward and times.

use std::{f32::consts::PI, sync::Arc};

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{Camera, JointId, Model, World, assets};

use super::{RobotEnv, RobotTask, Sigmoid, TaskSpec, Tolerance, phrases};
use crate::EnvError;

const CENTERED: Tolerance = Tolerance::zero().margin(2.0, Sigmoid::Gaussian, 0.1);
const GENTLE: Tolerance = Tolerance::zero().margin(1.0, Sigmoid::Quadratic, 0.0);
const SLOW: Tolerance = Tolerance::zero().margin(5.0, Sigmoid::Gaussian, 0.1);

/// The task. Pole angle 0 is upright.
///
/// Observation: cart position (m), `cos, sin` of the pole's angle, cart velocity (m/s), angular
/// velocity (rad/s). Gold reward: `upright * (1 + centered) / 2 * (4 + gentle) / 5 * (1 + slow) / 2`
/// with `upright = (1 + cos) / 2`. Start: hanging at rest in the middle, each coordinate disturbed
/// by up to 0.02. Success: within 0.2 rad of upright, within 0.5 m of the middle, slower than 1 rad/s.
pub struct CartpoleSwingup {
    slider: JointId,
    hinge: JointId,
}

impl CartpoleSwingup {
    /// Builds the environment, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn env() -> Result<RobotEnv<Self>, EnvError> {
        let model = Arc::new(Model::from_mjcf_str("cartpole", assets::CARTPOLE)?);
        let task = Self { slider: model.joint("slider")?, hinge: model.joint("hinge")? };
        RobotEnv::new(
            model,
            task,
            &TaskSpec {
                id: "cartpole-swingup",
                task: "Swing the pole up and balance it with the cart near the middle of the rail.",
                observations: 5,
                dt: 0.01,
                horizon: 1000,
                factors: &["upright", "centered", "gentle", "slow"],
            },
        )
    }
}

impl RobotTask for CartpoleSwingup {
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        let mut disturbance = || rng.random_range(-0.02f32..0.02);
        world.set_joint_position(self.slider, disturbance());
        world.set_joint_position(self.hinge, PI + disturbance());
        world.set_joint_velocity(self.slider, disturbance());
        world.set_joint_velocity(self.hinge, disturbance());
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
        let gentle = GENTLE.of(action[0]);
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
        let mut env = CartpoleSwingup::env().unwrap();
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
