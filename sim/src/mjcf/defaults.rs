//! `<default>` classes: attribute values that elements inherit by class.

use std::collections::BTreeMap;

use roxmltree::Node;

use super::element::{Attribute, Element};
use crate::SimError;

/// Name of the class that applies where no other does.
const MAIN: &str = "main";

/// Attribute values by class, then by tag; inheritance between classes is already resolved.
#[derive(Default)]
pub(super) struct Defaults<'a> {
    classes: BTreeMap<&'a str, BTreeMap<&'a str, Vec<Attribute<'a>>>>,
}

impl<'a> Defaults<'a> {
    /// Reads one top-level `<default>`.
    pub(super) fn read(
        &mut self,
        file: &'a str,
        node: Node<'a, 'a>,
        approximations: &mut Vec<String>,
    ) -> Result<(), SimError> {
        let inherited = self.classes.get(MAIN).cloned().unwrap_or_default();
        self.read_class(file, node, MAIN, inherited, approximations)
    }

    fn read_class(
        &mut self,
        file: &'a str,
        node: Node<'a, 'a>,
        unnamed: &'a str,
        mut values: BTreeMap<&'a str, Vec<Attribute<'a>>>,
        approximations: &mut Vec<String>,
    ) -> Result<(), SimError> {
        let element = Element::read(file, node, approximations)?;
        let class = match element.text("class") {
            Some(class) => class,
            None if unnamed.is_empty() => return Err(element.error("a nested default needs a class name")),
            None => unnamed,
        };
        if class != MAIN && self.classes.contains_key(class) {
            return Err(element.error(format!("class `{class}` is defined twice")));
        }
        let (nested, own): (Vec<_>, Vec<_>) =
            super::elements(node).partition(|child| child.tag_name().name() == "default");
        for child in own {
            if super::schema::IGNORED_ELEMENTS.contains(&child.tag_name().name()) {
                continue;
            }
            let mut child = Element::read(file, child, approximations)?;
            if child.text("class").is_some() {
                return Err(child.error("an element inside a default cannot name a class"));
            }
            let entry = values.entry(child.tag).or_default();
            child.inherit(entry);
            *entry = child.attributes().to_vec();
        }
        self.classes.insert(class, values.clone());
        for child in nested {
            self.read_class(file, child, "", values.clone(), approximations)?;
        }
        Ok(())
    }

    /// Completes `element` from its own class, or from `childclass` of the bodies around it.
    pub(super) fn apply(
        &self,
        element: &mut Element<'a>,
        childclass: Option<&'a str>,
    ) -> Result<(), SimError> {
        let class = element.text("class").or(childclass).unwrap_or(MAIN);
        self.check(element, class)?;
        if let Some(values) = self.classes.get(class).and_then(|tags| tags.get(element.tag)) {
            element.inherit(values);
        }
        Ok(())
    }

    /// Checks that a class exists.
    pub(super) fn check(&self, element: &Element<'a>, class: &str) -> Result<(), SimError> {
        if class == MAIN || self.classes.contains_key(class) {
            return Ok(());
        }
        let known: Vec<_> = self.classes.keys().copied().collect();
        Err(element.error(format!(
            "class `{class}` is not defined in any <default>; defined: {}",
            if known.is_empty() { "none".into() } else { known.join(", ") }
        )))
    }
}
