//! Motors: those of the `<transmission>`s, or one for every joint where the file has none.

use super::{Import, read};
use crate::{
    SimError,
    description::{ActuatorDescription, Dynamics, Target},
    xml::Node,
};

impl<'a> Import<'a> {
    /// Adds a motor for each transmission, or for each hinge and slide that is not a follower. Its
    /// control is the motor's force in N or N m, up to what the joint's `effort` allows.
    pub(super) fn read_motors(&mut self, root: &'a Node) -> Result<(), SimError> {
        for node in root.all("transmission") {
            self.read_transmission(node, root)?;
        }
        if root.all("transmission").next().is_some() {
            return Ok(());
        }
        for node in root.all("joint") {
            let element = read(node, "joint", &mut Default::default())?;
            let (name, kind) = (element.required("name")?, element.required("type")?);
            if node.only("mimic")?.is_some() || !matches!(kind, "revolute" | "continuous" | "prismatic") {
                continue;
            }
            let target = self.scalar_joint(name, &element)?;
            let effort = self.effort(node)?;
            self.add_motor(name.into(), target, effort);
        }
        Ok(())
    }

    fn read_transmission(&mut self, node: &'a Node, root: &'a Node) -> Result<(), SimError> {
        let element = read(node, "transmission", &mut self.approximations)?;
        let mut reduction = 1.0;
        for child in node.children.iter().chain(node.all("actuator").flat_map(|child| &child.children)) {
            match child.tag.as_str() {
                "mechanicalReduction" => {
                    let number = child.text.parse().ok().filter(|number: &f32| number.is_normal());
                    reduction = number.ok_or_else(|| child.error("expected a number other than zero"))?;
                }
                "type" | "joint" | "actuator" | "hardwareInterface" | "motorTorqueConstant" => {}
                _ => return Err(child.error("only simple transmissions are supported")),
            }
        }
        let joint = node.only("joint")?.ok_or_else(|| node.error("<joint> is missing"))?;
        let joint = read(joint, "transmission/joint", &mut self.approximations)?;
        let name = joint.required("name")?;
        let target = self.scalar_joint(name, &joint)?;
        let names = |other: &&Node| other.attributes.iter().any(|a| a.name == "name" && a.value == name);
        let effort = match root.all("joint").find(names) {
            Some(node) => self.effort(node)?,
            None => None,
        };
        let motor = node.only("actuator")?.and_then(|actuator| {
            actuator.attributes.iter().find(|attribute| attribute.name == "name").map(|a| a.value.as_str())
        });
        let motor = motor.or(element.text("name")).unwrap_or(name);
        if self.description.actuators.iter().any(|other| other.name == motor) {
            return Err(element.error(format!("there are two motors named `{motor}`; rename one")));
        }
        let force = effort.map(|effort| effort / reduction.abs());
        self.add_motor(motor.into(), Target { moment: reduction, ..target }, force);
        Ok(())
    }

    fn add_motor(&mut self, name: String, target: Target, force: Option<f32>) {
        self.description.actuators.push(ActuatorDescription {
            name,
            targets: vec![target],
            dynamics: Dynamics::None,
            gain: [1.0, 0.0, 0.0],
            bias: [0.0; 3],
            ctrl_range: force.map(|force| [-force, force]),
            activation_range: None,
            force_range: None,
        });
    }
}
