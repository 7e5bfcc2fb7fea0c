//! How the planner searches.

use serde::{Deserialize, Serialize};

use crate::{AgentError, error::require};

/// Parameters of [`Icem`](super::Icem), in the order of Algorithm 1 of the paper. Defaults are those of
/// its table of fixed settings where it has one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IcemConfig {
    /// h: number of actions in a plan (paper: 30).
    pub horizon: usize,
    /// Environment steps for which each action of a plan is held. The paper's tasks have coarse steps
    /// and hold each action for one; at 0.01 s a plan would end before anything has happened.
    pub hold: usize,
    /// N: plans drawn in the first iteration.
    pub population: usize,
    /// Iterations of refinement for each decision (paper: 3).
    pub iterations: usize,
    /// K: plans to which the distribution is fitted (paper: 10).
    pub elites: usize,
    /// beta: the power of the noise falls with frequency to this exponent; 0 is white (paper: 0.25 to
    /// 4 by task).
    pub noise_exponent: f64,
    /// sigma_init, in units of half the action range (paper: 0.5).
    pub initial_std: f32,
    /// alpha: weight of the previous mean and deviation (paper: 0.1).
    pub momentum: f32,
    /// gamma: each iteration draws this factor fewer plans (paper: 1.25).
    pub decay: f64,
    /// xi: fraction of the elites that is kept for the next iteration or decision (paper: 0.3).
    pub kept: f64,
}

impl Default for IcemConfig {
    fn default() -> Self {
        Self {
            horizon: 30,
            hold: 1,
            population: 64,
            iterations: 3,
            elites: 10,
            noise_exponent: 2.0,
            initial_std: 0.5,
            momentum: 0.1,
            decay: 1.25,
            kept: 0.3,
        }
    }
}

impl IcemConfig {
    /// Refuses values that make no sense.
    ///
    /// # Errors
    /// Names the first such key.
    pub fn validate(&self) -> Result<(), AgentError> {
        let positive = "it must be at least 1";
        require(self.horizon >= 2, "horizon", &self.horizon, "a plan needs at least 2 actions")?;
        require(self.hold >= 1, "hold", &self.hold, positive)?;
        require(self.iterations >= 1, "iterations", &self.iterations, positive)?;
        require(self.elites >= 1, "elites", &self.elites, positive)?;
        require(
            self.population >= 2 * self.elites,
            "population",
            &self.population,
            "it must be at least twice the number of elites",
        )?;
        require(
            (0.0..=8.0).contains(&self.noise_exponent),
            "noise_exponent",
            &self.noise_exponent,
            "it must lie between 0 (white) and 8",
        )?;
        let positive_std = self.initial_std > 0.0 && self.initial_std.is_finite();
        require(positive_std, "initial_std", &self.initial_std, "it must be positive")?;
        let fraction = "it must lie in [0, 1)";
        require((0.0..1.0).contains(&self.momentum), "momentum", &self.momentum, fraction)?;
        require((0.0..1.0).contains(&self.kept), "kept", &self.kept, fraction)?;
        require((1.0..=10.0).contains(&self.decay), "decay", &self.decay, "it must lie between 1 and 10")
    }

    /// Plans drawn in an iteration, counted from 0.
    pub(super) fn drawn(&self, iteration: usize) -> usize {
        let decayed = self.population as f64 * self.decay.powi(-(iteration as i32));
        (decayed as usize).max(2 * self.elites)
    }

    /// Elites that survive an iteration.
    pub(super) fn survivors(&self) -> usize {
        (self.kept * self.elites as f64).ceil() as usize
    }
}
