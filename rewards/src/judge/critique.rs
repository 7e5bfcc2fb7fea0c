//! Ankner et al. 2024, "Critique-out-Loud Reward Models", arXiv 2408.11791 (CLoud): first say what is good
//! and bad, then give a score that follows from it.
//!
//! The score is the mean over several critiques that are sampled.

use super::{Judge, JudgeError, Part, Prompt, Question, Reply};

/// The largest score.
const BEST: f32 = 10.0;

/// Something to be criticised and scored.
#[derive(Clone, Debug)]
pub struct CritiqueQuestion {
    /// What is judged: pictures, captions, or both.
    pub about: Vec<Part>,
    /// What is wanted.
    pub goal: String,
    /// Critiques to average over.
    pub critiques: u32,
    /// Temperature of the critiques; with 0 they are all the same.
    pub temperature: f32,
}

impl Question for CritiqueQuestion {
    /// The mean score, in [0, 1]; critiques whose score cannot be understood are left out.
    type Verdict = f32;

    fn ask(&self, judge: &mut dyn Judge) -> Result<f32, JudgeError> {
        let (mut sum, mut count, mut last) = (0.0, 0, None);
        for sample in 0..self.critiques.max(1) {
            let mut parts = self.about.clone();
            let goal = &self.goal;
            parts.push(Part::Text(format!(
                "The goal: {goal}.\nWrite a short critique: what serves the goal here, and what does not?"
            )));
            let prompt = Prompt { parts, temperature: self.temperature, sample, ..Prompt::text("", 300) };
            let critique = judge.complete(&prompt)?;
            let words = format!(
                "A critique of a robot whose goal is: {goal}.\n\n{}\n\nHow well is the goal achieved, by this \
                 critique? Answer with one whole number from 0 (not at all) to 10 (fully).",
                critique.text.trim()
            );
            match score(&judge.complete(&Prompt::text(words, 20))?) {
                Ok(score) => (sum, count) = (sum + score, count + 1),
                Err(error) => last = Some(error),
            }
        }
        match last {
            Some(error) if count == 0 => Err(error),
            _ => Ok(sum / count as f32),
        }
    }
}

/// The number on the last line, as a share of the best.
fn score(reply: &Reply) -> Result<f32, JudgeError> {
    let line = reply.last_line();
    let line = line.strip_suffix("/10").unwrap_or(line);
    let numbers: Vec<f32> = line
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .filter_map(|word| word.trim_matches('.').parse().ok())
        .collect();
    match numbers.as_slice() {
        [score] if (0.0..=BEST).contains(score) => Ok(score / BEST),
        _ => Err(JudgeError::unparsable(reply, "the last line holds no single number from 0 to 10")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_with_and_without_decoration() {
        let said = |text: &str| {
            score(&Reply { text: text.into(), first: vec![], prompt_tokens: 0, completion_tokens: 0 })
        };
        assert_eq!(said("7").unwrap(), 0.7);
        assert_eq!(said("Score: 10/10").unwrap(), 1.0);
        assert_eq!(said("Fine.\n**2.5**.").unwrap(), 0.25);
        for text in ["", "good", "3 to 4", "11"] {
            assert!(said(text).is_err(), "{text}");
        }
    }
}
