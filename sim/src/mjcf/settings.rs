//! File-wide settings: `<compiler>`, `<option>` and its flags.

use rapier3d::math::Vector;

use super::{Import, ignored_or_refused, read};
use crate::{
    SimError,
    description::{Description, Medium},
    xml::{Element, Node},
};

/// How the rest of the file is to be read.
pub(super) struct Settings<'a> {
    pub(super) to_radians: f32,
    pub(super) auto_limits: bool,
    pub(super) euler_sequence: [u8; 3],
    /// `inertiafromgeom`: always, never, or where no `<inertial>` is given.
    pub(super) inertia_from_geom: &'static str,
    /// Groups of geoms that have mass.
    pub(super) inertia_groups: [u32; 2],
    pub(super) mesh_folder: Option<&'a str>,
    pub(super) strip_path: bool,
    disabled: Vec<&'static str>,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Self {
            to_radians: 1f32.to_radians(),
            auto_limits: true,
            euler_sequence: *b"xyz",
            inertia_from_geom: "auto",
            inertia_groups: [0, u32::MAX],
            mesh_folder: None,
            strip_path: false,
            disabled: Vec::new(),
        }
    }
}

impl<'a> Import<'a> {
    pub(super) fn read_compiler(&mut self, node: &'a Node) -> Result<(), SimError> {
        let element = read(node, "compiler", &mut self.approximations)?;
        let settings = &mut self.settings;
        if element.text("angle").is_some() {
            let degrees = element.choice("angle", &["degree", "radian"])? == "degree";
            settings.to_radians = if degrees { 1f32.to_radians() } else { 1.0 };
        }
        if element.text("autolimits").is_some() {
            settings.auto_limits = element.choice("autolimits", &["true", "false"])? == "true";
        }
        if element.text("inertiafromgeom").is_some() {
            settings.inertia_from_geom = element.choice("inertiafromgeom", &["auto", "true", "false"])?;
        }
        if let Some(sequence) = element.text("eulerseq") {
            settings.euler_sequence = sequence
                .as_bytes()
                .try_into()
                .ok()
                .filter(|letters: &[u8; 3]| letters.iter().all(|letter| b"xyzXYZ".contains(letter)))
                .ok_or_else(|| element.error("eulerseq needs three letters out of xyzXYZ"))?;
        }
        if let Some([least, most]) = element.numbers::<2>("inertiagrouprange")? {
            settings.inertia_groups = [least.max(0.0) as u32, most.max(0.0) as u32];
        }
        if let Some(folder) = element.text("meshdir").or(element.text("assetdir")) {
            settings.mesh_folder = Some(folder);
        }
        settings.strip_path |= element.choice("strippath", &["false", "true"])? == "true";
        element.choice("coordinate", &["local"])?;
        element.choice("fitaabb", &["false"])?;
        let description = &mut self.description;
        description.least_mass = element.magnitude("boundmass", description.least_mass)?;
        description.least_inertia = element.magnitude("boundinertia", description.least_inertia)?;
        if let Some([mass]) = element.numbers::<1>("settotalmass")? {
            description.total_mass = (mass > 0.0).then_some(mass);
        }
        Ok(())
    }

    pub(super) fn read_option(&mut self, node: &'a Node) -> Result<(), SimError> {
        let element = read(node, "option", &mut self.approximations)?;
        let description = &mut self.description;
        description.timestep = element.number("timestep", description.timestep)?;
        if !(1e-5..=0.1).contains(&description.timestep) {
            return Err(element.error("timestep must lie between 0.00001 and 0.1 seconds"));
        }
        description.gravity = element.vector("gravity", description.gravity)?;
        let before =
            description.medium.unwrap_or(Medium { density: 0.0, viscosity: 0.0, wind: Vector::ZERO });
        let medium = Medium {
            density: element.magnitude("density", before.density)?,
            viscosity: element.magnitude("viscosity", before.viscosity)?,
            wind: element.vector("wind", before.wind)?,
        };
        description.medium = Some(medium);
        if element.integer("actuatorgroupdisable", 0u32)? != 0 {
            return Err(element.error("actuatorgroupdisable is not supported; remove the actuators"));
        }
        for child in &node.children {
            match child.tag.as_str() {
                "flag" => self.read_flags(child)?,
                _ => ignored_or_refused(child)?,
            }
        }
        Ok(())
    }

