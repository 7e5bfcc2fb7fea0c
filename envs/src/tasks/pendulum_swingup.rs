//! `pendulum-swingup`: swing a rod with a bob up against gravity with a weak motor.
//!
//! In the manner of the DeepMind Control Suite's pendulum, with two differences: the reward is
//! smooth, like that of its cart-pole, instead of 1 in a cone of 8 degrees, so that segments can be
//! compared; and the control step is 0.05 s (400 steps, also 20 s), so that 50 steps show a swing.

use std::{f32::consts::PI, sync::Arc};

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{Camera, JointId, Model, World, assets};

use super::{RobotEnv, RobotTask, Sigmoid, TaskSpec, Tolerance, phrases};
use crate::EnvError;

const SLOW: Tolerance = Tolerance::zero().margin(5.0, Sigmoid::Gaussian, 0.1);
const GENTLE: Tolerance = Tolerance::zero().margin(1.0, Sigmoid::Quadratic, 0.0);

/// The task. Angle 0 is upright.
///
/// Observation: `cos, sin` of the angle, angular velocity (rad/s). Gold reward:
/// `upright * (1 + slow) / 2 * (4 + gentle) / 5` with `upright = (1 + cos) / 2`. Start: angle
/// uniform over the circle, at rest. Success: within 0.2 rad of upright, slower than 0.5 rad/s.
pub struct PendulumSwingup {
    hinge: JointId,
}

impl PendulumSwingup {
    /// Builds the environment, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn env() -> Result<RobotEnv<Self>, EnvError> {
        let model = Arc::new(Model::from_mjcf_str("pendulum", assets::PENDULUM)?);
        let task = Self { hinge: model.joint("hinge")? };
        RobotEnv::new(
            model,
            task,
            &TaskSpec {
                id: "pendulum-swingup",
                task: "Swing the pendulum up and keep it upright and still.",
                observations: 3,
                dt: 0.05,
                horizon: 400,
                factors: &["upright", "slow", "gentle"],
            },
        )
    }
}

impl RobotTask for PendulumSwingup {
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        world.set_joint_position(self.hinge, rng.random_range(-PI..PI));
        world.forward();
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        let (sin, cos) = world.joint_position(self.hinge).sin_cos();
        obs.copy_from_slice(&[cos, sin, world.joint_velocity(self.hinge)]);
    }

    fn judge(&self, world: &World, action: &[f32], factors: &mut [f32]) -> f32 {
        let upright = (1.0 + world.joint_position(self.hinge).cos()) / 2.0;
        let slow = SLOW.of(world.joint_velocity(self.hinge));
        let gentle = GENTLE.of(action[0]);
        factors.copy_from_slice(&[upright, slow, gentle]);
        upright * (1.0 + slow) / 2.0 * (4.0 + gentle) / 5.0
    }

    fn success(&self, world: &World) -> Option<bool> {
        let upright = world.joint_position(self.hinge).cos() > 0.2f32.cos();
        Some(upright && world.joint_velocity(self.hinge).abs() < 0.5)
    }

    fn caption(&self, world: &World) -> String {
        let place = phrases::rod(world.joint_position(self.hinge));
        format!("the pendulum is {place}, {}", phrases::turning(world.joint_velocity(self.hinge)))
    }

    fn camera(&self, _: &World) -> Camera {
        Camera { eye: [0.0, -2.2, 1.0], target: [0.0, 0.0, 0.8], fovy: 45.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Env;

    #[test]
    fn upright_and_still_is_rewarded_and_hanging_is_not() {
        let mut env = PendulumSwingup::env().unwrap();
        let mut obs = [0.0; 3];
        let hinge = env.world().model().joint("hinge").unwrap();
        for (angle, words) in [(0.0, "upright"), (PI, "hanging down")] {
            env.reset(0, &mut obs);
            env.world_mut().set_joint_position(hinge, angle);
            env.world_mut().forward();
            let reward = env.step(&[0.0], &mut obs).reward;
            assert!(env.caption().contains(words), "{}", env.caption());
            assert!(env.caption().ends_with("at rest"), "{}", env.caption());
            let upright = angle == 0.0;
            assert_eq!(env.success(), Some(upright));
            assert!(if upright { reward > 0.95 } else { reward < 0.01 }, "{angle}: {reward}");
        }
    }

    /// Full torque with the motion adds energy until the rod is over the top: the task is feasible.
    #[test]
    fn pumping_energy_reaches_the_top_although_the_motor_is_too_weak_to_lift() {
        let mut env = PendulumSwingup::env().unwrap();
        let mut obs = [0.0; 3];
        let hinge = env.world().model().joint("hinge").unwrap();
        for (pump, reached) in [(true, true), (false, false)] {
            env.reset(0, &mut obs);
            env.world_mut().set_joint_position(hinge, PI);
            env.world_mut().forward();
            let mut highest = -1f32;
            for _ in 0..env.spec().horizon {
                let action = if pump && obs[2] < 0.0 { -1.0 } else { 1.0 };
                env.step(&[action], &mut obs);
                highest = highest.max(obs[0]);
            }
            assert_eq!(highest > 0.95, reached, "pump {pump}: {highest}");
        }
    }
}
