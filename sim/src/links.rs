//! Which bodies move as one, and which rapier joint lets each of them move.
//!
//! A body without joints is welded to its parent and shares its rigid body. The joints of a body
//! become as few multibody links as possible: orthogonal slides followed by one parallel or
//! orthogonal hinge are a single link, so the planar root of a walker costs one link, not three.
//! Further hinges get massless links in between.

use rapier3d::{
    math::{Matrix, Pose, Rotation, Vector},
    parry::mass_properties::MassProperties,
};

use crate::description::{BodyDescription, Description, JointDescription, JointKind};

/// Bodies that share one rigid body.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// The body that the others are welded to. Its frame is the rigid body's frame, except that free
    /// groups have theirs at the centre of mass.
    pub(crate) body: usize,
    /// The group that it is jointed to; `None` for the world and mocap bodies.
    pub(crate) parent: Option<usize>,
    /// The rigid body's frame in the frame of the parent group's rigid body.
    pub(crate) in_parent: Pose,
    /// The rigid body's frame in the world, at the initial configuration.
    pub(crate) in_world: Pose,
}

impl Group {
    /// Whether it is jointed to anything.
    pub(crate) fn moves(&self) -> bool {
        self.parent.is_some()
    }
}

/// Where a body sits: its group, and its pose in the group's frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Membership {
    pub(crate) group: usize,
    pub(crate) pose: Pose,
}

/// Partitions the bodies into groups; group 0 is the world.
pub(crate) fn groups(description: &Description) -> (Vec<Group>, Vec<Membership>) {
    let mut groups =
        vec![Group { body: 0, parent: None, in_parent: Pose::IDENTITY, in_world: Pose::IDENTITY }];
    let mut members = vec![Membership { group: 0, pose: Pose::IDENTITY }];
    for (index, body) in description.bodies.iter().enumerate().skip(1) {
        let parent = members[body.parent];
        let in_parent = parent.pose * body.pose;
        if body.joints.is_empty() && !body.mocap {
            members.push(Membership { group: parent.group, pose: in_parent });
            continue;
        }
        let in_world = groups[parent.group].in_world * in_parent;
        let parent = (!body.mocap).then_some(parent.group);
        groups.push(Group { body: index, parent, in_parent, in_world });
        members.push(Membership { group: groups.len() - 1, pose: Pose::IDENTITY });
    }
    (groups, members)
}

/// Whether nothing but inertia and contacts holds a body.
pub(crate) fn is_free(body: &BodyDescription) -> bool {
    body.joints.iter().any(|joint| joint.kind == JointKind::Free)
}

/// Moves the frame of every free group to its centre of mass. `masses` are by group, in its frame.
///
/// Rapier moves the origin of a multibody's free root at the velocity of its centre of mass, which is
/// right only where the two coincide.
pub(crate) fn center_free_groups(
    description: &Description,
    groups: &mut [Group],
    members: &mut [Membership],
    masses: &mut [MassProperties],
) {
    for index in 1..groups.len() {
        if !is_free(&description.bodies[groups[index].body]) {
            continue;
        }
        let center = Pose::from_translation(masses[index].local_com);
        let back = center.inverse();
        masses[index] = masses[index].transform_by(&back);
        groups[index].in_parent *= center;
        groups[index].in_world *= center;
        groups.iter_mut().filter(|group| group.parent == Some(index)).for_each(|child| {
            child.in_parent = back * child.in_parent;
        });
        members.iter_mut().filter(|member| member.group == index).for_each(|member| {
            member.pose = back * member.pose;
        });
    }
}

/// One multibody link: consecutive joints of a body that share a frame.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// Frame of the joint in the body's frame; joint axes are among its axes.
    pub(crate) frame: Pose,
    /// For each joint, its index in the body and its rapier axis (0-2 slides, 3-5 hinges).
    pub(crate) axes: Vec<(usize, usize)>,
    /// An axis without a joint that is held by a stiff spring instead of being locked.
    pub(crate) compliant: Option<usize>,
}

/// Joint axes closer to parallel or orthogonal than this are taken as such.
pub(crate) const ALIGNED: f32 = 1e-5;

