//! Sequences normalised in groups of channels, and modulated channel by channel.

use crate::{
    Activation,
    kernels::{
        pointwise::{derivative, value},
        vectorized::vectorized,
    },
};

/// Added to the variance (PyTorch's).
const EPS: f32 = 1e-5;

/// The nonlinearity that follows.
const F: Activation = Activation::Silu;

/// Sizes of a call: sequences are `[length, channels]`, and neighbouring `group` channels share their mean and
/// deviation.
#[derive(Clone, Copy)]
pub(crate) struct Groups {
    pub(crate) length: usize,
    pub(crate) channels: usize,
    pub(crate) group: usize,
}

impl Groups {
    /// Spreads the means of groups over their channels, given sums over time.
    #[inline(always)]
    fn pool(self, sums: &mut [f32]) {
        let scale = ((self.length * self.group) as f32).recip();
        for group in sums.chunks_exact_mut(self.group) {
            let mean = group.iter().sum::<f32>() * scale;
            group.fill(mean);
        }
    }

    /// Mean and inverse deviation of each channel's group.
    #[inline(always)]
    fn moments(self, x: &[f32], mean: &mut [f32], inverse: &mut [f32]) {
        mean.fill(0.0);
        for row in x.chunks_exact(mean.len()) {
            mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        self.pool(mean);
        inverse.fill(0.0);
        for row in x.chunks_exact(mean.len()) {
            for ((sum, x), mean) in inverse.iter_mut().zip(row).zip(&*mean) {
                let d = x - mean;
                *sum = d.mul_add(d, *sum);
            }
        }
        self.pool(inverse);
        inverse.iter_mut().for_each(|x| *x = (*x + EPS).sqrt().recip());
    }
}

/// `silu(g (x - mean) / sqrt(variance + eps) + b)` of every sequence.
pub(crate) fn group_norm(groups: Groups, x: &[f32], gain: &[f32], bias: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    let width = groups.channels;
    let (mut mean, mut inverse) = (vec![0.0; width], vec![0.0; width]);
    vectorized(
        ((x, gain, bias), (&mut y[..], &mut mean[..], &mut inverse[..])),
        #[inline(always)]
        |((x, gain, bias), (y, mean, inverse))| {
            let size = groups.length * width;
            for (x, y) in x.chunks_exact(size).zip(y.chunks_exact_mut(size)) {
                groups.moments(x, mean, inverse);
                // As one product and one sum per number.
                for (((mean, inverse), gain), bias) in
                    mean.iter_mut().zip(inverse.iter_mut()).zip(gain).zip(bias)
                {
                    *inverse *= gain;
                    *mean = (-*mean).mul_add(*inverse, *bias);
                }
                for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
                    for (((y, x), shift), scale) in y.iter_mut().zip(x).zip(&*mean).zip(&*inverse) {
                        *y = value(F, x.mul_add(*scale, *shift));
                    }
                }
            }
        },
    );
    y
}

