//! Causal attention of short sequences, one head of one sequence at a time, all of it in the cache.

use crate::kernels::{
    self,
    gemm::{Matrix, multiply},
    vectorized::vectorized,
};

/// Sizes of a call: rows of `qkv` hold queries, keys and values of all heads, one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Heads {
    pub(crate) tokens: usize,
    pub(crate) heads: usize,
    /// Numbers of a head.
    pub(crate) size: usize,
}

/// What a head works on: queries, keys, values and results are `[tokens, size]`, shares `[tokens, tokens]`.
struct Scratch {
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
    out: Vec<f32>,
    shares: Vec<f32>,
    d_shares: Vec<f32>,
}

impl Heads {
    fn width(&self) -> usize {
        self.heads * self.size
    }

    fn scratch(&self) -> Scratch {
        let (narrow, square) = (self.tokens * self.size, self.tokens * self.tokens);
        let numbers = |n: usize| vec![0.0; n];
        Scratch {
            query: numbers(narrow),
            key: numbers(narrow),
            value: numbers(narrow),
            out: numbers(narrow),
            shares: numbers(square),
            d_shares: numbers(square),
        }
    }

    /// The columns of one head out of rows of `width` numbers.
    fn gather(&self, rows: &[f32], width: usize, start: usize, out: &mut [f32]) {
        for (row, out) in rows.chunks_exact(width).zip(out.chunks_exact_mut(self.size)) {
            out.copy_from_slice(&row[start..start + self.size]);
        }
    }

    /// The way back of [`gather`](Self::gather).
    fn scatter(&self, values: &[f32], rows: &mut [f32], width: usize, start: usize) {
        for (row, values) in rows.chunks_exact_mut(width).zip(values.chunks_exact(self.size)) {
            row[start..start + self.size].copy_from_slice(values);
        }
    }

    /// How much each token attends to itself and to those before it.
    fn attend(&self, rows: &[f32], head: usize, scratch: &mut Scratch) {
        let (width, start) = (self.width(), head * self.size);
        self.gather(rows, 3 * width, start, &mut scratch.query);
        self.gather(rows, 3 * width, width + start, &mut scratch.key);
        self.gather(rows, 3 * width, 2 * width + start, &mut scratch.value);
        let (query, key) = (self.narrow(&scratch.query), self.narrow(&scratch.key));
        multiply(query, key.transposed(), &mut scratch.shares);
        causal_softmax(&mut scratch.shares, self.tokens, (self.size as f32).sqrt().recip());
    }

    fn narrow<'a>(&self, values: &'a [f32]) -> Matrix<'a> {
        Matrix::new(values, self.tokens, self.size)
    }

    fn square<'a>(&self, values: &'a [f32]) -> Matrix<'a> {
        Matrix::new(values, self.tokens, self.tokens)
    }

    /// `softmax(q k' / sqrt(size)) v` of all heads, `[sequences tokens, heads size]`.
    pub(crate) fn mix(&self, qkv: &[f32]) -> Vec<f32> {
        let width = self.width();
        let mut mixed = vec![0.0; qkv.len() / 3];
        let mut scratch = self.scratch();
        let sequences = qkv.chunks_exact(self.tokens * 3 * width);
        for (rows, mixed) in sequences.zip(mixed.chunks_exact_mut(self.tokens * width)) {
            for head in 0..self.heads {
                self.attend(rows, head, &mut scratch);
                multiply(self.square(&scratch.shares), self.narrow(&scratch.value), &mut scratch.out);
                self.scatter(&scratch.out, mixed, width, head * self.size);
            }
        }
        mixed
    }

    /// From the gradient of [`mix`](Self::mix)'s result to that of `qkv`.
    pub(crate) fn mix_gradient(&self, qkv: &[f32], grad: &[f32]) -> Vec<f32> {
        let width = self.width();
        let mut d_qkv = vec![0.0; qkv.len()];
        let mut scratch = self.scratch();
        let mut d_out = vec![0.0; self.tokens * self.size];
        let scale = (self.size as f32).sqrt().recip();
        let sequences = qkv.chunks_exact(self.tokens * 3 * width).zip(grad.chunks_exact(self.tokens * width));
        for ((rows, grad), d_rows) in sequences.zip(d_qkv.chunks_exact_mut(self.tokens * 3 * width)) {
            for head in 0..self.heads {
                let start = head * self.size;
                self.attend(rows, head, &mut scratch);
                self.gather(grad, width, start, &mut d_out);
                let d_mixed = self.narrow(&d_out);
                multiply(d_mixed, self.narrow(&scratch.value).transposed(), &mut scratch.d_shares);
                multiply(self.square(&scratch.shares).transposed(), d_mixed, &mut scratch.out);
                self.scatter(&scratch.out, d_rows, 3 * width, 2 * width + start);
                softmax_gradient(&scratch.shares, &mut scratch.d_shares, self.tokens, scale);
                let d_scores = self.square(&scratch.d_shares);
                multiply(d_scores, self.narrow(&scratch.key), &mut scratch.out);
                self.scatter(&scratch.out, d_rows, 3 * width, start);
                multiply(d_scores.transposed(), self.narrow(&scratch.query), &mut scratch.out);
                self.scatter(&scratch.out, d_rows, 3 * width, width + start);
            }
        }
        d_qkv
    }
}

/// Softmax of scaled scores over each row's own place and those before it; zero after.
fn causal_softmax(scores: &mut [f32], tokens: usize, scale: f32) {
    vectorized(
        scores,
        #[inline(always)]
        |scores| {
            for (token, row) in scores.chunks_exact_mut(tokens).enumerate() {
                let (seen, hidden) = row.split_at_mut(token + 1);
                hidden.fill(0.0);
                let most = seen.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                seen.iter_mut().for_each(|x| *x = kernels::exp(scale * (*x - most)));
                let inverse = seen.iter().sum::<f32>().recip();
                seen.iter_mut().for_each(|x| *x *= inverse);
            }
        },
    );
}

/// From gradients of the shares to those of the scores before they are scaled, in place.
fn softmax_gradient(shares: &[f32], d_shares: &mut [f32], tokens: usize, scale: f32) {
    vectorized(
        (shares, d_shares),
        #[inline(always)]
        |(shares, d_shares)| {
            for (shares, d) in shares.chunks_exact(tokens).zip(d_shares.chunks_exact_mut(tokens)) {
                let mean: f32 = shares.iter().zip(&*d).map(|(share, d)| share * d).sum();
                d.iter_mut().zip(shares).for_each(|(d, share)| *d = scale * share * (*d - mean));
            }
        },
    );
}
