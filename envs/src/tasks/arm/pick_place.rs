//! `arm-pick-place`: carry a block to a point in the air.

use std::sync::Arc;

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, Camera, Model, World, assets};

use super::{
    ACTIONS, ARM, Arm, DT, HORIZON,
    block::{self, Block},
    spatial,
};
use crate::{
    EnvError,
    tasks::{RobotEnv, RobotTask, Sigmoid, TaskSpec, Tolerance},
};

const GOAL: &str = "
    <body name='goal' pos='0.45 0 0.2' mocap='true'>
      <geom name='goal' type='sphere' size='0.025' contype='0' conaffinity='0' rgba='0.8 0.2 0.2 0.5'/>
    </body>
";
/// Distance between the centres of block and goal that counts as placed, metres.
const REACH: f32 = 0.03;
const AT_GOAL: Tolerance = Tolerance::new(0.0, REACH);
const NEAR: Tolerance = AT_GOAL.margin(0.3, Sigmoid::Gaussian, 0.1);

/// The task.
///
/// Observation: the arm (21), the block (13: position, orientation quaternion, velocities), goal (3,
/// m). Gold reward: 0.1 `reached` (the gripper at the block) + 0.2 `grasped` + 0.3 `near` (block to
/// goal, Gaussian with 0.1 at 0.3 m) + 0.4 `at_goal` (within 3 cm). Start: home posture, block of 4
/// cm and 100 g at a random place, goal 8 to 28 cm above the table. Success: the block at the goal.
pub struct ArmPickPlace {
    arm: Arm,
    block: Block,
    goal: BodyId,
}

impl ArmPickPlace {
    /// Builds the environment, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn env() -> Result<RobotEnv<Self>, EnvError> {
        let scene = assets::in_scene(assets::ARM, &[block::BLOCK, GOAL].concat());
        let model = Arc::new(Model::from_mjcf_str("arm-pick-place", &scene)?);
        let task = Self { arm: Arm::new(&model)?, block: Block::new(&model)?, goal: model.body("goal")? };
        RobotEnv::new(
            model,
            task,
            &TaskSpec {
                id: "arm-pick-place",
                task: "Grasp the green block, carry it to the red ball and hold it there.",
                observations: ARM + block::OBSERVED + 3,
                dt: DT,
                horizon: HORIZON,
                factors: &["reached", "grasped", "near", "at_goal"],
            },
        )
    }

    fn distance(&self, world: &World) -> f32 {
        spatial::distance(self.block.position(world), world.body_position(self.goal))
    }
}

impl RobotTask for ArmPickPlace {
    fn action_size(&self, _: &Model) -> usize {
        ACTIONS
    }

    fn control(&self, world: &World, action: &[f32], ctrl: &mut [f32]) {
        self.arm.control(world, action, ctrl);
    }

    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        self.arm.place(world, rng);
        self.block.place(world, rng);
        let goal =
            [rng.random_range(0.36..0.56), rng.random_range(-0.20..0.20), rng.random_range(0.10..0.30)];
        world.set_body_pose(self.goal, goal, [0.0, 0.0, 0.0, 1.0]);
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        self.arm.observe(world, obs);
        let (block, goal) = obs[ARM..].split_at_mut(block::OBSERVED);
        self.block.observe(world, block);
        goal.copy_from_slice(&world.body_position(self.goal));
    }

    fn judge(&self, world: &World, _: &[f32], factors: &mut [f32]) -> f32 {
        let reached = self.block.reached(world, &self.arm);
        let grasped = f32::from(self.block.grasped(world, &self.arm));
        let distance = self.distance(world);
        let (near, at_goal) = (NEAR.of(distance), AT_GOAL.of(distance));
        factors.copy_from_slice(&[reached, grasped, near, at_goal]);
        0.1 * reached + 0.2 * grasped + 0.3 * near + 0.4 * at_goal
    }

    fn success(&self, world: &World) -> Option<bool> {
        Some(self.distance(world) <= REACH)
    }

    fn caption(&self, world: &World) -> String {
        let hold = if self.block.grasped(world, &self.arm) { "in the gripper" } else { "not in the gripper" };
        format!("the block is {hold}, {:.0} cm from the goal", 100.0 * self.distance(world))
    }

    fn camera(&self, _: &World) -> Camera {
        Arm::camera()
    }
}
