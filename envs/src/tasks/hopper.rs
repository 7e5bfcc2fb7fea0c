//! `hopper-stand` and `hopper-hop`: stand on one leg, and hop forward on it.
//!
//! After the DeepMind Control Suite's `hopper`, tasks `stand` and `hop`: same times, and the same
//! reward for hopping. Its reward for standing is zero up to the full height; here it rises on the way.
//! Its two touch sensors are one here, on the whole foot.

use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, Camera, GeomId, JointId, Model, World, assets};

use super::{RobotEnv, RobotTask, Sigmoid, TaskSpec, Tolerance, effort, phrases, placement, planar};
use crate::EnvError;

/// Height of the torso above the foot that counts as standing, metres.
const STAND_HEIGHT: f32 = 0.6;
/// Full reward from here on, m/s.
const HOP_SPEED: f32 = 2.0;
const STANDING: Tolerance = Tolerance::new(STAND_HEIGHT, 2.0);
const RISING: Tolerance = STANDING.margin(STAND_HEIGHT / 2.0, Sigmoid::Gaussian, 0.1);
const HOPPING: Tolerance = Tolerance::at_least(HOP_SPEED).margin(HOP_SPEED / 2.0, Sigmoid::Linear, 0.5);

/// The tasks.
///
/// Observation: all joint positions but the forward one (m, rad), all joint velocities,
/// `ln(1 + contact force on the foot in N)`. Gold reward: `standing * (4 + gentle) / 5` (stand) or
/// `standing * hopping` (hop). Start: every joint uniform within its limits, in any orientation,
/// clear of the floor. Success: standing; to hop, at half the hopping speed or more.
pub struct Hopper {
    joints: Vec<JointId>,
    root_z: JointId,
    torso: BodyId,
    foot: BodyId,
    sole: GeomId,
    hops: bool,
}

impl Hopper {
    /// Builds `hopper-stand`, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn stand() -> Result<RobotEnv<Self>, EnvError> {
        Self::env(false, "hopper-stand", "Stand on one leg.", &["standing", "gentle"])
    }

    /// Builds `hopper-hop`, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn hop() -> Result<RobotEnv<Self>, EnvError> {
        let task = "Hop forward on one leg at 2 m/s or more without falling.";
        Self::env(true, "hopper-hop", task, &["standing", "hopping"])
    }

    fn env(
        hops: bool,
        id: &'static str,
        task: &'static str,
        factors: &'static [&'static str],
    ) -> Result<RobotEnv<Self>, EnvError> {
        let model = Arc::new(Model::from_mjcf_str("hopper", assets::HOPPER)?);
        let robot = Self {
            joints: model.joints().collect(),
            root_z: model.joint("root_z")?,
            torso: model.body("torso")?,
            foot: model.body("foot")?,
            sole: model.geom("foot")?,
            hops,
        };
        let observations = 2 * robot.joints.len();
        RobotEnv::new(model, robot, &TaskSpec { id, task, observations, dt: 0.02, horizon: 1000, factors })
    }

    /// How far the torso is above the foot, metres.
    fn height(&self, world: &World) -> f32 {
        world.body_position(self.torso)[2] - world.body_position(self.foot)[2]
    }
}

impl RobotTask for Hopper {
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        placement::scatter_joints(world, rng);
        placement::lift_clear_of_floor(world, self.root_z);
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        let count = planar::observe_joints(world, &self.joints, obs);
        let force = world.contact_force(self.sole);
        obs[count] = force.iter().map(|f| f * f).sum::<f32>().sqrt().ln_1p();
    }

    fn judge(&self, world: &World, action: &[f32], factors: &mut [f32]) -> f32 {
        let height = self.height(world);
        if self.hops {
            let (standing, hopping) = (STANDING.of(height), HOPPING.of(world.com_velocity()[0]));
            factors.copy_from_slice(&[standing, hopping]);
            standing * hopping
        } else {
            let (standing, gentle) = (RISING.of(height), effort::gentle(action));
            factors.copy_from_slice(&[standing, gentle]);
            standing * (4.0 + gentle) / 5.0
        }
    }

    fn success(&self, world: &World) -> Option<bool> {
        let fast = !self.hops || world.com_velocity()[0] >= HOP_SPEED / 2.0;
        Some(self.height(world) >= STAND_HEIGHT && fast)
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
        let mut env = Hopper::hop().unwrap();
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

    #[test]
    fn standing_still_is_enough_to_stand_and_effort_costs_little() {
        let mut env = Hopper::stand().unwrap();
        let mut obs = vec![0.0; env.spec().observation.size()];
        let relaxed = env.step(&[0.0; 4], &mut obs).reward;
        assert!(relaxed > 0.95 && env.success() == Some(true), "{relaxed}");
        let strained = env.step(&[0.0, 0.0, 1.0, -1.0], &mut obs).reward;
        assert!((0.85..0.95).contains(&strained), "{strained}");
        let waist = env.world().model().joint("root_y").unwrap();
        env.world_mut().reset();
        env.world_mut().set_joint_position(waist, std::f32::consts::FRAC_PI_2);
        env.world_mut().forward();
        let lying = env.step(&[0.0; 4], &mut obs).reward;
        assert!(lying < 0.1 && env.success() == Some(false), "{lying}");
    }
}
