//! `arm-push`: push a block along the table to a goal.

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
    <body name='goal' pos='0.45 0 0.001' mocap='true'>
      <geom name='goal' type='cylinder' size='0.04 0.001' contype='0' conaffinity='0' rgba='0.8 0.2 0.2 1'/>
    </body>
";
/// Distance between the centres of block and goal, on the table, that counts as there, metres.
const REACH: f32 = 0.04;
const AT_GOAL: Tolerance = Tolerance::new(0.0, REACH);
const NEAR: Tolerance = AT_GOAL.margin(0.2, Sigmoid::Gaussian, 0.1);
/// The least distance of the goal from the block at the start, metres.
const APART: f32 = 0.1;

/// The task.
///
/// Observation: the arm (21), the block (13: position, orientation quaternion, velocities), goal (3,
/// m: place of the block's centre). Gold reward: 0.2 `reached` (the gripper at the block) + 0.4 `near` (block to goal, Gaussian
/// with 0.1 at 0.2 m) + 0.4 `at_goal` (within 4 cm). Start: home posture, block of 4 cm and 100 g
/// and goal at random places of the table, at least 10 cm apart. Success: the block at the goal.
pub struct ArmPush {
    block: Block,
    goal: BodyId,
}

impl ArmPush {
    fn distance(&self, world: &World) -> f32 {
        let [x, y, _] = spatial::sub(self.block.position(world), world.body_position(self.goal));
        x.hypot(y)
    }
}

impl TableTask for ArmPush {
    const ID: &'static str = "arm-push";
    const TASK: &'static str = "Push the green block along the table to the red disc.";
    const OBSERVATIONS: usize = block::OBSERVED + 3;
    const FACTORS: &'static [&'static str] = &["reached", "near", "at_goal"];

    fn objects() -> String {
        [block::BLOCK, GOAL].concat()
    }

    fn find(model: &Model) -> Result<Self, EnvError> {
        Ok(Self { block: Block::new(model)?, goal: model.body("goal")? })
    }

    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        self.block.place(world, rng);
        let height = world.body_position(self.goal)[2];
        // The table is much larger than the circle around the block: this ends soon.
        loop {
            let goal = [rng.random_range(0.38..0.54), rng.random_range(-0.20..0.20), height];
            world.set_body_pose(self.goal, goal, [0.0, 0.0, 0.0, 1.0]);
            if self.distance(world) >= APART {
                return;
            }
        }
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        let (block, goal) = obs.split_at_mut(block::OBSERVED);
        self.block.observe(world, block);
        let [x, y, _] = world.body_position(self.goal);
        goal.copy_from_slice(&[x, y, block::REST]);
    }

    fn judge(&self, arm: &Arm, world: &World, factors: &mut [f32]) -> f32 {
        let reached = self.block.reached(world, arm);
        let distance = self.distance(world);
        let (near, at_goal) = (NEAR.of(distance), AT_GOAL.of(distance));
        factors.copy_from_slice(&[reached, near, at_goal]);
        0.2 * reached + 0.4 * near + 0.4 * at_goal
    }

    fn success(&self, _: &Arm, world: &World) -> bool {
        self.distance(world) <= REACH
    }

    fn caption(&self, _: &Arm, world: &World) -> String {
        let place = if self.distance(world) <= REACH { "at the goal" } else { "away from the goal" };
        format!("the block is {place}, {:.0} cm from its centre", 100.0 * self.distance(world))
    }
}
