//! How much to trust an interval over few seeds.

/// Seeds below which a comparison is reported with a warning.
pub const ENOUGH_SEEDS: usize = 5;

/// What to say about an interval over `seeds` seeds; `None` when there are enough.
///
/// The percentile bootstrap cannot know what it has not seen, so its intervals are too narrow for
/// few seeds. The shares are how often the interval of the mean of normally distributed scores holds
/// the true mean; a test measures them.
pub fn seed_warning(seeds: usize) -> Option<String> {
    let share = match seeds {
        0 => return Some("no seeds".into()),
        1 => return Some("1 seed says nothing about other seeds; train at least 5".into()),
        ENOUGH_SEEDS.. => return None,
        2 => 51,
        3 => 74,
        _ => 79,
    };
    Some(format!(
        "{seeds} seeds are few: a 95% interval over them holds the true mean in about {share}% of \
         experiments; train at least {ENOUGH_SEEDS}"
    ))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::statistics::{Bootstrap, Scores, mean};

    #[test]
    fn the_shares_are_what_the_bootstrap_covers() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        for (seeds, share) in [(2, 0.51), (3, 0.74), (4, 0.79)] {
            let experiments = 2000;
            let covered = (0..experiments)
                .filter(|_| {
                    let runs = (0..seeds).map(|_| StandardNormal.sample(&mut rng)).collect();
                    let scores = Scores::of_one_task(runs).unwrap();
                    let [low, high] =
                        Bootstrap { resamples: 500, ..Bootstrap::default() }.interval(&scores, mean);
                    low <= 0.0 && 0.0 <= high
                })
                .count();
            // Four standard deviations of the binomial share.
            let rate = covered as f64 / f64::from(experiments);
            assert!((rate - share).abs() < 0.045, "{seeds} seeds: {rate}");
            let said = seed_warning(seeds).unwrap();
            assert!(said.contains(&format!("{:.0}%", 100.0 * share)), "{said}");
        }
    }
}
