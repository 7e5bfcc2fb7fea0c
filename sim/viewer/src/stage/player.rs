//! One environment that is lived in: its state, its episode and what happens at its end.

use telos::{
    envs::{Env, Transition, episode_seed},
    sim::{BodyId, Camera, Contact, Scene, World},
};

use crate::{ViewerError, physics::Factors};

/// An environment with the observation it is in.
pub struct Player {
    env: Box<dyn Env>,
    seed: u64,
    /// Its place among the environments of one seed.
    place: u64,
    episode: u64,
    steps: usize,
    obs: Vec<f32>,
    last: Transition,
}

impl Player {
    /// The first episode of `env` under `seed`, at place `place` among environments of that seed.
    ///
    /// # Errors
    /// When there is nothing of it to be drawn.
    pub fn new(env: Box<dyn Env>, seed: u64, place: u64) -> Result<Self, ViewerError> {
        let obs = vec![0.0; env.spec().observation.size()];
        let mut player = Self { env, seed, place, episode: 0, steps: 0, obs, last: Transition::default() };
        player.reset();
        if player.env.scene().is_none() {
            let reason = "it has no bodies to be drawn; choose a task with a robot (telos envs)";
            return Err(ViewerError::input(&player.env.spec().id, reason));
        }
        Ok(player)
    }

    /// The environment.
    pub fn env(&self) -> &dyn Env {
        self.env.as_ref()
    }

    /// The observation that the next action answers.
    pub fn obs(&self) -> &[f32] {
        &self.obs
    }

    /// Seed of the whole, as the user gave it.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// What the present episode was reset with.
    pub fn episode_seed(&self) -> u64 {
        episode_seed(self.seed, self.place, self.episode)
    }

    /// Steps of the present episode.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// What the last step brought.
    pub fn last(&self) -> Transition {
        self.last
    }

    /// Whether the last step ended the episode.
    pub fn is_over(&self) -> bool {
        self.last.terminated || self.last.truncated
    }

    /// Begins the present episode anew.
    pub fn reset(&mut self) {
        let seed = self.episode_seed();
        self.env.reset(seed, &mut self.obs);
        (self.steps, self.last) = (0, Transition::default());
    }

    /// Begins the first episode under another seed.
    pub fn reseed(&mut self, seed: u64) {
        (self.seed, self.episode) = (seed, 0);
        self.reset();
    }

    /// Begins the next episode.
    pub fn next_episode(&mut self) {
        self.episode += 1;
        self.reset();
    }

    /// One step. Where the episode is over, call [`next_episode`](Self::next_episode) before the next.
    pub fn step(&mut self, action: &[f32]) -> Transition {
        self.last = self.env.step(action, &mut self.obs);
        self.steps += 1;
        self.last
    }

    /// What a camera sees now.
    pub fn scene(&self) -> Scene {
        let nothing = || {
            let camera = Camera { eye: [0.0, -1.0, 0.0], target: [0.0; 3], fovy: 45.0 };
            Scene { geoms: Vec::new(), camera }
        };
        self.env.scene().unwrap_or_else(nothing)
    }

    /// The simulated world; `None` for environments without one.
    pub fn world(&mut self) -> Option<&mut World> {
        self.env.privileges().map(|privileges| privileges.world_mut())
    }

    /// Centre of mass of everything that moves, metres.
    pub fn center_of_mass(&mut self) -> Option<[f32; 3]> {
        self.world().map(|world| world.com())
    }

    /// Pushes a body at a point, metres, throughout the next step, newtons.
    pub fn push(&mut self, body: BodyId, force: [f32; 3], at: [f32; 3]) {
        if let Some(privileges) = self.env.privileges() {
            let center = privileges.world().body_center_of_mass(body);
            let arm: [f32; 3] = std::array::from_fn(|axis| at[axis] - center[axis]);
            privileges.push(body, force, cross(arm, force));
        }
    }

    /// Gives the robot other physics, also after resets.
    pub fn set_factors(&mut self, factors: &Factors) {
        if let Some(world) = self.world() {
            world.set_gravity_scale(factors.gravity);
            world.scale_dynamics(factors.mass, factors.friction, factors.damping, factors.motor);
        }
    }

    /// Where things press on each other.
    pub fn contacts(&mut self) -> Vec<Contact> {
        self.world().map(|world| world.contacts().collect()).unwrap_or_default()
    }

    /// Forces of the driven and sprung joints: name, N or N m.
    pub fn joint_forces(&mut self) -> Vec<(String, f32)> {
        let Some(world) = self.world() else { return Vec::new() };
        let model = world.model().clone();
        model
            .joints()
            .map(|joint| (model.joint_name(joint).to_owned(), world.joint_force(joint)))
            .filter(|(_, force)| *force != 0.0)
            .collect()
    }

    /// Lives through `actions` `[steps, act]` in a copy, and returns where its centre of mass is before each.
    /// This environment stays as it is.
    ///
    /// # Errors
    /// When the copy is another kind of environment.
    pub fn imagine(&self, copy: &mut dyn Env, actions: &[f32]) -> Result<Vec<[f32; 3]>, ViewerError> {
        copy.branch_from(self.env.as_ref())?;
        let mut obs = vec![0.0; self.obs.len()];
        let mut path = Vec::new();
        for action in actions.chunks_exact(self.env.spec().action.size()) {
            if let Some(privileges) = copy.privileges() {
                path.push(privileges.world().com());
            }
            let transition = copy.step(action, &mut obs);
            if transition.terminated || transition.truncated {
                break;
            }
        }
        Ok(path)
    }
}

fn cross(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

#[cfg(test)]
mod tests {
    use telos::envs::registry;

    use super::*;

    #[test]
    fn resets_repeat_an_episode_and_seeds_change_it() {
        let mut player = Player::new(registry::make("walker-walk").unwrap(), 3, 0).unwrap();
        let first = player.obs().to_vec();
        player.step(&[0.5; 6]);
        assert_ne!(player.obs(), first);
        player.reset();
        assert_eq!((player.obs(), player.steps()), (&first[..], 0));
        player.next_episode();
        assert_ne!(player.obs(), first);
        player.reseed(3);
        assert_eq!(player.obs(), first);
    }

    #[test]
    fn a_push_above_the_centre_of_mass_moves_and_turns_a_body() {
        let mut player = Player::new(registry::make("walker-walk").unwrap(), 0, 0).unwrap();
        let body = player.world().unwrap().model().body("torso").unwrap();
        let center = player.world().unwrap().body_center_of_mass(body);
        player.push(body, [300.0, 0.0, 0.0], [center[0], center[1], center[2] + 0.4]);
        player.step(&[0.0; 6]);
        let world = player.world().unwrap();
        assert!(world.body_linear_velocity(body)[0] > 0.05);
        assert!(world.body_angular_velocity(body)[1] > 0.05, "it turns about y, forwards");
    }

    #[test]
    fn an_imagined_future_changes_nothing() {
        let mut player = Player::new(registry::make("hopper-hop").unwrap(), 0, 0).unwrap();
        let mut copy = registry::make("hopper-hop").unwrap();
        let hash = player.env().state_hash();
        let path = player.imagine(copy.as_mut(), &[0.3; 4 * 10]).unwrap();
        assert_eq!((path.len(), player.env().state_hash()), (10, hash));
        assert_eq!(Some(path[0]), player.center_of_mass());
    }

    #[test]
    fn what_has_no_bodies_is_refused() {
        let error = Player::new(registry::make("pendulum-classic").unwrap(), 0, 0).err().unwrap();
        assert!(error.to_string().contains("pendulum-classic") && error.exit_code() == 2, "{error}");
    }
}
