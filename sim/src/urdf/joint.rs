//! `<joint>`: how a link hangs on another.

use rapier3d::math::{Pose, Rotation, Vector};

use super::{Import, read};
use crate::{
    SimError,
    description::{EqualityDescription, JointDescription, JointKind, Target},
    xml::{Element, Node},
};

/// A joint as it stands in the file.
pub(super) struct Connection<'a> {
    pub(super) element: Element<'a>,
    node: &'a Node,
    pub(super) name: &'a str,
    pub(super) parent: &'a str,
    pub(super) child: &'a str,
    pub(super) pose: Pose,
}

impl<'a> Import<'a> {
    pub(super) fn read_connection(&mut self, node: &'a Node) -> Result<Connection<'a>, SimError> {
        let element = read(node, "joint", &mut self.approximations)?;
        self.check_children(node, &["origin", "parent", "child", "axis", "limit", "dynamics", "mimic"])?;
        let mut end = |tag: &str| -> Result<&'a str, SimError> {
            let child = node.only(tag)?.ok_or_else(|| node.error(format!("<{tag}> is missing")))?;
            read(child, tag, &mut self.approximations)?.required("link")
        };
        let (parent, child) = (end("parent")?, end("child")?);
        Ok(Connection {
            name: element.required("name")?,
            pose: self.origin(node)?,
            element,
            node,
            parent,
            child,
        })
    }

    /// The joints that let the child move as the file says: none, one, or three in a plane.
    pub(super) fn joints_of(
        &mut self,
        connection: &Connection<'a>,
        parent: usize,
    ) -> Result<Vec<JointDescription>, SimError> {
        let element = &connection.element;
        let kinds = ["fixed", "revolute", "continuous", "prismatic", "floating", "planar"];
        element.required("type")?;
        let kind = element.choice("type", &kinds)?;
        let axis = match connection.node.only("axis")? {
            Some(child) => {
                let child = read(child, "axis", &mut self.approximations)?;
                child.direction("xyz", child.vector("xyz", Vector::X)?)?
            }
            None => Vector::X,
        };
        let mut joint = JointDescription {
            name: connection.name.into(),
            kind: JointKind::Hinge,
            axis,
            anchor: Vector::ZERO,
            range: None,
            damping: 0.0,
            stiffness: 0.0,
            spring_damper: None,
            rest: 0.0,
            armature: 0.0,
            dry_friction: 0.0,
            reference: 0.0,
            line: element.line,
        };
        if let Some(child) = connection.node.only("dynamics")? {
            let dynamics = read(child, "dynamics", &mut self.approximations)?;
            joint.damping = dynamics.magnitude("damping", 0.0)?;
            joint.dry_friction = dynamics.magnitude("friction", 0.0)?;
        }
        match kind {
            "fixed" => return Ok(Vec::new()),
            "continuous" => {}
            "revolute" => joint.range = Some(self.range(connection)?),
            "prismatic" => {
                joint.kind = JointKind::Slide;
                joint.range = Some(self.range(connection)?);
            }
            "floating" => {
                joint.kind = JointKind::Free;
                let fixed = |index: usize| self.description.bodies[index].joints.is_empty();
                let mut above = parent;
                while above != 0 {
                    if !fixed(above) {
                        return Err(element.error("a floating joint must hang on the root"));
                    }
                    above = self.description.bodies[above].parent;
                }
                self.description.bodies[parent].parent = 0;
                return Ok(vec![joint]);
            }
            _ => return Ok(planar(&joint)),
        }
        Ok(vec![joint])
    }

    fn range(&mut self, connection: &Connection<'a>) -> Result<[f32; 2], SimError> {
        let Some(child) = connection.node.only("limit")? else {
            return Err(connection.element.error("<limit> is missing; a hinge without one is `continuous`"));
        };
        let limit = read(child, "limit", &mut self.approximations)?;
        let range = [limit.number("lower", 0.0)?, limit.number("upper", 0.0)?];
        if range[0] < range[1] {
            Ok(range)
        } else {
            Err(limit.error("lower must be below upper; a joint that cannot move is `fixed`"))
        }
    }

    /// The largest force of a joint's motor, N or N m; `None` where the file sets none.
    pub(super) fn effort(&mut self, joint: &'a Node) -> Result<Option<f32>, SimError> {
        let Some(child) = joint.only("limit")? else { return Ok(None) };
        let limit = read(child, "limit", &mut Default::default())?;
        let effort = limit.magnitude("effort", 0.0)?;
        Ok((limit.text("effort").is_some() && effort > 0.0).then_some(effort))
    }

    /// `<mimic>`: the joint's position is `multiplier * position + offset` of another.
    pub(super) fn read_mimic(&mut self, connection: &Connection<'a>) -> Result<(), SimError> {
        let Some(child) = connection.node.only("mimic")? else { return Ok(()) };
        let mimic = read(child, "mimic", &mut self.approximations)?;
        let multiplier = mimic.number("multiplier", 1.0)?;
        let follower = self.scalar_joint(connection.name, &mimic)?;
        let leader = self.scalar_joint(mimic.required("joint")?, &mimic)?;
        self.description.equalities.push(EqualityDescription {
            targets: vec![follower, Target { moment: -multiplier, ..leader }],
            offset: mimic.number("offset", 0.0)?,
            line: mimic.line,
        });
        Ok(())
    }

    pub(super) fn scalar_joint(&self, name: &str, element: &Element<'_>) -> Result<Target, SimError> {
        let bodies = self.description.bodies.iter().enumerate();
        let mut joints = bodies.flat_map(|(body, part)| {
            part.joints.iter().enumerate().map(move |(joint, described)| (body, joint, described))
        });
        let found = joints.find(|(_, _, joint)| joint.name == name && joint.is_scalar());
        let (body, joint, _) = found.ok_or_else(|| {
            element.error(format!("`{name}` is no revolute, continuous or prismatic joint"))
        })?;
        Ok(Target { body, joint, moment: 1.0 })
    }
}

/// Two slides in the plane across the axis, then a hinge about it.
fn planar(joint: &JointDescription) -> Vec<JointDescription> {
    let turn = Rotation::from_rotation_arc(Vector::Z, joint.axis);
    let slide = |name: &str, axis: Vector| JointDescription {
        name: format!("{}/{name}", joint.name),
        kind: JointKind::Slide,
        axis: turn * axis,
        ..joint.clone()
    };
    let hinge = JointDescription { name: format!("{}/turn", joint.name), ..joint.clone() };
    vec![slide("x", Vector::X), slide("y", Vector::Y), hinge]
}
