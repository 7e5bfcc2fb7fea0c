//! `[sampler]`: which settings to try.

use serde::Deserialize;

use crate::{
    config::{ConfigError, Node},
    sweep::{space::Space, specification::value_error},
};

/// Settings that a grid may have.
pub(super) const MOST_SETTINGS: usize = 100_000;

/// How settings are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SamplerKind {
    /// Every combination.
    #[default]
    Grid,
    /// Independent uniform draws.
    Random,
    /// A scrambled Sobol sequence (Owen 1998; scrambled as in Burley 2020, JCGT 9(4)).
    Sobol,
    /// Tree-structured Parzen estimators (Bergstra et al. 2011), one batch per generation.
    Tpe,
    /// Covariance matrix adaptation (Hansen 2016, arXiv 1604.00772), one batch per generation.
    CmaEs,
    /// Synchronous successive halving (Jamieson and Talwalkar 2016, arXiv 1502.07943).
    Halving,
    /// Population-based training (Jaderberg et al. 2017, arXiv 1711.09846), synchronous.
    Population,
    /// Novelty search (Lehman and Stanley 2011) over behaviour descriptors.
    Novelty,
    /// MAP-Elites (Mouret and Clune 2015, arXiv 1504.04909).
    MapElites,
    /// Novelty search and emitters in turn (Paolo et al. 2021, arXiv 2102.03140).
    Serene,
}

/// The keys of `[sampler]`; each kind reads some, and writing another is an error.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SamplerConfig {
    /// Default `"grid"`.
    pub kind: SamplerKind,
    /// Seed of the sampler's own draws. Default 0.
    pub seed: u64,
    /// Settings of one generation; of the whole sweep where there is one generation. Default 16.
    pub settings: usize,
    /// Generations; rungs of halving. Default 4.
    pub generations: usize,
    /// Environment steps of the first generation, where trials go on from one to the next: halving
    /// multiplies them by `eta`, a population adds as many again. Default: `steps` of the base,
    /// divided such that the last generation ends there.
    pub first_steps: Option<u64>,
    /// Halving keeps the best `1 / eta`. Default 3.
    pub eta: usize,
    /// Share of the population that is replaced, and that replaces it. Default 0.25.
    pub quantile: f64,
    /// Standard deviation of a mutation, on the unit interval of each parameter. Default 0.1.
    pub sigma: f64,
    /// Share of the best observations that TPE models apart. Default 0.15.
    pub gamma: f64,
    /// Numbers of `result.json`, or arrays of numbers (dotted paths), that describe the behaviour.
    pub descriptor: Vec<String>,
    /// Numbers in which an autoencoder codes the descriptor; 0: the descriptor as it is. Default 0;
    /// the paper (Paolo et al. 2020, arXiv 1909.05508) has 10.
    pub latent: usize,
    /// Settings of one emitter in one generation. Default 6 (code of Paolo et al. 2021).
    pub emitter: usize,
    /// The value of the metric beyond which a setting becomes an emitter. Default 0.
    pub rewarding: f64,
    /// Neighbours of the novelty score. Default 15 (Lehman and Stanley 2011).
    pub neighbours: usize,
    /// Cells of the archive: one `[low, high, count]` for each number of the descriptor.
    pub cells: Vec<(f64, f64, usize)>,
    /// Whether children of novelty search and MAP-Elites go on from their parent's checkpoint, for
    /// `first_steps` each, or are trained from the start. Default false.
    pub inherit: bool,
}

impl Default for SamplerConfig {
    fn default() -> Self {
        Self {
            kind: SamplerKind::Grid,
            seed: 0,
            settings: 16,
            generations: 4,
            first_steps: None,
            eta: 3,
            quantile: 0.25,
            sigma: 0.1,
            gamma: 0.15,
            descriptor: Vec::new(),
            latent: 0,
            emitter: 6,
            rewarding: 0.0,
            neighbours: 15,
            cells: Vec::new(),
            inherit: false,
        }
    }
}

impl SamplerKind {
    /// The keys, beside `kind`, that this kind reads.
    fn reads(self) -> &'static [&'static str] {
        match self {
            Self::Grid => &[],
            Self::Random | Self::Sobol => &["seed", "settings"],
            Self::Tpe => &["seed", "settings", "generations", "gamma"],
            Self::CmaEs => &["seed", "settings", "generations", "sigma"],
            Self::Halving => &["seed", "settings", "generations", "first_steps", "eta"],
            Self::Population => &["seed", "settings", "generations", "first_steps", "quantile", "sigma"],
            Self::Novelty => &[
                "seed",
                "settings",
                "generations",
                "sigma",
                "descriptor",
                "neighbours",
                "latent",
                "inherit",
                "first_steps",
            ],
            Self::Serene => &[
                "seed",
                "settings",
                "generations",
                "sigma",
                "descriptor",
                "neighbours",
                "latent",
                "emitter",
                "rewarding",
            ],
            Self::MapElites => {
                &["seed", "settings", "generations", "sigma", "descriptor", "cells", "inherit", "first_steps"]
            }
        }
    }
}

impl SamplerConfig {
    /// Whether some trials go on from the checkpoint of others.
    pub fn inherits(&self) -> bool {
        matches!(self.kind, SamplerKind::Halving | SamplerKind::Population) || self.inherit
    }

