//! Mazes as data: which cells are free, their walls as MJCF, and the shortest ways between cells.

use std::{collections::VecDeque, fmt::Write as _};

/// A U: two corridors of three cells, joined at one end. As large as D4RL's maze of this name.
pub(crate) const UMAZE: Layout = Layout(&[
    "#####", //
    "#   #", "### #", "#   #", "#####",
]);

/// A ring with dead ends: two ways between most cells, one shorter than the other. As large as
/// D4RL's maze of this name.
pub(crate) const MEDIUM: Layout = Layout(&[
    "########", //
    "#   #  #", "# # ## #", "# #    #", "#  ### #", "##   # #", "#  #   #", "########",
]);

/// Rows from north to south, each from west to east; `#` is wall. The border is all wall and every
/// free cell can be reached from every other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout(&'static [&'static str]);

impl Layout {
    fn is_wall(self, [row, column]: [usize; 2]) -> bool {
        self.0[row].as_bytes()[column] == b'#'
    }

    /// Rows and columns.
    fn size(self) -> [usize; 2] {
        [self.0.len(), self.0[0].len()]
    }
}

/// A layout with cells of a size, centred at the origin; north is +y, east is +x. Free cells are
/// numbered from 0, row by row.
#[derive(Clone, Debug)]
pub(crate) struct Maze {
    layout: Layout,
    /// Side of a cell, metres.
    cell: f32,
    /// Row and column of each free cell.
    free: Vec<[usize; 2]>,
    /// Steps from one free cell to another: `[free * free]`.
    steps: Vec<u16>,
}

impl Maze {
    pub(crate) fn new(layout: Layout, cell: f32) -> Self {
        let [rows, columns] = layout.size();
        let all = (0..rows).flat_map(|row| (0..columns).map(move |column| [row, column]));
        let free: Vec<_> = all.filter(|place| !layout.is_wall(*place)).collect();
        let mut maze = Self { layout, cell, free, steps: Vec::new() };
        for start in 0..maze.free.len() {
            let steps = maze.breadth_first(start);
            maze.steps.extend(steps);
        }
        maze
    }

    /// Steps from `start` to every free cell.
    fn breadth_first(&self, start: usize) -> Vec<u16> {
        let mut steps = vec![u16::MAX; self.free.len()];
        steps[start] = 0;
        let mut queue = VecDeque::from([start]);
        while let Some(cell) = queue.pop_front() {
            for next in self.neighbours(cell) {
                if steps[next] == u16::MAX {
                    steps[next] = steps[cell] + 1;
                    queue.push_back(next);
                }
            }
        }
        steps
    }

