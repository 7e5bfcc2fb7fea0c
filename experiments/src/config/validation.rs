//! Every rule about values, in one place. Types are serde's business; what is left are ranges and
//! keys that must fit each other.

use telos_agents::{AgentError, generative::TuningMethod, offline::RewardScaleConfig};
use telos_envs::{EnvError, EnvSpec};
use telos_rewards::{
    RewardError,
    teacher::{Stage, TeacherSetting},
};

use super::{Config, DataConfig, LabelKind, LearnerKind, LoopKind, environment, generative};

/// A value outside its range.
pub(super) struct Invalid {
    /// Dotted name of the key.
    pub(super) key: String,
    /// What is wrong and what would be right.
    pub(super) reason: String,
}

/// Checks everything that the run would read.
pub(super) fn check(config: &Config) -> Result<(), Invalid> {
    at_least("steps", config.steps, 1)?;
    distinct("seeds", &config.seeds)?;
    environment::check(config)?;
    reward(config)?;
    at_least("evaluation.episodes", config.evaluation.episodes as u64, 1)?;
    at_least("checkpoint.keep", config.checkpoint.keep as u64, 1)?;
    if config.checkpoint.best && (config.loop_kind != LoopKind::Online || !config.reward.factors.is_empty()) {
        let reason = "needs evaluations by the reward that is trained on: use loop = \"online\" without \
                      `reward.factors`, or leave it out";
        return invalid("checkpoint.best", reason.into());
    }
    match config.learner {
        LearnerKind::Sac => sac(config)?,
        LearnerKind::Ppo => ppo(config)?,
        LearnerKind::Bc => learner(config.bc.validate())?,
        LearnerKind::DecisionTransformer => decision_transformer(config)?,
        LearnerKind::Awac => learner(config.awac.validate())?,
        LearnerKind::Td3Bc => learner(config.td3_bc.validate())?,
        LearnerKind::Iql => learner(config.iql.validate())?,
        LearnerKind::Cql => learner(config.cql.validate())?,
        LearnerKind::Rebrac => learner(config.rebrac.validate())?,
        LearnerKind::Mopo => learner(config.mopo.validate())?,
        LearnerKind::Rlpd => learner(config.rlpd.validate())?,
        LearnerKind::Generative => learner(config.generative.validate())?,
    }
    fits_loop(config)?;
    match config.loop_kind {
        LoopKind::Online => Ok(()),
        LoopKind::Preferences => preferences(config),
        LoopKind::Offline => data(config),
        LoopKind::OfflineToOnline => data(config).and_then(|()| fine_tuning(config)),
        LoopKind::Likelihood => likelihood(config),
        LoopKind::Imitation => imitation(config),
        LoopKind::FineTune => fine_tune(config),
    }
}

/// Whether the loop can train the learner.
fn fits_loop(config: &Config) -> Result<(), Invalid> {
    let (kind, name) = (config.learner, config.learner.name());
    let (fits, wanted) = match config.loop_kind {
        LoopKind::Online | LoopKind::Preferences => {
            (matches!(kind, LearnerKind::Sac | LearnerKind::Ppo), "one of \"sac\" and \"ppo\"")
        }
        LoopKind::Offline | LoopKind::OfflineToOnline => {
            (kind.learns_from_recorded_data(), "a learner of loops with recorded data, such as \"iql\"")
        }
        LoopKind::Imitation | LoopKind::FineTune => (kind == LearnerKind::Generative, "\"generative\""),
        LoopKind::Likelihood => (kind == LearnerKind::Sac, "\"sac\""),
    };
    if fits { Ok(()) } else { invalid("learner", format!("is \"{name}\", but this loop needs {wanted}")) }
}

/// The verdict of a wrapper that knows its own ranges.
pub(super) fn wrapper(table: &str, verdict: Result<(), EnvError>) -> Result<(), Invalid> {
    match verdict {
        Ok(()) => Ok(()),
        Err(EnvError::Config { key, value, reason }) => {
            invalid(&format!("{table}.{key}"), format!("is {value}, but {reason}"))
        }
        Err(error) => invalid(table, error.to_string()),
    }
}

