//! The T: two rectangles, with area and overlap of two poses.

/// A rectangle: centre and half extents in the frame of the T, whose origin is its centre of mass
/// (`sim/assets/push_t.xml`), metres.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rectangle {
    pub(crate) centre: [f32; 2],
    pub(crate) half: [f32; 2],
}

/// The bar of the T, along x.
pub(crate) const BAR: Rectangle = Rectangle { centre: [0.0, 0.025_714_3], half: [0.06, 0.015] };
/// The stem of the T, down from the middle of the bar.
pub(crate) const STEM: Rectangle = Rectangle { centre: [0.0, -0.034_285_7], half: [0.015, 0.045] };

/// Area of the T, square metres.
const AREA: f32 = 4.0 * (BAR.half[0] * BAR.half[1] + STEM.half[0] * STEM.half[1]);

/// A pose in the plane: position in metres and angle in radians.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pose {
    pub(crate) position: [f32; 2],
    pub(crate) angle: f32,
}

impl Pose {
    /// A point of the frame of this pose, in the plane.
    pub(crate) fn apply(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let (sin, cos) = self.angle.sin_cos();
        [self.position[0] + cos * x - sin * y, self.position[1] + sin * x + cos * y]
    }

    /// A point of the plane, in the frame of this pose.
    pub(crate) fn inverse(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let (sin, cos) = self.angle.sin_cos();
        let (x, y) = (x - self.position[0], y - self.position[1]);
        [cos * x + sin * y, cos * y - sin * x]
    }
}

/// A convex polygon of at most eight corners: two rectangles meet in no more.
#[derive(Clone, Copy)]
struct Polygon {
    corners: [[f32; 2]; 8],
    count: usize,
}

impl Polygon {
    const EMPTY: Self = Self { corners: [[0.0; 2]; 8], count: 0 };

    fn push(&mut self, corner: [f32; 2]) {
        // Rounding can split a corner in two where edges nearly coincide; one more changes no area.
        if self.count < self.corners.len() {
            self.corners[self.count] = corner;
            self.count += 1;
        }
    }

    fn edges(&self) -> impl Iterator<Item = ([f32; 2], [f32; 2])> + '_ {
        let corners = &self.corners[..self.count];
        corners.iter().copied().zip(corners.iter().copied().cycle().skip(1))
    }

    /// The part where `sign * corner[axis] <= bound` (Sutherland and Hodgman 1974).
    fn clip(&self, axis: usize, sign: f32, bound: f32) -> Self {
        let mut kept = Self::EMPTY;
        for (from, to) in self.edges() {
            let (a, b) = (bound - sign * from[axis], bound - sign * to[axis]);
            if a >= 0.0 {
                kept.push(from);
            }
            if (a >= 0.0) != (b >= 0.0) {
                let t = a / (a - b);
                kept.push([from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])]);
            }
        }
        kept
    }

    /// By the shoelace formula.
    fn area(&self) -> f32 {
        let twice: f32 = self.edges().map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum();
        (0.5 * twice).max(0.0)
    }
}

/// Area that a rectangle under `pose` shares with another one at the origin.
fn overlap(rectangle: Rectangle, pose: &Pose, other: Rectangle) -> f32 {
    let Rectangle { centre, half } = rectangle;
    let mut polygon = Polygon::EMPTY;
    for [x, y] in [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]] {
        let [x, y] = pose.apply([centre[0] + x * half[0], centre[1] + y * half[1]]);
        polygon.push([x - other.centre[0], y - other.centre[1]]);
    }
    for (axis, sign) in [(0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0)] {
        polygon = polygon.clip(axis, sign, other.half[axis]);
    }
    polygon.area()
}

/// Share of the T at `goal` that the T at `pose` covers, in [0, 1].
pub(crate) fn coverage(pose: &Pose, goal: &Pose) -> f32 {
    let relative = Pose { position: goal.inverse(pose.position), angle: pose.angle - goal.angle };
    let parts = [(BAR, BAR), (BAR, STEM), (STEM, BAR), (STEM, STEM)];
    let shared: f32 = parts.into_iter().map(|(part, other)| overlap(part, &relative, other)).sum();
    (shared / AREA).min(1.0)
}

/// Distance of a point in the frame of the T from the T, metres; negative inside.
pub(crate) fn distance(point: [f32; 2]) -> f32 {
    let to = |rectangle: Rectangle| {
        let outside: [f32; 2] =
            std::array::from_fn(|axis| (point[axis] - rectangle.centre[axis]).abs() - rectangle.half[axis]);
        outside[0].max(0.0).hypot(outside[1].max(0.0)) + outside[0].max(outside[1]).min(0.0)
    };
    to(BAR).min(to(STEM))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ORIGIN: Pose = Pose { position: [0.0; 2], angle: 0.0 };

    #[test]
    fn coverage_of_known_poses() {
        let close = |a: f32, b: f32| assert!((a - b).abs() < 1e-5, "{a} {b}");
        close(coverage(&ORIGIN, &ORIGIN), 1.0);
        // A shift along x by d uncovers d times the heights of bar and stem.
        close(coverage(&Pose { position: [0.01, 0.0], angle: 0.0 }, &ORIGIN), 1.0 - 0.01 * 0.12 / AREA);
        close(coverage(&Pose { position: [0.5, 0.0], angle: 0.0 }, &ORIGIN), 0.0);
        // Upside down about the middle of the bar, the stems lie on opposite sides.
        let flipped = Pose { position: [0.0, 2.0 * BAR.centre[1]], angle: std::f32::consts::PI };
        close(coverage(&flipped, &ORIGIN), 4.0 * BAR.half[0] * BAR.half[1] / AREA);
    }

    proptest! {
        #[test]
        fn coverage_agrees_with_counting_points(
            x in -0.08f32..0.08, y in -0.08f32..0.08, angle in -3.2f32..3.2, gx in -0.1f32..0.1, turn in -3.2f32..3.2,
        ) {
            let goal = Pose { position: [gx, -0.05], angle: turn };
            let pose = Pose { position: goal.apply([x, y]), angle: angle + turn };
            let (mut inside, mut shared) = (0, 0);
            for i in 0..200 {
                for j in 0..200 {
                    let point = [0.1 * (i as f32 / 100.0 - 1.0), 0.1 * (j as f32 / 100.0 - 1.0)];
                    if distance(point) <= 0.0 {
                        inside += 1;
                        shared += i32::from(distance(pose.inverse(goal.apply(point))) <= 0.0);
                    }
                }
            }
            let counted = shared as f32 / inside as f32;
            prop_assert!((coverage(&pose, &goal) - counted).abs() < 0.02, "{} {counted}", coverage(&pose, &goal));
            prop_assert!((coverage(&pose, &goal) - coverage(&goal, &pose)).abs() < 1e-4);
        }
    }
}
