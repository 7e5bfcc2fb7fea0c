//! Sequences as matrices of patches, so that a convolution along time is one product.
//!
//! A sequence is `[length, channels]`: what the kernel covers at one place is one run of memory, but for what
//! it covers beyond the ends, where there are zeros.

/// Sizes of a convolution along time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strip {
    pub(crate) length: usize,
    pub(crate) channels: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    /// Zeros before the beginning and after the end.
    pub(crate) padding: usize,
}

impl Strip {
    /// Places of the kernel.
    pub(crate) fn places(&self) -> usize {
        (self.length + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Numbers of a patch, `[kernel, channels]`.
    pub(crate) fn patch(&self) -> usize {
        self.kernel * self.channels
    }

    /// Numbers of a sequence.
    pub(crate) fn sequence(&self) -> usize {
        self.length * self.channels
    }

    /// For each place, the numbers of the patch that lie in the sequence: where they begin in the patch, where in
    /// the sequence, and how many they are.
    fn runs(self) -> impl Iterator<Item = (usize, usize, usize)> {
        let Self { length, channels, kernel, stride, padding } = self;
        (0..self.places()).map(move |place| {
            let first = padding.saturating_sub(place * stride).min(kernel);
            let start = (place * stride + first).saturating_sub(padding).min(length);
            let count = (kernel - first).min(length - start);
            (first * channels, start * channels, count * channels)
        })
    }

    /// The patches `[places, patch]` of each of the `sequences`, one after the other.
    pub(crate) fn cut(&self, sequences: &[f32], out: &mut [f32]) {
        let patches = out.chunks_exact_mut(self.places() * self.patch());
        for (sequence, patches) in sequences.chunks_exact(self.sequence()).zip(patches) {
            for ((first, start, count), patch) in self.runs().zip(patches.chunks_exact_mut(self.patch())) {
                patch[..first].fill(0.0);
                patch[first..first + count].copy_from_slice(&sequence[start..start + count]);
                patch[first + count..].fill(0.0);
            }
        }
    }

    /// The transpose of [`cut`](Self::cut): adds every number of the patches to where it came from.
    pub(crate) fn add_back(&self, patches: &[f32], sequences: &mut [f32]) {
        let patches = patches.chunks_exact(self.places() * self.patch());
        for (patches, sequence) in patches.zip(sequences.chunks_exact_mut(self.sequence())) {
            for ((first, start, count), patch) in self.runs().zip(patches.chunks_exact(self.patch())) {
                let to = &mut sequence[start..start + count];
                to.iter_mut().zip(&patch[first..first + count]).for_each(|(sum, x)| *sum += x);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_what_the_kernel_covers_and_zeros_beyond_the_ends() {
        let strip = Strip { length: 4, channels: 1, kernel: 3, stride: 1, padding: 1 };
        let mut patches = vec![f32::NAN; 12];
        strip.cut(&[1.0, 2.0, 3.0, 4.0], &mut patches);
        assert_eq!(patches, [0.0, 1.0, 2.0, 1.0, 2.0, 3.0, 2.0, 3.0, 4.0, 3.0, 4.0, 0.0]);
        // A kernel wider than its sequence.
        let strip = Strip { length: 1, channels: 2, kernel: 5, stride: 1, padding: 2 };
        let mut patch = vec![f32::NAN; 10];
        strip.cut(&[1.0, 2.0], &mut patch);
        assert_eq!(patch, [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
    }

    /// `<cut(x), p> = <x, add_back(p)>`.
    #[test]
    fn the_way_back_is_the_transpose() {
        let numbers = |n: usize, step: f32| -> Vec<f32> { (0..n).map(|i| (i as f32 * step).sin()).collect() };
        for (length, kernel, stride, padding) in [(7, 3, 2, 1), (4, 5, 1, 2), (8, 4, 2, 1), (1, 5, 1, 2)] {
            let strip = Strip { length, channels: 3, kernel, stride, padding };
            let sequences = numbers(2 * strip.sequence(), 0.7);
            let patches = numbers(2 * strip.places() * strip.patch(), 1.3);
            let (mut cut, mut back) = (vec![0.0; patches.len()], vec![0.0; sequences.len()]);
            strip.cut(&sequences, &mut cut);
            strip.add_back(&patches, &mut back);
            let dot = |a: &[f32], b: &[f32]| -> f64 {
                a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
            };
            assert!((dot(&cut, &patches) - dot(&sequences, &back)).abs() < 1e-4, "{strip:?}");
        }
    }
}
