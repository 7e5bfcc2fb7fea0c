//! Exact search for the k-th nearest of a few thousand points.
//!
//! Distances are sums of squared differences, not the expansion `|a|^2 + |b|^2 - 2ab`, which loses
//! the small distances that this search is for. Lanes of a block are independent, so the compiler
//! vectorises over points, and the result does not depend on the vector width.

/// Points per block, the lanes of the inner loop.
const LANES: usize = 32;

/// Most neighbours that can be kept.
pub(super) const MAX_K: usize = 31;

/// Points to search.
#[derive(Default)]
pub(super) struct Neighbours {
    width: usize,
    count: usize,
    /// `[blocks, width, LANES]`; lanes beyond the last point are infinitely far away.
    blocks: Vec<f32>,
}

impl Neighbours {
    pub(super) fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Replaces the points by those that `row` returns for `0..count`.
    pub(super) fn fill<'a>(&mut self, count: usize, mut row: impl FnMut(usize) -> &'a [f32]) {
        self.count = count;
        self.blocks.clear();
        self.blocks.resize(count.div_ceil(LANES) * self.width * LANES, f32::INFINITY);
        for point in 0..count {
            let start = point / LANES * self.width * LANES + point % LANES;
            for (component, &value) in row(point).iter().enumerate() {
                self.blocks[start + component * LANES] = value;
            }
        }
    }

    /// `[count, width]`, row-major.
    pub(super) fn rows(&self) -> Vec<f32> {
        let mut rows = Vec::with_capacity(self.count * self.width);
        for point in 0..self.count {
            let start = point / LANES * self.width * LANES + point % LANES;
            rows.extend((0..self.width).map(|component| self.blocks[start + component * LANES]));
        }
        rows
    }

    /// Distance from `query` to its `k`-th nearest point, from 1. One point at distance zero is
    /// taken for the query itself and does not count. With too few points, the furthest counts.
    ///
    /// There must be at least one point, and `1 <= k <= MAX_K`.
    pub(super) fn distance(&self, query: &[f32], k: usize) -> f32 {
        let mut nearest = [f32::INFINITY; MAX_K + 1];
        let nearest = &mut nearest[..=k];
        for block in self.blocks.chunks_exact(self.width * LANES) {
            let mut squares = [0.0_f32; LANES];
            for (lanes, &value) in block.chunks_exact(LANES).zip(query) {
                for (square, lane) in squares.iter_mut().zip(lanes) {
                    let difference = lane - value;
                    *square += difference * difference;
                }
            }
            let mut least = squares;
            for half in [16, 8, 4, 2, 1] {
                let (low, high) = least.split_at_mut(half);
                low.iter_mut().zip(high).for_each(|(a, b)| *a = if *b < *a { *b } else { *a });
            }
            if least[0] < nearest[k] {
                squares.iter().for_each(|&square| insert(nearest, square));
            }
        }
        let itself = usize::from(nearest[0] == 0.0);
        nearest[(k - 1 + itself).min(self.count - 1)].sqrt()
    }
}

/// Puts `value` into its place in a sorted list, dropping the largest.
fn insert(sorted: &mut [f32], value: f32) {
    let last = sorted.len() - 1;
    if value >= sorted[last] {
        return;
    }
    let mut at = last;
    while at > 0 && value < sorted[at - 1] {
        sorted[at] = sorted[at - 1];
        at -= 1;
    }
    sorted[at] = value;
}
