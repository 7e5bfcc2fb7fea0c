//! Measurements that the planar legged robots share. They move in the plane y = 0, forward along x.

use telos_sim::{BodyId, Camera, JointId, World};

/// Rotation of a body about y, radians; positive when it leans forward.
pub(super) fn pitch(world: &World, body: BodyId) -> f32 {
    let [xx, xz] = orientation(world, body);
    xz.atan2(xx)
}

/// `[xx, xz]` of a body's rotation matrix: cosine and sine of its pitch.
pub(super) fn orientation(world: &World, body: BodyId) -> [f32; 2] {
    let [x, y, z, w] = world.body_orientation(body);
    [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * z + w * y)]
}

/// Writes all joint positions but the first, which is how far the robot has come, then all joint
/// velocities; returns how many numbers these are.
pub(super) fn observe_joints(world: &World, joints: &[JointId], obs: &mut [f32]) -> usize {
    let positions = joints[1..].iter().map(|joint| world.joint_position(*joint));
    let velocities = joints.iter().map(|joint| world.joint_velocity(*joint));
    let mut count = 0;
    for (out, value) in obs.iter_mut().zip(positions.chain(velocities)) {
        *out = value;
        count += 1;
    }
    count
}

/// A camera beside the robot that follows it, `distance` metres away at `height` metres.
pub(super) fn beside(world: &World, distance: f32, height: f32) -> Camera {
    let x = world.com()[0];
    Camera { eye: [x, -distance, 1.3 * height], target: [x, 0.0, 0.8 * height], fovy: 45.0 }
}
