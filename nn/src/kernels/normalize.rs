//! Rows shifted and scaled to mean zero and variance one, and the way back.

use crate::{
    Activation,
    kernels::{pointwise, vectorized::vectorized},
};

/// Added to the variance, against rows that are constant (PyTorch's and Flax's order of magnitude).
const EPS: f32 = 1e-5;
/// Partial sums of a row, so that its sum is vectorised in one fixed order.
const LANES: usize = 16;

/// `f(g (x - mean) / sqrt(variance + eps) + b)` of every row of `x`, in place.
pub(crate) fn layer_norm(x: &mut [f32], gain: &[f32], bias: &[f32], activation: Activation) {
    vectorized(
        (&mut *x, gain, bias),
        #[inline(always)]
        |(x, gain, bias)| {
            for row in x.chunks_exact_mut(gain.len()) {
                let (mean, inverse) = moments(row);
                for ((x, gain), bias) in row.iter_mut().zip(gain).zip(bias) {
                    *x = ((*x - mean) * inverse).mul_add(*gain, *bias);
                }
            }
        },
    );
    if activation != Activation::Identity {
        pointwise::activate(x, activation);
    }
}

/// From the gradient of the normalised rows (before any activation) to those of `x`, gain and bias; the
/// latter two are added to.
pub(crate) fn layer_norm_gradient(
    x: &[f32],
    gain: &[f32],
    grad: &[f32],
    d_gain: &mut [f32],
    d_bias: &mut [f32],
) -> Vec<f32> {
    let mut d_x = vec![0.0; x.len()];
    let width = gain.len();
    vectorized(
        ((x, gain, grad), (d_gain, d_bias, &mut d_x[..])),
        #[inline(always)]
        |((x, gain, grad), (d_gain, d_bias, d_x))| {
            let rows = x.chunks_exact(width).zip(grad.chunks_exact(width)).zip(d_x.chunks_exact_mut(width));
            for ((x, grad), d_x) in rows {
                let (mean, inverse) = moments(x);
                // d_x holds the gradient of x^ = (x - mean) / deviation until its means are known.
                for ((d, gain), grad) in d_x.iter_mut().zip(gain).zip(grad) {
                    *d = gain * grad;
                }
                let scale = (width as f32).recip();
                let shift = scale
                    * sum(
                        d_x,
                        x,
                        #[inline(always)]
                        |d, _| d,
                    );
                let along = scale
                    * sum(
                        d_x,
                        x,
                        #[inline(always)]
                        |d, x| d * ((x - mean) * inverse),
                    );
                for ((((d, x), grad), d_gain), d_bias) in
                    d_x.iter_mut().zip(x).zip(grad).zip(d_gain.iter_mut()).zip(d_bias.iter_mut())
                {
                    let normal = (x - mean) * inverse;
                    *d_gain = grad.mul_add(normal, *d_gain);
                    *d_bias += grad;
                    *d = inverse * (-normal).mul_add(along, *d - shift);
                }
            }
        },
    );
    d_x
}

/// Mean and inverse deviation of a row.
#[inline(always)]
fn moments(row: &[f32]) -> (f32, f32) {
    let scale = (row.len() as f32).recip();
    let mean = scale
        * sum(
            row,
            row,
            #[inline(always)]
            |x, _| x,
        );
    let variance = scale
        * sum(
            row,
            row,
            #[inline(always)]
            |x, _| (x - mean) * (x - mean),
        );
    (mean, (variance + EPS).sqrt().recip())
}

/// The sum of `term(a, b)` over two rows of equal length, in sixteen interleaved parts.
#[inline(always)]
fn sum(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut parts = [0.0_f32; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let mut rest = 0.0;
    for (a, b) in a.remainder().iter().zip(b.remainder()) {
        rest += term(*a, *b);
    }
    for (a, b) in a.zip(b) {
        for ((part, a), b) in parts.iter_mut().zip(a).zip(b) {
            *part += term(*a, *b);
        }
    }
    parts.iter().sum::<f32>() + rest
}
