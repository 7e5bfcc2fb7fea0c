//! The interquartile mean.

use super::Scores;

/// The mean of the middle half of all scores, tasks pooled: as robust to outliers as the median,
/// without ignoring half of what the runs say.
///
/// As in `rliable` (and SciPy's `trim_mean`), a quarter of `n` scores is rounded down to whole
/// scores, so of five the middle three count.
pub fn interquartile_mean(scores: &Scores) -> f64 {
    let mut sorted: Vec<f64> = scores.pooled().collect();
    sorted.sort_by(f64::total_cmp);
    let cut = sorted.len() / 4;
    super::mean::average(&sorted[cut..sorted.len() - cut])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outer_quarters_are_dropped_whole() {
        let iqm = |values: &[f64]| interquartile_mean(&Scores::of_one_task(values.to_vec()).unwrap());
        assert_eq!(iqm(&[0.0, 1.0, 3.0, 100.0]), 2.0);
        assert_eq!(iqm(&[5.0]), 5.0);
        assert_eq!(iqm(&[9.0, 1.0, 2.0, 3.0, 4.0, -7.0]), 2.5);
        let pooled = Scores::new(vec![vec![0.0, 100.0], vec![1.0, 3.0]]).unwrap();
        assert_eq!(interquartile_mean(&pooled), 2.0);
    }
}
