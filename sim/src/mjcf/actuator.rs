//! Motors, servos and everything else whose force is `(g0 + g1 L + g2 V) u + b0 + b1 L + b2 V`, where
//! `u` is the control or its filtered form, `L` the length of the joint or tendon and `V` its rate.

use super::{Import, ignored_or_refused, read};
use crate::{
    SimError,
    description::{ActuatorDescription, Dynamics, Target},
    xml::{Element, Node},
};

/// Transmissions that are refused.
const TRANSMISSIONS: [&str; 5] = ["jointinparent", "site", "body", "cranksite", "slidersite"];

impl<'a> Import<'a> {
    /// Reads one `<actuator>` section.
    pub(super) fn read_actuators(&mut self, node: &'a Node) -> Result<(), SimError> {
        read(node, "actuator", &mut self.approximations)?;
        for child in &node.children {
            let tag = child.tag.as_str();
            if !matches!(
                tag,
                "motor" | "position" | "velocity" | "intvelocity" | "damper" | "cylinder" | "general"
            ) {
                ignored_or_refused(child)?;
                continue;
            }
            if let Some(attribute) =
                child.attributes.iter().find(|a| TRANSMISSIONS.contains(&a.name.as_str()))
            {
                return Err(child.error(format!(
                    "transmission through `{}` is not simulated; actuate a joint or a fixed tendon",
                    attribute.name
                )));
            }
            let mut element = read(child, tag, &mut self.approximations)?;
            self.defaults.apply(&mut element, tag, None)?;
            let actuator = self.read_actuator(&element)?;
            if self.description.actuators.iter().any(|other| other.name == actuator.name) {
                return Err(
                    element.error(format!("there are two actuators named `{}`; rename one", actuator.name))
                );
            }
            self.description.actuators.push(actuator);
        }
        Ok(())
    }

    fn read_actuator(&self, element: &Element<'_>) -> Result<ActuatorDescription, SimError> {
        let mut targets = match (element.text("joint"), element.text("tendon")) {
            (Some(_), None) => {
                let (body, joint) = self.scalar_joint(element, "joint")?;
                vec![Target { body, joint, moment: 1.0 }]
            }
            (None, Some(_)) => self.tendon(element, "tendon")?.targets.clone(),
            (None, None) => return Err(element.error("joint or tendon is missing")),
            _ => return Err(element.error("give only one of joint and tendon")),
        };
        // Hinges and slides have one transmission coefficient; the other five belong to free bodies.
        let gear = element.some_numbers::<6>("gear")?.map_or(1.0, |[gear, ..]| gear);
        targets.iter_mut().for_each(|target| target.moment *= gear);
        let auto = self.settings.auto_limits;
        let mut actuator = ActuatorDescription {
            name: element
                .text("name")
                .map_or_else(|| format!("actuator{}", self.description.actuators.len()), Into::into),
            targets,
            dynamics: Dynamics::None,
            gain: [0.0; 3],
            bias: [0.0; 3],
            ctrl_range: element.interval("ctrlrange", "ctrllimited", auto)?,
            activation_range: None,
            force_range: element.interval("forcerange", "forcelimited", auto)?,
        };
        match element.tag {
            "motor" => actuator.gain[0] = 1.0,
            "velocity" => {
                let kv = element.magnitude("kv", 1.0)?;
                (actuator.gain[0], actuator.bias[2]) = (kv, -kv);
            }
            "damper" => {
                actuator.gain[2] = -element.magnitude("kv", 1.0)?;
                if actuator.ctrl_range.is_none_or(|[low, _]| low < 0.0) {
                    return Err(element.error("a damper needs a ctrlrange without negative values"));
                }
            }
            "cylinder" => {
                let area = match element.numbers::<1>("diameter")? {
                    Some([diameter]) => std::f32::consts::PI / 4.0 * diameter * diameter,
                    None => element.magnitude("area", 1.0)?,
                };
                actuator.gain[0] = area;
                actuator.bias = element.numbers::<3>("bias")?.unwrap_or_default();
                actuator.dynamics = filter(element.magnitude("timeconst", 1.0)?);
            }
            "general" => self.read_general(element, &mut actuator)?,
            _ => self.read_servo(element, &mut actuator)?,
        }
        Ok(actuator)
    }

