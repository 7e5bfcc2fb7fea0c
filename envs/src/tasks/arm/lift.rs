//! `arm-lift`: grasp a block and lift it.

use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{Camera, Model, World, assets};

use super::{
    ACTIONS, ARM, Arm, DT, HORIZON,
    block::{self, Block},
};
use crate::{
    EnvError,
    tasks::{RobotEnv, RobotTask, Sigmoid, TaskSpec, Tolerance},
};

/// Height that counts as lifted, metres.
const HEIGHT: f32 = 0.1;
const LIFTED: Tolerance = Tolerance::at_least(HEIGHT).margin(HEIGHT, Sigmoid::Linear, 0.0);

/// The task.
///
/// Observation: the arm (21), the block (13: position, orientation quaternion, velocities). Gold
/// reward: 0.2 `reached` (the gripper at the block) + 0.3 `grasped` (both fingers press, the block
/// between them) + 0.5 `lifted` (linear in height up to 10 cm). Start: home posture, block of 4 cm
/// and 100 g at a random place. Success: 10 cm above the table.
pub struct ArmLift {
    arm: Arm,
    block: Block,
}

impl ArmLift {
    /// Builds the environment, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn env() -> Result<RobotEnv<Self>, EnvError> {
        let scene = assets::in_scene(assets::ARM, block::BLOCK);
        let model = Arc::new(Model::from_mjcf_str("arm-lift", &scene)?);
        let task = Self { arm: Arm::new(&model)?, block: Block::new(&model)? };
        RobotEnv::new(
            model,
            task,
            &TaskSpec {
                id: "arm-lift",
                task: "Grasp the green block and lift it 10 cm above the table.",
                observations: ARM + block::OBSERVED,
                dt: DT,
                horizon: HORIZON,
                factors: &["reached", "grasped", "lifted"],
            },
        )
    }
}

impl RobotTask for ArmLift {
    fn action_size(&self, _: &Model) -> usize {
        ACTIONS
    }

    fn control(&self, world: &World, action: &[f32], ctrl: &mut [f32]) {
        self.arm.control(world, action, ctrl);
    }

    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        self.arm.place(world, rng);
        self.block.place(world, rng);
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        self.arm.observe(world, obs);
        self.block.observe(world, &mut obs[ARM..]);
    }

    fn judge(&self, world: &World, _: &[f32], factors: &mut [f32]) -> f32 {
        let reached = self.block.reached(world, &self.arm);
        let grasped = f32::from(self.block.grasped(world, &self.arm));
        let lifted = LIFTED.of(self.block.height(world));
        factors.copy_from_slice(&[reached, grasped, lifted]);
        0.2 * reached + 0.3 * grasped + 0.5 * lifted
    }

    fn success(&self, world: &World) -> Option<bool> {
        Some(self.block.height(world) >= HEIGHT)
    }

    fn caption(&self, world: &World) -> String {
        let hold = if self.block.grasped(world, &self.arm) { "in the gripper" } else { "not in the gripper" };
        format!("the block is {hold}, {:.0} cm above the table", 100.0 * self.block.height(world).max(0.0))
    }

    fn camera(&self, _: &World) -> Camera {
        Arm::camera()
    }
}
