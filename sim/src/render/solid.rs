//! Solids: where a ray enters them, and which way their surface faces there.

use super::{
    camera::Rays,
    lanes::Lanes,
    vector::{Matrix, Vec3},
};
use crate::{Mesh, SceneGeom, Shape};

/// Nothing larger than this, farther than this from the eye, or farther from the origin than ten times this
/// is drawn, in metres: rounding would move what is left of it by whole pixels. Planes have no end.
const FAR: f32 = 1e4;

/// A shape in a frame of its own in which it has unit size.
pub(super) enum Form {
    /// Radius 1: spheres and, squeezed, ellipsoids.
    Ball,
    /// Radius 1 and this half length along z.
    Capsule(f32),
    /// Radius 1 and half length 1 along z.
    Cylinder,
    /// Half extents 1.
    Cube,
    /// z = 0, seen from above.
    Plane,
    /// Triangles; rays do not meet them here but in [`facets`](super::facets).
    Mesh(Mesh),
}

/// A geom, prepared for one camera.
pub(super) struct Solid {
    pub(super) form: Form,
    /// From world to own directions: the inverse rotation, then the inverse scale.
    pub(super) to_own: Matrix,
    /// What turns normals back: the transpose of `to_own`.
    to_world: Matrix,
    pub(super) position: Vec3<f32>,
    /// The rays of the picture in the own frame.
    own_eye: Vec3<f32>,
    own_corner: Vec3<f32>,
    own_right: Vec3<f32>,
    own_down: Vec3<f32>,
    pub(super) rgb: Vec3<f32>,
    pub(super) alpha: f32,
    /// Place among the scene's geoms.
    pub(super) geom: usize,
    /// The smallest capsule along an axis of the shape that encloses it: ends of its axis and radius,
    /// metres. `None` for the plane.
    pub(super) enclosure: Option<(Vec3<f32>, Vec3<f32>, f32)>,
}

impl Solid {
    /// Prepares a geom; `None` where there is nothing to see: it is transparent, has no extent, is
    /// farther away than [`FAR`], or its pose is not finite.
    pub(super) fn new(geom: &SceneGeom, index: usize, rays: &Rays) -> Option<Self> {
        let position = Vec3::from(geom.position);
        let rotation = Matrix::rotation(geom.orientation)?;
        let (form, [sx, sy, sz]) = match &geom.shape {
            &Shape::Sphere(radius) => (Form::Ball, [radius; 3]),
            &Shape::Ellipsoid(axes) => (Form::Ball, axes),
            &Shape::Capsule(radius, half) => (Form::Capsule(half / radius), [radius; 3]),
            &Shape::Cylinder(radius, half) => (Form::Cylinder, [radius, radius, half]),
            &Shape::Box(half) => (Form::Cube, half),
            Shape::Plane => (Form::Plane, [1.0; 3]),
            Shape::Mesh(mesh) => (Form::Mesh(mesh.clone()), [1.0; 3]),
        };
        let sound = |size: f32| size > 1e-9 && size < FAR;
        let extended = match form {
            Form::Capsule(half) => half >= 0.0 && half * sx < FAR,
            _ => true,
        };
        let [r, g, b, alpha] = geom.rgba;
        let coloured = [r, g, b].into_iter().all(f32::is_finite) && alpha > 0.0;
        let placed = match form {
            Form::Plane => position.is_finite() && position.length() < 1e9,
            _ => position.length() < 10.0 * FAR && (position - rays.eye).length() < FAR,
        };
        if !([sx, sy, sz].into_iter().all(sound) && extended && coloured && placed) {
            return None;
        }
        let inverse = rotation.transposed().rows;
        let to_own =
            Matrix { rows: [inverse[0] * (1.0 / sx), inverse[1] * (1.0 / sy), inverse[2] * (1.0 / sz)] };
        let enclosure = enclosing_capsule(&geom.shape).map(|(middle, axis, radius)| {
            let (middle, axis) = (position + rotation.times(middle), rotation.times(axis));
            (middle - axis, middle + axis, radius)
        });
        Some(Self {
            form,
            to_own,
            to_world: to_own.transposed(),
            position,
            own_eye: to_own.times(rays.eye - position),
            own_corner: to_own.times(rays.corner),
            own_right: to_own.times(rays.right),
            own_down: to_own.times(rays.down),
            rgb: Vec3::new(r.clamp(0.0, 1.0), g.clamp(0.0, 1.0), b.clamp(0.0, 1.0)),
            alpha: alpha.min(1.0),
            geom: index,
            enclosure,
        })
    }

