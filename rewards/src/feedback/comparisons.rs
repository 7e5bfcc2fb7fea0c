//! Rankings and ratings as the comparisons that they imply, which is what preference models learn from.

use serde::{Deserialize, Serialize};

use super::{Answer, Choice, Query};

/// Which pairs of a ranking, or of the ratings of one session, become comparisons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairRule {
    /// Each with its successor: `k - 1` pairs of `k`.
    #[default]
    Adjacent,
    /// Each with every later one: `k (k - 1) / 2` pairs of `k`.
    All,
}

impl PairRule {
    /// Number of pairs among `k`.
    pub fn count(self, k: usize) -> usize {
        match self {
            Self::Adjacent => k.saturating_sub(1),
            Self::All => k * k.saturating_sub(1) / 2,
        }
    }

    /// The pairs of positions among `k`, the earlier position first.
    fn pairs(self, k: usize) -> impl Iterator<Item = (usize, usize)> {
        (0..k).flat_map(move |first| {
            let last = match self {
                Self::Adjacent => k.min(first + 2),
                Self::All => k,
            };
            (first + 1..last).map(move |second| (first, second))
        })
    }
}

/// A comparison of two segments that an answer implies.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The comparison, as if it had been asked for.
    pub answer: Answer,
    /// By how much the better one is better: places between the two in a ranking, or the difference of
    /// their grades. 1 where that was not said, and for equals.
    pub strength: u8,
}

/// The comparisons that the answers of one session imply. Comparisons and skipped queries stand for
/// themselves. In a ranking, the earlier place wins. Ratings are compared among those of the same
/// teacher, in the order of the answers: the better grade wins, and equal grades are equal.
pub fn comparisons(answers: &[Answer], rule: PairRule) -> Vec<Comparison> {
    let mut found = Vec::new();
    let mut teachers = Vec::<&str>::new();
    for answer in answers {
        match answer.choice {
            Choice::Ranking(order) => {
                let at = |place: usize| usize::from(order.places()[place]);
                found.extend(rule.pairs(order.places().len()).map(|(better, worse)| Comparison {
                    answer: pair([answer, answer], [at(better), at(worse)], Choice::First),
                    // A ranking has few places.
                    strength: (worse - better) as u8,
                }));
            }
            Choice::Rating(_) if !teachers.contains(&answer.teacher.as_str()) => {
                teachers.push(&answer.teacher)
            }
            Choice::Rating(_) => {}
            _ => found.push(Comparison { answer: answer.clone(), strength: 1 }),
        }
    }
    for teacher in teachers {
        let rated: Vec<(&Answer, u8)> = answers
            .iter()
            .filter(|answer| answer.teacher == teacher)
            .filter_map(|answer| match answer.choice {
                Choice::Rating(grade) => Some((answer, grade)),
                _ => None,
            })
            .collect();
        for (first, second) in rule.pairs(rated.len()) {
            let ((first, grade), (second, other)) = (rated[first], rated[second]);
            let choice = match grade.cmp(&other) {
                std::cmp::Ordering::Greater => Choice::First,
                std::cmp::Ordering::Less => Choice::Second,
                std::cmp::Ordering::Equal => Choice::Equal,
            };
            let answer = pair([first, second], [0, 0], choice);
            found.push(Comparison { answer, strength: grade.abs_diff(other).max(1) });
        }
    }
    found
}

/// The comparison of one segment of each of two answers.
fn pair(answers: [&Answer; 2], at: [usize; 2], choice: Choice) -> Answer {
    let [first, second] = [0, 1].map(|i| answers[i].query.segments()[at[i]].clone());
    let query = Query::new(first, second, answers[0].query.model_version());
    Answer { query, choice, ..answers[0].clone() }
}
