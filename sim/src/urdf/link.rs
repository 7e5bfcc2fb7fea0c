//! `<link>`: mass, what is seen and what collides.

use rapier3d::{
    math::{Matrix, Pose, Vector},
    parry::mass_properties::MassProperties,
};

use super::{Import, read};
use crate::{
    SimError,
    description::{GeomDescription, InertialDescription},
    mesh::Enclosed,
    xml::Node,
};

/// Of everything that collides; URDF has no friction of its own.
const FRICTION: f32 = 1.0;
/// Of links without `<inertial>`, kg/m³: water, as MuJoCo assumes.
const DENSITY: f32 = 1000.0;
const GREY: [f32; 4] = [0.5, 0.5, 0.5, 1.0];

impl<'a> Import<'a> {
    pub(super) fn read_link(&mut self, node: &'a Node, body: usize) -> Result<(), SimError> {
        self.check_children(node, &["inertial", "visual", "collision"])?;
        if let Some(child) = node.only("inertial")? {
            let inertial = self.read_inertial(child)?;
            self.description.bodies[body].inertial = Some(inertial);
        }
        let seen = node.all("visual").next().is_some();
        for child in &node.children {
            let collides = match child.tag.as_str() {
                "collision" => true,
                "visual" => false,
                _ => continue,
            };
            if let Some(geom) = self.read_geom(child, collides, seen)? {
                self.description.bodies[body].geoms.push(geom);
            }
        }
        Ok(())
    }

    fn read_inertial(&mut self, node: &'a Node) -> Result<InertialDescription, SimError> {
        read(node, "inertial", &mut self.approximations)?;
        self.check_children(node, &["origin", "mass", "inertia"])?;
        let pose = self.origin(node)?;
        let child = node.only("mass")?.ok_or_else(|| node.error("<mass> is missing"))?;
        let element = read(child, "mass", &mut self.approximations)?;
        element.required("value")?;
        let mass = element.magnitude("value", 0.0)?;
        let Some(child) = node.only("inertia")? else {
            return Ok(InertialDescription { pose, mass, moments: Vector::ZERO });
        };
        let element = read(child, "inertia", &mut self.approximations)?;
        let entry = |name: &str| element.number(name, 0.0);
        let columns = [
            Vector::new(entry("ixx")?, entry("ixy")?, entry("ixz")?),
            Vector::new(entry("ixy")?, entry("iyy")?, entry("iyz")?),
            Vector::new(entry("ixz")?, entry("iyz")?, entry("izz")?),
        ];
        let inertia = Matrix::from_cols(columns[0], columns[1], columns[2]);
        let principal = MassProperties::with_inertia_matrix(Vector::ZERO, 1.0, inertia);
        let moments = principal.principal_inertia();
        // A negative principal moment shows in the trace, because it was cut off at zero.
        let trace = columns[0].x + columns[1].y + columns[2].z;
        if moments.element_sum() > trace + 1e-4 * trace.abs() {
            return Err(element.error("the inertia must be positive"));
        }
        let turn = Pose::from_rotation(principal.principal_inertia_local_frame);
        Ok(InertialDescription { pose: pose * turn, mass, moments })
    }

    /// A shape that collides, or one that is only seen; `None` for what is only seen and cannot be
    /// drawn. Where a link has shapes to be seen, those that collide are transparent.
    fn read_geom(
        &mut self,
        node: &'a Node,
        collides: bool,
        seen: bool,
    ) -> Result<Option<GeomDescription>, SimError> {
        let element = read(node, &node.tag, &mut self.approximations)?;
        self.check_children(node, &["origin", "geometry", "material"])?;
        let pose = self.origin(node)?;
        let child = node.only("geometry")?.ok_or_else(|| node.error("<geometry> is missing"))?;
        let Some(shape) = self.shape(child, collides)? else { return Ok(None) };
        let rgba = match node.only("material")? {
            Some(material) => self.color(material)?,
            None => GREY,
        };
        let count: usize = self.description.bodies.iter().map(|body| body.geoms.len()).sum();
        let name = element.text("name").map_or_else(|| format!("geom{count}"), Into::into);
        let taken = self.description.bodies.iter().flat_map(|body| &body.geoms).any(|geom| geom.name == name);
        Ok(Some(GeomDescription {
            // Names of shapes need not be unique in URDF.
            name: if taken { format!("{name}/{count}") } else { name },
            shape,
            enclosed: Enclosed::default(),
            pose,
            rgba: if collides && seen { [rgba[0], rgba[1], rgba[2], 0.0] } else { rgba },
            friction: FRICTION,
            contype: u32::from(collides),
            conaffinity: u32::from(collides),
            mass: if collides { None } else { Some(0.0) },
            line: element.line,
            density: DENSITY,
        }))
    }

    /// Reads a `<material>` of the robot, for links that name it.
    pub(super) fn read_color(&mut self, node: &'a Node) -> Result<(), SimError> {
        let name = read(node, "material", &mut self.approximations)?.required("name")?;
        let rgba = self.color(node)?;
        self.colors.insert(name, rgba);
        Ok(())
    }

    fn color(&mut self, node: &'a Node) -> Result<[f32; 4], SimError> {
        let element = read(node, "material", &mut self.approximations)?;
        self.check_children(node, &["color"])?;
        match node.only("color")? {
            Some(child) => {
                let color = read(child, "color", &mut self.approximations)?;
                color.numbers::<4>("rgba")?.ok_or_else(|| color.error("rgba is missing"))
            }
            None => Ok(element.text("name").and_then(|name| self.colors.get(name)).copied().unwrap_or(GREY)),
        }
    }
}
