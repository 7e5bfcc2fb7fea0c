//! Matrix products on one thread.
//!
//! This file has `unsafe` code: the `gemm` crate takes raw pointers, and outputs are left
//! uninitialised until `gemm` has written them, which saves a pass over every result. The safe
//! functions here check all extents first; the tests cover empty, single and odd sizes.

use std::mem::MaybeUninit;

use gemm::Parallelism;

/// A borrowed matrix with strides.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A row-major matrix.
    ///
    /// # Panics
    /// When `data` has another length than `rows * columns`.
    pub(crate) fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(data.len(), rows * columns, "a {rows} x {columns} matrix");
        Self { data, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The transpose, without moving anything.
    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// `out = a b`, row-major.
///
/// # Panics
/// When the sizes do not fit.
pub(crate) fn multiply(a: Matrix<'_>, b: Matrix<'_>, out: &mut [f32]) {
    run(a, b, out.as_mut_ptr(), out.len(), false);
}

/// `out += a b`, row-major.
///
/// # Panics
/// When the sizes do not fit.
pub(crate) fn multiply_add(a: Matrix<'_>, b: Matrix<'_>, out: &mut [f32]) {
    run(a, b, out.as_mut_ptr(), out.len(), true);
}

/// The products of `n` pairs, row-major, one after the other.
///
/// # Panics
/// When a pair does not fit together or has another output size than the first.
pub(crate) fn products<'a>(n: usize, pair: impl Fn(usize) -> (Matrix<'a>, Matrix<'a>)) -> Vec<f32> {
    let Some((rows, columns)) = (n > 0).then(|| (pair(0).0.rows, pair(0).1.columns)) else {
        return Vec::new();
    };
    let size = rows * columns;
    let mut out: Vec<f32> = Vec::with_capacity(n * size);
    let spare: &mut [MaybeUninit<f32>] = &mut out.spare_capacity_mut()[..n * size];
    for i in 0..n {
        let (a, b) = pair(i);
        let part = &mut spare[i * size..][..size];
        run(a, b, part.as_mut_ptr().cast(), part.len(), false);
    }
    // SAFETY: the loop wrote every element: `run` asserts that part `i` has the size of product `i`,
    // and `gemm` without `read_dst` writes each element of its output.
    unsafe { out.set_len(n * size) };
    out
}

/// With `add` false, `out` may be uninitialised.
fn run(a: Matrix<'_>, b: Matrix<'_>, out: *mut f32, length: usize, add: bool) {
    assert_eq!(a.columns, b.rows, "inner sizes of a product");
    assert_eq!(length, a.rows * b.columns, "output of a {} x {} product", a.rows, b.columns);
    for m in [&a, &b] {
        assert_eq!(m.data.len(), m.rows * m.columns, "extent of a factor");
    }
    let stride = |s: usize| isize::try_from(s).expect("slices are at most isize::MAX long");
    // SAFETY: `Matrix` is built row-major over exactly `rows * columns` numbers and at most
    // transposed, so all reads lie inside its slice; `out` is valid for `a.rows * b.columns` writes and,
    // when it is read (`add`), comes from an initialised slice; a `&mut` output overlaps no factor.
    unsafe {
        gemm::gemm(
            a.rows,
            b.columns,
            a.columns,
            out,
            1,
            stride(b.columns),
            add,
            a.data.as_ptr(),
            stride(a.column_stride),
            stride(a.row_stride),
            b.data.as_ptr(),
            stride(b.column_stride),
            stride(b.row_stride),
            1.0_f32,
            1.0_f32,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(a: Matrix<'_>, b: Matrix<'_>) -> Vec<f64> {
        let at =
            |m: &Matrix<'_>, r: usize, c: usize| f64::from(m.data[r * m.row_stride + c * m.column_stride]);
        (0..a.rows * b.columns)
            .map(|i| (0..a.columns).map(|k| at(&a, i / b.columns, k) * at(&b, k, i % b.columns)).sum())
            .collect()
    }

    fn numbers(n: usize, seed: u32) -> Vec<f32> {
        (0..n as u32).map(|i| ((i * 37 + seed * 101) % 64) as f32 / 32.0 - 1.0).collect()
    }

    fn check(m: usize, k: usize, n: usize) {
        let (left, right) = (numbers(m * k, 1), numbers(k * n, 2));
        for (a, b) in [
            (Matrix::new(&left, m, k), Matrix::new(&right, k, n)),
            (Matrix::new(&left, k, m).transposed(), Matrix::new(&right, k, n)),
            (Matrix::new(&left, m, k), Matrix::new(&right, n, k).transposed()),
            (Matrix::new(&left, k, m).transposed(), Matrix::new(&right, n, k).transposed()),
        ] {
            let exact = naive(a, b);
            let fresh = products(2, |_| (a, b));
            let mut overwritten = vec![f32::NAN; m * n];
            multiply(a, b, &mut overwritten);
            let mut added = vec![1.0; m * n];
            multiply_add(a, b, &mut added);
            for i in 0..m * n {
                assert!((f64::from(fresh[i]) - exact[i]).abs() < 1e-4, "{m}x{k}x{n} at {i}");
                assert_eq!(fresh[i].to_bits(), fresh[m * n + i].to_bits());
                assert_eq!(fresh[i].to_bits(), overwritten[i].to_bits());
                assert!((f64::from(added[i]) - 1.0 - exact[i]).abs() < 1e-4, "{m}x{k}x{n} at {i}");
            }
        }
    }

    #[test]
    fn empty_single_and_odd_sizes() {
        for m in [0, 1, 2, 17] {
            for k in [0, 1, 3, 33] {
                for n in [0, 1, 5, 49] {
                    check(m, k, n);
                }
            }
        }
        assert!(products(0, |_| unreachable!("there is no pair")).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn agrees_with_the_definition(m in 0usize..70, k in 0usize..300, n in 0usize..70) {
            check(m, k, n);
        }
    }

    #[test]
    #[should_panic(expected = "inner sizes")]
    fn refuses_factors_that_do_not_fit() {
        let data = numbers(6, 1);
        multiply(Matrix::new(&data, 2, 3), Matrix::new(&data, 2, 3), &mut [0.0; 6]);
    }
}
