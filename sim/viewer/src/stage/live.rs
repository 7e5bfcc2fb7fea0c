//! Robots that move now: one, many, or two policies of which one is a ghost.

use telos::sim::Camera;

use super::{Exhibit, Pilot, Troupe};
use crate::{
    ViewerError,
    demonstration::Demonstrations,
    drag::{Grip, turned},
    physics::Factors,
    traces::Traces,
};

/// Robots, what pulls at them and what is recorded of them.
pub struct Live {
    troupes: Vec<Troupe>,
    /// A body in somebody's hand.
    pub grip: Option<Grip>,
    /// What a person does, where it is to be kept.
    pub demonstrations: Option<Demonstrations>,
    factors: Factors,
    /// By troupe: of its first robot.
    traces: Vec<Traces>,
    seed: u64,
}

impl Live {
    /// A stage with these troupes, which have begun under `seed`. There is at least one.
    pub fn new(troupes: Vec<Troupe>, seed: u64) -> Self {
        let traces = vec![Traces::default(); troupes.len()];
        Self { troupes, grip: None, demonstrations: None, factors: Factors::default(), traces, seed }
    }

    /// Keeps what a person does.
    pub fn with_demonstrations(mut self, demonstrations: Option<Demonstrations>) -> Self {
        let waits = demonstrations.is_some();
        self.troupes.iter_mut().for_each(|troupe| troupe.holds_at_end = waits);
        self.demonstrations = demonstrations;
        self
    }

    /// Seconds per step, of the first troupe.
    pub fn dt(&self) -> f32 {
        let first = self.troupes.first().and_then(|troupe| troupe.players().first());
        first.map_or(0.05, |player| player.env().spec().dt)
    }

    /// The troupes, the first of which is what most is said about.
    pub fn troupes(&self) -> &[Troupe] {
        &self.troupes
    }

    /// The troupes.
    pub fn troupes_mut(&mut self) -> &mut [Troupe] {
        &mut self.troupes
    }

    /// Numbers over time of the first robot of each troupe.
    pub fn traces(&self) -> &[Traces] {
        &self.traces
    }

    /// Seed of the first episodes.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Sets the keyboard's action, where a person steers.
    pub fn steer(&mut self, action: &[f32]) {
        for troupe in &mut self.troupes {
            if let Pilot::Keys(held) = troupe.pilot_mut() {
                held.copy_from_slice(action);
            }
        }
    }

    /// Whether a person steers.
    pub fn is_steered(&self) -> bool {
        self.troupes.iter().any(|troupe| matches!(troupe.pilot(), Pilot::Keys(_)))
    }

    /// One step of all troupes.
    ///
    /// # Errors
    /// When a policy does not fit, or a demonstration cannot be kept.
    pub fn step(&mut self) -> Result<(), ViewerError> {
        self.pull();
        for (troupe, traces) in self.troupes.iter_mut().zip(&mut self.traces) {
            if troupe.players().first().is_some_and(|player| player.steps() == 0) {
                traces.clear();
            }
            let held = troupe.holds_at_end && troupe.players().first().is_some_and(|player| player.is_over());
            troupe.step()?;
            if let (false, Some(reading)) = (held, troupe.readings().first()) {
                traces.push(*reading);
            }
        }
        self.demonstrate()
    }

    /// Pulls the body in hand.
    fn pull(&mut self) {
        let Some(grip) = &mut self.grip else { return };
        let troupe = &mut self.troupes[grip.troupe];
        let place = troupe.places()[grip.player];
        let Some(world) = troupe.players_mut()[grip.player].world() else { return };
        let arm = turned(world.body_orientation(grip.body), grip.local, false);
        let (origin, mass) = (world.body_position(grip.body), world.model().total_mass());
        let (velocity, spin) =
            (world.body_linear_velocity(grip.body), world.body_angular_velocity(grip.body));
        let along = [
            velocity[0] + spin[1] * arm[2] - spin[2] * arm[1],
            velocity[1] + spin[2] * arm[0] - spin[0] * arm[2],
            velocity[2] + spin[0] * arm[1] - spin[1] * arm[0],
        ];
        let at = std::array::from_fn(|axis| origin[axis] + arm[axis] + place[axis]);
        let (body, player, force) = (grip.body, grip.player, grip.pull(at, along, mass));
        troupe.push(player, body, force, at);
    }

    /// Records the step of the first robot, and keeps its episode at the end.
    fn demonstrate(&mut self) -> Result<(), ViewerError> {
        let Some(demonstrations) = self.demonstrations.as_mut().filter(|kept| kept.is_recording()) else {
            return Ok(());
        };
        let Some(troupe) = self.troupes.first() else { return Ok(()) };
        let player = &troupe.players()[0];
        demonstrations.push(player.env(), troupe.actions(), player.last().reward, player.obs());
        if player.is_over() {
            demonstrations.keep(player.episode_seed(), player.last().terminated)?;
        }
        Ok(())
    }

    /// Begins to record an episode, from its start, under the next seed; or keeps the one that is recorded.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn toggle_recording(&mut self) -> Result<(), ViewerError> {
        let (Some(demonstrations), Some(troupe)) = (&mut self.demonstrations, self.troupes.first_mut())
        else {
            return Ok(());
        };
        let player = &mut troupe.players_mut()[0];
        if demonstrations.is_recording() {
            return demonstrations.keep(player.episode_seed(), false);
        }
        player.next_episode();
        demonstrations.begin(player.obs());
        Ok(())
    }

    /// Drops the episode that is recorded and goes back to its start.
    pub fn discard_recording(&mut self) {
        if let Some(demonstrations) = &mut self.demonstrations {
            demonstrations.discard();
            self.reset();
        }
    }

    /// Begins all present episodes anew. A recording that has begun is dropped.
    pub fn reset(&mut self) {
        self.grip = None;
        self.troupes.iter_mut().for_each(Troupe::reset);
        self.traces.iter_mut().for_each(Traces::clear);
        if let Some(demonstrations) = self.demonstrations.as_mut().filter(|kept| kept.is_recording()) {
            demonstrations.discard();
        }
    }

    /// Begins the first episodes under another seed.
    pub fn reseed(&mut self, seed: u64) {
        self.seed = seed;
        self.troupes.iter_mut().for_each(|troupe| troupe.reseed(seed));
        self.reset();
    }

    /// Physics as factors of the model's.
    pub fn factors(&self) -> Factors {
        self.factors
    }

    /// Gives all robots other physics.
    pub fn set_factors(&mut self, factors: Factors) {
        if factors != self.factors {
            self.factors = factors;
            self.troupes.iter_mut().for_each(|troupe| troupe.set_factors(&factors));
        }
    }

    /// Reads newer checkpoints of the runs that are shown; what happened, in words.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn follow(&mut self) -> Result<Option<String>, ViewerError> {
        let mut news = None;
        for troupe in &mut self.troupes {
            if let Some(step) = troupe.follow()? {
                news = Some(format!("the policy is now that of step {step}"));
            }
        }
        Ok(news)
    }

    /// Troupe and robot of each exhibit, in their order.
    pub fn cast(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let troupes = self.troupes.iter().enumerate();
        troupes.flat_map(|(troupe, of)| (0..of.players().len()).map(move |player| (troupe, player)))
    }

    /// What is seen of each robot.
    pub fn exhibits(&self) -> Vec<Exhibit> {
        self.troupes.iter().flat_map(Troupe::exhibits).collect()
    }

    /// A view of all.
    pub fn camera(&self) -> Option<Camera> {
        self.troupes.first().and_then(Troupe::camera)
    }
}
