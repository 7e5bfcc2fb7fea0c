//! Data of every quality from one training, named as in D4RL (Fu et al. 2020, arXiv 2004.07219, section 5).

use std::path::Path;

use clap::ValueEnum;
use telos_agents::{ActMode, Policy, RandomPolicy};
use telos_envs::{
    EnvSpec,
    dataset::{Dataset, DatasetWriter, ReferenceScores},
    registry,
};

use super::{
    CollectionPlan, ENVIRONMENTS, Expert, Play, PlayConfig, describe, measure, record,
    training::{Moment, Training},
};
use crate::{
    TelosError,
    config::{Config, LearnerKind, LoopKind},
    loops::demonstration::Scripted,
};

/// A quality of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Tier {
    /// Uniformly random actions.
    Random,
    /// The policy in training at its first evaluation with a third of the expert's score.
    Medium,
    /// All episodes of training up to there.
    MediumReplay,
    /// Half medium, half expert.
    MediumExpert,
    /// The scripted expert of the task or, where it has none, the policy at its best evaluation.
    Expert,
    /// The scripted expert with noise and other goals.
    Play,
}

impl Tier {
    /// Name of its directory.
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Medium => "medium",
            Self::MediumReplay => "medium-replay",
            Self::MediumExpert => "medium-expert",
            Self::Expert => "expert",
            Self::Play => "play",
        }
    }

    /// Who acts in it, in equal shares; nobody in a replay.
    fn actors(self, scripted: bool) -> &'static [Actor] {
        use Actor::{Play, Random, Scripted, Trained};
        use Moment::{Best, Medium};
        match (self, scripted) {
            (Self::Random, _) => &[Random],
            (Self::Medium, _) => &[Trained(Medium)],
            (Self::MediumReplay, _) => &[],
            (Self::MediumExpert, true) => &[Trained(Medium), Scripted],
            (Self::MediumExpert, false) => &[Trained(Medium), Trained(Best)],
            (Self::Expert, true) => &[Scripted],
            (Self::Expert, false) => &[Trained(Best)],
            (Self::Play, _) => &[Play],
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Actor {
    Random,
    Scripted,
    Play,
    Trained(Moment),
}

/// What to collect.
#[derive(Clone, Copy, Debug)]
pub struct TierPlan<'a> {
    /// The training behind the tiers between random and expert: soft actor-critic on the gold reward. Its
    /// seed is that of everything.
    pub config: &'a Config,
    /// Transitions of each dataset, but for `medium-replay`, which has those of its training.
    pub steps: u64,
    /// Whole episodes behind each reference score.
    pub reference_episodes: usize,
}

/// Collects `tiers` as datasets of their names in the directory `out`. One training serves all of them.
/// `watch` is told the name of what is under way, the steps done, and all steps.
///
/// # Errors
/// When a tier needs a scripted expert and the task has none, training never becomes medium, or a dataset
/// exists already or cannot be written.
pub fn collect_tiers(
    plan: TierPlan<'_>,
    tiers: &[Tier],
    out: &Path,
    mut watch: impl FnMut(&str, u64, u64),
) -> Result<Vec<Dataset>, TelosError> {
    let config = plan.config;
    let scripted = registry::expert(&config.env.id).is_some();
    check(config, tiers, scripted, out)?;
    let trains = |tier: &Tier| {
        let trained = |actor: &Actor| matches!(actor, Actor::Trained(_));
        *tier == Tier::MediumReplay || tier.actors(scripted).iter().any(trained)
    };
    let measure = |expert| {
        let threads = collection_threads(config);
        measure(&config.env, expert, plan.reference_episodes, config.seed, threads)
    };
    let mut reference = measure(None)?;
    let mut training = None;
    if tiers.iter().any(trains) {
        // Where the expert is known beforehand, nothing after the medium policy is needed.
        let trained =
            Training::run(config, reference.as_ref(), |step| watch("training", step, config.steps))?;
        let training = training.insert(trained);
        if reference.is_none() {
            let (policy, step) = training.policy(Moment::Best, None)?;
            reference = measure(Some(Expert { policy, name: format!("sac after {step} steps") }))?;
        }
    }
    let mut cast = Cast { plan, spec: config.env.make()?.spec().clone(), training, reference };
    std::fs::create_dir_all(out).map_err(|source| TelosError::io(out, source))?;
    tiers
        .iter()
        .map(|tier| {
            cast.play(*tier, scripted, &out.join(tier.name()), |step| watch(tier.name(), step, plan.steps))
        })
        .collect()
}

