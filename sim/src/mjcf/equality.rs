//! `<equality>`: joints that move in fixed proportion.

use super::{Import, ignored_or_refused, read};
use crate::{
    SimError,
    description::{EqualityDescription, Target},
    xml::{Element, Node},
};

impl<'a> Import<'a> {
    /// Reads one `<equality>` section.
    pub(super) fn read_equalities(&mut self, node: &'a Node) -> Result<(), SimError> {
        read(node, "equality", &mut self.approximations)?;
        for child in &node.children {
            let key = match child.tag.as_str() {
                "joint" => "equality/joint",
                "tendon" => "equality/tendon",
                _ => {
                    ignored_or_refused(child)?;
                    continue;
                }
            };
            let mut element = read(child, key, &mut self.approximations)?;
            self.defaults.apply(&mut element, key, None)?;
            let equality = self.read_equality(&element)?;
            if element.choice("active", &["true", "false"])? == "true" {
                self.description.equalities.push(equality);
            }
        }
        Ok(())
    }

    /// `length1 = c0 + c1 length2`, lengths counted from the initial state; without a second length it
    /// is constant.
    fn read_equality(&self, element: &Element<'_>) -> Result<EqualityDescription, SimError> {
        let given = element.some_numbers::<5>("polycoef")?.unwrap_or([0.0, 1.0, 0.0, 0.0, 0.0]);
        let [offset, slope, curved @ ..] = given.map(|number| if number.is_nan() { 0.0 } else { number });
        if curved != [0.0; 3] {
            return Err(element.error("polycoef: only c0 and c1 are supported, without curvature"));
        }
        let (first, second) = match element.tag {
            "tendon" => ("tendon1", "tendon2"),
            _ => ("joint1", "joint2"),
        };
        let targets = |attribute: &str| -> Result<Vec<Target>, SimError> {
            Ok(match element.tag {
                "tendon" => self.tendon(element, attribute)?.targets.clone(),
                _ => {
                    let (body, joint) = self.scalar_joint(element, attribute)?;
                    vec![Target { body, joint, moment: 1.0 }]
                }
            })
        };
        let mut sum = targets(first)?;
        if element.text(second).is_some() {
            sum.extend(
                targets(second)?
                    .into_iter()
                    .map(|target| Target { moment: -slope * target.moment, ..target }),
            );
        }
        sum.retain(|target| target.moment != 0.0);
        Ok(EqualityDescription { targets: sum, offset, line: element.line })
    }
}
