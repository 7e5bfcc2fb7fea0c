//! `telos collect`: datasets from policies.

use std::path::{Path, PathBuf};

use clap::Args;
use telos_agents::{ActMode, Policy, RandomPolicy};
use telos_envs::{
    dataset::{Dataset, ReferenceScores},
    registry,
};

use super::{dataset::describe, print};
use crate::{
    Progress, RunDirectory, TelosError,
    config::{Config, EnvConfig},
    error::exit_code,
    loops::{
        RunPolicy, Scripted,
        collection::{
            CollectionPlan, Expert, Play, PlayConfig, Tier, TierPlan, collect, collect_tiers, measure,
        },
    },
    progress::Stage,
};

/// Records what a policy does as a dataset, or with --tiers whole families of datasets as D4RL has them.
/// Equal seeds give equal bytes, on any number of threads.
#[derive(Debug, Args)]
pub(super) struct Collect {
    /// The environment [default: that of the run, or of --config]; `telos envs` lists them.
    #[arg(long, value_name = "ID")]
    env: Option<String>,
    /// Who acts: random, scripted, or a run directory.
    #[arg(
        long,
        value_name = "RUN|random|scripted",
        required_unless_present = "tiers",
        conflicts_with = "tiers"
    )]
    policy: Option<String>,
    /// With a run: the step of the checkpoint to use [default: the latest].
    #[arg(long, value_name = "STEP")]
    checkpoint: Option<u64>,
    /// Take the centre of the policy's distribution in place of a sample.
    #[arg(long)]
    deterministic: bool,
    /// Add noise of this standard deviation, relative to half the range, to every action.
    #[arg(long, value_name = "STD", default_value_t = 0.0, allow_negative_numbers = true)]
    noise: f32,
    /// With --noise: record the actions as they were before it, which is what a demonstrator of recoveries means
    /// (DART). Such data is for imitation; learners of values need the actions that were executed.
    #[arg(long, conflicts_with = "tiers")]
    intended: bool,
    /// Show the policy another goal, drawn anew with this chance at each step.
    #[arg(long, value_name = "CHANCE", default_value_t = 0.0)]
    new_goal: f32,
    /// Record each episode up to its first success only, as demonstrations are, and not what comes after.
    #[arg(long, conflicts_with = "tiers")]
    until_success: bool,
    /// One dataset for each of these qualities, as directories inside --out.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "TIER,...")]
    tiers: Vec<Tier>,
    /// With --tiers: how to train [default: soft actor-critic as it is].
    #[arg(long, value_name = "FILE", requires = "tiers")]
    config: Option<PathBuf>,
    /// With --tiers: change one key of the configuration; repeatable.
    #[arg(long, value_name = "KEY=VALUE", requires = "tiers")]
    set: Vec<String>,
    /// Transitions.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Seed of initial states, actions and training.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A run whose policy counts as the expert of the reference scores [default: the scripted expert].
    #[arg(long, value_name = "RUN", conflicts_with = "tiers")]
    expert: Option<PathBuf>,
    /// Whole episodes behind each reference score.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    reference_episodes: u32,
    /// Threads [default: all cores]; results do not depend on it.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    threads: Option<u32>,
    /// Where the dataset will be, or with --tiers the datasets.
    #[arg(long, value_name = "DATASET")]
    out: PathBuf,
    /// Show no progress.
    #[arg(long)]
    quiet: bool,
}