/// From the gradient of [`group_norm`]'s result to those of `x`, gain and bias; the latter two are added to.
#[allow(clippy::needless_range_loop, reason = "several rows of equal width are walked together")]
pub(crate) fn group_norm_gradient(
    groups: Groups,
    x: &[f32],
    (gain, bias): (&[f32], &[f32]),
    grad: &[f32],
    (d_gain, d_bias): (&mut [f32], &mut [f32]),
) -> Vec<f32> {
    let mut d_x = vec![0.0; x.len()];
    let width = groups.channels;
    let mut rows = vec![0.0; 6 * width];
    vectorized(
        ((x, gain, bias, grad), (d_gain, d_bias, &mut d_x[..], &mut rows[..])),
        #[inline(always)]
        |((x, gain, bias, grad), (d_gain, d_bias, d_x, rows))| {
            let (mean, rows) = rows.split_at_mut(width);
            let (inverse, rows) = rows.split_at_mut(width);
            let (sum, rows) = rows.split_at_mut(width);
            let (along, rows) = rows.split_at_mut(width);
            let (shift, slope) = rows.split_at_mut(width);
            let (gain, bias, slope) = (&gain[..width], &bias[..width], &mut slope[..width]);
            let (d_gain, d_bias) = (&mut d_gain[..width], &mut d_bias[..width]);
            let size = groups.length * width;
            let sequences = x.chunks_exact(size).zip(grad.chunks_exact(size)).zip(d_x.chunks_exact_mut(size));
            for ((x, grad), d_x) in sequences {
                groups.moments(x, mean, inverse);
                sum.fill(0.0);
                along.fill(0.0);
                let steps =
                    x.chunks_exact(width).zip(grad.chunks_exact(width)).zip(d_x.chunks_exact_mut(width));
                for ((x, grad), d_x) in steps {
                    for i in 0..width {
                        let normal = (x[i] - mean[i]) * inverse[i];
                        let before = normal.mul_add(gain[i], bias[i]);
                        let d = grad[i] * derivative(F, before, value(F, before));
                        // d_x holds the gradient before the nonlinearity until the means are known.
                        d_x[i] = d;
                        sum[i] += d;
                        along[i] = d.mul_add(normal, along[i]);
                    }
                }
                for i in 0..width {
                    d_bias[i] += sum[i];
                    d_gain[i] += along[i];
                    shift[i] = sum[i] * gain[i];
                    slope[i] = along[i] * gain[i];
                }
                groups.pool(shift);
                groups.pool(slope);
                for (x, d_x) in x.chunks_exact(width).zip(d_x.chunks_exact_mut(width)) {
                    for i in 0..width {
                        let normal = (x[i] - mean[i]) * inverse[i];
                        d_x[i] = inverse[i] * (-normal).mul_add(slope[i], d_x[i].mul_add(gain[i], -shift[i]));
                    }
                }
            }
        },
    );
    d_x
}

/// `x (1 + scale) + shift` of every sequence, with the scales and then the shifts of its channels in `film`
/// `[sequences, 2 channels]`.
pub(crate) fn modulate(length: usize, x: &[f32], film: &[f32], channels: usize) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    vectorized(
        (x, film, &mut y[..]),
        #[inline(always)]
        |(x, film, y)| {
            let size = length * channels;
            let sequences = x.chunks_exact(size).zip(y.chunks_exact_mut(size));
            for ((x, y), film) in sequences.zip(film.chunks_exact(2 * channels)) {
                let (scale, shift) = film.split_at(channels);
                for (x, y) in x.chunks_exact(channels).zip(y.chunks_exact_mut(channels)) {
                    for (((y, x), scale), shift) in y.iter_mut().zip(x).zip(scale).zip(shift) {
                        *y = x.mul_add(1.0 + scale, *shift);
                    }
                }
            }
        },
    );
    y
}

/// From the gradient of [`modulate`]'s result to those of `x` and `film`.
#[allow(clippy::needless_range_loop, reason = "several rows of equal width are walked together")]
pub(crate) fn modulate_gradient(
    length: usize,
    x: &[f32],
    film: &[f32],
    grad: &[f32],
    channels: usize,
) -> (Vec<f32>, Vec<f32>) {
    let (mut d_x, mut d_film) = (vec![0.0; x.len()], vec![0.0; film.len()]);
    vectorized(
        ((x, film, grad), (&mut d_x[..], &mut d_film[..])),
        #[inline(always)]
        |((x, film, grad), (d_x, d_film))| {
            let size = length * channels;
            let sequences = x.chunks_exact(size).zip(grad.chunks_exact(size)).zip(d_x.chunks_exact_mut(size));
            let films = film.chunks_exact(2 * channels).zip(d_film.chunks_exact_mut(2 * channels));
            for (((x, grad), d_x), (film, d_film)) in sequences.zip(films) {
                let scale = &film[..channels];
                let (d_scale, d_shift) = d_film.split_at_mut(channels);
                let steps = x
                    .chunks_exact(channels)
                    .zip(grad.chunks_exact(channels))
                    .zip(d_x.chunks_exact_mut(channels));
                for ((x, grad), d_x) in steps {
                    for i in 0..channels {
                        d_x[i] = grad[i] * (1.0 + scale[i]);
                        d_scale[i] = grad[i].mul_add(x[i], d_scale[i]);
                        d_shift[i] += grad[i];
                    }
                }
            }
        },
    );
    (d_x, d_film)
}
