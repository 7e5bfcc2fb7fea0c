//! Motors and servos.

use roxmltree::Node;

use super::{Compiler, defaults::Defaults, element::Element, elements};
use crate::{
    SimError,
    description::{ActuatorDescription, Description, JointKind},
};

/// Reads one `<actuator>` section.
pub(super) fn read<'a>(
    file: &'a str,
    node: Node<'a, 'a>,
    compiler: &Compiler,
    defaults: &Defaults<'a>,
    description: &mut Description,
    approximations: &mut Vec<String>,
) -> Result<(), SimError> {
    Element::read(file, node, approximations)?;
    for child in elements(node) {
        if !matches!(child.tag_name().name(), "motor" | "position" | "velocity") {
            return super::ignored_or_unsupported(file, child);
        }
        let mut element = Element::read(file, child, approximations)?;
        defaults.apply(&mut element, None)?;
        let actuator = read_one(&element, compiler, description)?;
        if description.actuators.iter().any(|other| other.name == actuator.name) {
            return Err(
                element.error(format!("there are two actuators named `{}`; rename one", actuator.name))
            );
        }
        description.actuators.push(actuator);
    }
    Ok(())
}

fn read_one(
    element: &Element<'_>,
    compiler: &Compiler,
    description: &Description,
) -> Result<ActuatorDescription, SimError> {
    let name = element.text("joint").ok_or_else(|| element.error("joint is missing"))?;
    let found = description.bodies.iter().enumerate().find_map(|(body, part)| {
        part.joints.iter().position(|joint| joint.name == name).map(|joint| (body, joint))
    });
    let Some((body, joint)) = found else {
        return Err(element.error(format!("joint=\"{name}\": there is no such joint")));
    };
    if description.bodies[body].joints[joint].kind == JointKind::Free {
        return Err(element.error("a free joint cannot be actuated"));
    }
    // Hinges and slides have one transmission coefficient; the other five belong to free bodies.
    let gear = element.some_numbers::<6>("gear")?.map_or(1.0, |[gear, ..]| gear);
    let auto = compiler.auto_limits;
    let (gain, position_gain, velocity_gain) = match element.tag {
        "motor" => (1.0, 0.0, 0.0),
        "position" => {
            let kp = element.magnitude("kp", 1.0)?;
            (kp, kp, element.magnitude("kv", 0.0)?)
        }
        _ => {
            let kv = element.magnitude("kv", 1.0)?;
            (kv, 0.0, kv)
        }
    };
    let force_range = match element.tag {
        "motor" => element.interval("forcerange", "forcelimited", auto)?,
        _ => None,
    };
    let count = description.actuators.len();
    Ok(ActuatorDescription {
        name: element.text("name").map_or_else(|| format!("actuator{count}"), Into::into),
        body,
        joint,
        gear,
        gain,
        position_gain,
        velocity_gain,
        ctrl_range: element.interval("ctrlrange", "ctrllimited", auto)?,
        force_range,
    })
}
