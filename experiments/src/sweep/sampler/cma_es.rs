//! Covariance matrix adaptation: Hansen 2016, "The CMA Evolution Strategy: A Tutorial" (arXiv
//! 1604.00772), figure 6 with the default parameters of table 1, without negative weights.
//!
//! It works on the unit cube of the parameters. What leaves the cube is reflected into it, and the
//! strategy learns of the reflected point.

use nalgebra::{DMatrix, DVector, SymmetricEigen};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::{Evaluated, Proposal, Search};
use crate::sweep::space::{reflect, standard_normal};

/// The distribution from which the next points are drawn.
#[derive(Clone, Debug)]
pub(super) struct CmaEs {
    /// m
    mean: DVector<f64>,
    /// sigma
    step: f64,
    /// C
    covariance: DMatrix<f64>,
    /// p_sigma
    step_path: DVector<f64>,
    /// p_c
    path: DVector<f64>,
    generation: i32,
}

/// The next generation of one strategy that began in the middle of the cube.
pub(super) fn propose(search: &Search<'_>) -> Vec<Proposal> {
    let mut strategy = CmaEs::new(vec![0.5; search.space.parameters.len()], search.config.sigma);
    search.history.iter().for_each(|generation| strategy.tell(&points(search, generation.iter())));
    let mut rng = search.rng();
    strategy.ask(search.config.settings, &mut rng).into_iter().map(|point| search.point(&point)).collect()
}

/// Points of the unit cube with their scores; a setting that was given up is worse than all others.
pub(super) fn points<'a>(
    search: &Search<'_>,
    evaluated: impl Iterator<Item = &'a Evaluated>,
) -> Vec<(Vec<f64>, f64)> {
    let unit = |unit: Option<f64>| unit.expect("the strategy has parameters without conditions");
    evaluated
        .map(|one| {
            let point = search.space.units(&one.setting).into_iter().map(unit).collect();
            (point, one.score.unwrap_or(f64::NEG_INFINITY))
        })
        .collect()
}

impl CmaEs {
    /// Isotropic around `mean`.
    pub(super) fn new(mean: Vec<f64>, step: f64) -> Self {
        let n = mean.len();
        Self {
            mean: DVector::from_vec(mean),
            step,
            covariance: DMatrix::identity(n, n),
            step_path: DVector::zeros(n),
            path: DVector::zeros(n),
            generation: 0,
        }
    }

    /// Draws points: equations 38 to 40.
    pub(super) fn ask(&self, count: usize, rng: &mut Xoshiro256PlusPlus) -> Vec<Vec<f64>> {
        let root = self.power_of_covariance(0.5);
        (0..count)
            .map(|_| {
                let z = DVector::from_fn(self.mean.len(), |_, _| standard_normal(rng));
                let x = &self.mean + self.step * &root * z;
                x.iter().map(|x| reflect(*x)).collect()
            })
            .collect()
    }