    /// Start and direction, in the own frame, of the rays through the pixels `x` of row `y`.
    #[inline(always)]
    pub(super) fn own_ray<F: Lanes>(&self, x: F, y: F) -> (Vec3<F>, Vec3<F>) {
        let along_row = self.own_corner.splat(x) + self.own_down.splat(x) * y;
        (self.own_eye.splat(x), along_row + self.own_right.splat(x) * x)
    }

    /// How the direction of a ray, in the own frame, changes from pixel to pixel along a row and a column.
    pub(super) fn own_steps(&self) -> (Vec3<f32>, Vec3<f32>) {
        (self.own_right, self.own_down)
    }

    /// The unit normal, in the world, of a triangle of a mesh; up for other forms and flat triangles.
    pub(super) fn facet_normal(&self, facet: usize) -> Vec3<f32> {
        let up = Vec3::new(0.0, 0.0, 1.0);
        let Form::Mesh(mesh) = &self.form else { return up };
        let [a, b, c] = mesh.triangles()[facet].map(|corner| Vec3::from(mesh.vertices()[corner as usize]));
        let normal = self.to_world.times((b - a).cross(c - a)).normalized();
        if normal.is_finite() { normal } else { up }
    }

    /// How far along the ray `origin + t direction`, in the own frame, the solid is entered: negative
    /// where that is behind the origin, infinite where the ray misses.
    #[inline(always)]
    pub(super) fn entry<F: Lanes>(&self, origin: Vec3<F>, direction: Vec3<F>) -> F {
        match self.form {
            Form::Ball => enter_ball(origin, direction),
            Form::Capsule(half) => enter_capsule(half, origin, direction),
            Form::Cylinder => enter_cylinder(origin, direction),
            Form::Cube => enter_cube(origin, direction),
            Form::Plane => enter_plane(origin, direction),
            Form::Mesh(_) => origin.x.splat(f32::INFINITY),
        }
    }

    /// The outward unit normal, in the world, at a point of the surface in the own frame.
    #[inline(always)]
    pub(super) fn normal<F: Lanes>(&self, point: Vec3<F>) -> Vec3<F> {
        let own = match self.form {
            Form::Ball => point,
            Form::Capsule(half) => {
                let half = point.z.splat(half);
                Vec3::new(point.x, point.y, point.z - point.z.min(half).max(-half))
            }
            Form::Cylinder => {
                let zero = point.z.splat(0.0);
                let side = (point.z * point.z).lt(point.x * point.x + point.y * point.y);
                Vec3::new(point.x, point.y, zero).or(side, Vec3::new(zero, zero, point.z))
            }
            Form::Cube => {
                let zero = point.x.splat(0.0);
                let (x, y, z) = (point.x.abs(), point.y.abs(), point.z.abs());
                let x_largest = y.lt(x) & z.lt(x);
                let y_largest = !x_largest & z.lt(y);
                Vec3::new(
                    point.x.or(x_largest, zero),
                    point.y.or(y_largest, zero),
                    zero.or(x_largest | y_largest, point.z),
                )
            }
            Form::Plane | Form::Mesh(_) => Vec3::new(0.0, 0.0, 1.0).splat(point.x),
        };
        self.to_world.times(own).normalized()
    }
}

/// Middle, half axis and radius of a capsule around the shape, in the shape's frame.
fn enclosing_capsule(shape: &Shape) -> Option<(Vec3<f32>, Vec3<f32>, f32)> {
    let along_z = |half: f32| Vec3::new(0.0, 0.0, half);
    match shape {
        &Shape::Sphere(radius) => Some((Vec3::ZERO, Vec3::ZERO, radius)),
        &Shape::Capsule(radius, half) | &Shape::Cylinder(radius, half) => {
            Some((Vec3::ZERO, along_z(half), radius))
        }
        &Shape::Box(half) => Some(around_box(Vec3::ZERO, half)),
        &Shape::Ellipsoid(axes) => Some(around_box(Vec3::ZERO, axes)),
        Shape::Plane => None,
        Shape::Mesh(mesh) => {
            let (mut low, mut high) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
            for vertex in mesh.vertices() {
                for axis in 0..3 {
                    low[axis] = low[axis].min(vertex[axis]);
                    high[axis] = high[axis].max(vertex[axis]);
                }
            }
            let middle = [0, 1, 2].map(|axis| 0.5 * (low[axis] + high[axis]));
            Some(around_box(Vec3::from(middle), [0, 1, 2].map(|axis| 0.5 * (high[axis] - low[axis]))))
        }
    }
}

