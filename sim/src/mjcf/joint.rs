//! Joints.

use rapier3d::math::{Pose, Vector};

use super::Import;
use crate::{
    SimError,
    description::{JointDescription, JointKind},
    xml::Element,
};

impl Import<'_> {
    /// Reads a joint whose defaults have been applied. `frame` is the pose of the frames around it.
    pub(super) fn read_joint(
        &mut self,
        element: &Element<'_>,
        frame: &Pose,
    ) -> Result<JointDescription, SimError> {
        let kind = match element.tag {
            "freejoint" => JointKind::Free,
            _ => match element.choice("type", &["hinge", "slide", "ball", "free"])? {
                "hinge" => JointKind::Hinge,
                "slide" => JointKind::Slide,
                "ball" => JointKind::Ball,
                _ => JointKind::Free,
            },
        };
        // Only hinges have positions in the file's angle unit.
        let unit = if kind == JointKind::Hinge { self.settings.to_radians } else { 1.0 };
        let scalar = matches!(kind, JointKind::Hinge | JointKind::Slide);
        let range = match kind {
            JointKind::Free => None,
            _ => element.interval("range", "limited", self.settings.auto_limits)?,
        };
        if element.interval("actuatorfrcrange", "actuatorfrclimited", self.settings.auto_limits)?.is_some() {
            return Err(element.error("actuatorfrcrange is not supported; limit the actuators (forcerange)"));
        }
        if element.choice("actuatorgravcomp", &["false", "true"])? == "true" {
            return Err(element.error("actuatorgravcomp is not supported"));
        }
        let count: usize = self.description.bodies.iter().map(|body| body.joints.len()).sum();
        let spring_damper = spring_damper(element)?;
        // `springdamper` replaces the other two.
        let given = |name: &str| {
            let value = element.magnitude(name, 0.0)?;
            Ok::<f32, SimError>(if spring_damper.is_some() { 0.0 } else { value })
        };
        let joint = JointDescription {
            name: element.text("name").map_or_else(|| format!("joint{count}"), Into::into),
            kind,
            axis: frame.rotation * element.direction("axis", element.vector("axis", Vector::Z)?)?,
            anchor: frame.transform_point(element.vector("pos", Vector::ZERO)?),
            range: range.map(|range| range.map(|bound| bound * unit)),
            damping: given("damping")?,
            stiffness: given("stiffness")?,
            spring_damper,
            rest: element.number("springref", 0.0)? * unit,
            armature: element.magnitude("armature", 0.0)?,
            dry_friction: element.magnitude("frictionloss", 0.0)?,
            reference: if scalar { element.number("ref", 0.0)? * unit } else { 0.0 },
            line: element.line,
        };
        match kind {
            JointKind::Ball if joint.range.is_some() => {
                Err(element.error("a range of a ball joint is not supported; use three hinges"))
            }
            JointKind::Ball | JointKind::Free if joint.stiffness > 0.0 || joint.spring_damper.is_some() => {
                Err(element.error("springs of ball and free joints are not supported"))
            }
            JointKind::Free => {
                for (name, value) in [
                    ("damping", joint.damping),
                    ("armature", joint.armature),
                    ("frictionloss", joint.dry_friction),
                ] {
                    if value > 0.0 {
                        self.approximations.add(
                            element.file,
                            element.line,
                            &format!("<joint> {name} of a free joint"),
                            "free bodies move without it",
                        );
                    }
                }
                Ok(joint)
            }
            _ => Ok(joint),
        }
    }
}

/// `springdamper`: time constant and damping ratio, where both are positive.
fn spring_damper(element: &Element<'_>) -> Result<Option<[f32; 2]>, SimError> {
    let given = element.numbers::<2>("springdamper")?;
    Ok(given.filter(|given| given.iter().all(|number| *number > 0.0)))
}