fn reward(config: &Config) -> Result<(), Invalid> {
    if let Some(sentence) = &config.reward.sentence {
        table("reward.sentence", sentence.validate())?;
        wrapper("reward.sentence.view", sentence.view.validate())?;
        if !config.reward.factors.is_empty() {
            return invalid("reward.factors", "cannot be given beside `reward.sentence`".into());
        }
        if config.env.make().is_ok_and(|env| env.scene().is_none()) {
            let id = &config.env.id;
            return invalid("env.id", format!("is \"{id}\", which has no bodies to be drawn for a sentence"));
        }
    }
    let known = config.env.make().map_or(Vec::new(), |env| env.spec().factors.clone());
    match config.reward.factors.keys().find(|name| !known.contains(name)) {
        None => Ok(()),
        Some(name) => invalid(
            &format!("reward.factors.{name}"),
            format!("`{}` has no such factor; it has {}", config.env.id, known.join(", ")),
        ),
    }
}

fn sac(config: &Config) -> Result<(), Invalid> {
    learner(config.sac.validate())?;
    let training = &config.training;
    positive("training.updates_per_step", training.updates_per_step)?;
    at_least("training.replay_capacity", training.replay_capacity, config.sac.batch_size as u64)?;
    at_most_key("training.learning_starts", training.learning_starts, "`steps`", config.steps)
}

fn data(config: &Config) -> Result<(), Invalid> {
    let data = &config.data;
    if data.path.is_empty() {
        return invalid("data.path", "is missing; name a directory that `telos collect` made".into());
    }
    share("data.best_share", data.best_share)?;
    if let Some(smoothing) = &data.smoothing {
        learner(smoothing.validate())?;
    }
    learner(data.reward.validate())?;
    if data.labels != LabelKind::Recorded && data.reward_run.is_some() {
        return invalid("data.reward_run", "labels the data, and so does `data.labels`; keep one".into());
    }
    match data.labels {
        LabelKind::Recorded => Ok(()),
        LabelKind::Preferences => preferences(config),
        LabelKind::Success => success(config),
    }
}

fn success(config: &Config) -> Result<(), Invalid> {
    let success = &config.success;
    at_least("success.recorded", success.recorded as u64, 2)?;
    at_least("success.per_session", success.per_session as u64, 1)?;
    at_least("success.session_interval", success.session_interval, 1)?;
    table("success.classifier", success.classifier.validate())
}

fn decision_transformer(config: &Config) -> Result<(), Invalid> {
    if config.loop_kind == LoopKind::OfflineToOnline {
        return invalid("loop", "must be \"offline\" for learner = \"decision-transformer\"".into());
    }
    if config.data.reward != RewardScaleConfig::default() {
        let reason =
            "is of no use to a policy that is told a return; set `decision_transformer.return_scale`";
        return invalid("data.reward", reason.into());
    }
    learner(config.decision_transformer.validate())
}

fn imitation(config: &Config) -> Result<(), Invalid> {
    data(config)?;
    let (found, usual) = (&config.data, DataConfig { path: config.data.path.clone(), ..Default::default() });
    let unread = [
        ("data.best_share", found.best_share == usual.best_share),
        ("data.reward_run", found.reward_run == usual.reward_run),
        ("data.labels", found.labels == usual.labels),
        ("data.smoothing", found.smoothing == usual.smoothing),
        ("data.reward", found.reward == usual.reward),
    ];
    if let Some((key, _)) = unread.into_iter().find(|(_, unchanged)| !unchanged) {
        return invalid(key, "changes nothing in an imitation of all recorded actions; leave it out".into());
    }
    learner(config.cloning.validate())?;
    if config.generative.residual && config.cloning.hindsight > 0.0 {
        let reason = "regresses actions on the goals that were asked for, which `cloning.hindsight` replaces";
        return invalid("generative.residual", reason.into());
    }
    Ok(())
}