impl Collect {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        let datasets = match &self.policy {
            Some(policy) => vec![self.collect(policy)?],
            None => self.collect_tiers()?,
        };
        for dataset in &datasets {
            print(&format!("{}\n{}", dataset.path().display(), describe(dataset)))?;
        }
        Ok(exit_code::DONE)
    }

    fn collect(&self, who: &str) -> Result<Dataset, TelosError> {
        if self.out.exists() {
            return Err(TelosError::Usage(format!(
                "{}: exists already; choose another --out",
                self.out.display()
            )));
        }
        if let Some(parent) = self.out.parent() {
            let io = |source| TelosError::Io { doing: parent.display().to_string(), source };
            std::fs::create_dir_all(parent).map_err(io)?;
        }
        if !matches!(who, "random" | "scripted") {
            let run = RunDirectory::open(Path::new(who))?;
            let env = self.check_env(&run.config().env)?;
            let mut trained = RunPolicy::read(&run, self.checkpoint)?;
            let origin = format!("run of seed {} after {} steps", run.config().seed, trained.step());
            return self.write(&env, Box::new(Acting(trained.policy())), &origin);
        }
        if self.checkpoint.is_some() {
            return Err(TelosError::Usage("--checkpoint: only with a run as --policy".into()));
        }
        let id = self.env.clone().ok_or_else(|| TelosError::Usage("--env: name the environment".into()))?;
        let env = EnvConfig { id, ..EnvConfig::default() };
        let spec = env.make()?.spec().clone();
        if who == "random" {
            return self.write(&env, Box::new(RandomPolicy::new(&spec, self.seed)?), "random actions");
        }
        let expert = registry::expert(&env.id).ok_or_else(|| {
            let reason = "has no scripted expert (telos envs lists who has); use a run or random";
            TelosError::Usage(format!("--policy scripted: `{}` {reason}", env.id))
        })?;
        self.write(&env, Box::new(Scripted::new(expert, &spec)), "scripted expert")
    }

    /// The environment of a run, which --env may name but not change.
    fn check_env(&self, env: &EnvConfig) -> Result<EnvConfig, TelosError> {
        match &self.env {
            Some(id) if *id != env.id => Err(TelosError::Usage(format!(
                "--env is `{id}`, but the run is of `{}`; leave --env out",
                env.id
            ))),
            _ if env.pixels.is_some() => Err(TelosError::Usage(
                "--policy: this run sees `env.pixels`, and datasets hold no pictures; use a run without"
                    .into(),
            )),
            _ => Ok(env.clone()),
        }
    }

    fn write(&self, env: &EnvConfig, policy: Box<dyn Policy + '_>, who: &str) -> Result<Dataset, TelosError> {
        let progress = self.progress();
        let mut stage = progress.stage(&env.id, self.steps, 0);
        let mode = if self.deterministic { ActMode::Mode } else { ActMode::Sample };
        let Self { steps, seed, until_success, intended, .. } = *self;
        let threads = self.threads();
        let plan = CollectionPlan { env, steps, seed, threads, mode, until_success, intended };
        let play = PlayConfig { noise: self.noise, new_goal: self.new_goal };
        let disturbed = match play {
            PlayConfig { noise: 0.0, new_goal: 0.0 } => String::new(),
            PlayConfig { noise, new_goal } => format!(", noise {noise}, new goals {new_goal}"),
        };
        if intended && self.noise == 0.0 {
            return Err(TelosError::Usage(
                "--intended: without --noise all actions are; leave it out".into(),
            ));
        }
        let mut policy = Play::new(policy, play, env, self.seed)?;
        let meant = if intended { ", actions as intended" } else { "" };
        let end = if until_success { ", until success" } else { "" };
        let origin = format!("{who}{disturbed}, {mode:?}{meant}{end}, seed {seed}").to_lowercase();
        // Returns of whole episodes say nothing about those that end early.
        let reference = if until_success { None } else { self.reference(env)? };
        collect(plan, &mut policy, &self.out, reference, &origin, |step| stage.update(step, None))
    }

    fn reference(&self, env: &EnvConfig) -> Result<Option<ReferenceScores>, TelosError> {
        let episodes = self.reference_episodes as usize;
        let Some(path) = &self.expert else {
            return measure(env, None, episodes, self.seed, self.threads());
        };
        let run = RunDirectory::open(path)?;
        if run.config().env.id != env.id {
            let reason = format!("is a run of `{}`, not of `{}`", run.config().env.id, env.id);
            return Err(TelosError::run(path, reason));
        }
        let mut expert = RunPolicy::read(&run, None)?;
        let name = format!("run of seed {} after {} steps", run.config().seed, expert.step());
        let expert = Expert { policy: expert.policy(), name };
        measure(env, Some(expert), episodes, self.seed, self.threads())
    }

    fn collect_tiers(&self) -> Result<Vec<Dataset>, TelosError> {
        let mut set = self.set.clone();
        set.push(format!("seed={}", self.seed));
        if let Some(id) = &self.env {
            set.push(format!("env.id=\"{id}\""));
        }
        if let Some(threads) = self.threads {
            set.push(format!("env.threads={threads}"));
        }
        let config = match &self.config {
            Some(file) => Config::read(file, &set)?,
            None => Config::parse("the default configuration", "", &set)?,
        };
        let config = Config { env: self.check_env(&config.env)?, ..config };
        let plan = TierPlan {
            config: &config,
            steps: self.steps,
            reference_episodes: self.reference_episodes as usize,
        };
        let progress = self.progress();
        let mut under_way: Option<(String, Stage)> = None;
        collect_tiers(plan, &self.tiers, &self.out, |name, done, total| {
            if under_way.as_ref().is_none_or(|(label, _)| label != name) {
                under_way = Some((name.to_owned(), progress.stage(name, total, 0)));
            }
            if let Some((_, stage)) = &mut under_way {
                stage.update(done, None);
            }
        })
    }

    fn progress(&self) -> Progress {
        if self.quiet { Progress::quiet() } else { Progress::new() }
    }

    fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(cores, |threads| threads as usize)
    }
}

/// A borrowed policy, where an owned one is asked for.
struct Acting<'a>(&'a mut dyn Policy);

impl Policy for Acting<'_> {
    fn act(
        &mut self,
        obs: &[f32],
        rows: usize,
        mode: ActMode,
        actions: &mut [f32],
    ) -> Result<(), telos_agents::AgentError> {
        self.0.act(obs, rows, mode, actions)
    }

    fn episode_ended(&mut self, row: usize) {
        self.0.episode_ended(row);
    }
}
