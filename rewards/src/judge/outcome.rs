//! Kwon et al. 2023, "Reward Design with Language Models", arXiv 2303.00001: an episode, in words, did
//! what was wanted or did not.
//!
//! The prompt is made of the task, a few examples with their answers (or none), the outcome of the episode
//! and the question. The answer is the reward of the episode's last step, 1 or 0.

use super::{Judge, JudgeError, Part, Prompt, Question, Reply};

/// An episode in words.
#[derive(Clone, Debug)]
pub struct OutcomeQuestion {
    /// The task.
    pub task: String,
    /// Outcomes with the right answers.
    pub examples: Vec<(String, bool)>,
    /// What happened, in words, or in pictures for a judge that sees them.
    pub outcome: Vec<Part>,
    /// The question, such as "Did the robot open the drawer gently?".
    pub question: String,
}

impl Question for OutcomeQuestion {
    /// Whether it did.
    type Verdict = bool;

    fn ask(&self, judge: &mut dyn Judge) -> Result<bool, JudgeError> {
        let mut words = format!("{}\n\n", self.task.trim());
        for (outcome, answer) in &self.examples {
            let answer = if *answer { "yes" } else { "no" };
            words += &format!("What happened: {}\n{} {answer}\n\n", outcome.trim(), self.question.trim());
        }
        words += "What happened:";
        let mut parts = vec![Part::Text(words)];
        parts.extend_from_slice(&self.outcome);
        parts.push(Part::Text(format!("{} Answer with one word, yes or no.", self.question.trim())));
        let reply = judge.complete(&Prompt { parts, ..Prompt::text("", 200) })?;
        yes_or_no(&reply)
    }
}

/// The only one of "yes" and "no" on the last line.
fn yes_or_no(reply: &Reply) -> Result<bool, JudgeError> {
    let line = reply.last_line().to_lowercase();
    let has = |word: &str| line.split(|c: char| !c.is_alphabetic()).any(|found| found == word);
    match (has("yes"), has("no")) {
        (true, false) => Ok(true),
        (false, true) => Ok(false),
        _ => Err(JudgeError::unparsable(reply, "the last line says neither yes nor no, or both")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_and_hedges_are_not() {
        let said = |text: &str| {
            yes_or_no(&Reply { text: text.into(), first: vec![], prompt_tokens: 0, completion_tokens: 0 })
        };
        assert!(said("It moved slowly.\nYes.").unwrap());
        assert!(!said("**No**, it hit the table").unwrap());
        for text in ["", "I know nothing of yesterday", "yes and no"] {
            assert!(said(text).is_err(), "{text}");
        }
    }
}
