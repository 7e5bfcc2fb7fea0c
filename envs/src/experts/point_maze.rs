//! Expert of the point mazes: drive from cell to cell along a shortest way.

use super::Expert;
use crate::tasks::maze::{
    layout::{Layout, Maze},
    point::CELL,
};

/// Speed asked for per metre to the waypoint (1/s), and its bound (m/s).
const APPROACH: f32 = 3.0;
const CRUISE: f32 = 2.0;
/// Share of the full force per m/s of missing speed.
const GAIN: f32 = 0.5;

/// Waypoint following.
pub(super) struct PointMaze(Maze);

impl PointMaze {
    pub(super) fn new(layout: Layout) -> Self {
        Self(Maze::new(layout, CELL))
    }
}

impl Expert for PointMaze {
    fn act(&self, obs: &[f32], action: &mut [f32]) {
        let &[x, y, vx, vy, goal_x, goal_y] = obs else { return };
        let ([to_x, to_y], _) = self.0.waypoint([x, y], [goal_x, goal_y]);
        let (dx, dy) = (to_x - x, to_y - y);
        let speed = APPROACH.min(CRUISE / dx.hypot(dy).max(1e-6));
        action[0] = (GAIN * (speed * dx - vx)).clamp(-1.0, 1.0);
        action[1] = (GAIN * (speed * dy - vy)).clamp(-1.0, 1.0);
    }
}