fn collection_threads(config: &Config) -> usize {
    crate::config::EnvConfig { count: ENVIRONMENTS as usize, ..config.env.clone() }.thread_count()
}

/// Refuses, before any work, what could not be done.
fn check(config: &Config, tiers: &[Tier], scripted: bool, out: &Path) -> Result<(), TelosError> {
    if (config.loop_kind, config.learner) != (LoopKind::Online, LearnerKind::Sac) {
        let reason =
            "tiers are trained by loop = \"online\" with learner = \"sac\"; change the configuration";
        return Err(TelosError::Usage(reason.into()));
    }
    if tiers.contains(&Tier::Play) && !scripted {
        let id = &config.env.id;
        return Err(TelosError::Usage(format!(
            "the tier `play` needs a scripted expert, and `{id}` has none (telos envs lists who has); \
             for play of a trained policy: telos collect --policy RUN --noise 0.2 --new-goal 0.01"
        )));
    }
    match tiers.iter().map(|tier| out.join(tier.name())).find(|path| path.exists()) {
        Some(path) => {
            Err(TelosError::Usage(format!("{}: exists already; choose another --out", path.display())))
        }
        None => Ok(()),
    }
}

/// All that acts.
struct Cast<'a> {
    plan: TierPlan<'a>,
    spec: EnvSpec,
    training: Option<Training>,
    reference: Option<ReferenceScores>,
}

impl Cast<'_> {
    /// Writes the dataset of a tier.
    fn play(
        &mut self,
        tier: Tier,
        scripted: bool,
        path: &Path,
        mut watch: impl FnMut(u64),
    ) -> Result<Dataset, TelosError> {
        let TierPlan { config, steps, .. } = self.plan;
        let origin = format!("{} of {}, seed {}", tier.name(), config.env.id, config.seed);
        let info = describe(&config.env, self.reference.clone(), &origin)?;
        let mut writer = DatasetWriter::create(path, info)?;
        if tier == Tier::MediumReplay {
            let reference = self.reference.clone();
            self.training().write_replay(reference.as_ref(), &mut writer)?;
        }
        let actors = tier.actors(scripted);
        for (index, actor) in actors.iter().enumerate() {
            let (share, done) = (steps / actors.len() as u64, writer.steps() as u64);
            let share = if index + 1 == actors.len() { steps - done } else { share };
            self.record(*actor, share, index as u64, &mut writer, |step| watch(done + step))?;
        }
        Ok(writer.finish()?)
    }

    /// Writes `steps` transitions of one actor, the `index`th of its tier.
    fn record(
        &mut self,
        actor: Actor,
        steps: u64,
        index: u64,
        writer: &mut DatasetWriter,
        watch: impl FnMut(u64),
    ) -> Result<(), TelosError> {
        let config = self.plan.config;
        // Actors of one dataset meet different initial states.
        let seed = telos_envs::episode_seed(config.seed, u64::MAX, index);
        let plan = CollectionPlan {
            env: &config.env,
            steps,
            seed,
            threads: collection_threads(config),
            mode: ActMode::Sample,
            until_success: false,
            intended: false,
        };
        let expert = || {
            let expert =
                registry::expert(&config.env.id).expect("a task without a scripted expert was refused");
            Scripted::new(expert, &self.spec)
        };
        let mut policy: Box<dyn Policy + '_> = match actor {
            Actor::Random => Box::new(RandomPolicy::new(&self.spec, seed)?),
            Actor::Scripted => Box::new(expert()),
            Actor::Play => Box::new(Play::new(Box::new(expert()), PlayConfig::default(), &config.env, seed)?),
            Actor::Trained(moment) => {
                let reference = self.reference.clone();
                let (policy, _) = self.training().policy(moment, reference.as_ref())?;
                return record(plan, policy, writer, watch);
            }
        };
        record(plan, policy.as_mut(), writer, watch)
    }

    fn training(&mut self) -> &mut Training {
        self.training.as_mut().expect("tiers that need a training have one")
    }
}
