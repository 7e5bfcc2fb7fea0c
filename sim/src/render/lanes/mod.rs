//! Arithmetic on several pixels at once.
//!
//! All inner loops of the renderer are written once, for any [`Lanes`], and compiled twice: for single
//! `f32`s, and for the eight lanes of AVX2, chosen at run time. Both round every operation alike (no
//! fused multiply-add, no approximate reciprocals), so a picture has the same bits on every machine.

#[cfg(target_arch = "x86_64")]
mod avx2;

use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

use super::frame::Frame;

/// A few `f32`s that are computed in step.
///
/// Every method must be `#[inline(always)]`, and so must everything between these and
/// [`draw`]: a function of its own would be compiled without AVX2.
pub(super) trait Lanes:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// One truth value per lane.
    type Mask: Mask;
    /// Number of lanes.
    const COUNT: usize;

    /// The same value in every lane. As with the other constructors, `self` only names the kind.
    fn splat(self, value: f32) -> Self;
    /// 0, 1, 2, ...
    fn places(self) -> Self;
    /// The first values of a slice.
    fn load(self, from: &[f32]) -> Self;
    /// Writes to the start of a slice.
    fn store(self, to: &mut [f32]);
    fn sqrt(self) -> Self;
    fn abs(self) -> Self;
    fn floor(self) -> Self;
    /// The smaller one; `other` where either is NaN.
    fn min(self, other: Self) -> Self;
    /// The larger one; `other` where either is NaN.
    fn max(self, other: Self) -> Self;
    fn lt(self, other: Self) -> Self::Mask;
    fn eq(self, other: Self) -> Self::Mask;
    /// `self` where the mask holds, `other` elsewhere.
    fn or(self, mask: Self::Mask, other: Self) -> Self;
}

/// One truth value per lane.
pub(super) trait Mask:
    Copy + BitAnd<Output = Self> + BitOr<Output = Self> + Not<Output = Self>
{
    /// Bit `i` is lane `i`.
    fn bits(self) -> u32;

    /// Whether any lane holds.
    #[inline(always)]
    fn any(self) -> bool {
        self.bits() != 0
    }

    /// Whether all lanes hold.
    #[inline(always)]
    fn all(self) -> bool {
        !(!self).any()
    }
}

/// Draws a frame with the widest lanes that this machine has.
pub(super) fn draw(frame: &mut Frame<'_>) {
    #[cfg(target_arch = "x86_64")]
    if avx2::draw(frame) {
        return;
    }
    frame.draw(0f32);
}

impl Lanes for f32 {
    type Mask = bool;
    const COUNT: usize = 1;

    #[inline(always)]
    fn splat(self, value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn places(self) -> Self {
        0.0
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> Self {
        from[0]
    }

    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        to[0] = self;
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        f32::sqrt(self)
    }

    #[inline(always)]
    fn abs(self) -> Self {
        f32::abs(self)
    }

    #[inline(always)]
    fn floor(self) -> Self {
        f32::floor(self)
    }

    // The comparisons of x86's minps and maxps, which differ from `f32::min` where one side is NaN.
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        if self < other { self } else { other }
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        if self > other { self } else { other }
    }

    #[inline(always)]
    fn lt(self, other: Self) -> bool {
        self < other
    }

    #[inline(always)]
    fn eq(self, other: Self) -> bool {
        self == other
    }

    #[inline(always)]
    fn or(self, mask: bool, other: Self) -> Self {
        if mask { self } else { other }
    }
}

impl Mask for bool {
    #[inline(always)]
    fn bits(self) -> u32 {
        u32::from(self)
    }
}
