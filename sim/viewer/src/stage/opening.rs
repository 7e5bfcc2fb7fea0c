//! From what the user names to a stage.

use std::path::Path;

use telos::{
    RunDirectory,
    envs::{Env, EnvSpec, registry},
};

use super::{Live, Pilot, Recording, Stage, Troupe};
use crate::{Options, PolicyChoice, ViewerError, demonstration::Demonstrations, labelling::Labelling};

/// Opacity of a ghost.
const GHOST: f32 = 0.4;

/// Opens what the options name: an environment by its id, a run or a dataset by its directory.
///
/// # Errors
/// When it is none of these, or cannot be shown; the message says what to do.
pub fn open(options: &Options) -> Result<Stage, ViewerError> {
    let path = Path::new(&options.input);
    let is_run = path.join("config.toml").exists() && path.join("manifest.json").exists();
    if options.label && !is_run {
        return Err(ViewerError::input(
            &options.input,
            "--label needs the directory of a run that asks people",
        ));
    }
    if is_run {
        let run = open_run(path)?;
        if options.label {
            return Ok(Stage::Labelling(Box::new(Labelling::open(&run, &options.annotator)?)));
        }
        return open_live(options, Some(run));
    }
    if path.join("manifest.json").exists() {
        refuse_with_a_dataset(options)?;
        let judge = options.reward.as_deref().map(open_run).transpose()?;
        return Ok(Stage::Recording(Box::new(Recording::open(path, judge)?)));
    }
    if path.exists() {
        let reason = "it is neither the directory of a run nor that of a dataset: it has no manifest.json";
        return Err(ViewerError::input(&options.input, reason));
    }
    let looks_like_a_path =
        options.input.contains(std::path::MAIN_SEPARATOR) || options.input.starts_with('.');
    if looks_like_a_path {
        return Err(ViewerError::input(&options.input, "there is no such directory"));
    }
    open_live(options, None)
}

/// Opens a run of one seed.
fn open_run(path: &Path) -> Result<RunDirectory, ViewerError> {
    let run = RunDirectory::open(path)?;
    if let Some(seed) = run.config().seeds.first() {
        let reason = format!(
            "it holds one run for each seed; name one of them, such as {}/seed-{seed}",
            path.display()
        );
        return Err(ViewerError::input(path.display().to_string(), reason));
    }
    Ok(run)
}

fn refuse_with_a_dataset(options: &Options) -> Result<(), ViewerError> {
    let refused = [
        ("--against", options.against.is_some()),
        ("--teleoperate", options.teleoperate.is_some()),
        ("--policy", options.policy.is_some()),
        ("--count", options.count != 1),
    ];
    match refused.iter().find(|(_, given)| *given) {
        Some((flag, _)) => {
            Err(ViewerError::Usage(format!("{flag} is not for a dataset, which is played as it is")))
        }
        None => Ok(()),
    }
}

fn open_live(options: &Options, run: Option<RunDirectory>) -> Result<Stage, ViewerError> {
    if options.reward.is_some() {
        return Err(ViewerError::Usage(
            "--reward is for a dataset; a run shows the reward that it learned".into(),
        ));
    }
    let make = || -> Result<Box<dyn Env>, ViewerError> {
        match &run {
            Some(run) => Ok(run.config().env.make()?),
            None => Ok(registry::make(&options.input)?),
        }
    };
    let env = make()?;
    let spec = env.spec().clone();
    let demonstrations = options
        .teleoperate
        .as_deref()
        .map(|place| Demonstrations::create(place, env.as_ref()))
        .transpose()?;
    if demonstrations.is_some() && (options.count != 1 || options.against.is_some()) {
        return Err(ViewerError::Usage(
            "--teleoperate steers one robot: leave --count and --against away".into(),
        ));
    }
    let envs = (0..options.count).map(|_| make()).collect::<Result<Vec<_>, _>>()?;
    let copy = make()?;
    let pilot = pilot(options, &spec, run)?;
    let mut troupes = vec![Troupe::new(pilot, envs, options.seed)?.imagining_in(copy)];
    if let Some(other) = &options.against {
        troupes.push(ghost(options, &spec, other)?);
    }
    Ok(Stage::Live(Box::new(Live::new(troupes, options.seed).with_demonstrations(demonstrations))))
}

fn pilot(options: &Options, spec: &EnvSpec, run: Option<RunDirectory>) -> Result<Pilot, ViewerError> {
    if options.teleoperate.is_some() {
        return Ok(Pilot::Keys(vec![0.0; spec.action.size()]));
    }
    match (options.policy, run) {
        (None, Some(run)) => Pilot::run(run),
        (None | Some(PolicyChoice::Random), _) => Pilot::random(spec, options.seed),
        (Some(PolicyChoice::Idle), _) => Pilot::idle(spec),
        (Some(PolicyChoice::Scripted), _) => Pilot::scripted(spec),
    }
}

/// The policy of another run, in the same place.
fn ghost(options: &Options, spec: &EnvSpec, other: &Path) -> Result<Troupe, ViewerError> {
    let run = open_run(other)?;
    let env = run.config().env.make()?;
    let theirs = env.spec();
    if (&theirs.observation, &theirs.action) != (&spec.observation, &spec.action) {
        let reason = format!(
            "it is of `{}`, whose robot is not that of `{}`; a ghost needs the same robot",
            theirs.id, spec.id
        );
        return Err(ViewerError::input(other.display().to_string(), reason));
    }
    let envs = (0..options.count).map(|_| run.config().env.make()).collect::<Result<Vec<_>, _>>()?;
    Ok(Troupe::new(Pilot::run(run)?, envs, options.seed)?.with_opacity(GHOST))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn refusal(arguments: &[&str]) -> String {
        let options = Options::parse_from([&["telos-viewer"], arguments].concat());
        let error = open(&options).err().unwrap();
        assert_eq!(error.exit_code(), 2, "{error}");
        error.to_string()
    }

    #[test]
    fn what_cannot_be_shown_is_said_and_what_to_do() {
        let scratch = tempfile::tempdir().unwrap();
        let place = scratch.path().display().to_string();
        assert!(refusal(&["walker-wlak"]).contains("did you mean `walker-walk`?"));
        assert!(refusal(&["pendulum-classic"]).contains("no bodies"));
        assert!(refusal(&["./nowhere"]).contains("no such directory"));
        assert!(refusal(&[&place]).contains("no manifest.json"));
        assert!(refusal(&["cheetah-run", "--label"]).contains("a run that asks people"));
        assert!(refusal(&["cheetah-run", "--policy", "scripted"]).contains("no scripted expert"));
        assert!(refusal(&["cheetah-run", "--reward", &place]).contains("for a dataset"));
        let demonstrations = format!("{place}/demonstrations");
        let refused = refusal(&["reacher", "--count", "2", "--teleoperate", &demonstrations]);
        assert!(refused.contains("one robot"), "{refused}");
        std::fs::write(scratch.path().join("manifest.json"), "{\"format\": 999}").unwrap();
        assert!(refusal(&[&place]).contains("format 999"));
    }

    #[test]
    fn an_environment_is_opened_as_often_as_asked() {
        let options = Options::parse_from(["telos-viewer", "cheetah-run", "--count", "3"]);
        let Stage::Live(mut live) = open(&options).unwrap() else { panic!("an environment is live") };
        live.step().unwrap();
        assert_eq!(live.exhibits().len(), 3);
        assert_eq!(live.cast().collect::<Vec<_>>(), [(0, 0), (0, 1), (0, 2)]);
    }
}