fn fine_tune(config: &Config) -> Result<(), Invalid> {
    let tuning = &config.tuning;
    if config.base.run.is_empty() {
        return invalid("base.run", "is missing; name a run with learner = \"generative\"".into());
    }
    if let Some(reason) = generative::refusal_of_sentence(config) {
        return invalid("reward.sentence", reason.into());
    }
    learner(tuning.validate())?;
    let (steps, most) = (tuning.denoising_steps as u64, config.generative.sampler.steps as u64);
    at_most_key("tuning.denoising_steps", steps, "`generative.sampler.steps`", most)?;
    if tuning.method == TuningMethod::Spin { data(config) } else { Ok(()) }
}

fn fine_tuning(config: &Config) -> Result<(), Invalid> {
    let (tuning, interval) = (&config.fine_tuning, config.evaluation.interval);
    at_most_key("fine_tuning.starts", tuning.starts, "`steps`", config.steps)?;
    if interval == 0 || !tuning.starts.is_multiple_of(interval) {
        return invalid(
            "fine_tuning.starts",
            format!(
                "is {}, but must be a multiple of `evaluation.interval`, which is {interval}, to be evaluated there",
                tuning.starts
            ),
        );
    }
    if !(0.0..=1.0).contains(&tuning.offline_share) {
        return invalid(
            "fine_tuning.offline_share",
            format!("is {}, but must be in [0, 1]", tuning.offline_share),
        );
    }
    positive("fine_tuning.updates_per_step", tuning.updates_per_step)?;
    at_least("fine_tuning.replay_capacity", tuning.replay_capacity, 1)?;
    if let Some(sera) = &tuning.sera {
        learner(sera.validate())?;
    }
    share("fine_tuning.collapse.share", tuning.collapse.share)
}

fn share(key: &str, value: f64) -> Result<(), Invalid> {
    if value > 0.0 && value <= 1.0 {
        Ok(())
    } else {
        invalid(key, format!("is {value}, but must be in (0, 1]"))
    }
}

fn ppo(config: &Config) -> Result<(), Invalid> {
    learner(config.ppo.validate())?;
    let (ranks, count) = (config.parallel.ranks as u64, config.env.count as u64);
    at_least("parallel.ranks", ranks, 1)?;
    if count.is_multiple_of(ranks) {
        Ok(())
    } else {
        invalid("parallel.ranks", format!("is {ranks}, but must divide `env.count`, which is {count}"))
    }
}

fn likelihood(config: &Config) -> Result<(), Invalid> {
    let likelihood = &config.likelihood;
    if likelihood.demonstrations.is_empty() {
        let reason = "is missing; name a directory that `telos collect` made";
        return invalid("likelihood.demonstrations", reason.into());
    }
    if !(likelihood.exploration >= 0.0 && likelihood.exploration.is_finite()) {
        let reason = format!("is {}, but must be at least 0", likelihood.exploration);
        return invalid("likelihood.exploration", reason);
    }
    table("likelihood.model", likelihood.model.validate())?;
    table("likelihood.state_entropy", likelihood.state_entropy.validate())
}

fn preferences(config: &Config) -> Result<(), Invalid> {
    let preferences = &config.preferences;
    at_least("preferences.budget", preferences.budget as u64, 1)?;
    between(
        "preferences.queries_per_session",
        preferences.queries_per_session as u64,
        1,
        preferences.budget as u64,
    )?;
    at_least("preferences.session_interval", preferences.session_interval, 1)?;
    if config.loop_kind == LoopKind::Preferences {
        between("preferences.unsupervised_steps", preferences.unsupervised_steps, 1, config.steps)?;
    }
    at_least("preferences.held_out_pairs", preferences.held_out_pairs as u64, 1)?;
    table("preferences.query", preferences.query.validate())?;
    let Ok(env) = config.env.make() else { return Ok(()) };
    let spec = env.spec();
    at_most_key(
        "preferences.query.segment",
        preferences.query.segment as u64,
        "the episode length",
        spec.horizon as u64,
    )?;
    teacher(config, spec)?;
    if let Some(budget) = preferences.cost_budget {
        positive("preferences.cost_budget", budget)?;
    }
    prior(config)?;
    table("preferences.reward_model", preferences.reward_model.validate())?;
    table("preferences.state_entropy", preferences.state_entropy.validate())
}

