//! Hand-made postures of the humanoid, for captions and tests.

use telos_sim::{JointId, Model, World};

use super::{super::placement, Pose};

/// Joint angles in degrees, of both sides where the name has no side; all others are zero.
pub(in crate::tasks) type Posture<'p> = &'p [(&'static str, f32)];

pub(in crate::tasks) const STANDING: Posture<'static> = &[];
pub(in crate::tasks) const KNEELING: Posture<'static> =
    &[("hip_flexion", -22.0), ("knee", 120.0), ("ankle", 50.0)];
pub(in crate::tasks) const ARMS_RAISED: Posture<'static> = &[("shoulder_flexion", -175.0)];
pub(in crate::tasks) const SPLITS: Posture<'static> =
    &[("hip_flexion", -90.0), ("hip_abduction", 76.0), ("shoulder_abduction", 60.0)];
pub(in crate::tasks) const LOTUS: Posture<'static> = &[
    ("hip_flexion", -90.0),
    ("hip_abduction", 50.0),
    ("hip_rotation", 80.0),
    ("left_knee", 142.0),
    ("right_knee", 112.0),
    ("shoulder_flexion", -20.0),
    ("elbow", -40.0),
];

/// The posture that each pose describes.
pub(in crate::tasks) const POSED: [(Pose, Posture<'static>); 4] = [
    (Pose::Kneeling, KNEELING),
    (Pose::ArmsRaised, ARMS_RAISED),
    (Pose::Splits, SPLITS),
    (Pose::Lotus, LOTUS),
];

/// The angle that a posture gives a joint, radians.
pub(in crate::tasks) fn angle(model: &Model, posture: Posture<'_>, joint: JointId) -> f32 {
    let name = model.joint_name(joint);
    let side_less = name.trim_start_matches("right_").trim_start_matches("left_");
    let found = posture.iter().find(|(other, _)| *other == name || *other == side_less);
    found.map_or(0.0, |(_, degrees)| degrees.to_radians())
}

/// Orientation (x y z w) of a torso that is turned by `yaw` to the left, then pitched forward by `pitch`.
pub(in crate::tasks) fn facing(yaw: f32, pitch: f32) -> [f32; 4] {
    let ((sy, cy), (sp, cp)) = ((yaw / 2.0).sin_cos(), (pitch / 2.0).sin_cos());
    [-sy * sp, cy * sp, sy * cp, cy * cp]
}

/// Puts the humanoid at rest on the floor in a posture, its torso in the given orientation.
pub(in crate::tasks) fn take(world: &mut World, posture: Posture<'_>, orientation: [f32; 4]) {
    let model = world.model().clone();
    let torso = model.body("torso").expect("the humanoid has a torso");
    world.reset();
    for joint in model.joints() {
        world.set_joint_position(joint, angle(&model, posture, joint));
    }
    world.set_body_pose(torso, [0.0, 0.0, 2.0], orientation);
    world.forward();
    world.set_body_pose(torso, [0.0, 0.0, 2.0 - placement::lowest_point(world)], orientation);
    world.forward();
}

/// A humanoid in a posture.
#[cfg(test)]
pub(in crate::tasks) fn humanoid(posture: Posture<'_>, orientation: [f32; 4]) -> (super::Figure, World) {
    let model = Model::from_mjcf_str("humanoid", telos_sim::assets::HUMANOID).expect("the asset loads");
    let figure = super::Figure::of(&model).expect("the asset has all parts");
    let mut world = World::new(std::sync::Arc::new(model));
    take(&mut world, posture, orientation);
    (figure, world)
}

/// Writes the action that pulls every joint towards its angle in a posture.
#[cfg(test)]
pub(in crate::tasks) fn pull(world: &World, posture: Posture<'_>, action: &mut [f32]) {
    let model = world.model();
    for (index, action) in action.iter_mut().enumerate() {
        let joint = model.joint(model.actuator_name(index)).expect("motors are named after their joints");
        let error = angle(model, posture, joint) - world.joint_position(joint);
        *action = (3.0 * error - 0.05 * world.joint_velocity(joint)).clamp(-1.0, 1.0);
    }
}
