//! Samplers: from everything evaluated so far to the next generation of settings.
//!
//! Each is a pure function of its configuration and the history, with random numbers drawn from the
//! sampler's seed and the number of the generation; nothing is remembered between calls, so a
//! coordinator can be killed at any time and another one decides the same.

mod autoencoder;
mod cma_es;
mod config;
mod draw;
mod halving;
mod map_elites;
mod novelty;
mod population;
mod serene;
mod tpe;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::space::{Setting, Space};
use crate::TelosError;

pub use config::{SamplerConfig, SamplerKind};

/// A setting with what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// The setting.
    pub setting: Setting,
    /// Environment steps that its trials had taken in the end.
    pub steps: u64,
    /// Mean score over its seeds, larger is better; `None` when one of them was given up.
    pub score: Option<f64>,
    /// Mean behaviour descriptor over its seeds; empty unless the sampler asks for one.
    pub descriptor: Vec<f64>,
}

/// A setting to train.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The setting.
    pub setting: Setting,
    /// Environment steps in the end, those of its ancestors included; `None` for those of the
    /// configuration.
    pub steps: Option<u64>,
    /// The setting whose checkpoints it goes on from.
    pub parent: Option<Ancestor>,
}

/// A setting of an earlier generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ancestor {
    /// Its generation.
    pub generation: usize,
    /// Its number in that generation.
    pub setting: usize,
}

/// What a sampler decides from.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// `[sampler]`.
    pub config: &'a SamplerConfig,
    /// `[parameters]`.
    pub space: &'a Space,
    /// `steps` of the base configuration.
    pub steps: u64,
    /// The score above which a setting is rewarding, larger is better.
    pub rewarding: f64,
    /// Every generation so far, all evaluated.
    pub history: &'a [Vec<Evaluated>],
}

impl Search<'_> {
    /// The next generation; empty when the search is over, or when nothing is left to go on from.
    ///
    /// # Errors
    /// When behaviours are to be learned and cannot be.
    pub fn propose(&self) -> Result<Vec<Proposal>, TelosError> {
        let generations = match self.config.kind {
            SamplerKind::Grid | SamplerKind::Random | SamplerKind::Sobol => 1,
            _ => self.config.generations,
        };
        if self.history.len() >= generations {
            return Ok(Vec::new());
        }
        Ok(match (self.config.kind, self.history) {
            (SamplerKind::Grid, _) => {
                let grid = self.space.grid(config::MOST_SETTINGS).expect("checked with the file");
                grid.into_iter().map(Proposal::anew).collect()
            }
            (SamplerKind::Random, _) => draw::random(self),
            (SamplerKind::CmaEs, _) => cma_es::propose(self),
            (_, []) => draw::sobol(self),
            (SamplerKind::Tpe, _) => tpe::propose(self),
            (SamplerKind::Halving, _) => halving::propose(self),
            (SamplerKind::Population, _) => population::propose(self),
            (SamplerKind::Novelty, _) => novelty::propose(self)?,
            (SamplerKind::Serene, _) => serene::propose(self)?,
            (SamplerKind::MapElites, _) => map_elites::propose(self),
            (SamplerKind::Sobol, _) => Vec::new(),
        })
    }

    /// The generator of the present generation.
    fn rng(&self) -> Xoshiro256PlusPlus {
        /// Keeps generations apart.
        const STREAM: u64 = 0x9e37_79b9_7f4a_7c15;
        let generation = self.history.len() as u64;
        Xoshiro256PlusPlus::seed_from_u64(self.config.seed.wrapping_add(STREAM.wrapping_mul(generation)))
    }

    /// Steps of the first generation; `None` where all trials have those of the configuration.
    fn first_steps(&self) -> Option<u64> {
        if !self.config.inherits() {
            return None;
        }
        let share = match self.config.kind {
            SamplerKind::Halving => {
                (self.config.eta as u64).saturating_pow(self.config.generations as u32 - 1)
            }
            _ => self.config.generations as u64,
        };
        Some(self.config.first_steps.unwrap_or((self.steps / share).max(1)))
    }

    /// Every setting so far with its place.
    fn evaluated(&self) -> impl Iterator<Item = (Ancestor, &Evaluated)> {
        self.history.iter().enumerate().flat_map(|(generation, settings)| {
            settings
                .iter()
                .enumerate()
                .map(move |(setting, evaluated)| (Ancestor { generation, setting }, evaluated))
        })
    }

    /// The last generation's settings that have a score, best first; equals in their order.
    fn ranked(&self) -> Vec<(Ancestor, &Evaluated)> {
        let last = self.history.len() - 1;
        let mut ranked: Vec<_> = self
            .evaluated()
            .filter(|(place, evaluated)| place.generation == last && evaluated.score.is_some())
            .collect();
        let score = |evaluated: &Evaluated| evaluated.score.unwrap_or(f64::NEG_INFINITY);
        ranked.sort_by(|(_, a), (_, b)| score(b).total_cmp(&score(a)));
        ranked
    }

    /// The setting at a point of the unit cube.
    fn point(&self, units: &[f64]) -> Proposal {
        Proposal::anew(self.space.at(|index| units[index]))
    }

    /// A mutated child, which goes on from its parent's checkpoint where the sampler says so.
    fn child(&self, place: Ancestor, parent: &Evaluated, rng: &mut Xoshiro256PlusPlus) -> Proposal {
        let setting = self.space.mutate(&parent.setting, self.config.sigma, rng);
        match self.first_steps() {
            None => Proposal::anew(setting),
            Some(steps) => Proposal { setting, steps: Some(parent.steps + steps), parent: Some(place) },
        }
    }
}

impl Proposal {
    /// Trained from the start, for the steps of the configuration.
    fn anew(setting: Setting) -> Self {
        Self { setting, steps: None, parent: None }
    }
}