    /// Checks ranges, and keys that must fit each other or `space`.
    pub(in crate::sweep) fn check(&self, root: &Node, space: &Space) -> Result<(), ConfigError> {
        let wrong = |key: &str, reason: String| Err(value_error(root, &["sampler", key], reason));
        const KEYS: [&str; 15] = [
            "seed",
            "settings",
            "generations",
            "first_steps",
            "eta",
            "quantile",
            "sigma",
            "gamma",
            "descriptor",
            "neighbours",
            "cells",
            "inherit",
            "latent",
            "emitter",
            "rewarding",
        ];
        let reads = self.kind.reads();
        if let Some(key) = KEYS.iter().find(|key| !reads.contains(key) && root.has(&format!("sampler.{key}")))
        {
            let known = if reads.is_empty() { "no other key".to_owned() } else { reads.join(", ") };
            return wrong(key, format!("is in conflict with this kind, which reads {known}"));
        }
        for (key, value) in [("settings", self.settings), ("generations", self.generations)] {
            if !(1..=MOST_SETTINGS).contains(&value) {
                return wrong(key, format!("is {value}, but must be from 1 to {MOST_SETTINGS}"));
            }
        }
        if self.first_steps == Some(0) {
            return wrong("first_steps", "is 0, but must be at least 1".into());
        }
        if self.eta < 2 {
            return wrong("eta", format!("is {}, but must be at least 2", self.eta));
        }
        if !(self.quantile > 0.0 && self.quantile <= 0.5) {
            return wrong("quantile", format!("is {}, but must lie in (0, 0.5]", self.quantile));
        }
        if !(self.sigma > 0.0 && self.sigma <= 1.0) {
            return wrong("sigma", format!("is {}, but must lie in (0, 1]", self.sigma));
        }
        if !(self.gamma > 0.0 && self.gamma < 1.0) {
            return wrong("gamma", format!("is {}, but must lie in (0, 1)", self.gamma));
        }
        if self.first_steps.is_some()
            && matches!(self.kind, SamplerKind::Novelty | SamplerKind::MapElites)
            && !self.inherit
        {
            return wrong(
                "first_steps",
                "is in conflict with `inherit = false`, where every trial has all steps".into(),
            );
        }
        let by_behaviour =
            matches!(self.kind, SamplerKind::Novelty | SamplerKind::MapElites | SamplerKind::Serene);
        if by_behaviour && self.descriptor.is_empty() {
            return wrong(
                "descriptor",
                "is missing; name numbers of result.json that tell behaviours apart".into(),
            );
        }
        if self.neighbours == 0 {
            return wrong("neighbours", "is 0, but must be at least 1".into());
        }
        if matches!(self.kind, SamplerKind::CmaEs | SamplerKind::Serene) {
            self.check_adaptation(root, space)?;
        }
        if self.kind == SamplerKind::MapElites {
            if self.cells.len() != self.descriptor.len() {
                let reason = "needs one [low, high, count] for each number of `descriptor`";
                return wrong("cells", reason.into());
            }
            if self.cells.iter().any(|(low, high, count)| low >= high || *count == 0) {
                return wrong(
                    "cells",
                    "must be [low, high, count] with low below high and a count above 0".into(),
                );
            }
        }
        if self.kind == SamplerKind::Grid {
            let unbounded =
                space.parameters.iter().find(|p| p.points.is_none() && p.domain.choices().is_none());
            if let Some(parameter) = unbounded {
                let reason = "is a range, of which a grid needs `points`";
                return Err(value_error(root, &["parameters", &parameter.key], reason.into()));
            }
            if space.grid(MOST_SETTINGS).is_none() {
                return wrong(
                    "kind",
                    format!("\"grid\" has more than {MOST_SETTINGS} settings here; use \"sobol\""),
                );
            }
        } else if let Some(parameter) = space.parameters.iter().find(|parameter| parameter.points.is_some()) {
            let reason = "is in conflict with the sampler; only a grid reads it";
            return Err(value_error(root, &["parameters", &parameter.key, "points"], reason.into()));
        }
        if self.inherits() {
            self.check_inheritance(root, space)?;
        }
        Ok(())
    }

    /// Covariance matrix adaptation draws from a normal distribution over all parameters.
    fn check_adaptation(&self, root: &Node, space: &Space) -> Result<(), ConfigError> {
        let wrong = |key: &str, reason: &str| Err(value_error(root, &["sampler", key], reason.into()));
        let unfit = |parameter: &&crate::sweep::space::Parameter| {
            parameter.domain.choices().is_some() || !parameter.when.is_empty()
        };
        if let Some(parameter) = space.parameters.iter().find(unfit) {
            let reason = "is in conflict with the sampler, which needs numbers without conditions";
            return Err(value_error(root, &["parameters", &parameter.key], reason.into()));
        }
        if space.parameters.is_empty() {
            return wrong("kind", "has nothing to adapt: name numbers in [parameters]");
        }
        if self.kind == SamplerKind::CmaEs && self.settings < 4 {
            return wrong("settings", "must be at least 4, of which half are parents");
        }
        if self.kind == SamplerKind::Serene && !(4..=self.settings).contains(&self.emitter) {
            return wrong("emitter", "must be at least 4 and at most `settings`");
        }
        Ok(())
    }

    /// A child loads its parent's networks and environments, so nothing that shapes them may differ.
    fn check_inheritance(&self, root: &Node, space: &Space) -> Result<(), ConfigError> {
        let halving = self.kind == SamplerKind::Halving;
        let shapes = |key: &str| {
            key.starts_with("env.")
                || ["hidden", "rollout_steps"].iter().any(|end| key.ends_with(end))
                || ["loop", "learner"].contains(&key)
        };
        for parameter in &space.parameters {
            for key in parameter.keys() {
                let reason = if key == "steps" {
                    "which sets the steps of each generation"
                } else if !halving && shapes(key) {
                    "as children load the networks and environments of their parents, whose shape this changes"
                } else {
                    continue;
                };
                let reason = format!("changes `{key}`, in conflict with the sampler, {reason}");
                return Err(value_error(root, &["parameters", &parameter.key], reason));
            }
        }
        Ok(())
    }
}