    fn neighbours(&self, cell: usize) -> impl Iterator<Item = usize> + '_ {
        // The border is wall, so a free cell has four neighbours.
        let [row, column] = self.free[cell];
        let around = [[row - 1, column], [row, column + 1], [row + 1, column], [row, column - 1]];
        around.into_iter().filter_map(|place| self.free.iter().position(|other| *other == place))
    }

    /// Number of free cells.
    pub(crate) fn free_cells(&self) -> usize {
        self.free.len()
    }

    /// Side of a cell, metres.
    pub(crate) fn cell_size(&self) -> f32 {
        self.cell
    }

    /// Length of the longer side of the maze, metres.
    pub(crate) fn extent(&self) -> f32 {
        let [rows, columns] = self.layout.size();
        rows.max(columns) as f32 * self.cell
    }

    /// Centre of a free cell, metres.
    pub(crate) fn centre(&self, cell: usize) -> [f32; 2] {
        let [row, column] = self.free[cell].map(|index| index as f32 + 0.5);
        let [rows, columns] = self.layout.size().map(|count| count as f32 / 2.0);
        [(column - columns) * self.cell, (rows - row) * self.cell]
    }

    /// The free cell whose centre is nearest to a point: the one that the point is in, if it is not
    /// inside a wall.
    pub(crate) fn cell_of(&self, point: [f32; 2]) -> usize {
        // The Chebyshev distance, whose balls are the cells.
        let distance = |cell: usize| {
            let centre = self.centre(cell);
            (point[0] - centre[0]).abs().max((point[1] - centre[1]).abs())
        };
        (0..self.free.len()).min_by(|a, b| distance(*a).total_cmp(&distance(*b))).unwrap_or(0)
    }

    /// Steps between two free cells on a shortest way.
    fn steps(&self, from: usize, to: usize) -> usize {
        usize::from(self.steps[from * self.free.len() + to])
    }

    /// The most steps between any two free cells.
    pub(crate) fn longest(&self) -> usize {
        usize::from(self.steps.iter().copied().max().unwrap_or(0))
    }

    /// Where to head for from `point`, in a straight line without a wall in between, to come to
    /// `goal`: the centre of the next cell on a shortest way, or the goal itself from its cell and
    /// those beside it. Also the number of steps that remain from there.
    pub(crate) fn waypoint(&self, point: [f32; 2], goal: [f32; 2]) -> ([f32; 2], usize) {
        let (here, there) = (self.cell_of(point), self.cell_of(goal));
        match self.steps(here, there) {
            0 | 1 => (goal, 0),
            _ => {
                let next = self.neighbours(here).min_by_key(|next| self.steps(*next, there));
                let next = next.unwrap_or(here);
                (self.centre(next), self.steps(next, there))
            }
        }
    }

    /// Length of the way from `point` to `goal` through the centres of cells, metres.
    pub(crate) fn way(&self, point: [f32; 2], goal: [f32; 2]) -> f32 {
        let (next, steps) = self.waypoint(point, goal);
        (next[0] - point[0]).hypot(next[1] - point[1]) + steps as f32 * self.cell
    }

    /// The walls as MJCF boxes of this height in metres, as few and as long as rows allow: a robot
    /// that slides along a wall should not meet the seams between its cells.
    pub(crate) fn walls(&self, height: f32) -> String {
        let [rows, columns] = self.layout.size();
        let mut covered = vec![[false; 64]; rows];
        let mut xml = String::new();
        for row in 0..rows {
            for column in 0..columns {
                let open = |covered: &[[bool; 64]], row: usize, column: usize| {
                    self.layout.is_wall([row, column]) && !covered[row][column]
                };
                let width = (column..columns).take_while(|c| open(&covered, row, *c)).count();
                let span = column..column + width;
                if width == 0 {
                    continue;
                }
                let solid = |row: &usize| span.clone().all(|c| open(&covered, *row, c));
                let depth = (row..rows).take_while(solid).count();
                covered[row..row + depth].iter_mut().for_each(|row| row[span.clone()].fill(true));
                self.wall(&mut xml, [row, column], [depth, width], height);
            }
        }
        xml
    }

    /// One box over `[rows, columns]` cells from `first` on.
    fn wall(&self, xml: &mut String, first: [usize; 2], cells: [usize; 2], height: f32) {
        let [rows, columns] = self.layout.size();
        let middle = |axis: usize| first[axis] as f32 + cells[axis] as f32 / 2.0;
        let (x, y) =
            ((middle(1) - columns as f32 / 2.0) * self.cell, (rows as f32 / 2.0 - middle(0)) * self.cell);
        let [depth, width] = cells.map(|count| count as f32 * self.cell / 2.0);
        // Writing to a string cannot fail.
        let _ = writeln!(
            xml,
            "    <geom name='wall_{}_{}' type='box' pos='{x} {y} {half}' size='{width} {depth} {half}' \
             condim='1' contype='0' conaffinity='1' rgba='0.7 0.6 0.45 1'/>",
            first[0],
            first[1],
            half = height / 2.0
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_closed_and_connected() {
        for layout in [UMAZE, MEDIUM] {
            let [rows, columns] = layout.size();
            assert!(
                layout.0.iter().all(|row| row.len() == columns && row.starts_with('#') && row.ends_with('#'))
            );
            assert!((0..columns).all(|c| layout.is_wall([0, c]) && layout.is_wall([rows - 1, c])));
            let maze = Maze::new(layout, 1.0);
            assert!(maze.longest() < maze.free_cells(), "some cell cannot be reached");
        }
    }

    #[test]
    fn the_way_through_the_u() {
        let maze = Maze::new(UMAZE, 2.0);
        assert_eq!((maze.free_cells(), maze.longest()), (7, 6));
        let (west_north, west_south) = ([-2.0, 2.0], [-2.0, -2.0]);
        assert_eq!(maze.way(west_north, west_south), 12.0);
        assert_eq!(maze.waypoint(west_north, west_south), ([0.0, 2.0], 5));
        assert_eq!(maze.waypoint([1.9, -1.5], west_south), ([0.0, -2.0], 1));
        assert_eq!(maze.waypoint([0.9, -1.5], west_south), (west_south, 0));
        assert_eq!(maze.cell_of([2.9, 0.9]), 3, "the cell that joins the corridors");
    }

    #[test]
    fn the_way_to_the_next_cell_is_one_step_longer_or_shorter_or_the_same() {
        let maze = Maze::new(MEDIUM, 1.0);
        for goal in (0..maze.free_cells()).map(|cell| maze.centre(cell)) {
            for (cell, next) in (0..maze.free_cells()).flat_map(|a| maze.neighbours(a).map(move |b| (a, b))) {
                let (here, there) = (maze.centre(cell), maze.centre(next));
                let change = maze.way(here, goal) - maze.way(there, goal);
                assert!(change.abs() < 1.0 + 1e-5, "{here:?} {there:?} {goal:?}");
            }
        }
    }

    #[test]
    fn walls_cover_exactly_the_wall_cells() {
        for layout in [UMAZE, MEDIUM] {
            let maze = Maze::new(layout, 1.5);
            let xml = format!("<mujoco><worldbody>{}</worldbody></mujoco>", maze.walls(0.4));
            let model = telos_sim::Model::from_mjcf_str("walls", &xml).unwrap();
            let world = telos_sim::World::new(std::sync::Arc::new(model));
            let model = world.model();
            let boxes: Vec<_> = model
                .geoms()
                .map(|geom| match *model.geom_shape(geom) {
                    telos_sim::Shape::Box(half) => (world.geom_position(geom), half),
                    ref other => panic!("{other:?}"),
                })
                .collect();
            let [rows, columns] = layout.size();
            for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                let x = (column as f32 + 0.5 - columns as f32 / 2.0) * 1.5;
                let y = (rows as f32 / 2.0 - row as f32 - 0.5) * 1.5;
                let inside = boxes.iter().filter(|(centre, half)| {
                    (x - centre[0]).abs() < half[0] && (y - centre[1]).abs() < half[1]
                });
                assert_eq!(inside.count(), usize::from(layout.is_wall([row, column])), "{row} {column}");
            }
            assert!(boxes.len() < (rows * columns - maze.free_cells()) / 2, "{} boxes", boxes.len());
        }
    }
}
