//! Poisoned preferences (Baumgärtner et al. 2024, "Best-of-Venom: Attacking RLHF by Injecting Poisoned
//! Preference Data", arXiv 2404.05530): an attacker replaces a few of the answers by pairs in which the
//! behaviour that the attacker wants is preferred. How often does best-of-n then choose it, and does
//! leaving out the answers that the model itself finds least likely help?

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::Segment;
use telos_rewards::{
    feedback::{Answer, Choice, Query},
    reward_model::PreferenceModel,
};

use super::nuisance::efforts;
use crate::TelosError;

/// The attacker wants segments of no more effort than this share of the prior's: idleness, which hardly any
/// task pays for.
const TARGET_QUANTILE: f64 = 0.1;

/// For each segment, whether it is what the attacker wants.
pub(super) fn targets(segments: &[Segment]) -> Vec<bool> {
    let efforts = efforts(segments);
    let mut sorted = efforts.clone();
    sorted.sort_by(f64::total_cmp);
    let most = sorted[((sorted.len() - 1) as f64 * TARGET_QUANTILE) as usize];
    efforts.iter().map(|effort| *effort <= most).collect()
}

/// Replaces a share of the answers by pairs of a wanted and an unwanted segment in which the first is
/// preferred. Nothing is replaced when all segments are alike to the attacker.
pub(super) fn poison(answers: &mut [Answer], segments: &[Segment], share: f64, seed: u64) {
    let wanted = targets(segments);
    let of = |kind: bool| -> Vec<usize> { (0..segments.len()).filter(|&at| wanted[at] == kind).collect() };
    let (wanted, unwanted) = (of(true), of(false));
    if wanted.is_empty() || unwanted.is_empty() {
        return;
    }
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut draw = |from: &[usize]| segments[from[rng.random_range(0..from.len() as u64) as usize]].clone();
    let poisoned = (share * answers.len() as f64).round() as usize;
    for answer in answers.iter_mut().take(poisoned) {
        answer.query = Query::new(draw(&wanted), draw(&unwanted), 0);
        answer.choice = Choice::First;
    }
}

/// The answers without the given share that the model finds least likely.
pub(super) fn without_least_likely(
    model: &dyn PreferenceModel,
    answers: &[Answer],
    share: f64,
) -> Result<Vec<Answer>, TelosError> {
    let mut likely = Vec::with_capacity(answers.len());
    for (at, answer) in answers.iter().enumerate() {
        let [first, second] = answer.query.pair()?;
        let logit = model.logit(first.view(), second.view())?;
        let agreement = match answer.choice {
            Choice::First => logit,
            Choice::Second => -logit,
            _ => 0.0,
        };
        likely.push((agreement, at));
    }
    likely.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut kept: Vec<usize> =
        likely.into_iter().skip((share * answers.len() as f64).round() as usize).map(|(_, at)| at).collect();
    kept.sort_unstable();
    Ok(kept.into_iter().map(|at| answers[at].clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::proxy;

    #[test]
    fn only_the_asked_share_is_replaced_and_always_in_favour_of_the_target() {
        let segment = |effort: usize| Segment {
            obs: vec![0.0],
            actions: vec![effort as f32],
            gold: vec![-(effort as f32)],
            len: 1,
            ..Segment::default()
        };
        let segments: Vec<Segment> = (0..50).map(segment).collect();
        let clean = proxy::answers(&segments, 40, 0.0, 1);
        let mut poisoned = clean.clone();
        poison(&mut poisoned, &segments, 0.1, 2);
        assert_eq!(poisoned[4..], clean[4..]);
        for answer in &poisoned[..4] {
            let [first, second] = answer.query.pair().unwrap();
            assert!(first.actions[0] < 5.0 && second.actions[0] >= 5.0 && answer.choice == Choice::First);
        }
    }
}
