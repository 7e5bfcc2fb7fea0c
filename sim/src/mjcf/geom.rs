//! Geoms: shapes that collide, are seen and carry mass.

use rapier3d::math::{Pose, Rotation, Vector};

use super::Import;
use crate::{Shape, SimError, description::GeomDescription, mesh::Enclosed, xml::Element};

impl Import<'_> {
    /// Reads a geom whose defaults have been applied. `frame` is the pose of the frames around it.
    pub(super) fn read_geom(
        &mut self,
        element: &Element<'_>,
        frame: &Pose,
    ) -> Result<GeomDescription, SimError> {
        let (shape, pose) = self.shape(element)?;
        let enclosed = match shape {
            Shape::Mesh(_) => self.assets.mesh(element)?.1,
            _ => Enclosed::default(),
        };
        if element.choice("shellinertia", &["false", "true"])? == "true" {
            return Err(element.error("shellinertia is not supported; give the body an <inertial>"));
        }
        let in_fluid =
            self.description.medium.is_some_and(|medium| medium.density > 0.0 || medium.viscosity > 0.0);
        if element.choice("fluidshape", &["none", "ellipsoid"])? == "ellipsoid" && in_fluid {
            return Err(
                element.error("fluidshape=\"ellipsoid\" is not simulated; leave it out for the box model")
            );
        }
        // Only the sliding coefficient matters for point contacts.
        let friction = element.some_numbers::<3>("friction")?.map_or(1.0, |[slide, ..]| slide);
        if friction < 0.0 {
            return Err(element.error("friction must not be negative"));
        }
        let friction = match element.integer::<u8>("condim", 3)? {
            1 => 0.0,
            3 => friction,
            4 | 6 => {
                let how = "friction acts at points, without torsion and rolling";
                self.approximations.add(element.file, element.line, "<geom> condim above 3", how);
                friction
            }
            _ => return Err(element.error("condim must be 1, 3, 4 or 6")),
        };
        let mass = match element.numbers::<1>("mass")? {
            Some([mass]) if mass < 0.0 => return Err(element.error("mass must not be negative")),
            mass => mass.map(|[mass]| mass),
        };
        let [first, last] = self.settings.inertia_groups;
        let massive = (first..=last).contains(&element.integer("group", 0)?);
        let count: usize = self.description.bodies.iter().map(|body| body.geoms.len()).sum();
        Ok(GeomDescription {
            name: element.text("name").map_or_else(|| format!("geom{count}"), Into::into),
            shape,
            enclosed,
            pose: frame * pose,
            rgba: element.numbers::<4>("rgba")?.unwrap_or([0.5, 0.5, 0.5, 1.0]),
            friction,
            contype: element.integer("contype", 1)?,
            conaffinity: element.integer("conaffinity", 1)?,
            mass: if massive { mass } else { Some(0.0) },
            density: element.magnitude("density", 1000.0)?,
            line: element.line,
        })
    }

    fn shape(&mut self, element: &Element<'_>) -> Result<(Shape, Pose), SimError> {
        let kinds = ["sphere", "capsule", "cylinder", "box", "plane", "ellipsoid", "mesh", "hfield"];
        let kind = element.choice("type", &kinds)?;
        match kind {
            "plane" => return Ok((Shape::Plane, self.settings.pose(element)?)),
            "hfield" => {
                let (shape, offset) = self.read_height_field(element)?;
                return Ok((shape, self.settings.pose(element)? * offset));
            }
            "mesh" => {
                let shape = Shape::Mesh(self.assets.mesh(element)?.0);
                return Ok((shape, self.settings.pose(element)?));
            }
            _ if element.text("mesh").is_some() => {
                return Err(
                    element.error(format!("a {kind} is not fitted to a mesh; use type=\"mesh\" or size"))
                );
            }
            _ => {}
        }
        let size = element.some_numbers::<3>("size")?.ok_or_else(|| element.error("size is missing"))?;
        let positive = |index: usize| {
            let value = size[index];
            if value > 0.0 {
                Ok(value)
            } else {
                Err(element.error(format!("size needs a positive number {}", index + 1)))
            }
        };
        if let Some([x1, y1, z1, x2, y2, z2]) = element.numbers::<6>("fromto")? {
            let (from, to) = (Vector::new(x1, y1, z1), Vector::new(x2, y2, z2));
            let along = element.direction("fromto", to - from)?;
            let half = 0.5 * (to - from).length();
            let pose = Pose::from_parts(0.5 * (from + to), Rotation::from_rotation_arc(Vector::Z, along));
            let shape = match kind {
                "capsule" => Shape::Capsule(positive(0)?, half),
                "cylinder" => Shape::Cylinder(positive(0)?, half),
                // The first size is the half width of the square cross-section.
                "box" => Shape::Box([positive(0)?, positive(0)?, half]),
                "ellipsoid" => Shape::Ellipsoid([positive(0)?, positive(0)?, half]),
                _ => return Err(element.error(format!("fromto cannot describe a {kind}; use pos and size"))),
            };
            return Ok((shape, pose));
        }
        let shape = match kind {
            "sphere" => Shape::Sphere(positive(0)?),
            "capsule" => Shape::Capsule(positive(0)?, positive(1)?),
            "cylinder" => Shape::Cylinder(positive(0)?, positive(1)?),
            "box" => Shape::Box([positive(0)?, positive(1)?, positive(2)?]),
            _ => Shape::Ellipsoid([positive(0)?, positive(1)?, positive(2)?]),
        };
        Ok((shape, self.settings.pose(element)?))
    }
}
