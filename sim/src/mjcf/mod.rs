//! MJCF, MuJoCo's robot format: the part of it that describes rigid robots with hinges, slides and
//! free bodies. Anything outside [`schema`] is an error that names file, line and element.
//!
//! Differences from MuJoCo that remain: contacts are hard and joint limits stiff instead of soft, friction
//! is Coulomb's without torsion and rolling, the integrator is semi-implicit Euler with the solver's
//! iterations as substeps, and `condim` combines like friction (two geoms slide freely only if both
//! have condim 1 or friction 0).

mod actuator;
mod body;
mod defaults;
mod element;
mod geom;
mod schema;

use rapier3d::math::Vector;
use roxmltree::{Document, Node};

use self::{defaults::Defaults, element::Element};
use crate::{SimError, description::Description};

/// File-wide settings.
struct Compiler {
    to_radians: f32,
    auto_limits: bool,
    /// `inertiafromgeom`: always, never, or where no `<inertial>` is given.
    inertia_from_geom: &'static str,
}

fn elements<'a>(node: Node<'a, 'a>) -> impl Iterator<Item = Node<'a, 'a>> {
    node.children().filter(Node::is_element)
}

/// Reads a model. `file` is the name that errors give.
pub(crate) fn parse(file: &str, xml: &str) -> Result<Description, SimError> {
    let document = Document::parse(xml).map_err(|error| SimError::Xml {
        file: file.into(),
        // A file that was cut off is wrong where it ends, not where its root begins.
        line: match error {
            roxmltree::Error::UnclosedRootNode => xml.lines().count().max(1) as u32,
            _ => error.pos().row,
        },
        reason: format!("not well-formed XML: {error}"),
    })?;
    let root = document.root_element();
    let mut approximations = Vec::new();
    let element = Element::read(file, root, &mut approximations)?;
    if element.tag != "mujoco" {
        return Err(element.error("the root element must be <mujoco>"));
    }
    let mut defaults = Defaults::default();
    let mut compiler =
        Compiler { to_radians: 1f32.to_radians(), auto_limits: true, inertia_from_geom: "auto" };
    let mut description = Description {
        timestep: 0.002,
        gravity: Vector::new(0.0, 0.0, -9.81),
        bodies: Vec::new(),
        actuators: Vec::new(),
        excluded: Vec::new(),
        total_mass: None,
        solver_iterations: 2,
        approximations: Vec::new(),
    };

    // Settings and classes apply to the whole file, wherever they stand in it.
    for node in elements(root) {
        match node.tag_name().name() {
            "compiler" => {
                let element = Element::read(file, node, &mut approximations)?;
                read_compiler(&element, &mut compiler, &mut description)?;
            }
            "option" => read_option(file, node, &mut description, &mut approximations)?,
            "custom" => read_custom(file, node, &mut description)?,
            "default" => defaults.read(file, node, &mut approximations)?,
            "asset" => {
                for asset in elements(node) {
                    ignored_or_unsupported(file, asset)?;
                }
            }
            "worldbody" | "actuator" | "contact" => {}
            _ => ignored_or_unsupported(file, node)?,
        }
    }
    let mut reader = body::Reader { file, compiler: &compiler, defaults: &defaults, approximations };
    reader.read_world(root, &mut description)?;
    let mut approximations = reader.approximations;
    for node in elements(root) {
        match node.tag_name().name() {
            "actuator" => {
                actuator::read(file, node, &compiler, &defaults, &mut description, &mut approximations)?;
            }
            "contact" => read_contact(file, node, &mut description, &mut approximations)?,
            _ => {}
        }
    }
    description.approximations = approximations;
    Ok(description)
}

