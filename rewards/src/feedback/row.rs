//! One line of `ledger.jsonl`.

use serde::{Deserialize, Serialize};

use super::{Answer, Ask, Choice, QueryId, sealed_line};

/// What the ledger keeps about one answered query; see [`Answer`] for the fields' units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedbackRow {
    /// Identity of the query.
    pub query: QueryId,
    /// What was asked; not written for a comparison.
    #[serde(default, skip_serializing_if = "Ask::is_comparison")]
    pub ask: Ask,
    /// Record numbers in `segments.bin` of the segments, in the order shown.
    pub segments: Vec<usize>,
    /// Version of the reward model that chose the pair.
    pub model_version: u64,
    /// What was answered.
    pub choice: Choice,
    /// Who answered.
    pub teacher: String,
    /// When, in Unix milliseconds; null for teachers that compute.
    pub at_ms: Option<u64>,
    /// Milliseconds taken; null where it has no meaning.
    pub latency_ms: Option<u64>,
    /// What it cost, in the teacher's unit.
    pub cost: f64,
}

impl FeedbackRow {
    pub(super) fn new(answer: &Answer, segments: Vec<usize>) -> Self {
        Self {
            query: answer.query.id(),
            ask: answer.query.ask(),
            segments,
            model_version: answer.query.model_version(),
            choice: answer.choice,
            teacher: answer.teacher.clone(),
            at_ms: answer.at_ms,
            latency_ms: answer.latency_ms,
            cost: answer.cost,
        }
    }

    /// The line, with its line feed.
    pub(super) fn to_line(&self) -> String {
        sealed_line::seal(self)
    }

    /// Reads a line without its line feed; the error says what is wrong with it.
    pub(super) fn from_line(line: &[u8]) -> Result<Self, String> {
        sealed_line::unseal(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> FeedbackRow {
        FeedbackRow {
            query: QueryId(0xfedc_ba98_7654_3210),
            ask: Ask::Comparison,
            segments: vec![4, 5],
            model_version: 2,
            choice: Choice::Equal,
            teacher: "a \"quoted\" name\n".into(),
            at_ms: None,
            latency_ms: Some(1200),
            cost: 0.125,
        }
    }

    #[test]
    fn a_line_is_plain_json_and_reads_back() {
        let line = row().to_line();
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["query"], "fedcba9876543210");
        assert_eq!(value["choice"], "equal");
        assert!(value["at_ms"].is_null());
        assert_eq!(line.matches('\n').count(), 1);
        assert_eq!(FeedbackRow::from_line(line.trim_end().as_bytes()).unwrap(), row());
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let line = row().to_line();
        let line = line.trim_end().as_bytes();
        for at in 0..line.len() * 8 {
            let mut damaged = line.to_vec();
            damaged[at / 8] ^= 1 << (at % 8);
            assert!(FeedbackRow::from_line(&damaged).is_err(), "bit {at}");
        }
    }
}
