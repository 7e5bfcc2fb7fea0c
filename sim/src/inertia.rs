//! Mass properties of geoms and bodies.

use rapier3d::parry::mass_properties::MassProperties;

use crate::{
    Shape,
    description::{Description, GeomDescription},
};
use rapier3d::math::{Pose, Rotation, Vector};

/// Mass properties of everything in a body, in the body's frame; at least the masses and inertias that
/// the model gives every body.
pub(crate) fn of_body(description: &Description, index: usize) -> MassProperties {
    let body = &description.bodies[index];
    let mut properties = match body.inertial {
        Some(inertial) => {
            MassProperties::new(Vector::ZERO, inertial.mass, inertial.moments).transform_by(&inertial.pose)
        }
        None => body.geoms.iter().map(of_geom).fold(MassProperties::default(), |sum, geom| sum + geom),
    };
    if index > 0 && description.least_mass > properties.mass() {
        properties.set_mass(description.least_mass, false);
    }
    if index > 0 && description.least_inertia > 0.0 {
        let moments = properties.principal_inertia().max(Vector::splat(description.least_inertia));
        properties.inv_principal_inertia = moments.recip();
    }
    properties
}

fn of_geom(geom: &GeomDescription) -> MassProperties {
    let at_unit_density = match &geom.shape {
        &Shape::Sphere(radius) => MassProperties::from_ball(1.0, radius),
        &Shape::Capsule(radius, half) => {
            MassProperties::from_capsule(1.0, Vector::Z * -half, Vector::Z * half, radius)
        }
        &Shape::Cylinder(radius, half) => MassProperties::from_cylinder(1.0, half, radius)
            .transform_by(&Pose::from_rotation(Rotation::from_rotation_arc(Vector::Y, Vector::Z))),
        &Shape::Box(half_extents) => MassProperties::from_cuboid(1.0, Vector::from_array(half_extents)),
        Shape::Plane => return MassProperties::default(),
        Shape::Ellipsoid(axes) => of_ellipsoid(*axes),
        Shape::Mesh(mesh) => mesh.solid(geom.enclosed),
    };
    let mass = geom.mass.unwrap_or(geom.density * at_unit_density.mass());
    if mass == 0.0 {
        return MassProperties::default();
    }
    let mut properties = at_unit_density.transform_by(&geom.pose);
    properties.set_mass(mass, true);
    properties
}

/// A solid ellipsoid at a density of 1 kg/m³: m = 4/3 π a b c, and I = m/5 (b² + c²) about a.
fn of_ellipsoid([a, b, c]: [f32; 3]) -> MassProperties {
    let mass = 4.0 / 3.0 * std::f32::consts::PI * a * b * c;
    let moments = Vector::new(b * b + c * c, a * a + c * c, a * a + b * b) * (mass / 5.0);
    MassProperties::new(Vector::ZERO, mass, moments)
}
