//! Loops over parameters: Adam, moving averages, norms.

use crate::kernels::vectorized::vectorized;

/// What one Adam step does to the moments.
#[derive(Clone, Copy)]
pub(crate) struct MomentStep {
    /// `1 - β1`, the share of the gradient in the first moment.
    pub(crate) share1: f32,
    /// `1 - β2`, the share of its square in the second.
    pub(crate) share2: f32,
    /// Factor on the gradient, from clipping.
    pub(crate) scale: f32,
}

/// `m += (1 - β1) (g - m)`, `v += (1 - β2) (g² - v)`.
pub(crate) fn adam_moments(step: MomentStep, gradient: &[f32], m: &mut [f32], v: &mut [f32]) {
    let MomentStep { share1, share2, scale } = step;
    vectorized(
        (gradient, m, v),
        #[inline(always)]
        |(gradient, m, v)| {
            for ((g, m), v) in gradient.iter().zip(m).zip(v) {
                let g = g * scale;
                *m = (g - *m).mul_add(share1, *m);
                *v = g.mul_add(g, -*v).mul_add(share2, *v);
            }
        },
    );
}

/// What one Adam step does to the parameters.
#[derive(Clone, Copy)]
pub(crate) struct ParameterStep {
    /// `lr / (1 - β1^t)`.
    pub(crate) rate: f32,
    /// `1 / sqrt(1 - β2^t)`.
    pub(crate) root_correction: f32,
    pub(crate) eps: f32,
    /// `1 - lr * weight_decay`.
    pub(crate) decay: f32,
}

/// `p = decay p - rate m / (sqrt(v) root_correction + eps)`.
pub(crate) fn adam_parameters(step: ParameterStep, m: &[f32], v: &[f32], p: &mut [f32]) {
    let ParameterStep { rate, root_correction, eps, decay } = step;
    vectorized(
        (m, v, p),
        #[inline(always)]
        |(m, v, p)| {
            for ((m, v), p) in m.iter().zip(v).zip(p) {
                *p = decay * *p - rate * m / v.sqrt().mul_add(root_correction, eps);
            }
        },
    );
}

/// `target += tau (online - target)`.
pub(crate) fn polyak(target: &mut [f32], online: &[f32], tau: f32) {
    vectorized(
        (target, online),
        #[inline(always)]
        |(target, online)| {
            for (t, o) in target.iter_mut().zip(online) {
                *t = (o - *t).mul_add(tau, *t);
            }
        },
    );
}

/// Sum of squares in double precision, in sixteen interleaved parts.
pub(crate) fn sum_of_squares(x: &[f32]) -> f64 {
    const LANES: usize = 16;
    vectorized(
        x,
        #[inline(always)]
        |x| {
            let mut parts = [0.0_f64; LANES];
            let blocks = x.chunks_exact(LANES);
            let rest: f64 = blocks.remainder().iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
            for block in blocks {
                for (part, x) in parts.iter_mut().zip(block) {
                    let x = f64::from(*x);
                    *part = x.mul_add(x, *part);
                }
            }
            parts.iter().sum::<f64>() + rest
        },
    )
}
