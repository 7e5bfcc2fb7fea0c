//! Which springs, dampers and drives act on a joint.

use crate::{
    description::{ActuatorDescription, Description, JointDescription},
    drive::{Drive, Spring},
};

/// Body and index in the body of a joint.
pub(crate) type Place = (usize, usize);

pub(crate) fn described(description: &Description, (body, index): Place) -> &JointDescription {
    &description.bodies[body].joints[index]
}

/// The passive spring of a joint, with everything that acts on the joint.
pub(crate) fn spring(description: &Description, place: Place) -> Spring {
    let described = described(description, place);
    let mut spring = Spring::new(described.stiffness, described.rest - described.reference);
    for (signal, actuator, moment) in actuators_of(description, place) {
        if !actuator.is_spring() {
            spring.drives.push(Drive::force(signal, moment));
            continue;
        }
        let [offset, stiffness, _] = actuator.bias;
        spring.add_feedback(-stiffness * moment * moment, described.reference);
        spring.add_force(offset * moment);
        spring.drives.push(Drive::new(signal, actuator.gain[0] * moment, actuator.force_range, moment));
    }
    let tendons = description.tendons.iter().filter(|tendon| tendon.is_elastic());
    let tendons = tendons.map(|tendon| &tendon.targets);
    let all = tendons.chain(description.equalities.iter().map(|equality| &equality.targets));
    for (index, targets) in all.enumerate() {
        for target in targets.iter().filter(|target| target.place() == place) {
            spring.drives.push(Drive::force(description.actuators.len() + index, target.moment));
        }
    }
    spring
}

/// Damping of a joint, with what velocity servos add to it.
pub(crate) fn damping(description: &Description, place: Place) -> f32 {
    let springs = actuators_of(description, place).filter(|(_, actuator, _)| actuator.is_spring());
    let servos = springs.map(|(_, actuator, moment)| -actuator.bias[2] * moment * moment);
    described(description, place).damping + servos.sum::<f32>()
}

/// The actuators of a joint, with their places in the control vector and their moments.
fn actuators_of(
    description: &Description,
    place: Place,
) -> impl Iterator<Item = (usize, &ActuatorDescription, f32)> {
    description.actuators.iter().enumerate().flat_map(move |(index, actuator)| {
        let here = actuator.targets.iter().filter(move |target| target.place() == place);
        here.map(move |target| (index, actuator, target.moment))
    })
}
