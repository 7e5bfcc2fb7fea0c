//! An XML element with its class defaults applied, and attributes that know their line.

use std::str::FromStr;

use rapier3d::math::Vector;

use super::{Approximations, Node};
use crate::SimError;

/// What an importer does with the attributes of one element.
pub(crate) struct Rule {
    /// The tag; with its parent's in front (`fixed/joint`) where one tag has several meanings.
    pub(crate) tag: &'static str,
    /// Honoured.
    pub(crate) reads: &'static [&'static str],
    /// Honoured in another form: the attribute and the form. Listed by
    /// [`crate::Model::approximations`].
    pub(crate) approximates: &'static [(&'static str, &'static str)],
    /// Purely visual, or bookkeeping.
    pub(crate) ignores: &'static [&'static str],
}

/// One attribute as written in the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
    pub(crate) line: u32,
}

/// An element whose attributes have all been found in the rules of its format.
#[derive(Clone, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) file: &'a str,
    pub(crate) tag: &'a str,
    pub(crate) line: u32,
    attributes: Vec<Attribute<'a>>,
}

impl<'a> Element<'a> {
    /// Checks the attributes of `node` against its rule.
    pub(crate) fn read(
        node: &'a Node,
        rule: &Rule,
        approximations: &mut Approximations,
    ) -> Result<Self, SimError> {
        let mut element = Self { file: &node.file, tag: &node.tag, line: node.line, attributes: Vec::new() };
        for attribute in &node.attributes {
            let (name, value, line) = (attribute.name.as_str(), attribute.value.as_str(), attribute.line);
            if rule.reads.contains(&name) {
                element.attributes.push(Attribute { name, value, line });
            } else if let Some((_, how)) = rule.approximates.iter().find(|(known, _)| *known == name) {
                approximations.add(&node.file, line, &format!("<{}> {name}", node.tag), how);
            } else if !rule.ignores.contains(&name) {
                return Err(SimError::Robot {
                    file: element.file.into(),
                    line,
                    element: node.tag.clone(),
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
    pub(crate) fn inherit(&mut self, defaults: &[Attribute<'a>]) {
        for attribute in defaults {
            if self.find(attribute.name).is_none() {
                self.attributes.push(*attribute);
            }
        }
    }

    pub(crate) fn attributes(&self) -> &[Attribute<'a>] {
        &self.attributes
    }

    pub(crate) fn error(&self, reason: impl Into<String>) -> SimError {
        SimError::Robot {
            file: self.file.into(),
            line: self.line,
            element: self.tag.into(),
            reason: reason.into(),
        }
    }

    fn attribute_error(&self, attribute: &Attribute<'_>, expected: &str) -> SimError {
        SimError::Robot {
            file: self.file.into(),
            line: attribute.line,
            element: self.tag.into(),
            reason: format!("{}=\"{}\": expected {expected}", attribute.name, attribute.value),
        }
    }

    fn find(&self, name: &str) -> Option<&Attribute<'a>> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.find(name).map(|attribute| attribute.value)
    }

    /// The text of an attribute that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&'a str, SimError> {
        self.text(name).ok_or_else(|| self.error(format!("{name} is missing")))
    }

    /// One of several words; the first is the default.
    pub(crate) fn choice(&self, name: &str, words: &[&'static str]) -> Result<&'static str, SimError> {
        let Some(attribute) = self.find(name) else { return Ok(words[0]) };
        let word = words.iter().find(|word| **word == attribute.value);
        word.copied().ok_or_else(|| self.attribute_error(attribute, &format!("one of {}", words.join(", "))))
    }

    pub(crate) fn integer<T: FromStr>(&self, name: &str, default: T) -> Result<T, SimError> {
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

    /// Any count of finite numbers.
    pub(crate) fn list(&self, name: &str) -> Result<Option<Vec<f32>>, SimError> {
        let Some(attribute) = self.find(name) else { return Ok(None) };
        let words = attribute.value.split_ascii_whitespace();
        let numbers = words.map(|word| word.parse().ok().filter(|number: &f32| number.is_finite()));
        let numbers: Option<Vec<f32>> = numbers.collect();
        numbers.map(Some).ok_or_else(|| self.attribute_error(attribute, "finite numbers"))
    }

    /// Exactly `N` finite numbers.
    pub(crate) fn numbers<const N: usize>(&self, name: &str) -> Result<Option<[f32; N]>, SimError> {
        self.up_to(name, N)
    }

    /// Up to `N` finite numbers, the rest NaN.
    pub(crate) fn some_numbers<const N: usize>(&self, name: &str) -> Result<Option<[f32; N]>, SimError> {
        self.up_to(name, 1)
    }

    pub(crate) fn number(&self, name: &str, default: f32) -> Result<f32, SimError> {
        Ok(self.numbers::<1>(name)?.map_or(default, |[number]| number))
    }

    /// A number that must not be negative.
    pub(crate) fn magnitude(&self, name: &str, default: f32) -> Result<f32, SimError> {
        let number = self.number(name, default)?;
        if number >= 0.0 { Ok(number) } else { Err(self.error(format!("{name} must not be negative"))) }
    }

    pub(crate) fn vector(&self, name: &str, default: Vector) -> Result<Vector, SimError> {
        Ok(self.numbers::<3>(name)?.map_or(default, Vector::from_array))
    }

    /// An interval, if it applies: `flag` says yes, no or (with `auto`) that its presence decides.
    pub(crate) fn interval(&self, name: &str, flag: &str, auto: bool) -> Result<Option<[f32; 2]>, SimError> {
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

    /// Normalises a direction, which must not be zero.
    pub(crate) fn direction(&self, name: &str, vector: Vector) -> Result<Vector, SimError> {
        vector.try_normalize().ok_or_else(|| self.error(format!("{name}: the direction must not be zero")))
    }
}
