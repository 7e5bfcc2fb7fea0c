//! iCEM, the improved cross-entropy method: Pinneri et al. 2020, "Sample-efficient Cross-Entropy
//! Method for Real-time Planning", arXiv 2008.06389. Plans with the simulator itself as the model.
//!
//! ```text
//! for each decision (Algorithm 1):
//!   mu <- the last mean, one action further; sigma <- sigma_init
//!   for each iteration i:
//!     draw N_i = max(N gamma^-i, 2K) plans  a = clip(mu + C_beta sigma),  C_beta noise with power f^-beta
//!     add the survivors of the last elites; in the last iteration add mu itself
//!     elites <- the K plans of highest return
//!     mu, sigma <- alpha (mu, sigma) + (1 - alpha) (mean, deviation of the elites)
//!   act by the first action of the best elite
//! ```
//!
//! It needs no training and sees no observation, only the gold reward: it shows that a task can be
//! solved, and makes demonstrations of it.

mod coloured_noise;
mod config;
mod probe;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::{Env, EnvError};

pub use self::config::IcemConfig;
use self::{coloured_noise::ColouredNoise, probe::Probe};
use crate::{ActionRange, AgentError};

/// A plan `[h, act]` with actions in [-1, 1], and its return.
#[derive(Clone, Debug)]
struct Plan {
    actions: Vec<f32>,
    value: f32,
}

/// The planner.
///
/// ```
/// use telos_agents::planner::{Icem, IcemConfig};
/// use telos_envs::registry;
///
/// let make = || registry::make("pendulum-classic");
/// let mut env = make()?;
/// let config = IcemConfig { population: 20, ..IcemConfig::default() };
/// let mut planner = Icem::new(&config, 1, 0, make)?;
/// let (mut obs, mut action) = ([0.0; 3], [0.0]);
/// env.reset(1, &mut obs);
/// for _ in 0..3 {
///     planner.act(env.as_ref(), &mut action)?;
///     env.step(&action, &mut obs);
/// }
/// # Ok::<(), telos_agents::AgentError>(())
/// ```
pub struct Icem {
    config: IcemConfig,
    range: ActionRange,
    /// One for each thread.
    probes: Vec<Probe>,
    noise: ColouredNoise,
    rng: Xoshiro256PlusPlus,
    /// `[h, act]`.
    mean: Vec<f32>,
    std: Vec<f32>,
    /// The best plans of the last iteration, best first.
    elites: Vec<Plan>,
    /// Plans of the current iteration.
    plans: Vec<Plan>,
    /// Steps for which the first action of the current plan remains in force.
    held: usize,
}

impl Icem {
    /// A planner for environments that `make` builds, rolling plans out on `threads` threads; what it
    /// chooses does not depend on their number.
    ///
    /// # Errors
    /// When the configuration makes no sense or the environment cannot be built.
    pub fn new(
        config: &IcemConfig,
        threads: usize,
        seed: u64,
        mut make: impl FnMut() -> Result<Box<dyn Env>, EnvError>,
    ) -> Result<Self, AgentError> {
        config.validate()?;
        let probes = (0..threads.max(1)).map(|_| Ok(Probe::new(make()?, make()?)));
        let probes: Vec<Probe> = probes.collect::<Result<_, EnvError>>()?;
        let range = ActionRange::new(probes[0].spec())?;
        let size = config.horizon * range.size();
        Ok(Self {
            config: config.clone(),
            probes,
            noise: ColouredNoise::new(config.noise_exponent, config.horizon),
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            mean: vec![0.0; size],
            std: vec![0.0; size],
            elites: Vec::new(),
            plans: Vec::new(),
            held: 0,
            range,
        })
    }

    /// Forgets the plan: call it when an episode begins.
    pub fn reset(&mut self) {
        self.mean.fill(0.0);
        self.elites.clear();
        self.held = 0;
    }

    /// Writes the action for the current state of `env`, which stays as it is.
    ///
    /// # Errors
    /// When `env` is not of the spec that the planner was built for, or `action` has another length.
    pub fn act(&mut self, env: &dyn Env, action: &mut [f32]) -> Result<(), AgentError> {
        AgentError::check_length("action", action.len(), self.range.size())?;
        if self.held == 0 {
            self.plan(env)?;
            self.held = self.config.hold;
        }
        self.held -= 1;
        action.copy_from_slice(&self.elites[0].actions[..self.range.size()]);
        self.range.to_env(action);
        Ok(())
    }

    fn plan(&mut self, env: &dyn Env) -> Result<(), AgentError> {
        for probe in &mut self.probes {
            probe.look(env)?;
        }
        let act = self.range.size();
        shift(&mut self.mean, act);
        self.elites.iter_mut().for_each(|elite| shift(&mut elite.actions, act));
        self.std.fill(self.config.initial_std);
        for iteration in 0..self.config.iterations {
            self.draw(self.config.drawn(iteration));
            self.elites.truncate(self.config.survivors());
            self.plans.append(&mut self.elites);
            if iteration + 1 == self.config.iterations {
                self.plans.push(Plan { actions: self.mean.clone(), value: 0.0 });
            }
            self.evaluate();
            self.plans.sort_by(|a, b| b.value.total_cmp(&a.value));
            self.elites.extend(self.plans.drain(..self.config.elites));
            self.fit();
        }
        Ok(())
    }

    fn draw(&mut self, count: usize) {
        let act = self.range.size();
        self.plans.resize_with(count, || Plan { actions: vec![0.0; self.mean.len()], value: 0.0 });
        for plan in &mut self.plans {
            for component in 0..act {
                self.noise.draw(&mut self.rng, &mut plan.actions[component..], act);
            }
            for ((a, mean), std) in plan.actions.iter_mut().zip(&self.mean).zip(&self.std) {
                *a = (mean + *a * std).clamp(-1.0, 1.0);
            }
        }
    }

    /// Rolls every plan out from the current state.
    fn evaluate(&mut self) {
        let share = self.plans.len().div_ceil(self.probes.len());
        let (range, hold) = (&self.range, self.config.hold);
        std::thread::scope(|scope| {
            for (probe, plans) in self.probes.iter_mut().zip(self.plans.chunks_mut(share)) {
                scope.spawn(move || {
                    for plan in plans {
                        plan.value = probe.value(&plan.actions, range, hold);
                    }
                });
            }
        });
    }

    /// Fits mean and deviation to the elites.
    fn fit(&mut self) {
        let (alpha, n) = (self.config.momentum, self.elites.len() as f32);
        for (i, (mean, std)) in self.mean.iter_mut().zip(&mut self.std).enumerate() {
            let of_elites = || self.elites.iter().map(|elite| elite.actions[i]);
            let centre = of_elites().sum::<f32>() / n;
            let spread = (of_elites().map(|a| (a - centre).powi(2)).sum::<f32>() / n).sqrt();
            *mean = alpha * *mean + (1.0 - alpha) * centre;
            *std = alpha * *std + (1.0 - alpha) * spread;
        }
    }
}

/// Drops the first action of a plan and repeats the last.
fn shift(plan: &mut [f32], act: usize) {
    plan.copy_within(act.., 0);
    let last = plan.len() - act;
    plan.copy_within(last - act..last, last);
}
