//! Wang et al. 2024, "RL-VLM-F: Reinforcement Learning from Vision Language Foundation Model Feedback",
//! arXiv 2402.03681: which of two pictures, or of two clips, is nearer
//! to the goal.
//!
//! Two prompts: the judge first describes both pictures and their difference with regard to the goal,
//! then decides on its own description, 0 or 1, or -1 where it sees none. Judges favour a place, so
//! each pair is shown in both orders, and counts only if both agree.

use super::{Judge, JudgeError, Part, Prompt, Question, Reply};
use crate::feedback::Choice;

/// Two scenes and a goal.
#[derive(Clone, Debug)]
pub struct PairQuestion {
    /// What is wanted, as in "the drawer is open".
    pub goal: String,
    /// What is shown of each scene: pictures, captions, or both.
    pub shown: [Vec<Part>; 2],
}

impl PairQuestion {
    fn in_order(&self, [first, second]: [usize; 2], judge: &mut dyn Judge) -> Result<Choice, JudgeError> {
        let text = |text: String| Part::Text(text);
        let mut parts = vec![text("Here are two scenes of a robot at work. Scene 1:".into())];
        parts.extend_from_slice(&self.shown[first]);
        parts.push(text("Scene 2:".into()));
        parts.extend_from_slice(&self.shown[second]);
        parts.push(text(format!(
            "The goal: {}.\nDescribe scene 1, then scene 2. Then say how they differ with regard to the goal.",
            self.goal
        )));
        let look = Prompt { parts, ..Prompt::text("", 400) };
        let seen = judge.complete(&look)?;
        let decide = format!(
            "Somebody compared two scenes of a robot at work and wrote:\n\n{}\n\nThe goal: {}.\nIn which scene is it \
             better achieved? Answer with one number alone: 0 for scene 1, 1 for scene 2, or -1 if there is \
             no difference or it cannot be told.",
            seen.text.trim(),
            self.goal
        );
        decision(&judge.complete(&Prompt::text(decide, 200))?)
    }
}

impl Question for PairQuestion {
    /// [`Choice::Skip`] where the judge sees no difference or contradicts itself.
    type Verdict = Choice;

    fn ask(&self, judge: &mut dyn Judge) -> Result<Choice, JudgeError> {
        let forward = self.in_order([0, 1], judge)?;
        let backward = self.in_order([1, 0], judge)?.swapped();
        Ok(if forward == backward { forward } else { Choice::Skip })
    }
}

/// The number on the last line.
fn decision(reply: &Reply) -> Result<Choice, JudgeError> {
    let words = reply.last_line().split(|c: char| !c.is_ascii_digit() && c != '-');
    let numbers: Vec<i32> = words.filter_map(|word| word.parse().ok()).collect();
    match numbers.as_slice() {
        [0] => Ok(Choice::First),
        [1] => Ok(Choice::Second),
        [-1] => Ok(Choice::Skip),
        _ => Err(JudgeError::unparsable(reply, "the last line is none of 0, 1 and -1")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Result<Choice, JudgeError> {
        decision(&Reply { text: text.into(), first: vec![], prompt_tokens: 0, completion_tokens: 0 })
    }

    #[test]
    fn decisions_are_read_from_the_last_line() {
        assert_eq!(said("Picture 1 is closer.\n\n**0**\n").unwrap(), Choice::First);
        assert_eq!(said("1").unwrap(), Choice::Second);
        assert_eq!(said("Answer: -1").unwrap(), Choice::Skip);
        for text in ["", "maybe", "0 or 1", "2", "picture 1 is better than picture 2"] {
            assert!(matches!(said(text), Err(JudgeError::Unparsable { .. })), "{text}");
        }
    }
}
