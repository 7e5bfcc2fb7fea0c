//! Robots that move in a plane, and why some of them get a stiff slide out of it.
//!
//! Rapier's friction has two tangents. Where a body has no freedom along one of them, that tangent's
//! effective mass should be zero, and is then left alone. If it is rounding noise instead, its impulse
//! fills the friction cone and none is left for the other tangent. A stiff slide along the plane's
//! normal gives the tangent a real mass, at the price of a degree of freedom. It is not needed where
//! everything lies on coordinate axes, so that all products with the normal are exactly zero.

use rapier3d::math::Vector;

use crate::{
    Shape,
    description::{Description, GeomDescription, JointKind},
    links::{ALIGNED, Group, Membership, coordinate_axis},
};

/// For each group that is a child of the world: the direction in which its tree needs a stiff slide,
/// in the group's own frame. Those are planar trees that may touch something, unless exact.
pub(crate) fn slides(
    description: &Description,
    groups: &[Group],
    members: &[Membership],
) -> Vec<Option<Vector>> {
    let mut roots: Vec<usize> = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        roots.push(match group.parent {
            Some(0) | None => index,
            Some(parent) => roots[parent],
        });
    }
    let slide = |root: usize| {
        let tree = Tree { description, groups, members, roots: &roots, root };
        let normal = tree.normal().filter(|_| tree.geoms().any(|(_, geom)| touches(geom)))?;
        (!tree.is_exact(normal)).then(|| groups[root].in_world.rotation.inverse() * normal)
    };
    (0..groups.len()).map(|index| if groups[index].parent == Some(0) { slide(index) } else { None }).collect()
}

fn touches(geom: &GeomDescription) -> bool {
    geom.contype != 0 || geom.conaffinity != 0
}

fn meet(a: &GeomDescription, b: &GeomDescription) -> bool {
    a.contype & b.conaffinity != 0 || b.contype & a.conaffinity != 0
}

/// A child of the world with all its descendants.
struct Tree<'d> {
    description: &'d Description,
    groups: &'d [Group],
    members: &'d [Membership],
    /// By group, the root of its tree.
    roots: &'d [usize],
    root: usize,
}

impl Tree<'_> {
    fn moving(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().zip(self.roots).filter(|(_, root)| **root == self.root).map(|(group, _)| group)
    }

    /// The geoms of the whole model, with where their bodies sit.
    fn all_geoms(&self) -> impl Iterator<Item = (&Membership, &GeomDescription)> {
        let bodies = self.description.bodies.iter().zip(self.members);
        bodies.flat_map(|(body, member)| body.geoms.iter().map(move |geom| (member, geom)))
    }

    /// The geoms of the tree.
    fn geoms(&self) -> impl Iterator<Item = (&Membership, &GeomDescription)> {
        self.all_geoms().filter(|(member, _)| self.roots[member.group] == self.root)
    }

    /// The direction in the world that the tree cannot move in, if there is exactly one.
    fn normal(&self) -> Option<Vector> {
        let joints = || {
            self.moving().flat_map(|group| {
                let joints = &self.description.bodies[group.body].joints;
                joints.iter().map(|joint| (joint.kind, group.in_world.rotation * joint.axis))
            })
        };
        let (_, normal) = joints().find(|(kind, _)| *kind == JointKind::Hinge)?;
        let planar = joints().all(|(kind, axis)| match kind {
            JointKind::Hinge => axis.dot(normal).abs() > 1.0 - ALIGNED,
            JointKind::Slide => axis.dot(normal).abs() < ALIGNED,
            JointKind::Ball | JointKind::Free => false,
        });
        planar.then_some(normal)
    }

    /// Whether no rounding error can point out of the plane: all rotations are about a coordinate
    /// axis, all joints lie on coordinate axes, and nothing but a level floor is touched.
    fn is_exact(&self, normal: Vector) -> bool {
        let Some((normal @ 0..2, _)) = coordinate_axis(normal) else { return false };
        let turns_in_plane = |rotation: [f32; 4]| (0..3).all(|axis| axis == normal || rotation[axis] == 0.0);
        let joints_exact = self.moving().all(|group| {
            turns_in_plane(group.in_parent.rotation.to_array())
                && turns_in_plane(group.in_world.rotation.to_array())
                && self.description.bodies[group.body].joints.iter().all(|joint| {
                    let axis = coordinate_axis(joint.axis);
                    axis.is_some_and(|(axis, _)| (axis == normal) == (joint.kind == JointKind::Hinge))
                })
        });
        let contacts_exact = self.geoms().filter(|(_, geom)| touches(geom)).all(|(member, geom)| {
            // Capsules become colliders without a rotation of their own.
            let round = matches!(geom.shape, Shape::Sphere(_) | Shape::Capsule(..));
            let rotation = (member.pose * geom.pose).rotation.to_array();
            let mut met = self.all_geoms().filter(|(_, other)| meet(geom, other));
            (round || turns_in_plane(rotation)) && met.all(|(member, other)| is_floor(member, other))
        });
        joints_exact && contacts_exact
    }
}

/// A horizontal plane that is part of the world.
fn is_floor(member: &Membership, geom: &GeomDescription) -> bool {
    let rotation = (member.pose * geom.pose).rotation.to_array();
    geom.shape == Shape::Plane && member.group == 0 && rotation == [0.0, 0.0, 0.0, 1.0]
}
