//! `acrobot-swingup`: two links swing up and balance, driven only by the joint between them.
//!
//! After the DeepMind Control Suite's `acrobot`, task `swingup` (Spong 1995; Tassa et al. 2018): same
//! observation, reward and times, on a robot of our own proportions.

use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{Camera, GeomId, JointId, Model, World, assets};

use super::{RobotEnv, RobotTask, Sigmoid, TaskSpec, Tolerance, phrases, placement};
use crate::EnvError;

/// How close the tip must come to its target, metres.
const REACH: f32 = 0.2;
const NEAR: Tolerance = Tolerance::new(0.0, REACH).margin(1.0, Sigmoid::Gaussian, 0.1);

/// The task. Both angles 0 is upright.
///
/// Observation: cosines of the angles of both links from the vertical, their sines, both joint
/// velocities (rad/s). Gold reward: `near`, by the distance of the tip from where it is when both
/// links are upright. Start: any angles, at rest. Success: the tip is within 0.2 m of there.
pub struct Acrobot {
    shoulder: JointId,
    elbow: JointId,
    tip: GeomId,
    target: GeomId,
}

impl Acrobot {
    /// Builds `acrobot-swingup`, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn swingup() -> Result<RobotEnv<Self>, EnvError> {
        let model = Arc::new(Model::from_mjcf_str("acrobot", assets::ACROBOT)?);
        let task = Self {
            shoulder: model.joint("shoulder")?,
            elbow: model.joint("elbow")?,
            tip: model.geom("tip")?,
            target: model.geom("target")?,
        };
        RobotEnv::new(
            model,
            task,
            &TaskSpec {
                id: "acrobot-swingup",
                task: "Swing both links up with the motor between them and hold the tip at the top.",
                observations: 6,
                dt: 0.01,
                horizon: 1000,
                factors: &["near"],
            },
        )
    }

    /// Angles of the upper and the lower link from the vertical, radians.
    fn angles(&self, world: &World) -> [f32; 2] {
        let upper = world.joint_position(self.shoulder);
        [upper, upper + world.joint_position(self.elbow)]
    }

    /// Distance of the tip from its target in the plane of the links, metres.
    fn distance(&self, world: &World) -> f32 {
        let ([x, _, z], [wanted_x, _, wanted_z]) =
            (world.geom_position(self.tip), world.geom_position(self.target));
        (x - wanted_x).hypot(z - wanted_z)
    }
}

impl RobotTask for Acrobot {
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        placement::scatter_joints(world, rng);
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        let angles = self.angles(world);
        obs[..2].copy_from_slice(&angles.map(f32::cos));
        obs[2..4].copy_from_slice(&angles.map(f32::sin));
        obs[4..].copy_from_slice(&[self.shoulder, self.elbow].map(|joint| world.joint_velocity(joint)));
    }

    fn judge(&self, world: &World, _: &[f32], factors: &mut [f32]) -> f32 {
        factors[0] = NEAR.of(self.distance(world));
        factors[0]
    }

    fn success(&self, world: &World) -> Option<bool> {
        Some(self.distance(world) <= REACH)
    }

    fn caption(&self, world: &World) -> String {
        let [upper, lower] = self.angles(world).map(phrases::rod);
        let distance = self.distance(world);
        format!(
            "the upper link is {upper}, the lower link is {lower}, the tip is {distance:.1} m from the top"
        )
    }

    fn camera(&self, _: &World) -> Camera {
        Camera { eye: [0.0, -6.5, 2.3], target: [0.0, 0.0, 2.1], fovy: 45.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Env;
    use std::f32::consts::PI;

    #[test]
    fn upright_is_rewarded_and_hanging_is_not() {
        let mut env = Acrobot::swingup().unwrap();
        let mut obs = [0.0; 6];
        let mut judged = |shoulder: f32, elbow: f32| {
            env.world_mut().reset();
            for (name, angle) in [("shoulder", shoulder), ("elbow", elbow)] {
                let joint = env.world().model().joint(name).unwrap();
                env.world_mut().set_joint_position(joint, angle);
            }
            env.world_mut().forward();
            (env.step(&[0.0], &mut obs).reward, env.success().unwrap(), env.caption())
        };
        let (top, success, caption) = judged(0.0, 0.0);
        assert!(top == 1.0 && success && caption.contains("0.0 m from the top"), "{top} {caption}");
        let (near, success, _) = judged(0.15, 0.0);
        assert!((0.7..1.0).contains(&near) && !success, "{near}");
        let (folded, success, caption) = judged(0.0, PI);
        assert!(folded < 0.01 && !success && caption.contains("lower link is hanging down"), "{caption}");
        let (hanging, success, caption) = judged(PI, 0.0);
        assert!(hanging < 1e-6 && !success && caption.contains("3.9 m"), "{hanging} {caption}");
    }
}
