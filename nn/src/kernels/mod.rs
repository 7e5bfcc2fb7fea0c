//! The CPU work behind the modules: matrix products and element-wise loops over `f32` slices.
//!
//! Element-wise loops are compiled for AVX-512, AVX2 and the baseline and chosen at run time. They
//! use only correctly rounded operations (fused multiply-add among them) and sum in an order fixed by
//! the source, so their results are the same bits on every path. Matrix products come from the `gemm`
//! crate on one thread: the same bits on the same machine whatever the number of threads around, but
//! not across machines, since `gemm` cuts long sums by cache size.

pub(crate) mod attention;
mod exp;
pub(crate) mod gemm;
pub(crate) mod group;
pub(crate) mod normalize;
pub(crate) mod optimize;
pub(crate) mod patches;
pub(crate) mod pointwise;
pub(crate) mod squash;
pub(crate) mod strip;
mod tanh;
mod vectorized;

pub use exp::{exp, sigmoid, softplus};
pub use tanh::tanh;
