//! Every URDF element and attribute that the importer knows, and what it does with each.

use crate::xml::Rule;

macro_rules! rule {
    ($tag:literal, $reads:expr) => {
        rule!($tag, $reads, [], [])
    };
    ($tag:literal, $reads:expr, $approximates:expr, $ignores:expr) => {
        Rule { tag: $tag, reads: &$reads, approximates: &$approximates, ignores: &$ignores }
    };
}

static RULES: &[Rule] = &[
    rule!("robot", ["name"], [], ["version"]),
    rule!("link", ["name"], [], ["type"]),
    rule!("inertial", []),
    rule!("mass", ["value"]),
    rule!("inertia", ["ixx", "ixy", "ixz", "iyy", "iyz", "izz"]),
    rule!("origin", ["xyz", "rpy"]),
    rule!("visual", ["name"]),
    rule!("collision", ["name"], [], ["group"]),
    rule!("geometry", []),
    rule!("box", ["size"]),
    rule!("cylinder", ["radius", "length"]),
    rule!("capsule", ["radius", "length"]),
    rule!("sphere", ["radius"]),
    rule!("mesh", ["filename", "scale"]),
    rule!("material", ["name"]),
    rule!("color", ["rgba"]),
    rule!("joint", ["name", "type"]),
    rule!("parent", ["link"]),
    rule!("child", ["link"]),
    rule!("axis", ["xyz"]),
    rule!(
        "limit",
        ["lower", "upper", "effort"],
        [
            ("velocity", "joints turn as fast as their motors drive them"),
            ("acceleration", "joints turn as fast as their motors drive them"),
            ("jerk", "joints turn as fast as their motors drive them")
        ],
        []
    ),
    rule!("dynamics", ["damping", "friction"]),
    rule!("mimic", ["joint", "multiplier", "offset"]),
    rule!("transmission", ["name", "type"]),
    rule!("transmission/joint", ["name"]),
    rule!("actuator", ["name"]),
];

/// Elements that say nothing about how a robot moves, and where that is a simplification, why.
pub(super) const IGNORED_ELEMENTS: &[(&str, Option<&str>)] = &[
    ("texture", None),
    ("gazebo", Some("settings of another simulator are not read")),
    ("mujoco", Some("settings of another simulator are not read")),
    ("drake", Some("settings of another simulator are not read")),
    ("contact_coefficients", Some("settings of another simulator are not read")),
    ("contact", Some("settings of another simulator are not read")),
    ("ros2_control", Some("controllers are not read; motors follow the joints' limits")),
    ("sensor", Some("sensors are not read; worlds measure by name")),
    ("calibration", Some("joints are where their positions say")),
    ("safety_controller", Some("soft limits are not enforced, hard ones are")),
    ("verbose", None),
];

pub(super) fn rule(key: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.tag == key)
}
