//! What reinforcement learning with a price on leaving the prior converges to.
//!
//! `max_π E_π[r̂] - η KL(π ‖ π₀)` has the solution `π(σ) ∝ π₀(σ) exp(r̂(σ) / η)`. Over recorded segments of
//! the prior it can be written down, so no failure of a learner stands between the proxy and the curve.

use super::over_optimisation::Optimised;

/// The solution for the price `eta`, over candidates of equal prior probability.
pub(super) fn tilted(proxy: &[f64], gold: &[f64], eta: f64) -> Optimised {
    let most = proxy.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = proxy.iter().map(|r| ((r - most) / eta).exp()).collect();
    let total: f64 = weights.iter().sum();
    let mut found = Optimised::default();
    for ((weight, proxy), gold) in weights.iter().zip(proxy).zip(gold) {
        let share = weight / total;
        found.proxy += share * proxy;
        found.gold += share * gold;
        if share > 0.0 {
            found.kl += share * (share * weights.len() as f64).ln();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_high_price_keeps_the_prior_and_a_low_one_takes_the_best() {
        let (proxy, gold) = ([0.0, 1.0, 2.0, 3.0], [5.0, 1.0, 1.0, 1.0]);
        let prior = tilted(&proxy, &gold, 1e9);
        assert!((prior.gold - 2.0).abs() < 1e-6 && prior.kl.abs() < 1e-9);
        let best = tilted(&proxy, &gold, 1e-3);
        assert!((best.proxy - 3.0).abs() < 1e-9 && (best.kl - 4.0_f64.ln()).abs() < 1e-9);
        // Between them the solution is better than its neighbours at its own price.
        let value = |eta: f64, price: f64| {
            let Optimised { kl, proxy, .. } = tilted(&proxy, &gold, eta);
            proxy - price * kl
        };
        assert!(value(0.7, 0.7) > value(0.6, 0.7) && value(0.7, 0.7) > value(0.8, 0.7));
    }
}
