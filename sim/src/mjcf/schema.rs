//! Every MJCF element and attribute that the importer knows, and what it does with each.
//!
//! What is not in these tables is an error: nothing of a user's file is dropped silently.

use crate::xml::Rule;

const HARD: &str = "contacts and limits are hard, without MuJoCo's softness";
const DISTANCE: &str = "contacts begin where surfaces touch";
const SOLVER: &str = "the solver has settings of its own";

const JOINT_LIMITS: [(&str, &str); 5] = [
    ("solreflimit", HARD),
    ("solimplimit", HARD),
    ("solreffriction", HARD),
    ("solimpfriction", HARD),
    ("margin", DISTANCE),
];

macro_rules! rule {
    ($tag:literal, reads $reads:expr $(, approximates $approximates:expr)? $(, ignores $ignores:expr)?) => {
        Rule { tag: $tag, reads: &$reads, approximates: rule!(@ $($approximates)?), ignores: rule!(@ $($ignores)?) }
    };
    (@) => { &[] };
    (@ $list:expr) => { &$list };
}

/// Attributes that every actuator has.
macro_rules! actuator {
    ($tag:literal, reads [$($own:literal),*]) => {
        rule!($tag,
            reads ["name", "class", "joint", "tendon", "gear", "ctrlrange", "ctrllimited", "forcerange",
                "forcelimited", $($own),*],
            ignores ["group", "user", "lengthrange"])
    };
}

static RULES: &[Rule] = &[
    rule!("mujoco", reads["model"]),
    rule!("mujocoinclude", reads []),
    rule!("include", reads["file"]),
    rule!("compiler",
        reads ["angle", "autolimits", "coordinate", "eulerseq", "inertiafromgeom", "settotalmass", "meshdir",
            "assetdir", "strippath", "boundmass", "boundinertia", "inertiagrouprange", "fitaabb"],
        approximates [("balanceinertia", "inertias are taken as they are"),
            ("alignfree", "free bodies keep their frames")],
        ignores ["texturedir", "discardvisual", "usethread", "fusestatic", "convexhull", "saveinertial",
            "conflict"]),
    rule!("option",
        reads ["timestep", "gravity", "density", "viscosity", "wind", "actuatorgroupdisable"],
        approximates [("integrator", "steps are semi-implicit Euler"), ("iterations", SOLVER), ("solver", SOLVER),
            ("tolerance", SOLVER), ("ls_iterations", SOLVER), ("ls_tolerance", SOLVER), ("jacobian", SOLVER),
            ("noslip_iterations", SOLVER), ("noslip_tolerance", SOLVER), ("ccd_iterations", SOLVER),
            ("ccd_tolerance", SOLVER), ("impratio", SOLVER), ("cone", "friction cones are elliptic")],
        ignores ["apirate", "magnetic", "o_margin", "o_solref", "o_solimp", "o_friction", "sdf_iterations",
            "sdf_initpoints"]),
    rule!("flag",
        reads ["constraint", "equality", "frictionloss", "limit", "contact", "passive", "spring", "damper",
            "gravity", "clampctrl", "actuation", "filterparent", "override"],
        approximates [("eulerdamp", SOLVER), ("nativeccd", SOLVER), ("multiccd", SOLVER), ("refsafe", HARD)],
        ignores ["energy", "fwdinv", "invdiscrete", "warmstart", "sensor", "midphase", "autoreset", "island",
            "sleep"]),
    rule!("default", reads["class"]),
    rule!("asset", reads []),
    rule!("mesh",
        reads ["name", "class", "file", "scale", "refpos", "refquat", "vertex", "face", "inertia"],
        ignores ["normal", "texcoord", "smoothnormal", "maxhullvert", "content_type", "material", "octree_maxdepth"]),
    rule!("hfield", reads ["name", "file", "nrow", "ncol", "size", "elevation"], ignores ["content_type"]),
    rule!("worldbody", reads["childclass"]),
    rule!("frame",
        reads ["name", "childclass", "pos", "quat", "euler", "axisangle", "xyaxes", "zaxis"]),
    rule!("body",
        reads ["name", "pos", "quat", "euler", "axisangle", "xyaxes", "zaxis", "childclass", "mocap", "gravcomp"],
        ignores ["user", "sleep"]),
    rule!("inertial",
        reads ["pos", "quat", "euler", "axisangle", "xyaxes", "zaxis", "mass", "diaginertia", "fullinertia"]),
    rule!("joint",
        reads ["name", "class", "type", "pos", "axis", "range", "limited", "damping", "stiffness", "springref",
            "springdamper", "armature", "frictionloss", "ref", "actuatorfrcrange", "actuatorfrclimited",
            "actuatorgravcomp"],
        approximates JOINT_LIMITS,
        ignores ["group", "user"]),
    rule!(
        "freejoint",
        reads["name"],
        approximates[("align", "free bodies keep their frames")],
        ignores["group"]
    ),
    rule!("geom",
        reads ["name", "class", "type", "size", "pos", "quat", "euler", "axisangle", "xyaxes", "zaxis", "fromto",
            "mass", "density", "friction", "condim", "contype", "conaffinity", "rgba", "mesh", "hfield",
            "group", "shellinertia", "fluidshape"],
        approximates [("solref", HARD), ("solimp", HARD), ("solmix", HARD), ("margin", DISTANCE),
            ("gap", DISTANCE), ("priority", "the larger friction of two geoms counts")],
        ignores ["material", "user", "fitscale", "fluidcoef"]),
    rule!("tendon", reads []),
    rule!("fixed",
        reads ["name", "class", "limited", "range", "stiffness", "damping", "springlength", "frictionloss",
            "armature", "actuatorfrcrange", "actuatorfrclimited"],
        approximates JOINT_LIMITS,
        ignores ["group", "user", "width", "rgba", "material"]),
    rule!("fixed/joint", reads ["joint", "coef"]),
    rule!("equality", reads []),
    rule!("equality/joint",
        reads ["name", "class", "active", "joint1", "joint2", "polycoef"],
        approximates [("solref", HARD), ("solimp", HARD)]),
    rule!("equality/tendon",
        reads ["name", "class", "active", "tendon1", "tendon2", "polycoef"],
        approximates [("solref", HARD), ("solimp", HARD)]),
    rule!("actuator", reads []),
    actuator!("motor", reads []),
    actuator!("position", reads ["kp", "kv", "dampratio", "timeconst", "inheritrange"]),
    actuator!("velocity", reads["kv"]),
    actuator!("intvelocity", reads ["kp", "kv", "dampratio", "actrange", "inheritrange"]),
    actuator!("damper", reads["kv"]),
    actuator!("cylinder", reads ["timeconst", "area", "diameter", "bias"]),
    actuator!("general",
        reads ["dyntype", "gaintype", "biastype", "dynprm", "gainprm", "biasprm", "actlimited", "actrange",
            "actdim", "actearly"]),
    rule!("numeric", reads ["name", "data"], ignores ["size"]),
    rule!("contact", reads []),
    rule!("exclude", reads ["body1", "body2"], ignores ["name"]),
];

