//! One answer from those of several people.

use super::PersonalAnswer;
use crate::feedback::{Answer, Choice, Query};

/// The majority's answer to `query`: what most of those who did not skip it said, `Equal` where no
/// answer has the most voices, `Skip` where everybody skipped. It costs one per person.
///
/// # Panics
/// When there is no answer.
pub(super) fn verdict(query: Query, answers: &[PersonalAnswer]) -> Answer {
    let voices = |choice| answers.iter().filter(|answer| answer.choice == choice).count();
    let [first, second, equal] = [Choice::First, Choice::Second, Choice::Equal].map(voices);
    let choice = if first + second + equal == 0 {
        Choice::Skip
    } else if first > second.max(equal) {
        Choice::First
    } else if second > first.max(equal) {
        Choice::Second
    } else {
        Choice::Equal
    };
    let last = answers.last().expect("a query is decided by its last answer");
    let names: Vec<&str> = answers.iter().map(|answer| answer.annotator.as_str()).collect();
    Answer {
        query,
        choice,
        teacher: names.join("+"),
        at_ms: Some(last.at_ms),
        latency_ms: Some(answers.iter().map(|answer| answer.latency_ms).sum::<u64>() / answers.len() as u64),
        cost: answers.len() as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feedback::QueryId;
    use telos_envs::Segment;

    #[test]
    fn the_most_voices_decide() {
        let (f, s, e, k) = (Choice::First, Choice::Second, Choice::Equal, Choice::Skip);
        let cases: [(&[Choice], Choice); 8] = [
            (&[f], f),
            (&[k], k),
            (&[f, s], e),
            (&[f, k], f),
            (&[k, k], k),
            (&[s, s, f], s),
            (&[e, e, f], e),
            (&[e, e, s, s], e),
        ];
        for (choices, expected) in cases {
            let answers: Vec<PersonalAnswer> = (0..)
                .zip(choices)
                .map(|(at, &choice)| PersonalAnswer {
                    query: QueryId(1),
                    choice,
                    annotator: format!("p{at}"),
                    at_ms: at,
                    latency_ms: 10 * at,
                    wanted: choices.len() as u32,
                    key: String::new(),
                })
                .collect();
            let answer = verdict(Query::new(Segment::default(), Segment::default(), 0), &answers);
            assert_eq!(answer.choice, expected, "{choices:?}");
            assert_eq!(answer.cost, choices.len() as f64);
            assert_eq!(answer.at_ms, Some(choices.len() as u64 - 1));
        }
    }
}
