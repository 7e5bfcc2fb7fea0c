//! `ant-maze-umaze` and `ant-maze-medium`: walk an ant through a maze.

use std::{f32::consts::PI, sync::Arc};

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, Camera, JointId, Model, World, assets};

use super::{
    Course, FACTORS,
    layout::{Layout, MEDIUM, Maze, UMAZE},
};
use crate::{
    EnvError, GoalSpec,
    tasks::{RobotEnv, RobotTask, TaskSpec, free_root, phrases, placement},
};

/// Side of a cell, metres, as in D4RL's `antmaze`.
const CELL: f32 = 4.0;
/// Position of torso and goal.
const PLACES: usize = 4;

/// The task.
///
/// Action: the eight motors of the ant. Observation: position of the torso and of the goal (x, y
/// each, m), then what `ant-run` observes (height, directions, velocities, joints). Gold reward: 1
/// within 0.5 m of the goal, else 0. Factors: `at_goal`, and `progress`, which falls linearly with
/// the length of corridor to the goal and is not rewarded. Start and goal: random places in
/// different cells of 4 m, the ant on its legs, at any heading. Success: within 0.5 m of the goal.
pub struct AntMaze {
    course: Course,
    joints: Vec<JointId>,
    torso: BodyId,
}

impl AntMaze {
    /// Builds the U-shaped maze (7 free cells, 700 steps of 0.05 s), without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn umaze() -> Result<RobotEnv<Self>, EnvError> {
        Self::env("ant-maze-umaze", UMAZE, 700)
    }

    /// Builds the maze of medium size (25 free cells, 1000 steps of 0.05 s), without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn medium() -> Result<RobotEnv<Self>, EnvError> {
        Self::env("ant-maze-medium", MEDIUM, 1000)
    }

    fn env(id: &'static str, layout: Layout, horizon: usize) -> Result<RobotEnv<Self>, EnvError> {
        let maze = Maze::new(layout, CELL);
        let model = Arc::new(Model::from_mjcf_str(id, &Course::furnish(assets::ANT, &maze, 1.5))?);
        let task = Self {
            course: Course::new(maze, &model)?,
            joints: model.joints().collect(),
            torso: model.body("torso")?,
        };
        let observations = PLACES + free_root::observations(task.joints.len());
        RobotEnv::new(
            model,
            task,
            &TaskSpec {
                id,
                task: "Walk through the maze to the red goal and stay there.",
                observations,
                dt: 0.05,
                horizon,
                factors: FACTORS,
            },
        )
    }

    fn position(&self, world: &World) -> [f32; 2] {
        let [x, y, _] = world.body_position(self.torso);
        [x, y]
    }
}

impl RobotTask for AntMaze {
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        let [x, y] = self.course.place_goal(world, rng);
        placement::disturb(world, self.torso, PI, rng);
        let [_, _, z] = world.body_position(self.torso);
        world.set_body_pose(self.torso, [x, y, z], world.body_orientation(self.torso));
        world.forward();
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        let (places, own) = obs.split_at_mut(PLACES);
        places[..2].copy_from_slice(&self.position(world));
        places[2..].copy_from_slice(&self.course.goal(world));
        free_root::observe(world, self.torso, &self.joints, own);
    }

    fn judge(&self, world: &World, _: &[f32], factors: &mut [f32]) -> f32 {
        self.course.judge(world, self.position(world), factors)
    }

    fn success(&self, world: &World) -> Option<bool> {
        Some(self.course.distance(world, self.position(world)) <= super::REACH)
    }

    fn goal(&self) -> Option<GoalSpec> {
        Some(GoalSpec { achieved: 0..2, desired: 2..4 })
    }

    fn goal_reward(&self, achieved: &[f32], desired: &[f32]) -> Option<f32> {
        Some(Course::goal_reward(achieved, desired))
    }

    fn caption(&self, world: &World) -> String {
        let balance = phrases::balance(free_root::up(world, self.torso));
        format!("the ant is {}, its torso {balance}", self.course.caption(world, self.position(world)))
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
    fn the_ant_starts_on_its_legs_in_a_free_cell_and_the_walls_hold_it() {
        let mut env = AntMaze::umaze().unwrap();
        let mut obs = vec![0.0; env.spec().observation.size()];
        let maze = Maze::new(UMAZE, CELL);
        let torso = env.world().model().body("torso").unwrap();
        for seed in 0..20 {
            env.reset(seed, &mut obs);
            assert_eq!(env.success(), Some(false));
            for point in [[obs[0], obs[1]], [obs[2], obs[3]]] {
                let centre = maze.centre(maze.cell_of(point));
                assert!((point[0] - centre[0]).hypot(point[1] - centre[1]) < 0.3 * CELL);
            }
            assert!((0.3..0.9).contains(&obs[4]), "height {}", obs[4]);
        }
        // Thrown against the outer wall, 6 m to the east.
        env.world_mut().set_body_pose(torso, [4.0, 4.0, 0.6], [0.0, 0.0, 0.0, 1.0]);
        env.world_mut().set_body_velocity(torso, [8.0, 0.0, 0.0], [0.0; 3]);
        env.world_mut().forward();
        for _ in 0..20 {
            env.step(&[0.0; 8], &mut obs);
        }
        assert!(obs[0] > 4.2 && obs[0] < 6.0, "{}", obs[0]);
    }

    #[test]
    fn the_reward_is_one_at_the_goal_and_nothing_elsewhere() {
        let mut env = AntMaze::medium().unwrap();
        let mut obs = vec![0.0; env.spec().observation.size()];
        env.reset(0, &mut obs);
        let goal = env.world().model().body("goal").unwrap();
        for (offset, reward) in [(0.3, 1.0), (1.0, 0.0)] {
            env.world_mut().set_body_pose(goal, [obs[0] + offset, obs[1], 0.02], [0.0, 0.0, 0.0, 1.0]);
            assert_eq!(env.step(&[0.0; 8], &mut obs).reward, reward);
            assert_eq!(env.goal_reward(&obs[..2], &obs[2..4]), Some(reward));
            assert!(env.caption().starts_with("the ant is"), "{}", env.caption());
        }
    }
}
