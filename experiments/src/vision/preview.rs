//! What a reward made of sentences says of pictures of an environment.

use std::path::Path;

use telos_agents::{ActMode, Policy, RandomPolicy};
use telos_envs::{Env, episode_seed, registry};
use telos_rewards::vision::{
    Contrast, ContrastConfig, Frames, GoalBaseline, GoalBaselineConfig, VisionLanguageModel,
};
use telos_sim::render::{Image, RenderOptions, Renderer};

use super::sheet;
use crate::{TelosError, statistics::rank_correlation, video};

/// Strengths of the projection that are compared where there is a baseline.
const PROJECTIONS: [f32; 3] = [0.0, 0.5, 1.0];

/// Who moves the robot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Uniformly random actions.
    Random,
    /// The task's scripted expert.
    Scripted,
}

/// What to look at.
#[derive(Clone, Debug)]
pub struct PreviewConfig {
    /// Id of the environment.
    pub env: String,
    /// Who moves the robot.
    pub actor: Actor,
    /// Seed of the initial states and of random actions.
    pub seed: u64,
    /// Environment steps; a new episode begins where one ends.
    pub steps: usize,
    /// Pictures, spread evenly over the steps.
    pub pictures: usize,
    /// What is wanted, one or several sentences.
    pub goal: Vec<String>,
    /// What is always true of the scene.
    pub baseline: Vec<String>,
    /// Sentences to tell the goal from.
    pub others: Vec<String>,
}

/// One way to score pictures, and what it said of all of them.
#[derive(Clone, Debug)]
pub struct Scorer {
    /// Its name, such as `projection 0.5`.
    pub name: String,
    /// One score per picture.
    pub scores: Vec<f32>,
    /// Rank correlation with the gold reward of the steps that led to the pictures, where it varies.
    pub with_gold: Option<f64>,
}

/// Pictures with their scores.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The task in one sentence, as the environment says it.
    pub task: String,
    /// By picture: the step at which it was taken.
    pub steps: Vec<usize>,
    /// By picture: the state in words.
    pub captions: Vec<String>,
    /// By picture: the gold reward.
    pub gold: Vec<f32>,
    /// Every way to score them.
    pub scorers: Vec<Scorer>,
    /// By picture: a PNG file, of the size that the model sees.
    pub(super) pictures: Vec<Vec<u8>>,
}

impl Preview {
    /// The pictures with their scores as one HTML page, which needs nothing beside it.
    pub fn html(&self) -> String {
        sheet::html(self)
    }
}

/// Plays, draws and scores.
///
/// # Errors
/// When there is no such environment or expert, it cannot be drawn, the sentences do not fit, or the
/// model refuses.
pub fn preview(config: &PreviewConfig, model: &dyn VisionLanguageModel) -> Result<Preview, TelosError> {
    let goal = |projection| GoalBaselineConfig {
        goal: config.goal.clone(),
        baseline: config.baseline.clone(),
        projection,
    };
    let projections = if config.baseline.is_empty() { &PROJECTIONS[..1] } else { &PROJECTIONS[..] };
    let by_goal = projections
        .iter()
        .map(|&alpha| Ok((format!("projection {alpha}"), GoalBaseline::new(&goal(alpha), model)?)))
        .collect::<Result<Vec<_>, TelosError>>()?;
    let contrast = if config.others.is_empty() {
        None
    } else {
        let (goal, others) = (config.goal.clone(), config.others.clone());
        let contrast = ContrastConfig { goal, others, ..ContrastConfig::default() };
        Some(Contrast::new(&contrast, model)?)
    };

    let mut shown = play(config, model.side())?;
    let embeddings = model.embed_pictures(Frames::new(model.side(), &shown.rgb)?)?;
    let embeddings = || embeddings.chunks_exact(model.dimensions());
    let gold = std::mem::take(&mut shown.preview.gold);
    let scorer = |name: String, scores: Vec<f32>| {
        let pairs: Vec<_> = scores.iter().zip(&gold).map(|(a, b)| (f64::from(*a), f64::from(*b))).collect();
        Scorer { name, with_gold: rank_correlation(&pairs), scores }
    };
    let mut scorers: Vec<Scorer> = by_goal
        .into_iter()
        .map(|(name, reward)| scorer(name, embeddings().map(|state| reward.of_embedding(state)).collect()))
        .collect();
    if let Some(contrast) = contrast {
        let scores = embeddings().map(|state| contrast.of_embedding(state)).collect();
        scorers.push(scorer("contrast".into(), scores));
    }
    Ok(Preview { scorers, gold, ..shown.preview })
}

struct Shown {
    preview: Preview,
    /// All pictures, one after the other.
    rgb: Vec<u8>,
}

fn play(config: &PreviewConfig, side: usize) -> Result<Shown, TelosError> {
    let mut env = registry::make(&config.env)?;
    let mut obs = vec![0.0; env.spec().observation.size()];
    let mut action = vec![0.0; env.spec().action.size()];
    let mut random = RandomPolicy::new(env.spec(), config.seed)?;
    let expert = match config.actor {
        Actor::Random => None,
        Actor::Scripted => Some(registry::expert(&config.env).ok_or_else(|| {
            TelosError::Usage(format!("`{}` has no scripted expert; take --actor random", config.env))
        })?),
    };
    let mut renderer = Renderer::new(side, side, RenderOptions { shadows: true, supersampling: 1 })?;
    let mut image = Image::new();
    let task = env.spec().task.clone();
    let (steps, captions, gold, pictures) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut preview = Preview { task, steps, captions, gold, pictures, scorers: Vec::new() };
    let mut rgb = Vec::new();
    let mut episode = 0;
    env.reset(episode_seed(config.seed, 0, episode), &mut obs);
    for step in 1..=config.steps {
        match &expert {
            Some(expert) => expert.act(&obs, &mut action),
            None => random.act(&obs, 1, ActMode::Sample, &mut action)?,
        }
        let transition = env.step(&action, &mut obs);
        // The k-th of n pictures comes after k n-ths of the steps.
        if step * config.pictures / config.steps > (step - 1) * config.pictures / config.steps {
            let scene = env.scene().ok_or_else(|| video::invisible(env.as_ref()))?;
            renderer.render(&scene, &mut image);
            rgb.extend_from_slice(image.rgb());
            let png = video::encode_png(&image).map_err(|error| TelosError::Usage(error.to_string()))?;
            preview.pictures.push(png);
            preview.steps.push(step);
            preview.captions.push(env.caption());
            preview.gold.push(transition.reward);
        }
        if transition.terminated || transition.truncated {
            episode += 1;
            env.reset(episode_seed(config.seed, 0, episode), &mut obs);
        }
    }
    Ok(Shown { preview, rgb })
}

/// Where the page of a preview goes, checked before any work is done.
pub(crate) fn check_page(path: &Path) -> Result<(), TelosError> {
    video::check_directory(path)?;
    if video::extension(path) != "html" {
        return Err(TelosError::Usage(format!("{}: a preview is an .html file; name one", path.display())));
    }
    Ok(())
}
