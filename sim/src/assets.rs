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

/// Every robot with its name.
pub const ALL: [(&str, &str); 6] = [
    ("pendulum", PENDULUM),
    ("cartpole", CARTPOLE),
    ("reacher", REACHER),
    ("hopper", HOPPER),
    ("cheetah", CHEETAH),
    ("walker", WALKER),
];
