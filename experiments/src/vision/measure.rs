//! What a model of pictures and sentences knows of the robots: retrieval of captions, and how well poses
//! are told apart.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::Serialize;
use telos_rewards::vision::{Frames, VisionLanguageModel};

use super::{
    caption::Caption,
    stage::Stage,
    training::{Batch, HELD_OUT, SEEN},
};
use crate::{TelosError, audit::auroc};

/// Pictures among whose captions the right one is to be found.
const GALLERY: usize = 64;
/// Galleries of each kind.
const GALLERIES: usize = 8;
/// States of each robot whose poses are told apart.
const STATES: usize = 500;
/// A fact that is true of fewer states than this, or false of fewer, is not counted.
const FEWEST: usize = 10;

/// How often the nearest of many captions is true of a picture.
#[derive(Clone, Debug, Serialize)]
pub struct Retrieval {
    /// Which captions.
    pub captions: &'static str,
    /// Share of pictures for which it is.
    pub at_1: f64,
    /// The share for captions drawn at random.
    pub chance: f64,
}

/// How well the cosine with a fact's sentence tells the states of which it is true from the others:
/// area under the receiver operating characteristic.
#[derive(Clone, Debug, Serialize)]
pub struct PoseAuroc {
    /// The task.
    pub env: String,
    /// By sentence.
    pub facts: Vec<(String, f64)>,
    /// Mean over sentences.
    pub mean: f64,
}

/// All figures.
#[derive(Clone, Debug, Serialize)]
pub struct VisionMeasure {
    /// Captions like those of the training, held-out ones, and those of the robot that was never seen.
    pub retrieval: Vec<Retrieval>,
    /// By robot; the one that was never seen comes last.
    pub poses: Vec<PoseAuroc>,
}

/// Measures a model on pictures of states that `seed` draws.
///
/// # Errors
/// When the model refuses, for instance because it does not know a word.
pub fn measure(model: &dyn VisionLanguageModel, seed: u64) -> Result<VisionMeasure, TelosError> {
    let side = model.side();
    let open = |ids: &[&str]| -> Result<Vec<Stage>, TelosError> {
        ids.iter().map(|id| Stage::new(id, side, true)).collect()
    };
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut seen = open(&SEEN)?;
    let mut unseen = open(&[HELD_OUT])?;
    // What it is called was never seen, either: only what is said of all robots counts.
    let general = unseen[0].nouns().last().map_or("", |noun| noun.key);
    let retrieval = vec![
        retrieval("as in training", model, &mut seen, &mut rng, |caption| !caption.is_held_out())?,
        retrieval("held out", model, &mut seen, &mut rng, Caption::is_held_out)?,
        retrieval("of the held-out robot", model, &mut unseen, &mut rng, |caption| {
            caption.keys.contains(&general) && caption.keys.len() > 1
        })?,
    ];
    let poses = SEEN
        .iter()
        .chain([&HELD_OUT])
        .map(|id| poses(model, id, &mut rng))
        .collect::<Result<_, TelosError>>()?;
    Ok(VisionMeasure { retrieval, poses })
}

fn retrieval(
    captions: &'static str,
    model: &dyn VisionLanguageModel,
    stages: &mut [Stage],
    rng: &mut Xoshiro256PlusPlus,
    wanted: impl Fn(&Caption) -> bool,
) -> Result<Retrieval, TelosError> {
    let (mut right, mut agreeing) = (0, 0);
    for _ in 0..GALLERIES {
        let mut shown: Vec<&mut Stage> = stages.iter_mut().collect();
        let batch = Batch::draw(&mut shown, GALLERY, rng, &wanted)?;
        let pictures = model.embed_pictures(Frames::new(model.side(), &batch.rgb)?)?;
        let sentences = model.embed_sentences(&batch.sentences())?;
        let width = model.dimensions();
        for (picture, agree) in pictures.chunks_exact(width).zip(batch.agree.chunks_exact(GALLERY)) {
            let cosines = sentences.chunks_exact(width).map(|sentence| cosine(picture, sentence));
            let nearest = cosines.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(at, _)| at);
            right += usize::from(agree[nearest]);
            agreeing += agree.iter().filter(|agree| **agree).count();
        }
    }
    let pictures = (GALLERIES * GALLERY) as f64;
    Ok(Retrieval {
        captions,
        at_1: right as f64 / pictures,
        chance: agreeing as f64 / pictures / GALLERY as f64,
    })
}

fn poses(
    model: &dyn VisionLanguageModel,
    id: &str,
    rng: &mut Xoshiro256PlusPlus,
) -> Result<PoseAuroc, TelosError> {
    let mut stage = Stage::new(id, model.side(), false)?;
    let (mut rgb, mut states) = (Vec::new(), Vec::new());
    let mut known = Vec::new();
    for _ in 0..STATES {
        stage.advance(rng)?;
        let scenery = stage.scenery(rng)?;
        stage.photograph(&scenery, rng, &mut rgb)?;
        states.push(scenery.keys());
        for fact in scenery.facts {
            if !known.contains(&fact) {
                known.push(fact);
            }
        }
    }
    let nouns = stage.nouns();
    let noun = if id == HELD_OUT { nouns[nouns.len() - 1] } else { nouns[0] };
    let pictures = model.embed_pictures(Frames::new(model.side(), &rgb)?)?;
    let mut facts = Vec::new();
    for fact in known {
        let caption = Caption::of(noun, &[fact], None, false, |_| 0);
        let sentence = model.embed_sentences(&[&caption.text])?;
        let scores = pictures.chunks_exact(model.dimensions()).map(|p| f64::from(cosine(p, &sentence)));
        let (mut yes, mut no) = (Vec::new(), Vec::new());
        for (score, keys) in scores.zip(&states) {
            if keys.contains(fact.key) { yes.push(score) } else { no.push(score) }
        }
        if yes.len() >= FEWEST && no.len() >= FEWEST {
            // The higher score of a pair should be that of the state of which the sentence is true.
            facts.push((caption.text, auroc(&no, &yes)));
        }
    }
    let mean = facts.iter().map(|(_, auroc)| auroc).sum::<f64>() / facts.len() as f64;
    Ok(PoseAuroc { env: id.to_owned(), facts, mean })
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
