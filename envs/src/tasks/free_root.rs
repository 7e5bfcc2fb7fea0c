//! Measurements that the robots with free roots share. They are meant to move forward along x.

use telos_sim::{BodyId, Camera, JointId, World};

/// Numbers that [`observe`] writes for the root alone.
const ROOT: usize = 13;

/// Rows of a body's rotation matrix: the world's x, y and z axes in the frame of the body. The third
/// components are those of the body's z axis in the world.
pub(super) fn world_axes(world: &World, body: BodyId) -> [[f32; 3]; 3] {
    let [x, y, z, w] = world.body_orientation(body);
    [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)],
        [2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)],
        [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)],
    ]
}

/// Vertical component of a body's z axis: 1 when it is upright, -1 when it is upside down.
pub(super) fn up(world: &World, body: BodyId) -> f32 {
    world_axes(world, body)[2][2]
}

/// A vector of the world in the frame whose [`world_axes`] are `axes`.
pub(super) fn into_frame(axes: &[[f32; 3]; 3], vector: [f32; 3]) -> [f32; 3] {
    [0, 1, 2].map(|column| (0..3).map(|row| axes[row][column] * vector[row]).sum())
}

/// Length of what [`observe`] writes for a robot with this many joints.
pub(super) fn observations(joints: usize) -> usize {
    ROOT + 2 * joints
}

/// Writes the height of the body `root`, and in its frame: the directions of the world's x and z
/// axes, its velocity and its angular velocity; then all joint positions and all joint velocities.
pub(super) fn observe(world: &World, root: BodyId, joints: &[JointId], obs: &mut [f32]) {
    let axes = world_axes(world, root);
    let (own, rest) = obs.split_at_mut(ROOT);
    let (positions, velocities) = rest.split_at_mut(joints.len());
    own[0] = world.body_position(root)[2];
    own[1..4].copy_from_slice(&axes[0]);
    own[4..7].copy_from_slice(&axes[2]);
    own[7..10].copy_from_slice(&into_frame(&axes, world.body_linear_velocity(root)));
    own[10..13].copy_from_slice(&into_frame(&axes, world.body_angular_velocity(root)));
    for ((joint, position), velocity) in joints.iter().zip(positions).zip(velocities) {
        (*position, *velocity) = (world.joint_position(*joint), world.joint_velocity(*joint));
    }
}

/// A camera that follows the robot, `distance` metres to its right and half as far ahead of it, at
/// `height` metres.
pub(super) fn beside(world: &World, distance: f32, height: f32) -> Camera {
    let [x, y, _] = world.com();
    let eye = [x + 0.5 * distance, y - distance, 1.3 * height];
    Camera { eye, target: [x, y, 0.7 * height], fovy: 45.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use telos_sim::{Model, assets};

    #[test]
    fn a_turned_robot_sees_the_world_in_its_own_frame() {
        let model = Arc::new(Model::from_mjcf_str("ant", assets::ANT).unwrap());
        let root = model.body("torso").unwrap();
        let joints: Vec<JointId> = model.joints().collect();
        let mut world = World::new(model);
        let mut obs = vec![f32::NAN; observations(joints.len())];
        // Turned left by a quarter: the world's x axis is to its right.
        let half = std::f32::consts::FRAC_PI_4;
        world.set_body_pose(root, [3.0, 4.0, 0.7], [0.0, 0.0, half.sin(), half.cos()]);
        world.set_body_velocity(root, [1.0, 0.0, 0.5], [0.0, 2.0, 0.0]);
        world.set_joint_position(joints[1], 0.25);
        world.set_joint_velocity(joints[1], -0.5);
        world.forward();
        observe(&world, root, &joints, &mut obs);
        let expected = [0.7, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0, 0.0, -1.0, 0.5, 2.0, 0.0, 0.0];
        let near = |a: &f32, b: &f32| (a - b).abs() < 1e-5;
        assert!(obs.iter().zip(&expected).all(|(a, b)| near(a, b)), "{obs:?}");
        assert_eq!((obs.len(), obs[ROOT + 1], obs[ROOT + 8 + 1]), (29, 0.25, -0.5));
        assert!((up(&world, root) - 1.0).abs() < 1e-6);
        // On its nose.
        world.set_body_pose(root, [0.0; 3], [0.0, half.sin(), 0.0, half.cos()]);
        world.forward();
        assert!(up(&world, root).abs() < 1e-6);
        assert!(near(&world_axes(&world, root)[2][0], &-1.0));
    }
}
