//! Robots that one pilot moves, side by side.

use telos::{
    envs::Env,
    sim::{BodyId, Camera},
};

use super::{
    pilot::Pilot,
    placement::{Exhibit, grid, overview},
    player::Player,
};
use crate::{ViewerError, physics::Factors, traces::Reading, trail::Trail};

/// Chunks of actions that the fan of a generative policy shows.
const FAN: usize = 12;

/// Robots of one kind and who moves them.
pub struct Troupe {
    pilot: Pilot,
    players: Vec<Player>,
    places: Vec<[f32; 3]>,
    trails: Vec<Trail>,
    /// Of the present step, by player.
    readings: Vec<Reading>,
    /// Factor of their opacity.
    opacity: f32,
    /// Whether an episode that is over stays as it is until it is reset by hand.
    pub holds_at_end: bool,
    obs: Vec<f32>,
    actions: Vec<f32>,
    /// An environment to imagine in, and the paths of the imagined chunks.
    copy: Option<Box<dyn Env>>,
    fan: Vec<Vec<[f32; 3]>>,
}

impl Troupe {
    /// `envs` under `seed`, moved by `pilot`; in a grid if there are several.
    ///
    /// # Errors
    /// When there is nothing to be drawn of an environment.
    pub fn new(pilot: Pilot, envs: Vec<Box<dyn Env>>, seed: u64) -> Result<Self, ViewerError> {
        let players = envs.into_iter().enumerate().map(|(place, env)| Player::new(env, seed, place as u64));
        let players: Vec<Player> = players.collect::<Result<_, _>>()?;
        let places = players.first().map(|first| grid(players.len(), &first.scene())).unwrap_or_default();
        Ok(Self {
            trails: vec![Trail::default(); players.len()],
            readings: vec![Reading::default(); players.len()],
            pilot,
            players,
            places,
            opacity: 1.0,
            holds_at_end: false,
            obs: Vec::new(),
            actions: Vec::new(),
            copy: None,
            fan: Vec::new(),
        })
    }

    /// As ghosts, through which others can be seen.
    pub fn with_opacity(mut self, opacity: f32) -> Self {
        self.opacity = opacity;
        self
    }

    /// With an environment like theirs, in which the chunks of a generative policy are tried.
    pub fn imagining_in(mut self, copy: Box<dyn Env>) -> Self {
        self.copy = Some(copy);
        self
    }

    /// Who moves them.
    pub fn pilot(&self) -> &Pilot {
        &self.pilot
    }

    /// Who moves them.
    pub fn pilot_mut(&mut self) -> &mut Pilot {
        &mut self.pilot
    }

    /// The robots.
    pub fn players(&self) -> &[Player] {
        &self.players
    }

    /// The robots.
    pub fn players_mut(&mut self) -> &mut [Player] {
        &mut self.players
    }

    /// The last actions, `[players, act]`.
    pub fn actions(&self) -> &[f32] {
        &self.actions
    }

    /// Where they stand, by player.
    pub fn places(&self) -> &[[f32; 3]] {
        &self.places
    }

    /// Where they have been, by player, in their own coordinates.
    pub fn trails(&self) -> &[Trail] {
        &self.trails
    }

    /// What the last step brought, by player.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// Paths of the chunks that a generative policy proposed for the first robot; empty for others.
    pub fn fan(&self) -> &[Vec<[f32; 3]>] {
        &self.fan
    }

    /// One step of all.
    ///
    /// # Errors
    /// When the policy does not fit the environments.
    pub fn step(&mut self) -> Result<(), ViewerError> {
        self.begin_episodes();
        let Some(spec) = self.players.first().map(|player| player.env().spec()) else { return Ok(()) };
        let (rows, width) = (self.players.len(), spec.action.size());
        self.obs.clear();
        self.players.iter().for_each(|player| self.obs.extend_from_slice(player.obs()));
        self.actions.resize(rows * width, 0.0);
        self.pilot.act(&self.obs, rows, &mut self.actions)?;
        if let Pilot::Run(pilot) = &mut self.pilot {
            pilot.read(&self.obs, &self.actions, rows, &mut self.readings)?;
        }
        for (row, (player, action)) in
            self.players.iter_mut().zip(self.actions.chunks_exact(width)).enumerate()
        {
            if player.is_over() {
                continue;
            }
            let reading = &mut self.readings[row];
            reading.gold = player.step(action).reward;
            if let Some(center) = player.center_of_mass() {
                self.trails[row].push(center, reading.learned.unwrap_or(reading.gold));
            }
        }
        Ok(())
    }

    /// Begins another episode where one is over.
    fn begin_episodes(&mut self) {
        for row in 0..self.players.len() {
            if self.players[row].is_over() && !self.holds_at_end {
                self.players[row].next_episode();
                self.start(row);
            }
        }
    }

    fn start(&mut self, row: usize) {
        self.pilot.episode_ended(row);
        self.trails[row].clear();
        self.readings[row] = Reading::default();
    }

    /// Begins all present episodes anew.
    pub fn reset(&mut self) {
        for row in 0..self.players.len() {
            self.players[row].reset();
            self.start(row);
        }
        self.fan.clear();
    }

    /// Begins the first episodes under another seed.
    pub fn reseed(&mut self, seed: u64) {
        self.players.iter_mut().for_each(|player| player.reseed(seed));
        self.reset();
    }

    /// Gives all robots other physics.
    pub fn set_factors(&mut self, factors: &Factors) {
        self.players.iter_mut().for_each(|player| player.set_factors(factors));
    }

    /// Pushes a body of robot `row` at a point of the stage throughout the next step, newtons.
    pub fn push(&mut self, row: usize, body: BodyId, force: [f32; 3], at: [f32; 3]) {
        let place = self.places[row];
        self.players[row].push(body, force, std::array::from_fn(|axis| at[axis] - place[axis]));
    }

    /// Reads a newer checkpoint of the pilot's run, if there is one; its step.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn follow(&mut self) -> Result<Option<u64>, ViewerError> {
        match &mut self.pilot {
            Pilot::Run(pilot) => Ok(pilot.follow()?.then(|| pilot.step())),
            _ => Ok(None),
        }
    }

    /// Draws new chunks for the first robot and tries each in a copy of its environment.
    ///
    /// # Errors
    /// When the policy or the copy does not fit.
    pub fn imagine(&mut self) -> Result<(), ViewerError> {
        self.fan.clear();
        let (Pilot::Run(pilot), Some(copy), Some(player)) =
            (&mut self.pilot, &mut self.copy, self.players.first())
        else {
            return Ok(());
        };
        let mut chunks = Vec::new();
        let horizon = pilot.policy().proposals(player.obs(), FAN, player.steps() as u64, &mut chunks)?;
        let width = horizon * player.env().spec().action.size();
        if width > 0 {
            for chunk in chunks.chunks_exact(width) {
                self.fan.push(player.imagine(copy.as_mut(), chunk)?);
            }
        }
        Ok(())
    }

    /// What is seen of each robot.
    pub fn exhibits(&self) -> impl Iterator<Item = Exhibit> + '_ {
        let placed = self.players.iter().zip(&self.places);
        placed.map(|(player, place)| Exhibit { scene: player.scene(), place: *place, opacity: self.opacity })
    }

    /// A view of all.
    pub fn camera(&self) -> Option<Camera> {
        self.players.first().map(|first| overview(&first.scene().camera, &self.places))
    }
}
