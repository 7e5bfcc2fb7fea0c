//! Mazes: bring a robot to a goal cell. The reward is sparse: 1 at the goal, 0 elsewhere.
//!
//! After D4RL's `maze2d` and `antmaze` (Fu et al. 2020): the same sizes of maze, cell and goal, with
//! layouts and robots of our own, and with start and goal drawn anew for every episode.

mod ant;
pub(crate) mod layout;
pub(crate) mod point;

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, Camera, Model, World, assets};

use self::layout::Maze;
pub use self::{ant::AntMaze, point::PointMaze};
use crate::EnvError;

/// Distance between robot and goal at which the goal counts as reached, metres.
const REACH: f32 = 0.5;
/// Starts and goals are drawn within this many cell sizes of a cell's centre, per axis.
const SPREAD: f32 = 0.2;
/// The factors of every maze.
const FACTORS: &[&str] = &["at_goal", "progress"];

/// A maze with its goal, the part that does not depend on the robot.
struct Course {
    maze: Maze,
    goal: BodyId,
}

impl Course {
    /// The MJCF of a robot in the maze, with walls of `height` metres.
    fn furnish(robot: &str, maze: &Maze, height: f32) -> String {
        let goal = format!(
            "    <body name='goal' pos='0 0 {half}' mocap='true'>\n      \
             <geom name='goal' type='cylinder' size='{REACH} {half}' contype='0' conaffinity='0' \
             rgba='0.8 0.2 0.2 0.4'/>\n    </body>\n",
            half = 0.02
        );
        assets::in_scene(robot, &(maze.walls(height) + &goal))
    }

    fn new(maze: Maze, model: &Model) -> Result<Self, EnvError> {
        Ok(Self { maze, goal: model.body("goal")? })
    }

    /// Puts the goal into a random free cell and returns a place in another one, metres.
    fn place_goal(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) -> [f32; 2] {
        let cells = self.maze.free_cells();
        let start = rng.random_range(0..cells);
        let goal = (start + rng.random_range(1..cells)) % cells;
        let [start, goal] = [start, goal].map(|cell| {
            let spread = SPREAD * self.maze.cell_size();
            self.maze.centre(cell).map(|x| x + rng.random_range(-spread..spread))
        });
        let height = world.body_position(self.goal)[2];
        world.set_body_pose(self.goal, [goal[0], goal[1], height], [0.0, 0.0, 0.0, 1.0]);
        start
    }

    fn goal(&self, world: &World) -> [f32; 2] {
        let [x, y, _] = world.body_position(self.goal);
        [x, y]
    }

    fn distance(&self, world: &World, robot: [f32; 2]) -> f32 {
        let goal = self.goal(world);
        (goal[0] - robot[0]).hypot(goal[1] - robot[1])
    }

    fn judge(&self, world: &World, robot: [f32; 2], factors: &mut [f32]) -> f32 {
        let at_goal = f32::from(self.distance(world, robot) <= REACH);
        let longest = self.maze.longest() as f32 * self.maze.cell_size();
        let progress = 1.0 - self.maze.way(robot, self.goal(world)) / longest;
        factors.copy_from_slice(&[at_goal, progress.clamp(0.0, 1.0)]);
        at_goal
    }

    /// The reward of a robot at `place` for a goal, both x and y in metres.
    fn goal_reward(place: &[f32], goal: &[f32]) -> f32 {
        f32::from((goal[0] - place[0]).hypot(goal[1] - place[1]) <= REACH)
    }

    fn caption(&self, world: &World, robot: [f32; 2]) -> String {
        if self.distance(world, robot) <= REACH {
            return "at the goal".into();
        }
        format!("{:.1} m of corridor away from the goal", self.maze.way(robot, self.goal(world)))
    }

    /// The whole maze from above, seen a little from the south.
    fn camera(&self) -> Camera {
        let extent = self.maze.extent();
        Camera { eye: [0.0, -0.35 * extent, 1.25 * extent], target: [0.0; 3], fovy: 45.0 }
    }
}
