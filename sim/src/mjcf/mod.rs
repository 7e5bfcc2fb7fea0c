//! MJCF, MuJoCo's robot format: the part of it that describes rigid robots. What the importer
//! honours, approximates and refuses stands in `sim/IMPORT.md`; anything outside [`schema`] is an
//! error that names file, line and element.
//!
//! Differences from MuJoCo that remain: contacts and joint limits are hard instead of soft, friction
//! is Coulomb's without torsion and rolling, the integrator is semi-implicit Euler with the solver's
//! iterations as substeps, and `condim` combines like friction (two geoms slide freely only if both
//! have condim 1 or friction 0).

mod actuator;
mod asset;
mod body;
mod defaults;
mod equality;
mod geom;
mod include;
mod joint;
mod orientation;
mod schema;
mod settings;
mod tendon;

use std::path::Path;

use self::{defaults::Defaults, settings::Settings};
use crate::{
    SimError,
    description::Description,
    xml::{Approximations, Element, Files, Node},
};

/// What all parts of the importer share.
struct Import<'a> {
    settings: Settings<'a>,
    defaults: Defaults<'a>,
    assets: asset::Assets<'a>,
    approximations: Approximations,
    description: Description,
}

/// Reads a model. `name` is what errors call the file; `path` is where it lies, if it is one.
pub(crate) fn parse(name: &str, path: Option<&Path>, xml: &str) -> Result<Description, SimError> {
    let mut files = Files::beside(path, xml);
    let root = include::expand(Node::parse(name, xml)?, &mut files)?;
    let mut approximations = Approximations::default();
    if root.tag != "mujoco" {
        return Err(root.error("the root element must be <mujoco>"));
    }
    read(&root, "mujoco", &mut approximations)?;
    let mut import = Import {
        settings: Settings::default(),
        defaults: Defaults::default(),
        assets: asset::Assets::default(),
        approximations,
        description: Description::empty(),
    };

    // Settings and classes apply to the whole file, wherever they stand in it.
    for node in &root.children {
        match node.tag.as_str() {
            "compiler" => import.read_compiler(node)?,
            "option" => import.read_option(node)?,
            "custom" => import.read_custom(node)?,
            "default" => import.defaults.read(node, &mut import.approximations)?,
            "asset" | "worldbody" | "actuator" | "contact" | "tendon" | "equality" => {}
            _ => ignored_or_refused(node)?,
        }
    }
    for node in root.all("asset") {
        import.read_assets(node, &mut files)?;
    }
    import.read_world(&root)?;
    for node in root.all("tendon") {
        import.read_tendons(node)?;
    }
    for node in root.all("equality") {
        import.read_equalities(node)?;
    }
    for node in root.all("actuator") {
        import.read_actuators(node)?;
    }
    for node in root.all("contact") {
        import.read_contacts(node)?;
    }
    let Import { settings, approximations, mut description, .. } = import;
    settings.apply_flags(&mut description);
    description.approximations = approximations.into_remarks();
    description.fingerprint = files.fingerprint();
    Ok(description)
}

/// Checks an element against the rule named `key`: its tag, or `parent/tag`.
fn read<'a>(node: &'a Node, key: &str, approximations: &mut Approximations) -> Result<Element<'a>, SimError> {
    match schema::rule(key) {
        Some(rule) => Element::read(node, rule, approximations),
        None => Err(node.error(schema::refusal(&node.tag))),
    }
}

/// Skips an element without effect and refuses any other.
fn ignored_or_refused(node: &Node) -> Result<(), SimError> {
    if schema::IGNORED_ELEMENTS.contains(&node.tag.as_str()) {
        return Ok(());
    }
    let known = schema::rule(&node.tag).is_some();
    // An empty section asks for nothing.
    if node.children.is_empty() && node.attributes.is_empty() && !known {
        return Ok(());
    }
    Err(node.error(if known { "this element cannot stand here" } else { schema::refusal(&node.tag) }))
}

impl Import<'_> {
    fn read_contacts(&mut self, node: &Node) -> Result<(), SimError> {
        read(node, "contact", &mut self.approximations)?;
        for child in &node.children {
            if child.tag != "exclude" {
                ignored_or_refused(child)?;
                continue;
            }
            let element = read(child, "exclude", &mut self.approximations)?;
            let body = |attribute: &str| {
                let name = element.required(attribute)?;
                let found = self.description.bodies.iter().position(|body| body.name == name);
                found.ok_or_else(|| element.error(format!("{attribute}=\"{name}\": there is no such body")))
            };
            let pair = (body("body1")?, body("body2")?);
            self.description.excluded.push(pair);
        }
        Ok(())
    }
}
