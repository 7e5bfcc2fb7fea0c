//! A task for the arm: things on its table, and what is to be done with them.

use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{Camera, Model, World, assets};

use super::{ACTIONS, ARM, Arm, DT, HORIZON};
use crate::{
    EnvError, GoalSpec,
    tasks::{RobotEnv, RobotTask, TaskSpec},
};

/// The parts in which the arm's tasks differ; [`ArmTask`] has the rest.
pub trait TableTask: Send + Sized + 'static {
    /// The id that configurations name.
    const ID: &'static str;
    /// The task in one sentence.
    const TASK: &'static str;
    /// Components of the observation that follow the arm's own.
    const OBSERVATIONS: usize;
    /// Names of the factors.
    const FACTORS: &'static [&'static str];

    /// The bodies on the table, as MJCF.
    fn objects() -> String;

    /// Finds them in the model.
    ///
    /// # Errors
    /// When the model has no such body, which a test excludes.
    fn find(model: &Model) -> Result<Self, EnvError>;

    /// Puts them in a random place; the arm is in its own already.
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus);

    /// Writes [`OBSERVATIONS`](Self::OBSERVATIONS) components.
    fn observe(&self, world: &World, obs: &mut [f32]);

    /// Writes the factors and returns the gold reward, all in [0, 1].
    fn judge(&self, arm: &Arm, world: &World, factors: &mut [f32]) -> f32;

    /// Whether the state solves the task.
    fn success(&self, arm: &Arm, world: &World) -> bool;

    /// The state in words.
    fn caption(&self, arm: &Arm, world: &World) -> String;

    /// As [`RobotTask::goal`].
    fn goal() -> Option<GoalSpec> {
        None
    }

    /// As [`RobotTask::goal_reward`].
    fn goal_reward(_achieved: &[f32], _desired: &[f32]) -> Option<f32> {
        None
    }

    /// Builds the environment, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    fn env() -> Result<RobotEnv<ArmTask<Self>>, EnvError> {
        let scene = assets::in_scene(assets::ARM, &Self::objects());
        let model = Arc::new(Model::from_mjcf_str(Self::ID, &scene)?);
        let task = ArmTask { arm: Arm::new(&model)?, table: Self::find(&model)? };
        let about = TaskSpec {
            id: Self::ID,
            task: Self::TASK,
            observations: ARM + Self::OBSERVATIONS,
            dt: DT,
            horizon: HORIZON,
            factors: Self::FACTORS,
        };
        RobotEnv::new(model, task, &about)
    }
}

/// The arm at a table.
pub struct ArmTask<T> {
    arm: Arm,
    table: T,
}

impl<T: TableTask> RobotTask for ArmTask<T> {
    fn action_size(&self, _: &Model) -> usize {
        ACTIONS
    }

    fn control(&self, world: &World, action: &[f32], ctrl: &mut [f32]) {
        self.arm.control(world, action, ctrl);
    }

    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        self.arm.place(world, rng);
        self.table.place(world, rng);
        world.forward();
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        let (arm, table) = obs.split_at_mut(ARM);
        self.arm.observe(world, arm);
        self.table.observe(world, table);
    }

    fn judge(&self, world: &World, _: &[f32], factors: &mut [f32]) -> f32 {
        self.table.judge(&self.arm, world, factors)
    }

    fn success(&self, world: &World) -> Option<bool> {
        Some(self.table.success(&self.arm, world))
    }

    fn goal(&self) -> Option<GoalSpec> {
        T::goal()
    }

    fn goal_reward(&self, achieved: &[f32], desired: &[f32]) -> Option<f32> {
        T::goal_reward(achieved, desired)
    }

    fn caption(&self, world: &World) -> String {
        self.table.caption(&self.arm, world)
    }

    /// The table from the side of the arm's front.
    fn camera(&self, _: &World) -> Camera {
        Camera { eye: [1.15, -0.75, 0.65], target: [0.38, 0.0, 0.12], fovy: 45.0 }
    }
}