fn ignored_or_unsupported<'a>(file: &str, node: Node<'a, 'a>) -> Result<(), SimError> {
    if schema::IGNORED_ELEMENTS.contains(&node.tag_name().name()) {
        return Ok(());
    }
    // An empty section asks for nothing.
    if elements(node).next().is_none()
        && node.attributes().next().is_none()
        && schema::rule(node.tag_name().name()).is_none()
    {
        return Ok(());
    }
    let tag = node.tag_name().name();
    let (line, element) = (element::line_of(node), tag.to_owned());
    let known = schema::rule(tag).is_some();
    let reason = if tag == "include" {
        "included files are not followed; save the model as one file (MuJoCo: mj_saveLastXML)"
    } else if known {
        "this element cannot stand here"
    } else {
        "this element is not supported; remove it or simplify the model"
    };
    Err(SimError::Mjcf { file: file.into(), line, element, reason: reason.into() })
}

fn read_compiler(
    element: &Element<'_>,
    compiler: &mut Compiler,
    description: &mut Description,
) -> Result<(), SimError> {
    if element.choice("angle", &["degree", "radian"])? == "radian" {
        compiler.to_radians = 1.0;
    }
    compiler.auto_limits = element.choice("autolimits", &["true", "false"])? == "true";
    compiler.inertia_from_geom = element.choice("inertiafromgeom", &["auto", "true", "false"])?;
    element.choice("coordinate", &["local"])?;
    element.choice("eulerseq", &["xyz"])?;
    if let Some([mass]) = element.numbers::<1>("settotalmass")? {
        description.total_mass = (mass > 0.0).then_some(mass);
    }
    Ok(())
}

fn read_option<'a>(
    file: &'a str,
    node: Node<'a, 'a>,
    description: &mut Description,
    approximations: &mut Vec<String>,
) -> Result<(), SimError> {
    let element = Element::read(file, node, approximations)?;
    description.timestep = element.number("timestep", description.timestep)?;
    if !(1e-5..=0.1).contains(&description.timestep) {
        return Err(element.error("timestep must lie between 0.00001 and 0.1 seconds"));
    }
    description.gravity = element.vector("gravity", description.gravity)?;
    let wind = element.vector("wind", Vector::ZERO)?;
    if element.number("density", 0.0)? != 0.0
        || element.number("viscosity", 0.0)? != 0.0
        || wind != Vector::ZERO
    {
        return Err(element.error("fluid forces (density, viscosity, wind) are not simulated; remove them"));
    }
    match elements(node).next() {
        Some(child) => ignored_or_unsupported(file, child),
        None => Ok(()),
    }
}

/// The one custom number that telos knows: `<numeric name="telos_solver_iterations" data="1"/>`, the
/// solver iterations per physics step, which act as substeps. MuJoCo ignores it.
fn read_custom<'a>(file: &'a str, node: Node<'a, 'a>, description: &mut Description) -> Result<(), SimError> {
    let ours = |node: &Node<'_, '_>| node.attribute("name") == Some("telos_solver_iterations");
    if let Some(numeric) = elements(node).find(ours) {
        let element = Element::read(file, numeric, &mut Vec::new())?;
        let iterations = element.number("data", 0.0)?;
        if iterations.fract() != 0.0 || !(1.0..=100.0).contains(&iterations) {
            return Err(element.error("data must be a whole number of iterations between 1 and 100"));
        }
        description.solver_iterations = iterations as usize;
    }
    Ok(())
}

fn read_contact<'a>(
    file: &'a str,
    node: Node<'a, 'a>,
    description: &mut Description,
    approximations: &mut Vec<String>,
) -> Result<(), SimError> {
    Element::read(file, node, approximations)?;
    for child in elements(node) {
        if child.tag_name().name() != "exclude" {
            return ignored_or_unsupported(file, child);
        }
        let element = Element::read(file, child, approximations)?;
        let body = |attribute: &str| {
            let name =
                element.text(attribute).ok_or_else(|| element.error(format!("{attribute} is missing")))?;
            let found = description.bodies.iter().position(|body| body.name == name);
            found.ok_or_else(|| element.error(format!("{attribute}=\"{name}\": there is no such body")))
        };
        let pair = (body("body1")?, body("body2")?);
        description.excluded.push(pair);
    }
    Ok(())
}
