//! `walker-walk`: a biped stands up and walks.
//!
//! After the DeepMind Control Suite's `walker`, task `walk`: same observation, reward and times, on a
//! robot of our own proportions.

use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, Camera, JointId, Model, World, assets};

use super::{RobotEnv, RobotTask, Sigmoid, TaskSpec, Tolerance, phrases, placement, planar};
use crate::EnvError;

/// Height of the torso that counts as standing, metres.
const STAND_HEIGHT: f32 = 1.2;
/// Full reward from here on, m/s.
const WALK_SPEED: f32 = 1.0;
const STANDING: Tolerance =
    Tolerance::at_least(STAND_HEIGHT).margin(STAND_HEIGHT / 2.0, Sigmoid::Gaussian, 0.1);
const WALKING: Tolerance = Tolerance::at_least(WALK_SPEED).margin(WALK_SPEED / 2.0, Sigmoid::Linear, 0.5);

/// The task.
///
/// Observation: cosine and sine of the pitch of each of the seven bodies, height of the torso (m),
/// all joint velocities. Gold reward: `(3 standing + upright) / 4 * (1 + 5 walking) / 6`, with
/// `upright = (1 + cos pitch) / 2` of the torso. Start: every joint uniform within its limits, in
/// any orientation, clear of the floor. Success: standing and walking at full speed.
pub struct WalkerWalk {
    joints: Vec<JointId>,
    root_z: JointId,
    bodies: Vec<BodyId>,
    torso: BodyId,
}

impl WalkerWalk {
    /// Builds the environment, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn env() -> Result<RobotEnv<Self>, EnvError> {
        let model = Arc::new(Model::from_mjcf_str("walker", assets::WALKER)?);
        let world = model.body("world")?;
        let task = Self {
            joints: model.joints().collect(),
            root_z: model.joint("root_z")?,
            bodies: model.bodies().filter(|body| *body != world).collect(),
            torso: model.body("torso")?,
        };
        let observations = 2 * task.bodies.len() + 1 + task.joints.len();
        RobotEnv::new(
            model,
            task,
            &TaskSpec {
                id: "walker-walk",
                task: "Stand upright and walk forward at 1 m/s or more.",
                observations,
                dt: 0.025,
                horizon: 1000,
                factors: &["standing", "upright", "walking"],
            },
        )
    }

    fn height(&self, world: &World) -> f32 {
        world.body_position(self.torso)[2]
    }
}

impl RobotTask for WalkerWalk {
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        placement::scatter_joints(world, rng);
        placement::lift_clear_of_floor(world, self.root_z);
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        let (orientations, rest) = obs.split_at_mut(2 * self.bodies.len());
        for (pair, body) in orientations.chunks_exact_mut(2).zip(&self.bodies) {
            pair.copy_from_slice(&planar::orientation(world, *body));
        }
        rest[0] = self.height(world);
        for (out, joint) in rest[1..].iter_mut().zip(&self.joints) {
            *out = world.joint_velocity(*joint);
        }
    }

    fn judge(&self, world: &World, _: &[f32], factors: &mut [f32]) -> f32 {
        let standing = STANDING.of(self.height(world));
        let upright = ((1.0 + planar::orientation(world, self.torso)[0]) / 2.0).clamp(0.0, 1.0);
        let walking = WALKING.of(world.com_velocity()[0]);
        factors.copy_from_slice(&[standing, upright, walking]);
        (3.0 * standing + upright) / 4.0 * (1.0 + 5.0 * walking) / 6.0
    }

    fn success(&self, world: &World) -> Option<bool> {
        Some(self.height(world) >= STAND_HEIGHT && world.com_velocity()[0] >= WALK_SPEED)
    }

    fn caption(&self, world: &World) -> String {
        let posture = phrases::posture(planar::pitch(world, self.torso));
        let motion = phrases::motion(world.com_velocity()[0]);
        format!("the torso is {posture} at {:.2} m height, {motion}", self.height(world))
    }

    fn camera(&self, world: &World) -> Camera {
        planar::beside(world, 4.0, 1.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Env;

    #[test]
    fn standing_and_walking_are_rewarded_and_lying_is_not() {
        let mut env = WalkerWalk::env().unwrap();
        let mut obs = vec![0.0; env.spec().observation.size()];
        let root = env.world().model().joint("root_x").unwrap();
        let rewards = [1.3f32, 0.0].map(|speed| {
            env.world_mut().reset();
            env.world_mut().set_joint_velocity(root, speed);
            env.world_mut().forward();
            let reward = env.step(&[0.0; 6], &mut obs).reward;
            assert_eq!(env.success(), Some(speed > 1.0));
            let caption = env.caption();
            assert!(caption.contains("upright at 1.2"), "{caption}");
            assert!(
                caption.contains(if speed > 0.0 { "moving forward at 1." } else { "not moving" }),
                "{caption}"
            );
            reward
        });
        assert!(rewards[0] > 0.95 && (0.1..0.3).contains(&rewards[1]), "{rewards:?}");

        env.reset(1, &mut obs);
        for _ in 0..120 {
            env.step(&[0.0; 6], &mut obs);
        }
        let reward = env.step(&[0.0; 6], &mut obs).reward;
        assert!(reward < 0.15 && env.success() == Some(false), "{reward}: {}", env.caption());
    }

    #[test]
    fn falling_forward_is_a_positive_pitch() {
        let mut env = WalkerWalk::env().unwrap();
        let root = env.world().model().joint("root_y").unwrap();
        env.world_mut().set_joint_position(root, 0.8);
        env.world_mut().forward();
        assert!(env.caption().contains("leaning forward"), "{}", env.caption());
        let torso = env.world().model().body("torso").unwrap();
        assert!((planar::pitch(env.world(), torso) - 0.8).abs() < 1e-4);
    }
}