    /// The one custom number that telos knows: `<numeric name="telos_solver_iterations" data="1"/>`, the
    /// solver iterations per physics step, which act as substeps. MuJoCo ignores it.
    pub(super) fn read_custom(&mut self, node: &'a Node) -> Result<(), SimError> {
        let ours = |node: &&Node| {
            node.attributes.iter().any(|a| a.name == "name" && a.value == "telos_solver_iterations")
        };
        if let Some(numeric) = node.all("numeric").find(ours) {
            let element = read(numeric, "numeric", &mut self.approximations)?;
            let iterations = element.number("data", 0.0)?;
            if iterations.fract() != 0.0 || !(1.0..=100.0).contains(&iterations) {
                return Err(element.error("data must be a whole number of iterations between 1 and 100"));
            }
            self.description.solver_iterations = iterations as usize;
        }
        Ok(())
    }

    fn read_flags(&mut self, node: &Node) -> Result<(), SimError> {
        let element: Element<'_> = read(node, "flag", &mut self.approximations)?;
        for name in FLAGS {
            if element.text(name).is_some() && element.choice(name, &["enable", "disable"])? == "disable" {
                self.settings.disabled.push(name);
            }
        }
        if element.choice("filterparent", &["enable", "disable"])? == "disable" {
            return Err(
                element.error("filterparent=\"disable\" is not supported: a body never touches its parent")
            );
        }
        if element.choice("override", &["disable", "enable"])? == "enable" {
            return Err(element.error("override=\"enable\" is not supported; give each geom its own values"));
        }
        Ok(())
    }
}

/// Flags that switch off a part of the physics.
const FLAGS: [&str; 11] = [
    "constraint",
    "equality",
    "frictionloss",
    "limit",
    "contact",
    "passive",
    "spring",
    "damper",
    "gravity",
    "clampctrl",
    "actuation",
];

impl Settings<'_> {
    /// Removes from a model what its flags switch off.
    pub(super) fn apply_flags(&self, description: &mut Description) {
        let off = |flags: &[&str]| flags.iter().any(|flag| self.disabled.contains(flag));
        if off(&["gravity"]) {
            description.gravity = Vector::ZERO;
        }
        let resists = |medium: &Medium| medium.density > 0.0 || medium.viscosity > 0.0;
        description.medium = description.medium.filter(resists);
        if off(&["equality", "constraint"]) {
            description.equalities.clear();
        }
        for body in &mut description.bodies {
            for joint in &mut body.joints {
                if off(&["limit", "constraint"]) {
                    joint.range = None;
                }
                if off(&["frictionloss", "constraint"]) {
                    joint.dry_friction = 0.0;
                }
                if off(&["spring", "passive"]) {
                    joint.stiffness = 0.0;
                }
                if off(&["damper", "passive"]) {
                    joint.damping = 0.0;
                }
                if off(&["spring", "damper", "passive"]) {
                    joint.spring_damper = None;
                }
            }
            for geom in &mut body.geoms {
                if off(&["contact", "constraint"]) {
                    (geom.contype, geom.conaffinity) = (0, 0);
                }
            }
        }
        for tendon in &mut description.tendons {
            if off(&["spring", "passive"]) {
                tendon.stiffness = 0.0;
            }
            if off(&["damper", "passive"]) {
                tendon.damping = 0.0;
            }
        }
        for actuator in &mut description.actuators {
            if off(&["clampctrl"]) {
                actuator.ctrl_range = None;
            }
            if off(&["actuation"]) {
                (actuator.gain, actuator.bias) = ([0.0; 3], [0.0; 3]);
            }
        }
    }
}
