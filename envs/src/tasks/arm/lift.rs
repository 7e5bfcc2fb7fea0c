//! `arm-lift`: grasp a block and lift it.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{Model, World};

use super::{
    Arm, TableTask,
    block::{self, Block},
};
use crate::{
    EnvError,
    tasks::{Sigmoid, Tolerance},
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
pub struct ArmLift(Block);

impl TableTask for ArmLift {
    const ID: &'static str = "arm-lift";
    const TASK: &'static str = "Grasp the green block and lift it 10 cm above the table.";
    const OBSERVATIONS: usize = block::OBSERVED;
    const FACTORS: &'static [&'static str] = &["reached", "grasped", "lifted"];

    fn objects() -> String {
        block::BLOCK.into()
    }

    fn find(model: &Model) -> Result<Self, EnvError> {
        Ok(Self(Block::new(model)?))
    }

    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        self.0.place(world, rng);
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        self.0.observe(world, obs);
    }

    fn judge(&self, arm: &Arm, world: &World, factors: &mut [f32]) -> f32 {
        let reached = self.0.reached(world, arm);
        let grasped = f32::from(self.0.grasped(world, arm));
        let lifted = LIFTED.of(self.0.height(world));
        factors.copy_from_slice(&[reached, grasped, lifted]);
        0.2 * reached + 0.3 * grasped + 0.5 * lifted
    }

    fn success(&self, _: &Arm, world: &World) -> bool {
        self.0.height(world) >= HEIGHT
    }

    fn caption(&self, arm: &Arm, world: &World) -> String {
        let (hold, height) = (self.0.hold(world, arm), self.0.height(world));
        format!("the block is {hold}, {:.0} cm above the table", 100.0 * height.max(0.0))
    }
}
