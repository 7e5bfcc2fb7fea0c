//! The tree of bodies with their joints and inertias.

use std::collections::BTreeSet;

use rapier3d::math::{Pose, Vector};
use roxmltree::Node;

use super::{
    Compiler,
    defaults::Defaults,
    element::{Element, line_of},
    elements, geom,
};
use crate::{
    SimError,
    description::{BodyDescription, Description, InertialDescription, JointDescription, JointKind},
};

/// Deeper trees than this are refused, so that a hostile file cannot exhaust the stack.
const DEEPEST: usize = 64;

/// Reads bodies into a description.
pub(super) struct Reader<'r, 'a> {
    pub(super) file: &'a str,
    pub(super) compiler: &'r Compiler,
    pub(super) defaults: &'r Defaults<'a>,
    pub(super) approximations: Vec<String>,
}

impl<'a> Reader<'_, 'a> {
    /// Reads every `<worldbody>` of the file.
    pub(super) fn read_world(
        &mut self,
        root: Node<'a, 'a>,
        description: &mut Description,
    ) -> Result<(), SimError> {
        description.bodies.push(BodyDescription {
            name: "world".into(),
            parent: 0,
            pose: Pose::IDENTITY,
            joints: Vec::new(),
            geoms: Vec::new(),
            inertial: None,
            mocap: false,
            line: line_of(root),
        });
        for node in elements(root).filter(|node| node.tag_name().name() == "worldbody") {
            let element = Element::read(self.file, node, &mut self.approximations)?;
            let childclass = self.childclass(&element, None)?;
            self.read_children(node, &element, 0, childclass, 0, description)?;
        }
        check_names(self.file, description)
    }

    fn childclass(
        &self,
        element: &Element<'a>,
        inherited: Option<&'a str>,
    ) -> Result<Option<&'a str>, SimError> {
        match element.text("childclass") {
            Some(class) => self.defaults.check(element, class).map(|()| Some(class)),
            None => Ok(inherited),
        }
    }

    fn read_body(
        &mut self,
        node: Node<'a, 'a>,
        parent: usize,
        childclass: Option<&'a str>,
        depth: usize,
        description: &mut Description,
    ) -> Result<(), SimError> {
        let element = Element::read(self.file, node, &mut self.approximations)?;
        if depth > DEEPEST {
            return Err(element.error(format!("bodies are nested deeper than {DEEPEST} levels")));
        }
        let childclass = self.childclass(&element, childclass)?;
        let index = description.bodies.len();
        let mocap = element.choice("mocap", &["false", "true"])? == "true";
        if mocap && parent != 0 {
            return Err(element.error("a mocap body must be a child of the world"));
        }
        description.bodies.push(BodyDescription {
            name: element.text("name").map_or_else(|| format!("body{index}"), Into::into),
            parent,
            pose: element.pose(self.compiler.to_radians)?,
            joints: Vec::new(),
            geoms: Vec::new(),
            inertial: None,
            mocap,
            line: element.line,
        });
        self.read_children(node, &element, index, childclass, depth, description)?;
        if mocap && !description.bodies[index].joints.is_empty() {
            return Err(element.error("a mocap body cannot have joints"));
        }
        Ok(())
    }

    fn read_children(
        &mut self,
        node: Node<'a, 'a>,
        body: &Element<'a>,
        index: usize,
        childclass: Option<&'a str>,
        depth: usize,
        description: &mut Description,
    ) -> Result<(), SimError> {
        for child in elements(node) {
            let tag = child.tag_name().name();
            match tag {
                "body" => {
                    self.read_body(child, index, childclass, depth + 1, description)?;
                    continue;
                }
                "geom" | "joint" | "freejoint" | "inertial" => {}
                _ => {
                    super::ignored_or_unsupported(self.file, child)?;
                    continue;
                }
            }
            let mut element = Element::read(self.file, child, &mut self.approximations)?;
            if index == 0 && tag != "geom" {
                return Err(element.error("the world cannot move; put this into a body"));
            }
            match tag {
                "geom" => {
                    self.defaults.apply(&mut element, childclass)?;
                    let count: usize = description.bodies.iter().map(|body| body.geoms.len()).sum();
                    let geom = geom::read(&element, count, self.compiler)?;
                    description.bodies[index].geoms.push(geom);
                }
                "inertial" => {
                    let inertial = self.read_inertial(&element)?;
                    if self.compiler.inertia_from_geom != "true" {
                        description.bodies[index].inertial = Some(inertial);
                    }
                }
                _ => {
                    if tag == "joint" {
                        self.defaults.apply(&mut element, childclass)?;
                    }
                    let count: usize = description.bodies.iter().map(|body| body.joints.len()).sum();
                    let joint = self.read_joint(&element, count)?;
                    let joints = &mut description.bodies[index].joints;
                    joints.push(joint);
                    let free = joints.iter().any(|joint| joint.kind == JointKind::Free);
                    if free && (joints.len() > 1 || description.bodies[index].parent != 0) {
                        return Err(element.error(
                            "a free joint must be the only joint of a body that is a child of the world",
                        ));
                    }
                }
            }
        }
        let needs_inertial = self.compiler.inertia_from_geom == "false" && index != 0;
        if needs_inertial && description.bodies[index].inertial.is_none() {
            return Err(body.error("inertiafromgeom=\"false\" needs an <inertial> in every body"));
        }
        Ok(())
    }

    fn read_joint(&self, element: &Element<'a>, count: usize) -> Result<JointDescription, SimError> {
        let kind = if element.tag == "freejoint" {
            JointKind::Free
        } else {
            match element.choice("type", &["hinge", "slide", "free", "ball"])? {
                "hinge" => JointKind::Hinge,
                "slide" => JointKind::Slide,
                "free" => JointKind::Free,
                _ => return Err(element.error("ball joints are not supported; use three hinges")),
            }
        };
        // Only hinges have positions in the file's angle unit.
        let unit = if kind == JointKind::Hinge { self.compiler.to_radians } else { 1.0 };
        let range = match kind {
            JointKind::Free => None,
            _ => element.interval("range", "limited", self.compiler.auto_limits)?,
        };
        Ok(JointDescription {
            name: element.text("name").map_or_else(|| format!("joint{count}"), Into::into),
            kind,
            axis: element.direction("axis", element.vector("axis", Vector::Z)?)?,
            anchor: element.vector("pos", Vector::ZERO)?,
            range: range.map(|range| range.map(|bound| bound * unit)),
            damping: element.magnitude("damping", 0.0)?,
            stiffness: element.magnitude("stiffness", 0.0)?,
            rest: element.number("springref", 0.0)? * unit,
            armature: element.magnitude("armature", 0.0)?,
            dry_friction: element.magnitude("frictionloss", 0.0)?,
            reference: element.number("ref", 0.0)? * unit,
            line: element.line,
        })
    }

    fn read_inertial(&self, element: &Element<'a>) -> Result<InertialDescription, SimError> {
        let mass = element.magnitude("mass", -1.0)?;
        let Some(moments) = element.numbers::<3>("diaginertia")? else {
            return Err(element.error("diaginertia is missing (fullinertia is not supported)"));
        };
        if moments.iter().any(|moment| *moment < 0.0) {
            return Err(element.error("diaginertia must not be negative"));
        }
        let pose = element.pose(self.compiler.to_radians)?;
        Ok(InertialDescription { pose, mass, moments: Vector::from_array(moments) })
    }
}

/// Refuses two bodies, joints or geoms of one name.
fn check_names(file: &str, description: &Description) -> Result<(), SimError> {
    let mut seen = BTreeSet::new();
    for body in &description.bodies {
        let parts = std::iter::once(("body", &body.name, body.line))
            .chain(body.joints.iter().map(|joint| ("joint", &joint.name, joint.line)))
            .chain(body.geoms.iter().map(|geom| ("geom", &geom.name, geom.line)));
        for (kind, name, line) in parts {
            if !seen.insert((kind, name)) {
                return Err(SimError::Mjcf {
                    file: file.into(),
                    line,
                    element: kind.into(),
                    reason: format!("there are two {kind}s named `{name}`; rename one"),
                });
            }
        }
    }
    Ok(())
}
