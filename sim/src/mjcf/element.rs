//! An XML element with its class defaults applied, and attributes that know their line.

use std::str::FromStr;

use rapier3d::math::{Pose, Rotation, Vector};
use roxmltree::Node;

use super::schema;
use crate::SimError;

/// One attribute as written in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    pub(super) line: u32,
}

/// An element whose attributes have all been found in the schema.
#[derive(Clone, Debug)]
pub(super) struct Element<'a> {
    pub(super) file: &'a str,
    pub(super) tag: &'a str,
    pub(super) line: u32,
    attributes: Vec<Attribute<'a>>,
}

pub(super) fn line_of(node: Node<'_, '_>) -> u32 {
    node.document().text_pos_at(node.range().start).row
}

impl<'a> Element<'a> {
    /// Checks the attributes of `node` against the schema. Remarks go to `approximations`.
    pub(super) fn read(
        file: &'a str,
        node: Node<'a, 'a>,
        approximations: &mut Vec<String>,
    ) -> Result<Self, SimError> {
        let tag = node.tag_name().name();
        let mut element = Self { file, tag, line: line_of(node), attributes: Vec::new() };
        let Some(rule) = schema::rule(tag) else {
            return Err(element.error("this element is not supported; remove it or simplify the model"));
        };
        for attribute in node.attributes() {
            let name = attribute.name();
            let line = node.document().text_pos_at(attribute.range().start).row;
            if rule.reads.contains(&name) {
                element.attributes.push(Attribute { name, value: attribute.value(), line });
            } else if rule.approximates.contains(&name) {
                approximations.push(format!(
                    "{file}:{line}: <{tag}> {name}=\"{}\" is approximated by the solver's own setting",
                    attribute.value()
                ));
            } else if !rule.ignores.contains(&name) {
                return Err(SimError::Mjcf {
                    file: file.into(),
                    line,
                    element: tag.into(),
                    reason: format!(
                        "attribute `{name}` is not supported; this element takes: {}",
                        rule.reads.join(", ")
                    ),
                });
            }
        }
        Ok(element)
    }

    /// Adds the attributes of a class that the element does not give itself.
    pub(super) fn inherit(&mut self, defaults: &[Attribute<'a>]) {
        for attribute in defaults {
            if self.find(attribute.name).is_none() {
                self.attributes.push(*attribute);
            }
        }
    }

    pub(super) fn attributes(&self) -> &[Attribute<'a>] {
        &self.attributes
    }

    pub(super) fn error(&self, reason: impl Into<String>) -> SimError {
        SimError::Mjcf {
            file: self.file.into(),
            line: self.line,
            element: self.tag.into(),
            reason: reason.into(),
        }
    }

    fn attribute_error(&self, attribute: &Attribute<'_>, expected: &str) -> SimError {
        SimError::Mjcf {
            file: self.file.into(),
            line: attribute.line,
            element: self.tag.into(),
            reason: format!("{}=\"{}\": expected {expected}", attribute.name, attribute.value),
        }
    }

    fn find(&self, name: &str) -> Option<&Attribute<'a>> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.find(name).map(|attribute| attribute.value)
    }

