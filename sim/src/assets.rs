//! The robots that telos brings along, as MJCF text. All are designs of this project in the
//! proportions of the usual benchmark robots, and load in MuJoCo too.

/// A swing-up pendulum: hinge `hinge`, weak motor `torque`.
pub const PENDULUM: &str = include_str!("../assets/pendulum.xml");
/// A cart on a rail with one pole: slide `slider`, hinge `hinge`, motor `force`.
pub const CARTPOLE: &str = include_str!("../assets/cartpole.xml");
/// A planar arm of two links with a `fingertip` geom and a placeable body `target`.
pub const REACHER: &str = include_str!("../assets/reacher.xml");
/// A one-legged planar hopper with four motors.
pub const HOPPER: &str = include_str!("../assets/hopper.xml");
/// A planar two-legged runner with six motors.
pub const CHEETAH: &str = include_str!("../assets/cheetah.xml");
/// A planar biped with six motors.
pub const WALKER: &str = include_str!("../assets/walker.xml");

/// Two links in a vertical plane: hinges `shoulder` and `elbow`, motor `elbow`, geom `tip`.
pub const ACROBOT: &str = include_str!("../assets/acrobot.xml");
/// A ball `torso` that moves freely, on four legs with eight motors.
pub const ANT: &str = include_str!("../assets/ant.xml");
/// A `trunk` that moves freely, on four legs of a dog's build with twelve servos; it stands at 0.
pub const QUADRUPED: &str = include_str!("../assets/quadruped.xml");
/// A person whose `torso` moves freely, with 21 motors; it stands at 0.
pub const HUMANOID: &str = include_str!("../assets/humanoid.xml");

/// Every robot with its name.
pub const ALL: [(&str, &str); 10] = [
    ("pendulum", PENDULUM),
    ("cartpole", CARTPOLE),
    ("reacher", REACHER),
    ("hopper", HOPPER),
    ("cheetah", CHEETAH),
    ("walker", WALKER),
    ("acrobot", ACROBOT),
    ("ant", ANT),
    ("quadruped", QUADRUPED),
    ("humanoid", HUMANOID),
];
