//! `arm-pick-place`: carry a block to a point in the air.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, Model, World};

use super::{
    Arm, TableTask,
    block::{self, Block},
    spatial,
};
use crate::{
    EnvError,
    tasks::{Sigmoid, Tolerance},
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
    block: Block,
    goal: BodyId,
}

impl ArmPickPlace {
    fn distance(&self, world: &World) -> f32 {
        spatial::distance(self.block.position(world), world.body_position(self.goal))
    }
}

impl TableTask for ArmPickPlace {
    const ID: &'static str = "arm-pick-place";
    const TASK: &'static str = "Grasp the green block, carry it to the red ball and hold it there.";
    const OBSERVATIONS: usize = block::OBSERVED + 3;
    const FACTORS: &'static [&'static str] = &["reached", "grasped", "near", "at_goal"];

    fn objects() -> String {
        [block::BLOCK, GOAL].concat()
    }

    fn find(model: &Model) -> Result<Self, EnvError> {
        Ok(Self { block: Block::new(model)?, goal: model.body("goal")? })
    }

    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        self.block.place(world, rng);
        let goal =
            [rng.random_range(0.36..0.56), rng.random_range(-0.20..0.20), rng.random_range(0.10..0.30)];
        world.set_body_pose(self.goal, goal, [0.0, 0.0, 0.0, 1.0]);
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        let (block, goal) = obs.split_at_mut(block::OBSERVED);
        self.block.observe(world, block);
        goal.copy_from_slice(&world.body_position(self.goal));
    }

    fn judge(&self, arm: &Arm, world: &World, factors: &mut [f32]) -> f32 {
        let reached = self.block.reached(world, arm);
        let grasped = f32::from(self.block.grasped(world, arm));
        let distance = self.distance(world);
        let (near, at_goal) = (NEAR.of(distance), AT_GOAL.of(distance));
        factors.copy_from_slice(&[reached, grasped, near, at_goal]);
        0.1 * reached + 0.2 * grasped + 0.3 * near + 0.4 * at_goal
    }

    fn success(&self, _: &Arm, world: &World) -> bool {
        self.distance(world) <= REACH
    }

    fn caption(&self, arm: &Arm, world: &World) -> String {
        let hold = self.block.hold(world, arm);
        format!("the block is {hold}, {:.0} cm from the goal", 100.0 * self.distance(world))
    }
}
