//! Rank correlation.

/// Spearman's rank correlation of pairs: 1 when one number always grows with the other, -1 when it
/// always falls, and tied numbers share their mean rank. `None` when there are fewer than two pairs,
/// or all numbers on one side are equal, or one is not a number.
pub fn rank_correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let first = ranks(pairs.iter().map(|pair| pair.0).collect())?;
    let second = ranks(pairs.iter().map(|pair| pair.1).collect())?;
    let center = (pairs.len() as f64 + 1.0) / 2.0;
    let covariance =
        |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - center) * (b - center)).sum::<f64>();
    let scale = (covariance(&first, &first) * covariance(&second, &second)).sqrt();
    (pairs.len() > 1 && scale > 0.0).then(|| covariance(&first, &second) / scale)
}

/// Ranks from 1; equal values share the mean of theirs.
fn ranks(values: Vec<f64>) -> Option<Vec<f64>> {
    if values.iter().any(|value| value.is_nan()) {
        return None;
    }
    let below = |value: f64| values.iter().filter(|other| **other < value).count();
    let equal = |value: f64| values.iter().filter(|other| **other == value).count();
    Some(values.iter().map(|value| below(*value) as f64 + (equal(*value) as f64 + 1.0) / 2.0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_order_counts() {
        assert_eq!(rank_correlation(&[(1.0, 1.0), (2.0, 4.0), (3.0, 90.0)]), Some(1.0));
        assert_eq!(rank_correlation(&[(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)]), Some(-1.0));
        // Ranks 1.5, 1.5, 3 and 1, 2, 3: covariance 1.5 over the root of 1.5 and 2.
        let tied = rank_correlation(&[(0.0, 1.0), (0.0, 2.0), (5.0, 3.0)]).unwrap();
        assert!((tied - 1.5 / 3f64.sqrt()).abs() < 1e-12);
        assert_eq!(rank_correlation(&[(1.0, 1.0), (1.0, 2.0)]), None);
        assert_eq!(rank_correlation(&[(1.0, f64::NAN), (2.0, 2.0)]), None);
        assert_eq!(rank_correlation(&[(1.0, 1.0)]), None);
    }
}