/// The links of one body with scalar joints. `normal` is the direction in which a planar tree gets a
/// stiff slide, given for its root body; see [`crate::planar`].
pub(crate) fn links(body: &BodyDescription, normal: Option<Vector>) -> Vec<Link> {
    let mut runs: Vec<Vec<usize>> = Vec::new();
    let mut complete = true;
    for (index, joint) in body.joints.iter().enumerate() {
        match runs.last_mut() {
            Some(run) if !complete && run.iter().all(|other| fits(&body.joints[*other], joint)) => {
                run.push(index)
            }
            _ => runs.push(vec![index]),
        }
        // Rapier applies the rotation of a link after its translations.
        complete = matches!(joint.kind, JointKind::Hinge | JointKind::Ball);
    }
    runs.iter().enumerate().map(|(place, run)| link(body, run, normal.filter(|_| place == 0))).collect()
}

fn fits(earlier: &JointDescription, joint: &JointDescription) -> bool {
    if joint.kind == JointKind::Ball {
        return false;
    }
    let cosine = earlier.axis.dot(joint.axis);
    cosine.abs() < ALIGNED || joint.kind == JointKind::Hinge && cosine > 1.0 - ALIGNED
}

/// The coordinate axis that a unit vector lies on exactly, and its sign on it.
pub(crate) fn coordinate_axis(direction: Vector) -> Option<(usize, f32)> {
    let components = direction.to_array();
    let axis = components.iter().position(|component| component.abs() == 1.0)?;
    (0..3).all(|other| other == axis || components[other] == 0.0).then_some((axis, components[axis]))
}

/// The right-handed frame that keeps every direction on its own coordinate axis, if they all lie on
/// one. Rotations between such frames leave no rounding errors off the plane of a planar robot.
fn aligned_frame(basis: &[Vector]) -> Option<([Vector; 3], Vec<usize>)> {
    let placed = basis.iter().map(|direction| coordinate_axis(*direction)).collect::<Option<Vec<_>>>()?;
    let mut signs = [0.0; 3];
    for (axis, sign) in &placed {
        signs[*axis] = *sign;
    }
    let handedness: f32 = signs.iter().filter(|sign| **sign != 0.0).product();
    let mut open = signs.iter_mut().filter(|sign| **sign == 0.0);
    match open.next() {
        Some(first) => *first = handedness,
        None if handedness < 0.0 => return None,
        None => {}
    }
    open.for_each(|sign| *sign = 1.0);
    let frame = [Vector::X * signs[0], Vector::Y * signs[1], Vector::Z * signs[2]];
    Some((frame, placed.into_iter().map(|(axis, _)| axis).collect()))
}

fn link(body: &BodyDescription, run: &[usize], normal: Option<Vector>) -> Link {
    if let [index] = *run
        && body.joints[index].kind == JointKind::Ball
    {
        let frame = Pose::from_translation(body.joints[index].anchor);
        return Link { frame, axes: vec![(index, 3), (index, 4), (index, 5)], compliant: None };
    }
    let mut basis: Vec<Vector> = Vec::new();
    let mut place = |direction: Vector| {
        let known = basis.iter().position(|axis| axis.dot(direction).abs() > 0.5);
        known.unwrap_or_else(|| {
            basis.push(direction);
            basis.len() - 1
        })
    };
    let mut axes: Vec<(usize, usize)> =
        run.iter().map(|&index| (index, place(body.joints[index].axis))).collect();
    let mut compliant = normal.map(&mut place);
    if let Some((frame, places)) = aligned_frame(&basis) {
        axes.iter_mut().map(|(_, axis)| axis).chain(&mut compliant).for_each(|axis| *axis = places[*axis]);
        basis = frame.to_vec();
    }
    if basis.len() == 1 {
        basis.push(basis[0].any_orthonormal_vector());
    }
    if basis.len() == 2 {
        basis.push(basis[0].cross(basis[1]));
    }
    // A left-handed basis is a mirror image, not a rotation: swap two axes.
    if basis[0].cross(basis[1]).dot(basis[2]) < 0.0 {
        basis.swap(1, 2);
        axes.iter_mut().map(|(_, axis)| axis).chain(&mut compliant).for_each(|axis| *axis = [0, 2, 1][*axis]);
    }
    for (index, axis) in &mut axes {
        if body.joints[*index].kind == JointKind::Hinge {
            *axis += 3;
        }
    }
    let anchor = body.joints[run[run.len() - 1]].anchor;
    let rotation = Rotation::from_mat3(&Matrix::from_cols(basis[0], basis[1], basis[2])).normalize();
    let compliant = compliant.filter(|normal| axes.iter().all(|(_, axis)| axis != normal));
    Link { frame: Pose::from_parts(anchor, rotation), axes, compliant }
}
