//! How far people agree beyond chance.

use telos_rewards::feedback::Choice;

const CHOICES: [Choice; 4] = [Choice::First, Choice::Second, Choice::Equal, Choice::Skip];

/// Cohen's kappa (Cohen 1960, "A coefficient of agreement for nominal scales") of two people who answered
/// the same queries: `(p_o - p_e) / (1 - p_e)`, where `p_o` is the share of equal answers and `p_e` what
/// it would be if each answered at random with their own frequencies. `None` without queries, and where
/// both always gave the same one answer, so that chance explains everything.
pub(super) fn cohens_kappa(pairs: &[(Choice, Choice)]) -> Option<f64> {
    let n = pairs.len() as f64;
    let share = |holds: &dyn Fn(&(Choice, Choice)) -> bool| {
        pairs.iter().filter(|pair| holds(pair)).count() as f64 / n
    };
    let observed = share(&|(a, b)| a == b);
    let expected: f64 =
        CHOICES.iter().map(|choice| share(&|(a, _)| a == choice) * share(&|(_, b)| b == choice)).sum();
    (!pairs.is_empty() && expected < 1.0).then(|| (observed - expected) / (1.0 - expected))
}

#[cfg(test)]
mod tests {
    use super::{Choice::*, *};

    #[test]
    fn the_textbook_example() {
        // 50 cases: 20 both first, 5 first/second, 10 second/first, 15 both second. p_o = 0.7, p_e = 0.5.
        let mut pairs = vec![(First, First); 20];
        pairs.extend([(First, Second); 5]);
        pairs.extend([(Second, First); 10]);
        pairs.extend([(Second, Second); 15]);
        assert!((cohens_kappa(&pairs).unwrap() - 0.4).abs() < 1e-12);
    }

    #[test]
    fn perfect_agreement_is_one_and_opposition_is_negative() {
        assert_eq!(cohens_kappa(&[(First, First), (Skip, Skip)]), Some(1.0));
        assert_eq!(cohens_kappa(&[(First, Second), (Second, First)]), Some(-1.0));
        assert_eq!(cohens_kappa(&[(First, First), (First, First)]), None);
        assert_eq!(cohens_kappa(&[]), None);
    }
}
