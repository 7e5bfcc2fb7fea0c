//! Random initial states of robots.

use std::f32::consts::PI;

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, JointId, Shape, World};

/// Draws every joint with limits uniformly within them and every hinge without limits uniformly
/// from the circle. Slides without limits stay.
pub(super) fn scatter_joints(world: &mut World, rng: &mut Xoshiro256PlusPlus) {
    let model = world.model().clone();
    for joint in model.joints() {
        if let Some([low, high]) = model.joint_range(joint) {
            world.set_joint_position(joint, rng.random_range(low..=high));
        } else if model.is_hinge(joint) {
            world.set_joint_position(joint, rng.random_range(-PI..PI));
        }
    }
    world.forward();
}

/// Raises the robot along its vertical slide `root_z` until nothing is below the floor z = 0, so
/// that an episode does not begin with the floor throwing the robot out.
pub(super) fn lift_clear_of_floor(world: &mut World, root_z: JointId) {
    let lowest = lowest_point(world);
    if lowest < 0.0 {
        world.set_joint_position(root_z, world.joint_position(root_z) - lowest);
        world.forward();
    }
}

/// Draws a start near the initial state for a robot whose body `root` is free: joints within 0.1 rad
/// of it and within their limits, all velocities below 0.1 m/s and rad/s, turned by up to `heading`
/// radians about the vertical, clear of the floor.
pub(super) fn disturb(world: &mut World, root: BodyId, heading: f32, rng: &mut Xoshiro256PlusPlus) {
    let mut small = || rng.random_range(-0.1f32..0.1);
    let model = world.model().clone();
    for joint in model.joints() {
        let [low, high] = model.joint_range(joint).unwrap_or([f32::NEG_INFINITY, f32::INFINITY]);
        world.set_joint_position(joint, (world.joint_position(joint) + small()).clamp(low, high));
        world.set_joint_velocity(joint, small());
    }
    let (linear, angular) = ([small(), small(), small()], [small(), small(), small()]);
    let half = 0.5 * rng.random_range(-heading..=heading);
    world.set_body_pose(root, world.body_position(root), [0.0, 0.0, half.sin(), half.cos()]);
    world.set_body_velocity(root, linear, angular);
    world.forward();
    let lowest = lowest_point(world);
    if lowest < 0.0 {
        let [x, y, z] = world.body_position(root);
        world.set_body_pose(root, [x, y, z - lowest], world.body_orientation(root));
        world.forward();
    }
}

/// Puts a robot with a free root on the floor, its root in this orientation (x y z w).
pub(super) fn rest_on_floor(world: &mut World, root: BodyId, orientation: [f32; 4]) {
    let [x, y, _] = world.body_position(root);
    world.set_body_pose(root, [x, y, 2.0], orientation);
    world.forward();
    world.set_body_pose(root, [x, y, 2.0 - lowest_point(world)], orientation);
    world.forward();
}

/// Height of the lowest point of everything that moves, metres.
pub(super) fn lowest_point(world: &World) -> f32 {
    let camera = telos_sim::Camera { eye: [0.0; 3], target: [0.0; 3], fovy: 45.0 };
    let geoms = world.scene(&camera).geoms;
    let moving = geoms.iter().filter(|geom| &*geom.body != "world");
    moving
        .map(|geom| geom.position[2] - half_height(&geom.shape, geom.orientation))
        .fold(f32::INFINITY, f32::min)
}

/// How far a shape reaches below its origin in this orientation (quaternion x y z w), metres.
fn half_height(shape: &Shape, [x, y, z, w]: [f32; 4]) -> f32 {
    // The vertical components of the shape's axes.
    let vertical = [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)];
    let axes = vertical.map(f32::abs);
    match shape {
        Shape::Sphere(radius) => *radius,
        Shape::Capsule(radius, half) => half * axes[2] + radius,
        Shape::Cylinder(radius, half) => half * axes[2] + radius * (1.0 - axes[2].powi(2)).max(0.0).sqrt(),
        Shape::Box(half) => half.iter().zip(axes).map(|(half, axis)| half * axis).sum(),
        Shape::Plane => 0.0,
        Shape::Ellipsoid(half) => {
            half.iter().zip(axes).map(|(half, axis)| (half * axis).powi(2)).sum::<f32>().sqrt()
        }
        Shape::Mesh(mesh) => {
            let heights = mesh.vertices().iter().map(|vertex| {
                vertex.iter().zip(vertical).map(|(coordinate, axis)| coordinate * axis).sum::<f32>()
            });
            heights.fold(0.0, |lowest, height| lowest.max(-height))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use std::sync::Arc;
    use telos_sim::{Model, assets};

    #[test]
    fn half_heights_of_tilted_shapes() {
        // A turn of 90 degrees about y lays z along x.
        let lying = [0.0, 0.5f32.sqrt(), 0.0, 0.5f32.sqrt()];
        let upright = [0.0, 0.0, 0.0, 1.0];
        let close = |a: f32, b: f32| assert!((a - b).abs() < 1e-6, "{a} {b}");
        close(half_height(&Shape::Capsule(0.1, 0.5), upright), 0.6);
        close(half_height(&Shape::Capsule(0.1, 0.5), lying), 0.1);
        close(half_height(&Shape::Cylinder(0.1, 0.5), upright), 0.5);
        close(half_height(&Shape::Cylinder(0.1, 0.5), lying), 0.1);
        close(half_height(&Shape::Box([0.1, 0.2, 0.3]), upright), 0.3);
        close(half_height(&Shape::Box([0.1, 0.2, 0.3]), lying), 0.1);
        close(half_height(&Shape::Ellipsoid([0.1, 0.2, 0.3]), upright), 0.3);
        close(half_height(&Shape::Ellipsoid([0.1, 0.2, 0.3]), lying), 0.1);
    }

    #[test]
    fn disturbed_robots_stay_near_their_stand_and_off_the_floor() {
        let model = Arc::new(Model::from_mjcf_str("humanoid", assets::HUMANOID).unwrap());
        let torso = model.body("torso").unwrap();
        let mut starts = Vec::new();
        for seed in 0..20 {
            let mut world = World::new(model.clone());
            disturb(&mut world, torso, 0.3, &mut Xoshiro256PlusPlus::seed_from_u64(seed));
            for joint in model.joints() {
                let position = world.joint_position(joint);
                let within = model
                    .joint_range(joint)
                    .is_none_or(|[low, high]| (low - 1e-6..=high + 1e-6).contains(&position));
                assert!(position.abs() <= 0.1 && within, "{}: {position}", model.joint_name(joint));
                assert!(world.joint_velocity(joint).abs() <= 0.1);
            }
            let [x, y, z, w] = world.body_orientation(torso);
            assert!(x == 0.0 && y == 0.0 && (2.0 * z.atan2(w)).abs() <= 0.3);
            assert!(world.body_linear_velocity(torso).iter().all(|speed| speed.abs() <= 0.1));
            assert!(lowest_point(&world) > -1e-5);
            starts.push(world.joint_position(model.joints().next().unwrap()));
        }
        starts.sort_by(f32::total_cmp);
        assert!(starts[0] < -0.05 && starts[19] > 0.05, "{starts:?}");
    }
}