/// Elements without any effect on the motion of a robot, wherever they stand.
pub(super) const IGNORED_ELEMENTS: &[&str] = &[
    "size",
    "visual",
    "statistic",
    "custom",
    "keyframe",
    "sensor",
    "camera",
    "light",
    "site",
    "texture",
    "material",
    "skin",
];

/// Elements that are refused, and why.
const REFUSED_ELEMENTS: &[(&str, &str)] = &[
    ("spatial", "tendons through sites are not simulated; connect the bodies with joints"),
    ("connect", "closed chains are not simulated; open the chain"),
    ("weld", "closed chains are not simulated; make one body the child of the other"),
    ("flexcomp", "soft bodies are not simulated"),
    ("flex", "soft bodies are not simulated"),
    ("deformable", "soft bodies are not simulated"),
    ("composite", "composites are not expanded; save the model as MuJoCo expands it (mj_saveLastXML)"),
    ("replicate", "replicas are not expanded; save the model as MuJoCo expands it (mj_saveLastXML)"),
    ("attach", "attached models are not followed; save the model as one file (mj_saveLastXML)"),
    ("model", "attached models are not followed; save the model as one file (mj_saveLastXML)"),
    ("extension", "plugins cannot be loaded"),
    ("plugin", "plugins cannot be loaded"),
    ("muscle", "muscles are not simulated; use a motor or a <general> with fixed gain"),
    ("adhesion", "adhesion is not simulated"),
    ("pair", "explicit contact pairs are not supported; use contype and conaffinity"),
];

pub(super) fn rule(key: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.tag == key)
}

/// Why an element without a rule is refused.
pub(super) fn refusal(tag: &str) -> &'static str {
    let refused = REFUSED_ELEMENTS.iter().find(|(known, _)| *known == tag);
    refused.map_or("this element is not supported; remove it or simplify the model", |(_, reason)| reason)
}
