//! Mass of what moves: summed by rigid body, scaled and checked.

use rapier3d::{math::Vector, parry::mass_properties::MassProperties};

use crate::{
    SimError,
    description::{BodyDescription, Description},
    inertia,
    links::{Group, Membership},
};

/// Mass properties of each group in the frame of its rigid body, with the total that the file asks for.
pub(crate) fn of_groups(
    name: &str,
    description: &Description,
    groups: &[Group],
    members: &[Membership],
) -> Result<Vec<MassProperties>, SimError> {
    let mut masses = vec![MassProperties::default(); groups.len()];
    for (index, member) in members.iter().enumerate() {
        masses[member.group] += inertia::of_body(description, index).transform_by(&member.pose);
    }
    let moving = |index: &usize| groups[*index].moves();
    if let Some(wanted) = description.total_mass {
        let total: f32 = (0..groups.len()).filter(moving).map(|index| masses[index].mass()).sum();
        for mass in masses.iter_mut().filter(|mass| mass.mass() > 0.0) {
            mass.set_mass(mass.mass() * wanted / total, true);
        }
    }
    for index in (0..groups.len()).filter(moving) {
        let moments = masses[index].principal_inertia();
        let sound = |value: f32| value > LEAST && value < MOST;
        let near = |place: Vector| place.is_finite() && place.abs().max_element() < FARTHEST;
        let near = near(masses[index].local_com) && near(groups[index].in_world.translation);
        if !(sound(masses[index].mass()) && moments.to_array().into_iter().all(sound) && near) {
            return Err(unmovable(name, &description.bodies[groups[index].body]));
        }
    }
    Ok(masses)
}

/// Kilograms or kg m², between which single floats can be computed with.
const LEAST: f32 = 1e-16;
const MOST: f32 = 1e12;
/// Metres from the origin.
const FARTHEST: f32 = 1e6;

fn unmovable(model: &str, body: &BodyDescription) -> SimError {
    SimError::Model {
        model: model.into(),
        reason: format!(
            "body `{}` (line {}) has joints but no mass or no inertia, or too much of them to compute with, or \
             is too far away; give it a geom with a volume and a sensible density, or an <inertial>",
            body.name, body.line
        ),
    }
}
