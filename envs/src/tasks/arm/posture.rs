//! Kinematics of the arm: where the gripper is for given joint angles, and how it moves with them.

use super::spatial::{self, Vec3};

/// Hinges of the arm.
pub(super) const JOINTS: usize = 7;
/// Components of a spatial velocity: linear, then angular.
pub(super) const TASK: usize = 6;
/// The Jacobian of the gripper, by joint: linear velocity, then angular velocity, per rad/s.
pub(super) type Jacobian = [[f32; TASK]; JOINTS];

/// Distance of each hinge from the one before it, along the z axis of the link in between, metres
/// (`sim/assets/arm.xml`). Hinges turn about z and y of their links, in turns.
const LENGTHS: [f32; JOINTS] = [0.1, 0.2, 0.18, 0.18, 0.17, 0.17, 0.06];
/// The point between the finger pads, in the hand's frame, metres.
pub(super) const PINCH: Vec3 = [0.0, 0.0, 0.115];

/// The gripper for one set of joint angles, in the frame of the base.
pub(super) struct Posture {
    /// The point between the finger pads, metres.
    pub(super) gripper: Vec3,
    pub(super) jacobian: Jacobian,
    /// The hand's y and z axes.
    lateral: Vec3,
    forward: Vec3,
}

impl Posture {
    pub(super) fn of(angles: &[f32; JOINTS]) -> Self {
        let [mut x, mut y, mut z] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let mut place: Vec3 = [0.0; 3];
        let mut hinges = [([0.0; 3], [0.0; 3]); JOINTS];
        for (joint, (angle, length)) in angles.iter().zip(LENGTHS).enumerate() {
            place = spatial::add(place, z.map(|component| length * component));
            let (sin, cos) = angle.sin_cos();
            let blend = |a: Vec3, s: f32, b: Vec3, t: f32| std::array::from_fn(|i| s * a[i] + t * b[i]);
            if joint % 2 == 0 {
                hinges[joint] = (place, z);
                (x, y) = (blend(x, cos, y, sin), blend(y, cos, x, -sin));
            } else {
                hinges[joint] = (place, y);
                (x, z) = (blend(x, cos, z, -sin), blend(z, cos, x, sin));
            }
        }
        let gripper = spatial::add(place, z.map(|component| PINCH[2] * component));
        let jacobian = hinges.map(|(place, axis)| {
            let [a, b, c] = spatial::cross(axis, spatial::sub(gripper, place));
            [a, b, c, axis[0], axis[1], axis[2]]
        });
        Self { gripper, jacobian, lateral: y, forward: z }
    }

    /// The rotation vector that turns the hand to where it should be, for small errors: its z axis
    /// down, its y axis along the world's.
    pub(super) fn tilt(&self) -> Vec3 {
        let down = spatial::cross(self.forward, [0.0, 0.0, -1.0]);
        let straight = spatial::cross(self.lateral, [0.0, 1.0, 0.0]);
        // Each axis sees the turns about the two others: their sum counts every turn once or twice.
        spatial::add(down, straight).map(|component| 0.5 * component)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use telos_sim::{Model, World, assets};

    const ANGLES: [f32; JOINTS] = [0.4, 0.7, -0.3, 1.2, 0.5, 0.9, -0.2];

    #[test]
    fn kinematics_are_those_of_the_model() {
        let mut world = World::new(Arc::new(Model::from_mjcf_str("arm", assets::ARM).unwrap()));
        let joints: Vec<_> = world.model().joints().take(JOINTS).collect();
        for (joint, angle) in joints.into_iter().zip(ANGLES) {
            world.set_joint_position(joint, angle);
        }
        world.forward();
        let hand = world.model().body("hand").unwrap();
        let turn = world.body_orientation(hand);
        let gripper = spatial::add(world.body_position(hand), spatial::rotate(turn, PINCH));
        let posture = Posture::of(&ANGLES);
        assert!(spatial::distance(posture.gripper, gripper) < 1e-5);
        assert!(spatial::distance(posture.forward, spatial::rotate(turn, [0.0, 0.0, 1.0])) < 1e-5);
        assert!(spatial::distance(posture.lateral, spatial::rotate(turn, [0.0, 1.0, 0.0])) < 1e-5);
    }

    #[test]
    fn the_jacobian_is_the_derivative() {
        let posture = Posture::of(&ANGLES);
        for (joint, column) in posture.jacobian.iter().enumerate() {
            let moved = |by: f32| {
                let mut angles = ANGLES;
                angles[joint] += by;
                Posture::of(&angles)
            };
            let (ahead, back) = (moved(1e-2), moved(-1e-2));
            let slope = |a: Vec3, b: Vec3| spatial::sub(a, b).map(|difference| difference / 2e-2);
            let linear = [column[0], column[1], column[2]];
            assert!(spatial::distance(slope(ahead.gripper, back.gripper), linear) < 1e-3);
            let turned = spatial::cross([column[3], column[4], column[5]], posture.forward);
            assert!(spatial::distance(slope(ahead.forward, back.forward), turned) < 1e-3);
        }
    }
}
