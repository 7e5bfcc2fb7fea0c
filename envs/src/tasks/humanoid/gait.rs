//! `humanoid-stand` and `humanoid-walk`.
//!
//! After the DeepMind Control Suite's `humanoid`, tasks `stand` and `walk`, on a robot of our own. The
//! suite drops it in a random pose, and walking may go anywhere; here it starts on its feet, as in
//! Gymnasium's `Humanoid`, and walks along x.

use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{Camera, Model, World, assets};

use super::{
    super::{RobotEnv, RobotTask, Sigmoid, TaskSpec, Tolerance, effort, placement},
    DT, Figure, HEADING,
};
use crate::EnvError;

/// Height of the head that counts as standing, metres.
const STAND_HEIGHT: f32 = 1.3;
const STANDING: Tolerance =
    Tolerance::at_least(STAND_HEIGHT).margin(STAND_HEIGHT / 4.0, Sigmoid::Gaussian, 0.1);
const UPRIGHT: Tolerance = Tolerance::at_least(0.9).margin(1.9, Sigmoid::Linear, 0.0);
const STILL: Tolerance = Tolerance::zero().margin(2.0, Sigmoid::Gaussian, 0.1);
/// Full reward from here on, m/s.
const WALK_SPEED: f32 = 1.0;
const WALKING: Tolerance = Tolerance::at_least(WALK_SPEED).margin(WALK_SPEED, Sigmoid::Linear, 0.0);

/// The tasks.
///
/// Observation: height of the torso (m); in the torso's frame the directions of the world's x and z
/// axes, its velocity (m/s) and angular velocity (rad/s); joint positions and velocities; places of
/// the right and left hand and foot in the torso's frame. Gold reward:
/// `standing * upright * (4 + gentle) / 5` times `still`, by the horizontal speed of the centre of
/// mass (stand), or `(1 + 5 walking) / 6` (walk). Start: upright, heading within 0.3 rad of x, joints
/// and velocities disturbed by up to 0.1. Success: standing upright; to walk, at full speed.
pub struct Gait {
    figure: Figure,
    walks: bool,
}

impl Gait {
    /// Builds `humanoid-stand`, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn stand() -> Result<RobotEnv<Self>, EnvError> {
        let factors = &["standing", "upright", "gentle", "still"];
        Self::env(false, "humanoid-stand", "Stand upright and still.", factors)
    }

    /// Builds `humanoid-walk`, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn walk() -> Result<RobotEnv<Self>, EnvError> {
        let factors = &["standing", "upright", "gentle", "walking"];
        Self::env(true, "humanoid-walk", "Walk upright and forward at 1 m/s or more.", factors)
    }

    fn env(
        walks: bool,
        id: &'static str,
        task: &'static str,
        factors: &'static [&'static str],
    ) -> Result<RobotEnv<Self>, EnvError> {
        let model = Arc::new(Model::from_mjcf_str("humanoid", assets::HUMANOID)?);
        let figure = Figure::of(&model)?;
        let observations = figure.observations();
        let about = TaskSpec { id, task, observations, dt: DT, horizon: 1000, factors };
        RobotEnv::new(model, Self { figure, walks }, &about)
    }
}

impl RobotTask for Gait {
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        placement::disturb(world, self.figure.torso, HEADING, rng);
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        self.figure.observe(world, obs);
    }

    fn judge(&self, world: &World, action: &[f32], factors: &mut [f32]) -> f32 {
        let standing = STANDING.of(self.figure.head_height(world));
        let upright = UPRIGHT.of(self.figure.upright(world));
        let gentle = effort::gentle(action);
        let [x, y, _] = world.com_velocity();
        let moving = if self.walks { WALKING.of(x) } else { STILL.of(x.hypot(y)) };
        factors.copy_from_slice(&[standing, upright, gentle, moving]);
        let posture = standing * upright * (4.0 + gentle) / 5.0;
        if self.walks { posture * (1.0 + 5.0 * moving) / 6.0 } else { posture * moving }
    }

    fn success(&self, world: &World) -> Option<bool> {
        let stands = STANDING.of(self.figure.head_height(world)) == 1.0
            && UPRIGHT.of(self.figure.upright(world)) == 1.0;
        Some(stands && (!self.walks || world.com_velocity()[0] >= WALK_SPEED))
    }

    fn caption(&self, world: &World) -> String {
        self.figure.caption(world)
    }

    fn camera(&self, world: &World) -> Camera {
        self.figure.camera(world)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Env;

    /// Reward and success one step after the humanoid is put upright, lying, or in motion.
    fn judged(mut env: RobotEnv<Gait>, speed: f32, orientation: [f32; 4]) -> (f32, bool, String) {
        let mut obs = vec![0.0; env.spec().observation.size()];
        let torso = env.world().model().body("torso").unwrap();
        let height = if orientation[1] == 0.0 { 1.22 } else { 0.2 };
        env.world_mut().set_body_pose(torso, [0.0, 0.0, height], orientation);
        env.world_mut().set_body_velocity(torso, [speed, 0.0, 0.0], [0.0; 3]);
        env.world_mut().forward();
        let reward = env.step(&[0.0; 21], &mut obs).reward;
        (reward, env.success().unwrap(), env.caption())
    }

    const UPRIGHT: [f32; 4] = [0.0, 0.0, 0.0, 1.0];

    #[test]
    fn standing_still_and_walking_are_told_apart() {
        let (stands, success, caption) = judged(Gait::stand().unwrap(), 0.0, UPRIGHT);
        assert!(stands > 0.99 && success && caption.contains("upright, not moving"), "{stands} {caption}");
        let (rushes, ..) = judged(Gait::stand().unwrap(), 1.5, UPRIGHT);
        assert!(rushes < 0.5, "{rushes}");
        let (stands, success, _) = judged(Gait::walk().unwrap(), 0.0, UPRIGHT);
        assert!((0.1..0.25).contains(&stands) && !success, "{stands}");
        let (walks, success, caption) = judged(Gait::walk().unwrap(), 1.4, UPRIGHT);
        assert!(walks > 0.99 && success && caption.contains("moving forward"), "{walks} {caption}");
    }

    #[test]
    fn lying_is_worth_nothing() {
        let down = [0.0, 0.5f32.sqrt(), 0.0, 0.5f32.sqrt()];
        for env in [Gait::stand(), Gait::walk()] {
            let (reward, success, caption) = judged(env.unwrap(), 0.0, down);
            assert!(reward < 0.01 && !success && caption.contains("lying face down"), "{reward} {caption}");
        }
    }
}
