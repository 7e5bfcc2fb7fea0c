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
/// A ball `ball` on two slides with two motors, for mazes.
pub const POINT: &str = include_str!("../assets/point.xml");
/// An arm of seven hinges with a parallel gripper on a table, nine position servos.
pub const ARM: &str = include_str!("../assets/arm.xml");
/// A T-shaped block that slides on a table, and a pusher on two servos.
pub const PUSH_T: &str = include_str!("../assets/push_t.xml");

/// Every robot with its name.
pub const ALL: [(&str, &str); 13] = [
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
    ("point", POINT),
    ("arm", ARM),
    ("push_t", PUSH_T),
];

/// The MJCF of a robot with `objects`, bodies and geoms, added to its world.
///
/// # Panics
/// When the robot has no `</worldbody>`.
///
/// ```
/// use telos_sim::{Model, assets};
///
/// let wall = "<geom name='wall' type='box' pos='1 0 0.5' size='0.1 1 0.5'/>";
/// let model = Model::from_mjcf_str("walled", &assets::in_scene(assets::POINT, wall))?;
/// assert!(model.geom("wall").is_ok() && model.body("ball").is_ok());
/// # Ok::<(), telos_sim::SimError>(())
/// ```
pub fn in_scene(robot: &str, objects: &str) -> String {
    let (world, rest) = robot.rsplit_once("</worldbody>").expect("a robot has a world");
    format!("{world}{objects}</worldbody>{rest}")
}