    /// Learns from a generation of points with their scores, larger ones better: equations 41 to 47.
    pub(super) fn tell(&mut self, points: &[(Vec<f64>, f64)]) {
        let mut ranked: Vec<&(Vec<f64>, f64)> = points.iter().collect();
        ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let (n, lambda) = (self.mean.len() as f64, points.len() as f64);
        let raw = (1..=(points.len() / 2).max(1)).map(|i| (lambda + 1.0).ln() - 2f64.ln() - (i as f64).ln());
        let raw: Vec<f64> = raw.map(|weight| weight.max(0.0)).collect();
        let total = raw.iter().sum::<f64>();
        let weights: Vec<f64> =
            if total > 0.0 { raw.iter().map(|weight| weight / total).collect() } else { vec![1.0] };
        let mu_eff = weights.iter().map(|weight| weight * weight).sum::<f64>().recip();

        let c_step = (mu_eff + 2.0) / (n + mu_eff + 5.0);
        let damping = 1.0 + 2.0 * (((mu_eff - 1.0) / (n + 1.0)).sqrt() - 1.0).max(0.0) + c_step;
        let c_path = (4.0 + mu_eff / n) / (n + 4.0 + 2.0 * mu_eff / n);
        let c_1 = 2.0 / ((n + 1.3).powi(2) + mu_eff);
        let c_mu = (2.0 * (mu_eff - 2.0 + 1.0 / mu_eff) / ((n + 2.0).powi(2) + mu_eff)).clamp(0.0, 1.0 - c_1);
        // E ||N(0, I)||
        let norm = n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n));

        let moved = |point: &[f64]| (DVector::from_column_slice(point) - &self.mean) / self.step;
        let ys: Vec<DVector<f64>> = ranked[..weights.len()].iter().map(|(point, _)| moved(point)).collect();
        let y_w = ys.iter().zip(&weights).fold(DVector::zeros(self.mean.len()), |sum, (y, w)| sum + y * *w);
        self.step_path = (1.0 - c_step) * &self.step_path
            + (c_step * (2.0 - c_step) * mu_eff).sqrt() * self.power_of_covariance(-0.5) * &y_w;
        self.generation += 1;
        let settled = (1.0 - (1.0 - c_step).powi(2 * self.generation)).sqrt();
        let h = if self.step_path.norm() / settled < (1.4 + 2.0 / (n + 1.0)) * norm { 1.0 } else { 0.0 };
        self.path = (1.0 - c_path) * &self.path + h * (c_path * (2.0 - c_path) * mu_eff).sqrt() * &y_w;
        let kept = 1.0 - c_1 - c_mu + c_1 * (1.0 - h) * c_path * (2.0 - c_path);
        self.covariance = kept * &self.covariance + c_1 * &self.path * self.path.transpose();
        for (y, weight) in ys.iter().zip(&weights) {
            self.covariance += c_mu * *weight * y * y.transpose();
        }
        self.mean += self.step * y_w;
        self.step *= (c_step / damping * (self.step_path.norm() / norm - 1.0)).exp();
    }

    fn power_of_covariance(&self, power: f64) -> DMatrix<f64> {
        let SymmetricEigen { eigenvectors, eigenvalues } = self.covariance.clone().symmetric_eigen();
        // Rounding may leave an eigenvalue at or below 0.
        let powers = eigenvalues.map(|value| value.max(1e-20).powf(power));
        &eigenvectors * DMatrix::from_diagonal(&powers) * eigenvectors.transpose()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn a_long_narrow_valley_is_followed_to_its_end() {
        let goal = [0.8, 0.3, 0.5, 0.65];
        // An ellipsoid whose axes are a hundredfold apart, rotated in its first plane.
        let score = |x: &[f64]| {
            let d: Vec<f64> = x.iter().zip(goal).map(|(x, g)| x - g).collect();
            -((d[0] + d[1]).powi(2) + 1e4 * (d[0] - d[1]).powi(2) + 1e2 * d[2].powi(2) + d[3].powi(2))
        };
        let mut strategy = CmaEs::new(vec![0.5; 4], 0.3);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        for _ in 0..150 {
            let points = strategy.ask(12, &mut rng);
            let scored: Vec<(Vec<f64>, f64)> = points.into_iter().map(|x| (x.clone(), score(&x))).collect();
            assert!(scored.iter().flat_map(|(x, _)| x).all(|x| (0.0..=1.0).contains(x)));
            strategy.tell(&scored);
        }
        let off = strategy.mean.iter().zip(goal).map(|(x, g)| (x - g).abs()).fold(0.0, f64::max);
        assert!(off < 1e-6 && strategy.step < 1e-3, "off by {off}, step {}", strategy.step);
    }

    #[test]
    fn generations_without_any_score_do_no_harm() {
        let mut strategy = CmaEs::new(vec![0.5; 2], 0.2);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        for count in [4, 5, 6] {
            let points = strategy.ask(count, &mut rng);
            strategy.tell(&points.into_iter().map(|x| (x, f64::NEG_INFINITY)).collect::<Vec<_>>());
        }
        assert!(strategy.mean.iter().all(|x| x.is_finite()) && strategy.step.is_finite());
    }
}
