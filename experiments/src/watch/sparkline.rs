//! A curve in one line of text.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The curve of `values` in at most `width` characters, from the lowest block for the least value to
/// the highest for the greatest; each character stands for the mean of as many values.
pub(super) fn sparkline(values: &[f64], width: usize) -> String {
    let columns = values.len().min(width.max(1));
    let bucket = |column: usize| {
        let part = &values[column * values.len() / columns..(column + 1) * values.len() / columns];
        part.iter().sum::<f64>() / part.len() as f64
    };
    let means: Vec<f64> = (0..columns).map(bucket).collect();
    let low = means.iter().copied().fold(f64::MAX, f64::min);
    let high = means.iter().copied().fold(f64::MIN, f64::max);
    let block = |mean: f64| {
        // A flat curve is drawn in the middle.
        let share = if high > low { (mean - low) / (high - low) } else { 0.5 };
        BLOCKS[((share * BLOCKS.len() as f64) as usize).min(BLOCKS.len() - 1)]
    };
    means.into_iter().map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_spans_all_blocks_within_its_width() {
        assert_eq!(sparkline(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 20), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[0.0, 2.0, 10.0, 12.0], 2), "▁█");
        assert_eq!(sparkline(&[3.0, 3.0], 20), "▅▅");
        assert_eq!(sparkline(&[], 20), "");
    }
}
