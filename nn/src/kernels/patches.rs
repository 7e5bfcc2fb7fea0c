//! Pictures as matrices of patches, so that a convolution is one product.
//!
//! A picture is `[side, side, channels]`, which makes every row of a patch one run of memory: the copy costs
//! little beside the product.

/// Sizes of a convolution of square pictures by square kernels, without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) side: usize,
    pub(crate) channels: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
}

impl Grid {
    /// Places of the kernel along each side.
    pub(crate) fn places(&self) -> usize {
        (self.side - self.kernel) / self.stride + 1
    }

    /// Patches of one picture.
    pub(crate) fn patches(&self) -> usize {
        self.places() * self.places()
    }

    /// Numbers of a patch, `[kernel, kernel, channels]`.
    pub(crate) fn patch(&self) -> usize {
        self.kernel * self.kernel * self.channels
    }

    /// Numbers of a picture.
    pub(crate) fn picture(&self) -> usize {
        self.side * self.side * self.channels
    }

    /// Where the rows of all patches begin in their picture, patch by patch.
    fn rows(self) -> impl Iterator<Item = usize> {
        let Self { side, channels, kernel, stride } = self;
        let places = self.places();
        (0..places).flat_map(move |y| {
            (0..places).flat_map(move |x| {
                (0..kernel).map(move |row| ((y * stride + row) * side + x * stride) * channels)
            })
        })
    }

    /// The patches `[patches, patch]` of each of the `pictures`, one after the other.
    pub(crate) fn cut(&self, pictures: &[f32], out: &mut [f32]) {
        let run = self.kernel * self.channels;
        let pictures = pictures.chunks_exact(self.picture());
        for (picture, out) in pictures.zip(out.chunks_exact_mut(self.patches() * self.patch())) {
            for (start, out) in self.rows().zip(out.chunks_exact_mut(run)) {
                out.copy_from_slice(&picture[start..start + run]);
            }
        }
    }

    /// The transpose of [`cut`](Self::cut): adds every number of the patches to where it came from.
    pub(crate) fn add_back(&self, patches: &[f32], pictures: &mut [f32]) {
        let run = self.kernel * self.channels;
        let pictures = pictures.chunks_exact_mut(self.picture());
        for (patches, picture) in patches.chunks_exact(self.patches() * self.patch()).zip(pictures) {
            for (start, patch) in self.rows().zip(patches.chunks_exact(run)) {
                for (sum, x) in picture[start..start + run].iter_mut().zip(patch) {
                    *sum += x;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_what_the_kernel_covers() {
        let grid = Grid { side: 5, channels: 1, kernel: 3, stride: 2 };
        let picture: Vec<f32> = (0..25).map(|i| i as f32).collect();
        let mut patches = vec![0.0; 4 * 9];
        grid.cut(&picture, &mut patches);
        assert_eq!(patches[9..18], [2.0, 3.0, 4.0, 7.0, 8.0, 9.0, 12.0, 13.0, 14.0]);
        assert_eq!(patches[27..], [12.0, 13.0, 14.0, 17.0, 18.0, 19.0, 22.0, 23.0, 24.0]);
    }

    /// `<cut(x), p> = <x, add_back(p)>`.
    #[test]
    fn the_way_back_is_the_transpose() {
        let grid = Grid { side: 7, channels: 3, kernel: 3, stride: 2 };
        let numbers = |n: usize, step: f32| -> Vec<f32> { (0..n).map(|i| (i as f32 * step).sin()).collect() };
        let (pictures, patches) = (numbers(2 * grid.picture(), 0.7), numbers(2 * 9 * grid.patch(), 1.3));
        let (mut cut, mut back) = (vec![0.0; patches.len()], vec![0.0; pictures.len()]);
        grid.cut(&pictures, &mut cut);
        grid.add_back(&patches, &mut back);
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        assert!((dot(&cut, &patches) - dot(&pictures, &back)).abs() < 1e-4);
    }
}
