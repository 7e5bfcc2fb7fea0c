//! Fixed tendons: weighted sums of joint positions.

use super::{Import, ignored_or_refused, read};
use crate::{
    SimError,
    description::{Target, TendonDescription},
    xml::{Element, Node},
};

impl<'a> Import<'a> {
    /// Reads one `<tendon>` section.
    pub(super) fn read_tendons(&mut self, node: &'a Node) -> Result<(), SimError> {
        read(node, "tendon", &mut self.approximations)?;
        for child in &node.children {
            if child.tag != "fixed" {
                ignored_or_refused(child)?;
                continue;
            }
            let mut element = read(child, "fixed", &mut self.approximations)?;
            self.defaults.apply(&mut element, "fixed", None)?;
            let tendon = self.read_fixed(child, &element)?;
            if self.description.tendons.iter().any(|other| other.name == tendon.name) {
                return Err(
                    element.error(format!("there are two tendons named `{}`; rename one", tendon.name))
                );
            }
            self.description.tendons.push(tendon);
        }
        Ok(())
    }

    fn read_fixed(&mut self, node: &'a Node, element: &Element<'_>) -> Result<TendonDescription, SimError> {
        let auto = self.settings.auto_limits;
        if element.interval("range", "limited", auto)?.is_some() {
            return Err(element.error("a range of a tendon is not supported; limit the joints"));
        }
        if element.interval("actuatorfrcrange", "actuatorfrclimited", auto)?.is_some() {
            return Err(element.error("actuatorfrcrange is not supported; limit the actuators (forcerange)"));
        }
        for name in ["frictionloss", "armature"] {
            if element.magnitude(name, 0.0)? > 0.0 {
                return Err(
                    element.error(format!("{name} of a tendon is not supported; give it to the joints"))
                );
            }
        }
        let mut targets = Vec::new();
        for child in &node.children {
            let joint = match child.tag.as_str() {
                "joint" => read(child, "fixed/joint", &mut self.approximations)?,
                _ => return Err(child.error("a fixed tendon consists of joints")),
            };
            let (body, index) = self.scalar_joint(&joint, "joint")?;
            let coefficient = joint.numbers::<1>("coef")?.ok_or_else(|| joint.error("coef is missing"))?;
            targets.push(Target { body, joint: index, moment: coefficient[0] });
        }
        if targets.is_empty() {
            return Err(element.error("a fixed tendon needs at least one <joint>"));
        }
        let count = self.description.tendons.len();
        // One rest length, or an interval without force; by default the length of the initial state.
        let rest = element.some_numbers::<2>("springlength")?.unwrap_or([-1.0; 2]);
        let [low, high] = if rest[1].is_nan() { [rest[0]; 2] } else { rest };
        if high < low {
            return Err(element.error("springlength: the lower bound must not be above the upper one"));
        }
        Ok(TendonDescription {
            name: element.text("name").map_or_else(|| format!("tendon{count}"), Into::into),
            rest: if low < 0.0 { None } else { Some([low, high]) },
            targets,
            stiffness: element.magnitude("stiffness", 0.0)?,
            damping: element.magnitude("damping", 0.0)?,
        })
    }

    /// Body and index of the hinge or slide that an attribute names.
    pub(super) fn scalar_joint(
        &self,
        element: &Element<'_>,
        attribute: &str,
    ) -> Result<(usize, usize), SimError> {
        let name = element.required(attribute)?;
        let found = self.description.bodies.iter().enumerate().find_map(|(body, part)| {
            part.joints.iter().position(|joint| joint.name == name).map(|joint| (body, joint))
        });
        let (body, joint) =
            found.ok_or_else(|| element.error(format!("{attribute}=\"{name}\": there is no such joint")))?;
        if !self.description.bodies[body].joints[joint].is_scalar() {
            return Err(element.error(format!("{attribute}=\"{name}\": it must be a hinge or a slide")));
        }
        Ok((body, joint))
    }

    /// The joints of the tendon that an attribute names, with their coefficients.
    pub(super) fn tendon(
        &self,
        element: &Element<'_>,
        attribute: &str,
    ) -> Result<&TendonDescription, SimError> {
        let name = element.required(attribute)?;
        let found = self.description.tendons.iter().find(|tendon| tendon.name == name);
        found.ok_or_else(|| element.error(format!("{attribute}=\"{name}\": there is no such fixed tendon")))
    }
}
