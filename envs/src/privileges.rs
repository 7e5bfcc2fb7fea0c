//! What only a simulation allows: forces from nowhere, bodies that pass through each other, a robot
//! that is not quite the one of the model.

use serde::{Deserialize, Serialize};
use telos_sim::{BodyId, World};

/// Access to the simulation behind an environment; see [`Env::privileges`](crate::Env::privileges).
///
/// ```
/// use telos_envs::{Env, registry};
///
/// let mut env = registry::make("walker-walk")?;
/// let mut obs = vec![0.0; env.spec().observation.size()];
/// env.reset(0, &mut obs);
/// let privileges = env.privileges().expect("walkers are simulated");
/// let model = privileges.world().model().clone();
/// // A gust of wind during the next step, and legs that cannot collide from now on.
/// privileges.push(model.body("torso")?, [80.0, 0.0, 0.0], [0.0; 3]);
/// let (left, right) = (model.body("left_shank")?, model.body("right_shank")?);
/// privileges.world_mut().set_body_contact(left, right, false);
/// env.step(&[0.0; 6], &mut obs);
/// # Ok::<(), telos_envs::EnvError>(())
/// ```
pub trait Privileges {
    /// The simulated world.
    fn world(&self) -> &World;

    /// The simulated world, to change. Contact masks ([`World::set_contact`]) and factors of the dynamics
    /// ([`World::set_mass_scale`] and its like) hold until they are changed again; resets keep them. All
    /// are part of the checkpoint.
    fn world_mut(&mut self) -> &mut World;

    /// Pushes and turns a body throughout the next environment step: a force in newtons and a torque in
    /// N m, in world axes, at the centre of mass of the rigid body that it belongs to. Pushes on one body
    /// add up. One that is not finite ends the episode with a fault.
    fn push(&mut self, body: BodyId, force: [f32; 3], torque: [f32; 3]);
}

/// What a robot has in this episode and its policy does not see; a teacher may. Factors are relative to
/// the model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HiddenParameters {
    /// Factor of all masses.
    pub mass: f32,
    /// Factor of all Coulomb coefficients.
    pub friction: f32,
    /// Factor of the damping of all joints.
    pub damping: f32,
    /// Factor of what controls command.
    pub motor: f32,
    /// Environment steps from an action to its effect.
    pub latency: u32,
    /// Standard deviation of the noise on every component of the observation.
    pub observation_noise: f32,
}

impl Default for HiddenParameters {
    /// The model as it is.
    fn default() -> Self {
        Self { mass: 1.0, friction: 1.0, damping: 1.0, motor: 1.0, latency: 0, observation_noise: 0.0 }
    }
}
