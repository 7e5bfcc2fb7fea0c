//! The last and the best point of a learning curve.

/// Both ends of what a learning curve can be reported by.
///
/// The last is the policy that training left. The best was chosen among all evaluations by their own
/// outcome, so it is optimistic, the more the noisier the evaluations and the more of them there are;
/// reporting it alone hides a collapse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LastAndBest {
    /// Score of the last evaluation.
    pub last: f64,
    /// Highest score of all evaluations.
    pub best: f64,
    /// Step of the first evaluation with the highest score.
    pub best_step: u64,
}

impl LastAndBest {
    /// Of a curve of (step, score), steps ascending; `None` when it is empty.
    pub fn of(curve: &[(u64, f64)]) -> Option<Self> {
        let &(_, last) = curve.last()?;
        let (best_step, best) =
            curve.iter().copied().reduce(|best, point| if point.1 > best.1 { point } else { best })?;
        Some(Self { last, best, best_step })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_is_the_best() {
        let found = LastAndBest::of(&[(1, 0.0), (2, 5.0), (3, 5.0), (4, 2.0)]).unwrap();
        assert_eq!(found, LastAndBest { last: 2.0, best: 5.0, best_step: 2 });
        assert!(LastAndBest::of(&[]).is_none());
    }
}
