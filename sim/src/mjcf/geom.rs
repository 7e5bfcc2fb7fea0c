//! Geoms: shapes that collide, are seen and carry mass.

use rapier3d::math::{Pose, Rotation, Vector};

use super::{Compiler, element::Element};
use crate::{Shape, SimError, description::GeomDescription};

pub(super) fn read(
    element: &Element<'_>,
    count: usize,
    compiler: &Compiler,
) -> Result<GeomDescription, SimError> {
    let (shape, pose) = shape(element, compiler)?;
    // Only the sliding coefficient matters for point contacts; the torsional and rolling ones belong
    // to condim 4 and 6, which are refused.
    let friction = element.some_numbers::<3>("friction")?.map_or(1.0, |[slide, ..]| slide);
    if friction < 0.0 {
        return Err(element.error("friction must not be negative"));
    }
    let friction = match element.integer::<u8>("condim", 3)? {
        1 => 0.0,
        3 => friction,
        _ => {
            return Err(
                element.error("condim must be 1 or 3; torsional and rolling friction are not simulated")
            );
        }
    };
    let mass = match element.numbers::<1>("mass")? {
        Some([mass]) if mass < 0.0 => return Err(element.error("mass must not be negative")),
        mass => mass.map(|[mass]| mass),
    };
    Ok(GeomDescription {
        name: element.text("name").map_or_else(|| format!("geom{count}"), Into::into),
        shape,
        pose,
        rgba: element.numbers::<4>("rgba")?.unwrap_or([0.5, 0.5, 0.5, 1.0]),
        friction,
        contype: element.integer("contype", 1)?,
        conaffinity: element.integer("conaffinity", 1)?,
        mass,
        density: element.magnitude("density", 1000.0)?,
        line: element.line,
    })
}

fn shape(element: &Element<'_>, compiler: &Compiler) -> Result<(Shape, Pose), SimError> {
    let kind = element.choice("type", &["sphere", "capsule", "cylinder", "box", "plane"])?;
    let size = element.some_numbers::<3>("size")?;
    if kind == "plane" {
        return Ok((Shape::Plane, element.pose(compiler.to_radians)?));
    }
    let size = size.ok_or_else(|| element.error("size is missing"))?;
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
            _ => return Err(element.error(format!("fromto cannot describe a {kind}; use pos and size"))),
        };
        return Ok((shape, pose));
    }
    let shape = match kind {
        "sphere" => Shape::Sphere(positive(0)?),
        "capsule" => Shape::Capsule(positive(0)?, positive(1)?),
        "cylinder" => Shape::Cylinder(positive(0)?, positive(1)?),
        _ => Shape::Box([positive(0)?, positive(1)?, positive(2)?]),
    };
    Ok((shape, element.pose(compiler.to_radians)?))
}
