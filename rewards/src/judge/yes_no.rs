//! Gallego 2023, "ZYN: Zero-Shot Reward Models with Yes-No Questions for RLAIF", arXiv 2308.06385: the
//! probability of "yes" is a reward.
//!
//! r = p(yes) / (p(yes) + p(no)), averaged over several questions

use super::{Judge, JudgeError, Part, Prompt, Question, Reply};

/// Questions about a picture or a caption, to be answered by yes or no.
#[derive(Clone, Debug)]
pub struct YesNoQuestion {
    /// What is judged: a picture, a caption, or both.
    pub about: Vec<Part>,
    /// The questions, such as "Is the robot kneeling?".
    pub questions: Vec<String>,
}

impl Question for YesNoQuestion {
    /// The reward, in [0, 1].
    type Verdict = f32;

    fn ask(&self, judge: &mut dyn Judge) -> Result<f32, JudgeError> {
        let mut sum = 0.0;
        for question in &self.questions {
            let mut parts = self.about.clone();
            parts.push(Part::Text(format!("{question} Answer with one word, yes or no.")));
            let prompt = Prompt { parts, log_probs: true, ..Prompt::text("", 1) };
            sum += chance_of_yes(&judge.complete(&prompt)?)?;
        }
        Ok(sum / self.questions.len().max(1) as f32)
    }
}

/// p(yes) / (p(yes) + p(no)) by the first token, however it is spelt.
fn chance_of_yes(reply: &Reply) -> Result<f32, JudgeError> {
    let chance = |word: &str| -> f32 {
        let spelt = |token: &str| token.trim().trim_start_matches('▁').eq_ignore_ascii_case(word);
        reply.first.iter().filter(|chance| spelt(&chance.token)).map(|chance| chance.log_prob.exp()).sum()
    };
    let (yes, no) = (chance("yes"), chance("no"));
    if yes + no > 0.0 {
        Ok(yes / (yes + no))
    } else {
        Err(JudgeError::unparsable(reply, "yes and no are not among the likeliest first tokens"))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::TokenChance, *};

    #[test]
    fn all_spellings_of_yes_and_no_count() {
        let chances = [("Yes", 0.3f32), (" yes", 0.1), ("No", 0.15), ("no", 0.05), ("Perhaps", 0.4)];
        let first = chances
            .iter()
            .map(|(token, p)| TokenChance { token: (*token).into(), log_prob: p.ln() })
            .collect::<Vec<_>>();
        let reply = Reply { text: "Yes".into(), first, prompt_tokens: 0, completion_tokens: 1 };
        assert!((chance_of_yes(&reply).unwrap() - 0.4 / 0.6).abs() < 1e-6);
        let silent = Reply { first: vec![], ..reply };
        assert!(matches!(chance_of_yes(&silent), Err(JudgeError::Unparsable { .. })));
    }
}