    /// One of several words; the first is the default.
    pub(super) fn choice(&self, name: &str, words: &[&'static str]) -> Result<&'static str, SimError> {
        let Some(attribute) = self.find(name) else { return Ok(words[0]) };
        let word = words.iter().find(|word| **word == attribute.value);
        word.copied().ok_or_else(|| self.attribute_error(attribute, &format!("one of {}", words.join(", "))))
    }

    pub(super) fn integer<T: FromStr>(&self, name: &str, default: T) -> Result<T, SimError> {
        let Some(attribute) = self.find(name) else { return Ok(default) };
        attribute.value.trim().parse().map_err(|_| self.attribute_error(attribute, "a whole number"))
    }

    /// Between `least` and `N` finite numbers; `None` where the attribute is absent. Missing trailing
    /// numbers are NaN.
    fn up_to<const N: usize>(&self, name: &str, least: usize) -> Result<Option<[f32; N]>, SimError> {
        let Some(attribute) = self.find(name) else { return Ok(None) };
        let count = if least == N { format!("{N}") } else { format!("{least} to {N}") };
        let wrong = || self.attribute_error(attribute, &format!("{count} finite numbers"));
        let mut numbers = [f32::NAN; N];
        let mut given = 0;
        for word in attribute.value.split_ascii_whitespace() {
            let number: f32 = word.parse().map_err(|_| wrong())?;
            let place = numbers.get_mut(given).filter(|_| number.is_finite()).ok_or_else(wrong)?;
            *place = number;
            given += 1;
        }
        if given < least { Err(wrong()) } else { Ok(Some(numbers)) }
    }

    /// Exactly `N` finite numbers.
    pub(super) fn numbers<const N: usize>(&self, name: &str) -> Result<Option<[f32; N]>, SimError> {
        self.up_to(name, N)
    }

    /// Up to `N` finite numbers, the rest NaN.
    pub(super) fn some_numbers<const N: usize>(&self, name: &str) -> Result<Option<[f32; N]>, SimError> {
        self.up_to(name, 1)
    }

    pub(super) fn number(&self, name: &str, default: f32) -> Result<f32, SimError> {
        Ok(self.numbers::<1>(name)?.map_or(default, |[number]| number))
    }

    /// A number that must not be negative.
    pub(super) fn magnitude(&self, name: &str, default: f32) -> Result<f32, SimError> {
        let number = self.number(name, default)?;
        if number >= 0.0 { Ok(number) } else { Err(self.error(format!("{name} must not be negative"))) }
    }

    pub(super) fn vector(&self, name: &str, default: Vector) -> Result<Vector, SimError> {
        Ok(self.numbers::<3>(name)?.map_or(default, Vector::from_array))
    }

    /// An interval, if it applies: `flag` says yes, no or (with `auto`) that its presence decides.
    pub(super) fn interval(&self, name: &str, flag: &str, auto: bool) -> Result<Option<[f32; 2]>, SimError> {
        let range = self.numbers::<2>(name)?;
        let limited = match self.choice(flag, &["auto", "true", "false"])? {
            "auto" => auto && range.is_some(),
            word => word == "true",
        };
        if !limited {
            return Ok(None);
        }
        match range {
            Some([low, high]) if low < high => Ok(range),
            Some(_) => Err(self.error(format!("{name}: the lower bound must be below the upper one"))),
            None => Err(self.error(format!("{flag}=\"true\" needs {name}"))),
        }
    }

    /// `pos` with `quat`, `euler` or `axisangle`; `to_radians` is the factor of the file's angle unit.
    pub(super) fn pose(&self, to_radians: f32) -> Result<Pose, SimError> {
        let position = self.vector("pos", Vector::ZERO)?;
        let given = ["quat", "euler", "axisangle"].iter().filter(|name| self.find(name).is_some()).count();
        if given > 1 {
            return Err(self.error("give only one of quat, euler and axisangle"));
        }
        let rotation = if let Some([w, x, y, z]) = self.numbers::<4>("quat")? {
            let rotation = Rotation::from_xyzw(x, y, z, w);
            if !(1e-6..1e6).contains(&rotation.length()) {
                return Err(self.error("quat must be a rotation, of length 1"));
            }
            rotation.normalize()
        } else if let Some(angles) = self.numbers::<3>("euler")? {
            let [x, y, z] = angles.map(|angle| angle * to_radians);
            Rotation::from_rotation_x(x) * Rotation::from_rotation_y(y) * Rotation::from_rotation_z(z)
        } else if let Some([x, y, z, angle]) = self.numbers::<4>("axisangle")? {
            let axis = self.direction("axisangle", Vector::new(x, y, z))?;
            Rotation::from_axis_angle(axis, angle * to_radians)
        } else {
            Rotation::IDENTITY
        };
        Ok(Pose::from_parts(position, rotation))
    }

    /// Normalises a direction, which must not be zero.
    pub(super) fn direction(&self, name: &str, vector: Vector) -> Result<Vector, SimError> {
        vector.try_normalize().ok_or_else(|| self.error(format!("{name}: the direction must not be zero")))
    }
}
