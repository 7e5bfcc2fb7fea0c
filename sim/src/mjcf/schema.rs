//! Every MJCF element and attribute that the importer knows, and what it does with each.
//!
//! What is not in these tables is an error: nothing of a user's file is dropped silently.

/// What the importer does with the attributes of one element.
pub(super) struct Rule {
    pub(super) tag: &'static str,
    /// Honoured.
    pub(super) reads: &'static [&'static str],
    /// Have an effect in MuJoCo that exists here only in another form; listed by
    /// [`crate::Model::approximations`].
    pub(super) approximates: &'static [&'static str],
    /// Purely visual, or bookkeeping.
    pub(super) ignores: &'static [&'static str],
}

pub(super) const RULES: &[Rule] = &[
    Rule { tag: "mujoco", reads: &["model"], approximates: &[], ignores: &[] },
    Rule {
        tag: "compiler",
        reads: &["angle", "autolimits", "coordinate", "eulerseq", "inertiafromgeom", "settotalmass"],
        approximates: &[],
        ignores: &["meshdir", "texturedir", "assetdir", "strippath", "discardvisual", "usethread"],
    },
    Rule {
        tag: "option",
        reads: &["timestep", "gravity", "density", "viscosity", "wind"],
        approximates: &[
            "integrator",
            "iterations",
            "solver",
            "tolerance",
            "ls_iterations",
            "ls_tolerance",
            "cone",
            "jacobian",
            "impratio",
            "noslip_iterations",
            "ccd_iterations",
        ],
        ignores: &["apirate"],
    },
    Rule { tag: "default", reads: &["class"], approximates: &[], ignores: &[] },
    Rule { tag: "worldbody", reads: &["childclass"], approximates: &[], ignores: &[] },
    Rule {
        tag: "body",
        reads: &["name", "pos", "quat", "euler", "axisangle", "childclass", "mocap"],
        approximates: &[],
        ignores: &["user"],
    },
    Rule {
        tag: "inertial",
        reads: &["pos", "quat", "euler", "axisangle", "mass", "diaginertia"],
        approximates: &[],
        ignores: &[],
    },
    Rule {
        tag: "joint",
        reads: &[
            "name",
            "class",
            "type",
            "pos",
            "axis",
            "range",
            "limited",
            "damping",
            "stiffness",
            "springref",
            "armature",
            "frictionloss",
            "ref",
        ],
        approximates: &["solreflimit", "solimplimit", "solreffriction", "solimpfriction", "margin"],
        ignores: &["group", "user"],
    },
    Rule { tag: "freejoint", reads: &["name"], approximates: &[], ignores: &["group"] },
    Rule {
        tag: "geom",
        reads: &[
            "name",
            "class",
            "type",
            "size",
            "pos",
            "quat",
            "euler",
            "axisangle",
            "fromto",
            "mass",
            "density",
            "friction",
            "condim",
            "contype",
            "conaffinity",
            "rgba",
        ],
        approximates: &["solref", "solimp", "solmix", "margin", "gap", "priority"],
        ignores: &["material", "group", "user"],
    },
    Rule {
        tag: "motor",
        reads: &["name", "class", "joint", "gear", "ctrlrange", "ctrllimited", "forcerange", "forcelimited"],
        approximates: &[],
        ignores: &["group", "user"],
    },
    Rule {
        tag: "position",
        reads: &["name", "class", "joint", "gear", "ctrlrange", "ctrllimited", "kp", "kv"],
        approximates: &[],
        ignores: &["group", "user"],
    },
    Rule {
        tag: "velocity",
        reads: &["name", "class", "joint", "gear", "ctrlrange", "ctrllimited", "kv"],
        approximates: &[],
        ignores: &["group", "user"],
    },
    Rule { tag: "actuator", reads: &[], approximates: &[], ignores: &[] },
    Rule { tag: "contact", reads: &[], approximates: &[], ignores: &[] },
    Rule { tag: "exclude", reads: &["body1", "body2"], approximates: &[], ignores: &["name"] },
    Rule { tag: "numeric", reads: &["name", "data"], approximates: &[], ignores: &["size"] },
    Rule { tag: "asset", reads: &[], approximates: &[], ignores: &[] },
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
];

pub(super) fn rule(tag: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.tag == tag)
}
