//! `arm-reach`: bring the gripper to a point in the air.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, Model, World};

use super::{ARM, Arm, GRIPPER, TableTask, spatial};
use crate::{
    EnvError, GoalSpec,
    tasks::{Sigmoid, Tolerance},
};

const GOAL: &str = "
    <body name='goal' pos='0.45 0 0.2' mocap='true'>
      <geom name='goal' type='sphere' size='0.02' contype='0' conaffinity='0' rgba='0.8 0.2 0.2 1'/>
    </body>
";
/// Distance at which the goal counts as reached, metres.
const REACH: f32 = 0.02;
const AT_GOAL: Tolerance = Tolerance::new(0.0, REACH);
const NEAR: Tolerance = AT_GOAL.margin(0.3, Sigmoid::Gaussian, 0.1);

/// The task.
///
/// Observation: the arm (21, see the actions and components that all arm tasks share), goal (3, m).
/// Gold reward: mean of `near`, Gaussian with 0.1 at 0.3 m outside the goal, and `at_goal`, 1 within
/// 2 cm. Start: home posture within 0.03 rad, goal uniform in a box of 24 x 44 x 25 cm above the
/// table. Success: at the goal.
pub struct ArmReach {
    goal: BodyId,
}

impl ArmReach {
    fn distance(&self, arm: &Arm, world: &World) -> f32 {
        spatial::distance(arm.gripper(world), world.body_position(self.goal))
    }
}

impl TableTask for ArmReach {
    const ID: &'static str = "arm-reach";
    const TASK: &'static str = "Bring the gripper to the red ball and hold it there.";
    const OBSERVATIONS: usize = 3;
    const FACTORS: &'static [&'static str] = &["near", "at_goal"];

    fn objects() -> String {
        GOAL.into()
    }

    fn find(model: &Model) -> Result<Self, EnvError> {
        Ok(Self { goal: model.body("goal")? })
    }

    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        let goal =
            [rng.random_range(0.34..0.58), rng.random_range(-0.22..0.22), rng.random_range(0.05..0.30)];
        world.set_body_pose(self.goal, goal, [0.0, 0.0, 0.0, 1.0]);
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        obs.copy_from_slice(&world.body_position(self.goal));
    }

    fn judge(&self, arm: &Arm, world: &World, factors: &mut [f32]) -> f32 {
        let distance = self.distance(arm, world);
        let (near, at_goal) = (NEAR.of(distance), AT_GOAL.of(distance));
        factors.copy_from_slice(&[near, at_goal]);
        (near + at_goal) / 2.0
    }

    fn success(&self, arm: &Arm, world: &World) -> bool {
        self.distance(arm, world) <= REACH
    }

    fn goal() -> Option<GoalSpec> {
        Some(GoalSpec { achieved: GRIPPER..GRIPPER + 3, desired: ARM..ARM + 3 })
    }

    fn goal_reward(achieved: &[f32], desired: &[f32]) -> Option<f32> {
        let offset: [f32; 3] = std::array::from_fn(|axis| achieved[axis] - desired[axis]);
        let distance = spatial::norm(offset);
        Some((NEAR.of(distance) + AT_GOAL.of(distance)) / 2.0)
    }

    fn caption(&self, arm: &Arm, world: &World) -> String {
        format!("the gripper is {:.0} cm from the goal", 100.0 * self.distance(arm, world))
    }
}
