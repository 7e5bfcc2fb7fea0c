//! Loops compiled for the instruction set of the machine they run on.

use pulp::{Arch, Simd, WithSimd};

/// Runs `body` on `arguments` inside a function compiled for AVX-512, AVX2 or the baseline, whichever is
/// the best here, so that the compiler turns its loops into vectors of that width.
///
/// `body` must carry `#[inline(always)]`, and so must what it calls. It is an `Fn` that takes its slices
/// as arguments, rather than an `FnOnce` that captures them, because calling a closure through a trait
/// other than its own goes by a function that is not always inlined, and then runs without vectors.
#[inline(always)]
pub(crate) fn vectorized<A, R, F: Fn(A) -> R>(arguments: A, body: F) -> R {
    Arch::new().dispatch(Loop { arguments, body })
}

struct Loop<A, F> {
    arguments: A,
    body: F,
}

impl<A, R, F: Fn(A) -> R> WithSimd for Loop<A, F> {
    type Output = R;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> R {
        (self.body)(self.arguments)
    }
}
