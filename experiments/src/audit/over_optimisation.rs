//! How gold rises and falls as a proxy is optimised.

/// Where optimising a proxy has led.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Optimised {
    /// Divergence from the prior, in nats.
    pub(super) kl: f64,
    /// Mean proxy score.
    pub(super) proxy: f64,
    /// Mean gold score.
    pub(super) gold: f64,
}

/// The law of a curve over `d = sqrt(KL)` (Gao, Schulman, Hilton 2022, arXiv 2210.10760, equation 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Law {
    /// `d (α - β d)`, of best-of-n.
    BestOfN,
    /// `d (α - β log d)`, of reinforcement learning.
    Learned,
}

/// A law with its constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fit {
    pub(super) alpha: f64,
    pub(super) beta: f64,
    /// Share of the scores' variance that the law explains.
    pub(super) r_squared: f64,
}

impl Law {
    /// What multiplies `α` and `-β`.
    fn terms(self, d: f64) -> [f64; 2] {
        match self {
            Self::BestOfN => [d, d * d],
            Self::Learned => [d, d * d.ln()],
        }
    }

    /// Least squares over points `(d, gold)`, of which those at `d = 0` say nothing; `None` when fewer
    /// than three are left, or they do not tell the constants apart.
    pub(super) fn fit(self, points: &[(f64, f64)]) -> Option<Fit> {
        let points: Vec<(f64, f64)> = points.iter().copied().filter(|(d, _)| *d > 0.0).collect();
        if points.len() < 3 {
            return None;
        }
        let (mut aa, mut ab, mut bb, mut ay, mut by) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for &(d, y) in &points {
            let [a, b] = self.terms(d);
            aa += a * a;
            ab += a * b;
            bb += b * b;
            ay += a * y;
            by += b * y;
        }
        let determinant = aa * bb - ab * ab;
        if determinant.abs() < 1e-12 * aa * bb {
            return None;
        }
        let (alpha, slope) = ((ay * bb - by * ab) / determinant, (by * aa - ay * ab) / determinant);
        let mean = points.iter().map(|(_, y)| y).sum::<f64>() / points.len() as f64;
        let predicted = |d: f64| {
            let [a, b] = self.terms(d);
            alpha * a + slope * b
        };
        let left: f64 = points.iter().map(|(d, y)| (y - predicted(*d)).powi(2)).sum();
        let all: f64 = points.iter().map(|(_, y)| (y - mean).powi(2)).sum();
        Some(Fit { alpha, beta: -slope, r_squared: 1.0 - left / all })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_come_back_from_a_curve_of_the_law() {
        let ds = (1..20).map(|i| 0.15 * f64::from(i));
        for (law, gold) in [
            (Law::BestOfN, (|d: f64| d * (1.2 - 0.3 * d)) as fn(f64) -> f64),
            (Law::Learned, |d: f64| d * (1.2 - 0.3 * d.ln())),
        ] {
            let points: Vec<(f64, f64)> = ds.clone().map(|d| (d, gold(d))).collect();
            let fit = law.fit(&points).unwrap();
            assert!((fit.alpha - 1.2).abs() < 1e-9 && (fit.beta - 0.3).abs() < 1e-9, "{fit:?}");
            assert!(fit.r_squared > 1.0 - 1e-9);
        }
        assert_eq!(Law::Learned.fit(&[(0.0, 0.0), (1.0, 1.0), (2.0, 1.0)]), None);
    }
}
