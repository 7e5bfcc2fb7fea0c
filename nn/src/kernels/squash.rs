//! Loops of the tanh-squashed Gaussian.
//!
//! Rows of a few actions are too short for vectors, so the numbers are first laid out as flat columns
//! and the costly functions run over those.

use crate::{
    SquashedGaussian,
    kernels::{self, vectorized::vectorized},
};

const LOG_2: f32 = std::f32::consts::LN_2;
const HALF_LOG_2PI: f32 = 0.918_938_5;

/// `u = mean + exp(log_std) noise` into `u`, for `output` `[rows, 2 width]`.
pub(crate) fn draw(law: SquashedGaussian, output: &[f32], noise: &[f32], width: usize, u: &mut [f32]) {
    deviations(law, output, width, u);
    for ((out, noise), u) in
        output.chunks_exact(2 * width).zip(noise.chunks_exact(width)).zip(u.chunks_exact_mut(width))
    {
        for ((mean, noise), u) in out.iter().zip(noise).zip(u) {
            *u = noise.mul_add(*u, *mean);
        }
    }
}

/// The actions `tanh(u)` and their log-density, as `[rows, width + 1]`.
pub(crate) fn squash(
    law: SquashedGaussian,
    output: &[f32],
    noise: &[f32],
    width: usize,
    u: &mut [f32],
) -> Vec<f32> {
    let mut terms = vec![0.0; u.len()];
    vectorized(
        (&mut *u, noise, &mut terms[..]),
        #[inline(always)]
        |(u, noise, terms)| {
            for ((u, noise), term) in u.iter_mut().zip(noise).zip(terms) {
                // log(1 - tanh²u) = 2 (log 2 - u - softplus(-2u)) keeps its digits near ±1.
                let log_det = 2.0 * (LOG_2 - *u - kernels::softplus(-2.0 * *u));
                *term = (-0.5 * noise).mul_add(*noise, -HALF_LOG_2PI) - log_det;
                *u = kernels::tanh(*u);
            }
        },
    );
    let rows = u.len() / width.max(1);
    let mut result = Vec::with_capacity(rows * (width + 1));
    for row in 0..rows {
        let log_std = &output[row * 2 * width + width..][..width];
        result.extend_from_slice(&u[row * width..][..width]);
        let normal = log_std.iter().map(|l| law.clamp(*l)).zip(&terms[row * width..]);
        result.push(normal.map(|(l, term)| term - l).sum());
    }
    result
}

/// The gradient `[rows, 2 width]` of the network's output, from `result` `[rows, width + 1]` of
/// [`squash`] and the gradient of that.
pub(crate) fn gradient(
    law: SquashedGaussian,
    output: &[f32],
    noise: &[f32],
    width: usize,
    result: &[f32],
    grad: &[f32],
) -> Vec<f32> {
    let mut std = vec![0.0; noise.len()];
    deviations(law, output, width, &mut std);
    let mut out = vec![0.0; output.len()];
    for (row, out) in out.chunks_exact_mut(2 * width).enumerate() {
        let (d_mean, d_log_std) = out.split_at_mut(width);
        let (result, grad) = (&result[row * (width + 1)..], &grad[row * (width + 1)..]);
        let d_log_prob = grad[width];
        for i in 0..width {
            let action = result[i];
            // d log pi / du = 2 tanh(u), since d log(1 - tanh²u) / du = -2 tanh(u).
            let d_u = grad[i] * action.mul_add(-action, 1.0) + d_log_prob * 2.0 * action;
            d_mean[i] = d_u;
            let log_std = output[row * 2 * width + width + i];
            if log_std >= law.log_std_min && log_std <= law.log_std_max {
                d_log_std[i] = d_u * noise[row * width + i] * std[row * width + i] - d_log_prob;
            }
        }
    }
    out
}

/// `exp` of the clamped log standard deviations of `output`, as a flat column.
fn deviations(law: SquashedGaussian, output: &[f32], width: usize, std: &mut [f32]) {
    for (row, out) in output.chunks_exact(2 * width).zip(std.chunks_exact_mut(width)) {
        for (log_std, out) in row[width..].iter().zip(out) {
            *out = law.clamp(*log_std);
        }
    }
    vectorized(
        std,
        #[inline(always)]
        |std| {
            for s in std {
                *s = kernels::exp(*s);
            }
        },
    );
}
