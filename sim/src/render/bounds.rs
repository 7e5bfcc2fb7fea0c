//! Which pixels a solid can cover: a stadium, the outline of a capsule, around its image.

use super::{camera::Rays, vector::Vec3};

/// All points within `radius` of the line from `from` to `to`, in the units of a grid (pixels, or cells
/// of the shadow grid).
#[derive(Clone, Copy, Debug)]
pub(super) struct Stadium {
    pub(super) from: [f32; 2],
    pub(super) to: [f32; 2],
    pub(super) radius: f32,
}

/// Solids nearer to the plane of the eye than this, in metres, may appear anywhere in the picture.
const NEAR: f32 = 1e-3;

impl Stadium {
    /// Covers every grid.
    pub(super) const EVERYWHERE: Self = Self { from: [0.0; 2], to: [0.0; 2], radius: 1e9 };

    /// Around the image of the capsule with this axis and radius, metres. The image of a capsule is the
    /// convex hull of the images of its two ends.
    pub(super) fn around(rays: &Rays, (a, b, radius): (Vec3<f32>, Vec3<f32>, f32)) -> Self {
        match (disc(rays, a, radius), disc(rays, b, radius)) {
            (Some((from, r1)), Some((to, r2))) => Self { from, to, radius: r1.max(r2) },
            _ => Self::EVERYWHERE,
        }
    }

    /// First and last row, of `rows`, whose centres may be within; `None` if there are none.
    pub(super) fn rows(&self, rows: usize) -> Option<(usize, usize)> {
        let (low, high) = (self.from[1].min(self.to[1]), self.from[1].max(self.to[1]));
        clip(low - self.radius, high + self.radius, rows)
    }

    /// First and last column, of `columns`, whose centres may be within, in the rows from `top` to
    /// `bottom`.
    pub(super) fn columns(&self, top: f32, bottom: f32, columns: usize) -> Option<(usize, usize)> {
        let ([x1, y1], [x2, y2]) = (self.from, self.to);
        let (mut left, mut right) = (x1.min(x2), x1.max(x2));
        // Only the part of the axis within `radius` of the rows matters.
        let (top, bottom) = (top - self.radius, bottom + self.radius);
        if (y2 - y1).abs() > 1e-3 {
            let slope = (x2 - x1) / (y2 - y1);
            let (at_top, at_bottom) = (x1 + slope * (top - y1), x1 + slope * (bottom - y1));
            left = left.max(at_top.min(at_bottom));
            right = right.min(at_top.max(at_bottom));
        }
        clip(left - self.radius, right + self.radius, columns)
    }
}

/// Centre and radius, in pixels, of a disc around the image of a ball; `None` where the ball is not
/// clearly before the eye.
///
/// The image is an ellipse. In the plane of the view and the ball's centre, which is `off` from the view
/// at depth `z`, the tangents from the eye have the slopes `(off z ± r sqrt(off² + z² - r²)) / (z² - r²)`:
/// these are the ends of its long axis.
fn disc(rays: &Rays, centre: Vec3<f32>, radius: f32) -> Option<([f32; 2], f32)> {
    let seen = centre - rays.eye;
    let z = seen.dot(rays.forward());
    if z - radius < NEAR {
        return None;
    }
    let spread = z * z - radius * radius;
    let image = rays.project(centre);
    let middle = rays.project(rays.eye + rays.forward());
    // The middle of the ellipse is farther from the middle of the picture than the centre's image.
    let stretch = z * z / spread;
    let long = radius * (seen.dot(seen) - radius * radius).max(0.0).sqrt() / spread / rays.pixel;
    let at = |centre: f32, middle: f32| middle + (centre / z - middle) * stretch;
    // A little more covers what rounding loses.
    Some(([at(image.x, middle.x), at(image.y, middle.y)], long * 1.0001 + 0.01))
}

/// The whole numbers from `low` to `high`, of 0 to `count - 1`.
pub(super) fn clip(low: f32, high: f32, count: usize) -> Option<(usize, usize)> {
    if !(low <= count as f32 && high >= 0.0) {
        return None;
    }
    let (first, last) = (low.max(0.0).ceil() as usize, (high.floor() as usize).min(count - 1));
    (first <= last).then_some((first, last))
}
