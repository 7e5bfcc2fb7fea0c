//! Best-of-n: of `n` draws keep the one that the proxy likes best (Gao, Schulman, Hilton 2022, "Scaling
//! Laws for Reward Model Overoptimization", arXiv 2210.10760, section 2).
//!
//! `KL = log n - (n - 1) / n`

use super::over_optimisation::Optimised;

/// The probability of each candidate of being the best of `n` drawn from all: exactly, from the ranks.
pub(super) fn chances(proxy: &[f64], n: usize) -> Vec<f64> {
    let mut order: Vec<usize> = (0..proxy.len()).collect();
    order.sort_by(|a, b| proxy[*a].total_cmp(&proxy[*b]));
    let total = proxy.len();
    let mut chances = vec![0.0; total];
    // Rank i is the best with probability C(i - 1, n - 1) / C(total, n), which is n / total for the last
    // rank and falls by (i - n) / (i - 1) from each rank to the one below.
    let mut chance = n as f64 / total as f64;
    for rank in (n..=total).rev() {
        chances[order[rank - 1]] = chance;
        chance *= (rank - n) as f64 / (rank - 1).max(1) as f64;
    }
    chances
}

/// What best-of-`n` reaches on average. `proxy` and `gold` are scores of the same candidates, `n` at most
/// as many.
pub(super) fn best_of_n(proxy: &[f64], gold: &[f64], n: usize) -> Optimised {
    let chances = chances(proxy, n);
    let mean = |scores: &[f64]| chances.iter().zip(scores).map(|(chance, score)| chance * score).sum();
    let kl = (n as f64).ln() - (n as f64 - 1.0) / n as f64;
    Optimised { kl, proxy: mean(proxy), gold: mean(gold) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expectation_is_that_over_all_choices() {
        let (proxy, gold) = ([3.0, 1.0, 4.0, 1.5], [10.0, 20.0, 30.0, 40.0]);
        let found = best_of_n(&proxy, &gold, 2);
        // Of the six pairs the best is candidate 2 three times, 0 twice, 3 once.
        assert!((found.proxy - (3.0 * 4.0 + 2.0 * 3.0 + 1.5) / 6.0).abs() < 1e-12);
        assert!((found.gold - (3.0 * 30.0 + 2.0 * 10.0 + 40.0) / 6.0).abs() < 1e-12);
        assert!((found.kl - (2.0_f64.ln() - 0.5)).abs() < 1e-12);
        let one = best_of_n(&proxy, &gold, 1);
        assert!((one.gold - 25.0).abs() < 1e-12 && one.kl == 0.0);
        assert_eq!(best_of_n(&proxy, &gold, 4).gold, 30.0);
    }
}