/// The capsule along the longest axis of a box whose ends reach its corners.
fn around_box(middle: Vec3<f32>, [x, y, z]: [f32; 3]) -> (Vec3<f32>, Vec3<f32>, f32) {
    let (axis, radius) = if x >= y && x >= z {
        (Vec3::new(x, 0.0, 0.0), y.hypot(z))
    } else if y >= z {
        (Vec3::new(0.0, y, 0.0), x.hypot(z))
    } else {
        (Vec3::new(0.0, 0.0, z), x.hypot(y))
    };
    (middle, axis, radius)
}

/// The smaller root of `|o + t d|² = 1`. A quarter of the discriminant, `(o·d)² - d² (o² - 1)`, is
/// computed as `d² - |o x d|²`, which loses less to rounding when the eye is far away.
#[inline(always)]
fn enter_ball<F: Lanes>(o: Vec3<F>, d: Vec3<F>) -> F {
    let (a, b, moment) = (d.dot(d), o.dot(d), o.cross(d));
    let discriminant = a - moment.dot(moment);
    let t = -(b + discriminant.sqrt()) / a;
    t.or(o.x.splat(0.0).lt(discriminant), o.x.splat(f32::INFINITY))
}

/// The roots of the infinite cylinder of radius 1 around z, NaN where the ray misses it. For a ray
/// along z they are far away on both sides, whether it is inside or not.
#[inline(always)]
fn cross_cylinder<F: Lanes>(o: Vec3<F>, d: Vec3<F>) -> (F, F) {
    let a = (d.x * d.x + d.y * d.y).max(along_axis(d));
    let (b, moment) = (o.x * d.x + o.y * d.y, o.x * d.y - o.y * d.x);
    let root = (a - moment * moment).sqrt();
    (-(b + root) / a, (root - b) / a)
}

/// The square of the part of a direction across z below which it counts as along z.
#[inline(always)]
fn along_axis<F: Lanes>(d: Vec3<F>) -> F {
    d.z * d.z * d.z.splat(1e-12)
}

/// A ray enters a capsule through the infinite cylinder around its axis: there, if that is between
/// the ends, or else through the ball at the end beyond which it is.
#[inline(always)]
fn enter_capsule<F: Lanes>(half: f32, o: Vec3<F>, d: Vec3<F>) -> F {
    let half = o.x.splat(half);
    let (side, _) = cross_cylinder(o, d);
    let z = o.z + side * d.z;
    let end = z.min(half).max(-half);
    let ball = enter_ball(Vec3::new(o.x, o.y, o.z - end), d);
    let t = side.or(z.eq(end), ball);
    t.or(side.eq(side), o.x.splat(f32::INFINITY))
}

/// Where the ray is both within the infinite cylinder and between the ends.
#[inline(always)]
fn enter_cylinder<F: Lanes>(o: Vec3<F>, d: Vec3<F>) -> F {
    let (side_near, side_far) = cross_cylinder(o, d);
    let (ends_near, ends_far) = between(o.z, d.z);
    let (near, far) = (side_near.max(ends_near), side_far.min(ends_far));
    let inside = (o.x * o.x + o.y * o.y).lt(o.x.splat(1.0));
    let across = along_axis(d).lt(d.x * d.x + d.y * d.y);
    let enters = side_near.eq(side_near) & near.lt(far) & (inside | across);
    near.or(enters, o.x.splat(f32::INFINITY))
}

/// Where the ray is between all three pairs of faces.
#[inline(always)]
fn enter_cube<F: Lanes>(o: Vec3<F>, d: Vec3<F>) -> F {
    let (x_near, x_far) = between(o.x, d.x);
    let (y_near, y_far) = between(o.y, d.y);
    let (z_near, z_far) = between(o.z, d.z);
    let near = x_near.max(y_near).max(z_near);
    let far = x_far.min(y_far).min(z_far);
    near.or(near.lt(far), o.x.splat(f32::INFINITY))
}

/// The interval of `t` in which `-1 < o + t d < 1`.
#[inline(always)]
fn between<F: Lanes>(o: F, d: F) -> (F, F) {
    let one = o.splat(1.0);
    let inverse = one / d;
    let (a, b) = ((-one - o) * inverse, (one - o) * inverse);
    (a.min(b), a.max(b))
}

/// Where a ray from above reaches z = 0.
#[inline(always)]
fn enter_plane<F: Lanes>(o: Vec3<F>, d: Vec3<F>) -> F {
    let zero = o.x.splat(0.0);
    let t = -o.z / d.z;
    t.or(zero.lt(o.z) & d.z.lt(zero), zero.splat(f32::INFINITY))
}