    /// `position` and `intvelocity`: servos to a position, which is the control or its integral.
    fn read_servo(&self, element: &Element<'_>, actuator: &mut ActuatorDescription) -> Result<(), SimError> {
        if element.number("dampratio", 0.0)? != 0.0 {
            return Err(element.error("dampratio is not supported; give kv"));
        }
        let kp = element.magnitude("kp", 1.0)?;
        actuator.gain[0] = kp;
        actuator.bias = [0.0, -kp, -element.magnitude("kv", 0.0)?];
        let inherited = self.inherited_range(element, actuator)?;
        if element.tag == "position" {
            actuator.dynamics = exact_filter(element.magnitude("timeconst", 0.0)?);
            actuator.ctrl_range = inherited.or(actuator.ctrl_range);
        } else {
            actuator.dynamics = Dynamics::Integrator;
            let range = element.numbers::<2>("actrange")?.filter(|[low, high]| low < high).or(inherited);
            actuator.activation_range =
                Some(range.ok_or_else(|| element.error("actrange needs two numbers, the lower one first"))?);
        }
        Ok(())
    }

    /// `inheritrange`: the range of the joint, scaled about its middle.
    fn inherited_range(
        &self,
        element: &Element<'_>,
        actuator: &ActuatorDescription,
    ) -> Result<Option<[f32; 2]>, SimError> {
        let scale = element.magnitude("inheritrange", 0.0)?;
        if scale == 0.0 {
            return Ok(None);
        }
        let [target] = actuator.targets[..] else {
            return Err(element.error("inheritrange needs a joint"));
        };
        let joint = &self.description.bodies[target.body].joints[target.joint];
        let [low, high] = joint.range.ok_or_else(|| element.error("inheritrange: the joint has no range"))?;
        let (middle, half) = (0.5 * (low + high), 0.5 * (high - low) * scale);
        Ok(Some([middle - half, middle + half]))
    }

    fn read_general(
        &self,
        element: &Element<'_>,
        actuator: &mut ActuatorDescription,
    ) -> Result<(), SimError> {
        if element.choice("actearly", &["false", "true"])? == "true" {
            return Err(element.error("actearly is not supported"));
        }
        let numbers = |name: &str, default: [f32; 3]| -> Result<[f32; 3], SimError> {
            let Some(given) = element.list(name)? else { return Ok(default) };
            let mut numbers = default;
            numbers.iter_mut().zip(&given).for_each(|(number, given)| *number = *given);
            Ok(numbers)
        };
        let gain = numbers("gainprm", [1.0, 0.0, 0.0])?;
        actuator.gain = match element.choice("gaintype", &["fixed", "affine"])? {
            "fixed" => [gain[0], 0.0, 0.0],
            _ => gain,
        };
        if element.choice("biastype", &["none", "affine"])? == "affine" {
            actuator.bias = numbers("biasprm", [0.0; 3])?;
        }
        let [constant, ..] = numbers("dynprm", [1.0, 0.0, 0.0])?;
        let limits = element.interval("actrange", "actlimited", self.settings.auto_limits)?;
        actuator.activation_range = limits;
        actuator.dynamics =
            match element.choice("dyntype", &["none", "integrator", "filter", "filterexact"])? {
                "none" => Dynamics::None,
                "integrator" => Dynamics::Integrator,
                _ if constant < 0.0 => {
                    return Err(element.error("dynprm: the time constant must not be negative"));
                }
                "filter" => filter(constant),
                _ => exact_filter(constant),
            };
        Ok(())
    }
}

fn filter(time_constant: f32) -> Dynamics {
    if time_constant > 0.0 { Dynamics::Filter { time_constant } } else { Dynamics::None }
}

fn exact_filter(time_constant: f32) -> Dynamics {
    if time_constant > 0.0 { Dynamics::ExactFilter { time_constant } } else { Dynamics::None }
}
