//! `hopper-hop`: hop forward on one leg.
//!
//! After the DeepMind Control Suite's `hopper`, task `hop`: same reward and times. Its two touch
//! sensors are one here, on the whole foot.

use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, Camera, GeomId, JointId, Model, World, assets};

use super::{RobotEnv, RobotTask, Sigmoid, TaskSpec, Tolerance, phrases, placement, planar};
use crate::EnvError;

/// Height of the torso above the foot that counts as standing, metres.
const STAND_HEIGHT: f32 = 0.6;
/// Full reward from here on, m/s.
const HOP_SPEED: f32 = 2.0;
const STANDING: Tolerance = Tolerance::new(STAND_HEIGHT, 2.0);
const HOPPING: Tolerance = Tolerance::at_least(HOP_SPEED).margin(HOP_SPEED / 2.0, Sigmoid::Linear, 0.5);

/// The task.
///
/// Observation: all joint positions but the forward one (m, rad), all joint velocities,
/// `ln(1 + contact force on the foot in N)`. Gold reward: `standing * hopping`. Start: every joint
/// uniform within its limits, in any orientation, clear of the floor. Success: standing at
/// half the hopping speed or more.
pub struct HopperHop {
    joints: Vec<JointId>,
    root_z: JointId,
    torso: BodyId,
    foot: BodyId,
    sole: GeomId,
}

impl HopperHop {
    /// Builds the environment, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn env() -> Result<RobotEnv<Self>, EnvError> {
        let model = Arc::new(Model::from_mjcf_str("hopper", assets::HOPPER)?);
        let task = Self {
            joints: model.joints().collect(),
            root_z: model.joint("root_z")?,
            torso: model.body("torso")?,
            foot: model.body("foot")?,
            sole: model.geom("foot")?,
        };
        let observations = 2 * task.joints.len();
        RobotEnv::new(
            model,
            task,
            &TaskSpec {
                id: "hopper-hop",
                task: "Hop forward on one leg at 2 m/s or more without falling.",
                observations,
                dt: 0.02,
                horizon: 1000,
                factors: &["standing", "hopping"],
            },
        )
    }

    /// How far the torso is above the foot, metres.
    fn height(&self, world: &World) -> f32 {
        world.body_position(self.torso)[2] - world.body_position(self.foot)[2]
    }
}

impl RobotTask for HopperHop {
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        placement::scatter_joints(world, rng);
        placement::lift_clear_of_floor(world, self.root_z);
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        let count = planar::observe_joints(world, &self.joints, obs);
        let force = world.contact_force(self.sole);
        obs[count] = force.iter().map(|f| f * f).sum::<f32>().sqrt().ln_1p();
    }

    fn judge(&self, world: &World, _: &[f32], factors: &mut [f32]) -> f32 {
        let (standing, hopping) = (STANDING.of(self.height(world)), HOPPING.of(world.com_velocity()[0]));
        factors.copy_from_slice(&[standing, hopping]);
        standing * hopping
    }

    fn success(&self, world: &World) -> Option<bool> {
        Some(self.height(world) >= STAND_HEIGHT && world.com_velocity()[0] >= HOP_SPEED / 2.0)
    }

    fn caption(&self, world: &World) -> String {
        let posture = phrases::posture(planar::pitch(world, self.torso));
        let height = world.body_position(self.torso)[2];
        let motion = phrases::motion(world.com_velocity()[0]);
        let foot =
            if world.touches(self.sole) { "the foot is on the ground" } else { "the foot is in the air" };
        format!("the torso is {posture} at {height:.2} m height, {motion}, and {foot}")
    }

    fn camera(&self, world: &World) -> Camera {
        planar::beside(world, 3.2, 0.8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Env;

    #[test]
    fn standing_at_speed_is_rewarded_and_lying_is_not() {
        let mut env = HopperHop::env().unwrap();
        let mut obs = vec![0.0; env.spec().observation.size()];
        let root = env.world().model().joint("root_x").unwrap();
        env.world_mut().set_joint_velocity(root, 2.5);
        env.world_mut().forward();
        let reward = env.step(&[0.0; 4], &mut obs).reward;
        assert!(reward > 0.9, "{reward}");
        assert_eq!(env.success(), Some(true));
        let caption = env.caption();
        assert!(caption.contains("upright") && caption.contains("moving forward at 2."), "{caption}");

        env.reset(0, &mut obs);
        for _ in 0..150 {
            env.step(&[0.0; 4], &mut obs);
        }
        let reward = env.step(&[0.0; 4], &mut obs).reward;
        assert!(reward < 0.05 && env.success() == Some(false), "{reward}: {}", env.caption());
    }
}
