//! Best-of-n: of `n` draws keep the one that the proxy likes best (Gao, Schulman, Hilton 2022, "Scaling
//! Laws for Reward Model Overoptimization", arXiv 2210.10760, section 2).
//!
//! `KL = log n - (n - 1) / n`

use super::over_optimisation::Optimised;

/// What best-of-`n` reaches on average over all choices of `n` from the candidates: exactly, from the
/// ranks, without drawing any. `proxy` and `gold` are scores of the same candidates, `n` at most as many.
pub(super) fn best_of_n(proxy: &[f64], gold: &[f64], n: usize) -> Optimised {
    let mut order: Vec<usize> = (0..proxy.len()).collect();
    order.sort_by(|a, b| proxy[*a].total_cmp(&proxy[*b]));
    let total = proxy.len();
    let mut found = Optimised { kl: (n as f64).ln() - (n as f64 - 1.0) / n as f64, proxy: 0.0, gold: 0.0 };
    // The best of the n is the one of rank i with probability C(i - 1, n - 1) / C(total, n), which is
    // n / total for the last rank and falls by (i - n) / (i - 1) from each rank to the one below.
    let mut share = n as f64 / total as f64;
    for rank in (n..=total).rev() {
        let at = order[rank - 1];
        found.proxy += share * proxy[at];
        found.gold += share * gold[at];
        share *= (rank - n) as f64 / (rank - 1).max(1) as f64;
    }
    found
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
