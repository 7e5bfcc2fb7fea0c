//! The block that the arm pushes, lifts and carries.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, Model, World};

use super::{Arm, spatial, spatial::Vec3};
use crate::{
    EnvError,
    tasks::{Sigmoid, Tolerance},
};

/// A cube of 4 cm and 100 g on the table.
pub(super) const BLOCK: &str = "
    <body name='block' pos='0.45 0 0.02'>
      <freejoint name='block'/>
      <geom name='block' type='box' size='0.02 0.02 0.02' mass='0.1' friction='0.5' rgba='0.2 0.55 0.35 1'/>
    </body>
";
/// Components that [`Block::observe`] writes: position (3, m), orientation (quaternion x y z w with
/// w >= 0), linear velocity (3, m/s), angular velocity (3, rad/s).
pub(super) const OBSERVED: usize = 13;
/// Height of the block's centre when it lies on the table, metres.
pub(super) const REST: f32 = 0.02;
/// Starts: the block's centre in x and y, metres, and its yaw, radians.
const START: [[f32; 2]; 3] = [[0.38, 0.54], [-0.18, 0.18], [-0.25, 0.25]];
/// How well the gripper is at the block, from the distance of their centres in metres.
const AT_BLOCK: Tolerance = Tolerance::new(0.0, 0.02).margin(0.2, Sigmoid::Gaussian, 0.1);

pub(super) struct Block(BodyId);

impl Block {
    pub(super) fn new(model: &Model) -> Result<Self, EnvError> {
        Ok(Self(model.body("block")?))
    }

    /// Lays the block on a random place of the table.
    pub(super) fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        let [x, y, yaw] = START.map(|[low, high]| rng.random_range(low..high));
        world.set_body_pose(self.0, [x, y, REST], spatial::yaw(yaw));
    }

    pub(super) fn position(&self, world: &World) -> Vec3 {
        world.body_position(self.0)
    }

    /// Height above its place on the table, metres.
    pub(super) fn height(&self, world: &World) -> f32 {
        self.position(world)[2] - REST
    }

    /// Writes [`OBSERVED`] components.
    pub(super) fn observe(&self, world: &World, obs: &mut [f32]) {
        let orientation = world.body_orientation(self.0);
        let sign = if orientation[3] < 0.0 { -1.0 } else { 1.0 };
        obs[..3].copy_from_slice(&self.position(world));
        obs[3..7].copy_from_slice(&orientation.map(|component| sign * component));
        obs[7..10].copy_from_slice(&world.body_linear_velocity(self.0));
        obs[10..].copy_from_slice(&world.body_angular_velocity(self.0));
    }

    /// How close the gripper is, in [0, 1].
    pub(super) fn reached(&self, world: &World, arm: &Arm) -> f32 {
        AT_BLOCK.of(spatial::distance(arm.gripper(world), self.position(world)))
    }

    /// Whether the gripper holds the block: both fingers press on something and it is between them.
    pub(super) fn grasped(&self, world: &World, arm: &Arm) -> bool {
        arm.holds(world) && spatial::distance(arm.gripper(world), self.position(world)) < 0.03
    }

    /// Where the block is, as captions say it.
    pub(super) fn hold(&self, world: &World, arm: &Arm) -> &'static str {
        if self.grasped(world, arm) { "in the gripper" } else { "not in the gripper" }
    }
}
