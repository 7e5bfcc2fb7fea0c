//! `<default>` classes: attribute values that elements inherit by class.

use std::collections::BTreeMap;

use super::{ignored_or_refused, read, schema};
use crate::{
    SimError,
    xml::{Approximations, Attribute, Element, Node},
};

/// Name of the class that applies where no other does.
const MAIN: &str = "main";

/// Tags that share one set of defaults in MuJoCo: its shortcuts all configure the same actuator.
const ACTUATORS: [&str; 7] =
    ["general", "motor", "position", "velocity", "intvelocity", "damper", "cylinder"];
/// Attributes that mean the same for all of them.
const SHARED: [&str; 5] = ["gear", "ctrlrange", "ctrllimited", "forcerange", "forcelimited"];
/// Attributes that decide the force of an actuator, so that they reach other tags in translation only.
const FORCE: [&str; 9] =
    ["kp", "kv", "gainprm", "biasprm", "dyntype", "dynprm", "gaintype", "biastype", "actrange"];

/// Attribute values of one class by tag, with the class it inherits from already worked in.
type Values<'a> = BTreeMap<&'a str, Vec<Attribute<'a>>>;

#[derive(Default)]
pub(super) struct Defaults<'a> {
    classes: BTreeMap<&'a str, Values<'a>>,
}

impl<'a> Defaults<'a> {
    /// Reads one top-level `<default>`; several of them add to each other.
    pub(super) fn read(
        &mut self,
        node: &'a Node,
        approximations: &mut Approximations,
    ) -> Result<(), SimError> {
        let inherited = self.classes.get(MAIN).cloned().unwrap_or_default();
        self.read_class(node, MAIN, inherited, approximations)
    }

    fn read_class(
        &mut self,
        node: &'a Node,
        unnamed: &'a str,
        mut values: Values<'a>,
        approximations: &mut Approximations,
    ) -> Result<(), SimError> {
        let element = read(node, "default", approximations)?;
        let class = match element.text("class") {
            Some(class) => class,
            None if unnamed.is_empty() => return Err(element.error("a nested default needs a class name")),
            None => unnamed,
        };
        if class != MAIN && self.classes.contains_key(class) {
            return Err(element.error(format!("class `{class}` is defined twice")));
        }
        for child in node.children.iter().filter(|child| child.tag != "default") {
            // In defaults these two stand for kinds, not for sections.
            let key = match child.tag.as_str() {
                "tendon" => "fixed",
                "equality" => "equality/tendon",
                tag if schema::rule(tag).is_none() => {
                    // A class may prepare for elements that the model then never uses.
                    if !PREPARED.contains(&tag) {
                        ignored_or_refused(child)?;
                    }
                    continue;
                }
                tag => tag,
            };
            let mut child = read(child, key, approximations)?;
            if child.text("class").is_some() {
                return Err(child.error("an element inside a default cannot name a class"));
            }
            let entry = values.entry(key).or_default();
            child.inherit(entry);
            *entry = child.attributes().to_vec();
        }
        self.classes.insert(class, values.clone());
        for child in node.all("default") {
            self.read_class(child, "", values.clone(), approximations)?;
        }
        Ok(())
    }

    /// Completes `element` from its own class, or from `childclass` of the bodies around it. Its rule
    /// is named `key`.
    pub(super) fn apply(
        &self,
        element: &mut Element<'a>,
        key: &str,
        childclass: Option<&'a str>,
    ) -> Result<(), SimError> {
        let class = element.text("class").or(childclass).unwrap_or(MAIN);
        self.check(element, class)?;
        let Some(values) = self.classes.get(class) else { return Ok(()) };
        if let Some(values) = values.get(key) {
            element.inherit(values);
        }
        if ACTUATORS.contains(&key) {
            inherit_from_other_actuators(element, key, values)?;
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

/// Takes over what other kinds of actuators of the class say about ranges and gears.
fn inherit_from_other_actuators<'a>(
    element: &mut Element<'a>,
    key: &str,
    values: &Values<'a>,
) -> Result<(), SimError> {
    // A motor's force is always its control.
    let own = key == "motor" || FORCE.iter().any(|name| element.text(name).is_some());
    for tag in ACTUATORS.into_iter().filter(|tag| *tag != key) {
        let Some(others) = values.get(tag) else { continue };
        if let Some(attribute) = others.iter().find(|a| !own && FORCE.contains(&a.name)) {
            return Err(element.error(format!(
                "it would inherit {} from <{tag}> in line {}; give it values of its own",
                attribute.name, attribute.line
            )));
        }
        let shared: Vec<_> = others.iter().filter(|a| SHARED.contains(&a.name)).copied().collect();
        element.inherit(&shared);
    }
    Ok(())
}

/// Kinds that are refused in a model, but may stand in a class.
const PREPARED: [&str; 3] = ["muscle", "adhesion", "pair"];