fn teacher(config: &Config, spec: &EnvSpec) -> Result<(), Invalid> {
    let (teacher, ask) = (&config.preferences.teacher, config.preferences.query.ask());
    if !teacher.answers(ask) {
        let reason = format!("asks for {ask}, which this kind of teacher cannot give");
        return invalid("preferences.query.ask", reason);
    }
    table("preferences.teacher", teacher.validate())?;
    // Names of factors are checked by whoever knows the task's.
    let env = config.env.clone();
    let stage = Stage::new(config.seed, move || env.make());
    let setting = TeacherSetting { spec, feedback: None, stage: Some(&stage), seed: config.seed };
    table("preferences.teacher", teacher.build(setting).map(|_| ()))
}

fn prior(config: &Config) -> Result<(), Invalid> {
    let preferences = &config.preferences;
    let Some(prior) = &preferences.prior else { return Ok(()) };
    if config.learner != LearnerKind::Ppo {
        return invalid("preferences.prior", "needs learner = \"ppo\"".into());
    }
    if preferences.ledger.is_some() && preferences.prior_run().is_none() {
        let reason = "must be the directory of a run where `preferences.ledger` is given: there is no \
                      exploration whose policy could be the prior";
        return invalid("preferences.prior.policy", reason.into());
    }
    learner(prior.penalty().validate())
}

fn at_least(key: &str, value: u64, least: u64) -> Result<(), Invalid> {
    if value >= least { Ok(()) } else { invalid(key, format!("is {value}, but must be at least {least}")) }
}

pub(super) fn between(key: &str, value: u64, least: u64, most: u64) -> Result<(), Invalid> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        invalid(key, format!("is {value}, but must be from {least} to {most}"))
    }
}

fn at_most_key(key: &str, value: u64, other: &str, most: u64) -> Result<(), Invalid> {
    if value <= most {
        Ok(())
    } else {
        invalid(key, format!("is {value}, but must be at most {other}, which is {most}"))
    }
}

fn positive(key: &str, value: f64) -> Result<(), Invalid> {
    if value > 0.0 { Ok(()) } else { invalid(key, format!("is {value}, but must be above 0")) }
}

fn distinct(key: &str, seeds: &[u64]) -> Result<(), Invalid> {
    match seeds.iter().enumerate().find(|(index, seed)| seeds[..*index].contains(seed)) {
        None => Ok(()),
        Some((_, seed)) => invalid(key, format!("names {seed} twice")),
    }
}

/// The verdict of a learner, which names its keys in full.
pub(super) fn learner(verdict: Result<(), AgentError>) -> Result<(), Invalid> {
    match verdict {
        Ok(()) => Ok(()),
        Err(AgentError::Config { key, value, expected }) => invalid(key, format!("is {value}; {expected}")),
        Err(error) => invalid("learner", error.to_string()),
    }
}

/// The verdict of a table that knows its own ranges.
fn table(name: &str, verdict: Result<(), RewardError>) -> Result<(), Invalid> {
    match verdict {
        Ok(()) => Ok(()),
        Err(RewardError::Config { key, value, reason }) => {
            invalid(&format!("{name}.{key}"), format!("is {value}, but {reason}"))
        }
        Err(error) => invalid(name, error.to_string()),
    }
}

pub(super) fn invalid<T>(key: &str, reason: String) -> Result<T, Invalid> {
    Err(Invalid { key: key.to_owned(), reason })
}
