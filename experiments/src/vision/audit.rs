//! How well rewards made of sentences tell states that solve a task from those that do not, before
//! anything is trained by them.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::Serialize;
use telos_rewards::vision::{
    Contrast, ContrastConfig, Frames, GoalBaseline, GoalBaselineConfig, VisionLanguageModel,
};

use super::stage::Stage;
use crate::{TelosError, audit::auroc};

/// Strengths of the projection.
const PROJECTIONS: [f32; 3] = [0.0, 0.5, 1.0];

/// What to look at.
#[derive(Clone, Debug)]
pub struct AuditConfig {
    /// Id of the environment, whose success predicate judges.
    pub env: String,
    /// Seed of the states.
    pub seed: u64,
    /// States: scattered as in the training of the embedded model, reached by random actions and by the
    /// expert where there is one.
    pub pictures: usize,
    /// What is wanted; several sentences are averaged.
    pub goal: Vec<String>,
    /// What is always true of the scene.
    pub baseline: Vec<String>,
    /// Sentences to tell the goal from.
    pub others: Vec<String>,
    /// Temperature of the contrastive reward.
    pub temperature: f32,
}

/// How one reward tells success from failure.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// Which reward, such as `projection 0.5`.
    pub reward: String,
    /// Chance that a state in which the task is solved is rewarded more than one in which it is not.
    pub auroc: f64,
}

/// Draws states and scores them with every reward. Returns the number of solved states with the figures.
///
/// # Errors
/// When the task has no captions or no success predicate, no state solves it or all do, or the model
/// refuses.
pub fn audit(
    config: &AuditConfig,
    model: &dyn VisionLanguageModel,
) -> Result<(usize, Vec<Told>), TelosError> {
    let usage = |reason: &str| TelosError::Usage(format!("`{}` {reason}", config.env));
    let mut stage = Stage::new(&config.env, model.side(), false)?;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(config.seed);
    let (mut rgb, mut solved) = (Vec::new(), Vec::new());
    for _ in 0..config.pictures {
        stage.advance(&mut rng)?;
        let scenery = stage.scenery(&mut rng)?;
        stage.photograph(&scenery, &mut rng, &mut rgb)?;
        solved.push(stage.success().ok_or_else(|| usage("has no success predicate to compare with"))?);
    }
    let count = solved.iter().filter(|solved| **solved).count();
    if count == 0 || count == solved.len() {
        let pictures = solved.len();
        return Err(usage(&format!("is solved in {count} of {pictures} states; take more --pictures")));
    }
    let embeddings = model.embed_pictures(Frames::new(model.side(), &rgb)?)?;
    let told = |reward: String, score: &dyn Fn(&[f32]) -> f32| {
        let scores = embeddings.chunks_exact(model.dimensions()).map(|state| f64::from(score(state)));
        let (mut yes, mut no) = (Vec::new(), Vec::new());
        for (score, solved) in scores.zip(&solved) {
            if *solved { yes.push(score) } else { no.push(score) }
        }
        Told { reward, auroc: auroc(&no, &yes) }
    };
    let mut rows = Vec::new();
    let projections = if config.baseline.is_empty() { &PROJECTIONS[..1] } else { &PROJECTIONS[..] };
    for &projection in projections {
        let (goal, baseline) = (config.goal.clone(), config.baseline.clone());
        let reward = GoalBaseline::new(&GoalBaselineConfig { goal, baseline, projection }, model)?;
        rows.push(told(format!("projection {projection}"), &|state| reward.of_embedding(state)));
    }
    if !config.others.is_empty() {
        let (goal, others) = (config.goal.clone(), config.others.clone());
        let contrast = ContrastConfig { goal, others, temperature: config.temperature };
        let reward = Contrast::new(&contrast, model)?;
        rows.push(told("contrast".into(), &|state| reward.of_embedding(state)));
    }
    Ok((count, rows))
}
