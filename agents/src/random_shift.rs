//! Random shifts of pictures, the augmentation of DrQ: Kostrikov et al. 2020, arXiv 2004.13649, section 3.1, and
//! Yarats et al. 2021 (DrQ-v2), arXiv 2107.09645, section 3.1.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::StackShape;

/// How far a picture moves, in pixels to the left and upwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shift {
    x: i32,
    y: i32,
}

impl Shift {
    /// Uniform over the `(2 pad + 1)^2` places of the picture in itself padded by `pad` pixels.
    pub(crate) fn draw(pad: u32, rng: &mut Xoshiro256PlusPlus) -> Self {
        let pad = pad as i32;
        Self { x: rng.random_range(-pad..=pad), y: rng.random_range(-pad..=pad) }
    }

    /// Writes a shifted stack `[frames, side, side, 3]` to `out` as one picture `[side, side, 3 frames]` with
    /// levels in [-1/2, 1/2]. All its frames move together, and what moves in repeats the edge.
    pub(crate) fn apply(self, shape: StackShape, stack: &[u8], out: &mut [f32]) {
        let (side, width) = (shape.side, 3 * shape.frames);
        let from = |to: usize, by: i32| (to as i32 + by).clamp(0, side as i32 - 1) as usize;
        for (f, frame) in stack.chunks_exact(shape.frame()).enumerate() {
            for (y, row) in out.chunks_exact_mut(side * width).enumerate() {
                let source = &frame[3 * side * from(y, self.y)..][..3 * side];
                for (x, pixel) in row.chunks_exact_mut(width).enumerate() {
                    let source = &source[3 * from(x, self.x)..][..3];
                    for (level, byte) in pixel[3 * f..][..3].iter_mut().zip(source) {
                        *level = f32::from(*byte) / 255.0 - 0.5;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const SHAPE: StackShape = StackShape { frames: 2, side: 12 };

    /// A level that tells frame, row, column and colour.
    fn level(frame: usize, y: usize, x: usize, colour: usize) -> u8 {
        (frame * 120 + y * 9 + x + 50 * colour % 17) as u8
    }

    fn stack() -> Vec<u8> {
        let mut stack = Vec::new();
        for (frame, y) in (0..2).flat_map(|frame| (0..12).map(move |y| (frame, y))) {
            stack.extend((0..12).flat_map(|x| (0..3).map(move |colour| level(frame, y, x, colour))));
        }
        stack
    }

    #[test]
    fn every_pixel_comes_from_where_the_shift_says_and_the_edge_repeats() {
        let mut out = vec![f32::NAN; SHAPE.size()];
        for shift in [Shift::default(), Shift { x: 4, y: -3 }, Shift { x: -1, y: 2 }] {
            shift.apply(SHAPE, &stack(), &mut out);
            for (i, value) in out.iter().enumerate() {
                let (channel, x, y) = (i % 6, i / 6 % 12, i / 72);
                let from = |to: usize, by: i32| (to as i32 + by).clamp(0, 11) as usize;
                let byte = level(channel / 3, from(y, shift.y), from(x, shift.x), channel % 3);
                assert_eq!(*value, f32::from(byte) / 255.0 - 0.5, "{shift:?} {y} {x} {channel}");
            }
        }
    }

    #[test]
    fn shifts_are_uniform_in_both_directions_and_independent() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let mut counts = [[0.0f64; 9]; 9];
        for _ in 0..81_000 {
            let shift = Shift::draw(4, &mut rng);
            counts[(shift.y + 4) as usize][(shift.x + 4) as usize] += 1.0;
        }
        let chi_square: f64 = counts.iter().flatten().map(|c| (c - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi_square < 124.8, "the 99.9 % quantile with 80 degrees of freedom; got {chi_square}");
    }
}
