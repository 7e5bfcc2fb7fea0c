//! The tree of bodies with their joints and inertias.

use std::collections::BTreeSet;

use rapier3d::{
    math::{Matrix, Pose, Vector},
    parry::mass_properties::MassProperties,
};

use super::{Import, ignored_or_refused, read};
use crate::{
    SimError,
    description::{BodyDescription, Description, InertialDescription, JointKind},
    xml::{Element, Node},
};

/// What the bodies and frames around an element hand down to it.
#[derive(Clone, Copy)]
struct Context<'a> {
    /// Index of the body it belongs to.
    body: usize,
    /// Pose of the frames around it in that body.
    frame: Pose,
    childclass: Option<&'a str>,
}

impl<'a> Import<'a> {
    /// Reads every `<worldbody>` of the file.
    pub(super) fn read_world(&mut self, root: &'a Node) -> Result<(), SimError> {
        self.description.bodies.push(BodyDescription::world(root.line));
        for node in root.all("worldbody") {
            let element = read(node, "worldbody", &mut self.approximations)?;
            let childclass = self.childclass(&element, None)?;
            self.read_children(node, Context { body: 0, frame: Pose::IDENTITY, childclass })?;
        }
        check_names(&root.file, &self.description)
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

    fn read_body(&mut self, node: &'a Node, around: Context<'a>) -> Result<(), SimError> {
        let element = read(node, "body", &mut self.approximations)?;
        let childclass = self.childclass(&element, around.childclass)?;
        let index = self.description.bodies.len();
        let mocap = element.choice("mocap", &["false", "true"])? == "true";
        if mocap && around.body != 0 {
            return Err(element.error("a mocap body must be a child of the world"));
        }
        if element.number("gravcomp", 0.0)? != 0.0 {
            return Err(element.error("gravcomp is not supported; remove it"));
        }
        self.description.bodies.push(BodyDescription {
            name: element.text("name").map_or_else(|| format!("body{index}"), Into::into),
            parent: around.body,
            pose: around.frame * self.settings.pose(&element)?,
            joints: Vec::new(),
            geoms: Vec::new(),
            inertial: None,
            mocap,
            line: element.line,
        });
        self.read_children(node, Context { body: index, frame: Pose::IDENTITY, childclass })?;
        let body = &self.description.bodies[index];
        if mocap && !body.joints.is_empty() {
            return Err(element.error("a mocap body cannot have joints"));
        }
        if self.settings.inertia_from_geom == "false" && body.inertial.is_none() {
            return Err(element.error("inertiafromgeom=\"false\" needs an <inertial> in every body"));
        }
        Ok(())
    }

    fn read_children(&mut self, node: &'a Node, around: Context<'a>) -> Result<(), SimError> {
        for child in &node.children {
            match child.tag.as_str() {
                "body" => self.read_body(child, around)?,
                "frame" => {
                    let element = read(child, "frame", &mut self.approximations)?;
                    let childclass = self.childclass(&element, around.childclass)?;
                    let frame = around.frame * self.settings.pose(&element)?;
                    self.read_children(child, Context { body: around.body, frame, childclass })?;
                }
                "geom" => {
                    let mut element = read(child, "geom", &mut self.approximations)?;
                    self.defaults.apply(&mut element, "geom", around.childclass)?;
                    let geom = self.read_geom(&element, &around.frame)?;
                    self.description.bodies[around.body].geoms.push(geom);
                }
                "joint" | "freejoint" | "inertial" if around.body == 0 => {
                    return Err(child.error("the world cannot move; put this into a body"));
                }
                "inertial" => {
                    let element = read(child, "inertial", &mut self.approximations)?;
                    let inertial = self.read_inertial(&element, &around.frame)?;
                    if self.settings.inertia_from_geom != "true" {
                        self.description.bodies[around.body].inertial = Some(inertial);
                    }
                }
                "joint" | "freejoint" => {
                    let mut element = read(child, &child.tag, &mut self.approximations)?;
                    if child.tag == "joint" {
                        self.defaults.apply(&mut element, "joint", around.childclass)?;
                    }
                    let joint = self.read_joint(&element, &around.frame)?;
                    let body = &mut self.description.bodies[around.body];
                    body.joints.push(joint);
                    let free = body.joints.iter().any(|joint| joint.kind == JointKind::Free);
                    if free && (body.joints.len() > 1 || body.parent != 0) {
                        return Err(element.error(
                            "a free joint must be the only joint of a body that is a child of the world",
                        ));
                    }
                }
                _ => ignored_or_refused(child)?,
            }
        }
        Ok(())
    }

    fn read_inertial(&self, element: &Element<'_>, frame: &Pose) -> Result<InertialDescription, SimError> {
        if element.text("mass").is_none() {
            return Err(element.error("mass is missing"));
        }
        let mass = element.magnitude("mass", 0.0)?;
        let pose = frame * self.settings.pose(element)?;
        if let Some([xx, yy, zz, xy, xz, yz]) = element.numbers::<6>("fullinertia")? {
            if element.text("diaginertia").is_some() {
                return Err(element.error("give only one of diaginertia and fullinertia"));
            }
            let columns = [Vector::new(xx, xy, xz), Vector::new(xy, yy, yz), Vector::new(xz, yz, zz)];
            let inertia = Matrix::from_cols(columns[0], columns[1], columns[2]);
            let definite = xx > 0.0 && xx * yy - xy * xy > 0.0 && inertia.determinant() > 0.0;
            if !definite {
                return Err(element.error("fullinertia must be positive definite"));
            }
            let principal = MassProperties::with_inertia_matrix(Vector::ZERO, 1.0, inertia);
            let turn = Pose::from_rotation(principal.principal_inertia_local_frame);
            return Ok(InertialDescription {
                pose: pose * turn,
                mass,
                moments: principal.principal_inertia(),
            });
        }
        let Some(moments) = element.numbers::<3>("diaginertia")? else {
            return Err(element.error("diaginertia or fullinertia is missing"));
        };
        if moments.iter().any(|moment| *moment < 0.0) {
            return Err(element.error("diaginertia must not be negative"));
        }
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
                return Err(SimError::Robot {
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
