//! What of a geom collides: a rapier shape with friction and contact groups.

use std::f32::consts::PI;

use rapier3d::prelude::*;

use crate::{Shape, description::GeomDescription};

/// Half extents and distances, metres, that contacts can be computed for in single floats; parry's
/// search for the contact of two shapes panics far outside of them.
const LEAST: f32 = 1e-6;
const MOST: f32 = 1e6;

/// Rings of the polyhedron that stands for an ellipsoid, and corners per ring. With 8 rings of 12 and
/// two poles no point of an ellipsoid lies further from its polyhedron than 5% of its largest axis.
const RINGS: usize = 8;
const CORNERS: usize = 12;

/// The collider of a geom with this pose in its rigid body; `None` for one that is too flat, too
/// small, too large or too far away to collide.
pub(crate) fn collider(geom: &GeomDescription, pose: Pose) -> Option<ColliderBuilder> {
    let along_z = Pose::from_rotation(Rotation::from_rotation_arc(Vector::Y, Vector::Z));
    let (shape, pose) = match &geom.shape {
        &Shape::Sphere(radius) => (SharedShape::ball(radius), pose),
        // By its ends, so that a capsule along the plane of a planar robot stays there exactly.
        &Shape::Capsule(radius, half) => {
            let along = pose.rotation * Vector::new(0.0, 0.0, half);
            (SharedShape::capsule(-along, along, radius), Pose::from_translation(pose.translation))
        }
        &Shape::Cylinder(radius, half) => (SharedShape::cylinder(half, radius), pose * along_z),
        &Shape::Box([x, y, z]) => (SharedShape::cuboid(x, y, z), pose),
        Shape::Plane => (SharedShape::halfspace(Vector::Z), pose),
        Shape::Ellipsoid(axes) => (ellipsoid(*axes)?, pose),
        Shape::Mesh(mesh) => (mesh.hull()?, pose),
    };
    if geom.shape != Shape::Plane {
        let extents = shape.compute_local_aabb().half_extents().to_array();
        let distances = pose.translation.abs().to_array();
        let sound = extents.iter().all(|extent| (LEAST..MOST).contains(extent))
            && distances.iter().all(|distance| (0.0..MOST).contains(distance));
        if !sound {
            return None;
        }
    }
    // MuJoCo's rule: two geoms touch when the type of one is in the affinity of the other.
    let groups = InteractionGroups::new(
        Group::from_bits_retain(geom.contype),
        Group::from_bits_retain(geom.conaffinity),
        InteractionTestMode::Or,
    );
    let builder = ColliderBuilder::new(shape)
        .position(pose)
        .density(0.0)
        .friction(geom.friction)
        .friction_combine_rule(CoefficientCombineRule::Max)
        .collision_groups(groups);
    Some(builder)
}

/// A polyhedron with its corners on the ellipsoid.
fn ellipsoid([a, b, c]: [f32; 3]) -> Option<SharedShape> {
    let mut corners = vec![Vector::new(0.0, 0.0, c), Vector::new(0.0, 0.0, -c)];
    for ring in 1..=RINGS {
        let (sin, cos) = (PI * ring as f32 / (RINGS + 1) as f32).sin_cos();
        for corner in 0..CORNERS {
            let (y, x) = (2.0 * PI * corner as f32 / CORNERS as f32).sin_cos();
            corners.push(Vector::new(a * sin * x, b * sin * y, c * cos));
        }
    }
    SharedShape::convex_hull(&corners)
}
