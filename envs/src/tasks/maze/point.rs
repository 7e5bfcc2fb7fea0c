//! `point-maze-umaze` and `point-maze-medium`: push a ball through a maze.

use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{Camera, JointId, Model, World, assets};

use super::{
    Course, FACTORS,
    layout::{Layout, MEDIUM, Maze, UMAZE},
};
use crate::{
    EnvError, GoalSpec,
    tasks::{RobotEnv, RobotTask, TaskSpec},
};

/// Side of a cell, metres.
pub(crate) const CELL: f32 = 1.0;

/// The task.
///
/// Action: force along x and y, up to 10 N each on a ball of 1 kg, whose drag of 2 N s/m limits it
/// to 5 m/s. Observation: position, velocity, position of the goal (x, y each; m, m/s). Gold reward:
/// 1 within 0.5 m of the goal, else 0. Factors: `at_goal`, and `progress`, which falls linearly with
/// the length of corridor to the goal and is not rewarded. Start and goal: random places in
/// different cells of 1 m, the ball at rest. Success: within 0.5 m of the goal.
pub struct PointMaze {
    course: Course,
    joints: [JointId; 2],
}

impl PointMaze {
    /// Builds the U-shaped maze (7 free cells, 300 steps of 0.02 s), without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn umaze() -> Result<RobotEnv<Self>, EnvError> {
        Self::env("point-maze-umaze", UMAZE, 300)
    }

    /// Builds the maze of medium size (25 free cells, 600 steps of 0.02 s), without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn medium() -> Result<RobotEnv<Self>, EnvError> {
        Self::env("point-maze-medium", MEDIUM, 600)
    }

    fn env(id: &'static str, layout: Layout, horizon: usize) -> Result<RobotEnv<Self>, EnvError> {
        let maze = Maze::new(layout, CELL);
        let model = Arc::new(Model::from_mjcf_str(id, &Course::furnish(assets::POINT, &maze, 0.3))?);
        let task =
            Self { course: Course::new(maze, &model)?, joints: [model.joint("x")?, model.joint("y")?] };
        RobotEnv::new(
            model,
            task,
            &TaskSpec {
                id,
                task: "Bring the ball through the maze to the red goal and keep it there.",
                observations: 6,
                dt: 0.02,
                horizon,
                factors: FACTORS,
            },
        )
    }

    fn position(&self, world: &World) -> [f32; 2] {
        self.joints.map(|joint| world.joint_position(joint))
    }
}

impl RobotTask for PointMaze {
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        let start = self.course.place_goal(world, rng);
        for (joint, position) in self.joints.into_iter().zip(start) {
            world.set_joint_position(joint, position);
        }
        world.forward();
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        obs[..2].copy_from_slice(&self.position(world));
        obs[2..4].copy_from_slice(&self.joints.map(|joint| world.joint_velocity(joint)));
        obs[4..].copy_from_slice(&self.course.goal(world));
    }

    fn judge(&self, world: &World, _: &[f32], factors: &mut [f32]) -> f32 {
        self.course.judge(world, self.position(world), factors)
    }

    fn success(&self, world: &World) -> Option<bool> {
        Some(self.course.distance(world, self.position(world)) <= super::REACH)
    }

    fn goal(&self) -> Option<GoalSpec> {
        Some(GoalSpec { achieved: 0..2, desired: 4..6 })
    }

    fn goal_reward(&self, achieved: &[f32], desired: &[f32]) -> Option<f32> {
        Some(Course::goal_reward(achieved, desired))
    }

    fn caption(&self, world: &World) -> String {
        let [x, y] = self.joints.map(|joint| world.joint_velocity(joint));
        let motion = if x.hypot(y) < 0.1 { "still" } else { "moving" };
        format!("the ball is {} and {motion}", self.course.caption(world, self.position(world)))
    }

    fn camera(&self, _: &World) -> Camera {
        self.course.camera()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Env;

    #[test]
    fn starts_and_goals_differ_and_lie_in_free_cells() {
        let mut env = PointMaze::medium().unwrap();
        let maze = Maze::new(MEDIUM, CELL);
        let mut obs = [0.0; 6];
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            env.reset(seed, &mut obs);
            assert_eq!((env.success(), obs[2], obs[3]), (Some(false), 0.0, 0.0));
            for point in [[obs[0], obs[1]], [obs[4], obs[5]]] {
                let cell = maze.cell_of(point);
                let centre = maze.centre(cell);
                assert!((point[0] - centre[0]).hypot(point[1] - centre[1]) < 0.3);
                seen.insert(cell);
            }
        }
        assert_eq!(seen.len(), maze.free_cells());
    }

    #[test]
    fn walls_stop_the_ball_and_let_it_glide() {
        let mut env = PointMaze::umaze().unwrap();
        let mut obs = [0.0; 6];
        env.reset(0, &mut obs);
        let [x, y] = ["x", "y"].map(|name| env.world().model().joint(name).unwrap());
        env.world_mut().set_joint_position(x, -1.0);
        env.world_mut().set_joint_position(y, 1.0);
        env.world_mut().forward();
        for _ in 0..100 {
            env.step(&[1.0, -1.0], &mut obs);
        }
        // South of the upper corridor is the wall, at y = 0.5, up to the cell that joins the corridors.
        assert!(obs[0] > 1.3, "glides east along the wall: {obs:?}");
        assert!((-1.41..1.41).contains(&obs[1]) && obs[0] < 1.41, "stays inside: {obs:?}");
    }

    #[test]
    fn the_reward_is_one_at_the_goal_and_nothing_elsewhere() {
        let mut env = PointMaze::umaze().unwrap();
        let (mut obs, mut factors) = ([0.0; 6], [0.0; 2]);
        env.reset(0, &mut obs);
        let goal = env.world().model().body("goal").unwrap();
        for (offset, reward) in [(0.45, 1.0), (0.55, 0.0)] {
            env.world_mut().set_body_pose(goal, [obs[0] + offset, obs[1], 0.02], [0.0, 0.0, 0.0, 1.0]);
            assert_eq!(env.step(&[0.0; 2], &mut obs).reward, reward);
            env.factors(&mut factors);
            assert!(factors[0] == reward && factors[1] > 0.9, "{factors:?}");
            assert_eq!(env.success(), Some(reward == 1.0));
            assert_eq!(env.caption().contains("at the goal"), reward == 1.0, "{}", env.caption());
        }
    }
}
