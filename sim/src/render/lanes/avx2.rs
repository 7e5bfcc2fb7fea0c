//! Eight lanes of AVX2.

use std::{
    arch::x86_64::__m256,
    ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub},
};

use pulp::{Simd, WithSimd, cast, f32x8, m32x8, x86::V3};

use super::{Frame, Lanes, Mask};

/// Eight `f32`s, with the proof that this machine has AVX2.
#[derive(Clone, Copy)]
struct Eight {
    avx2: V3,
    values: f32x8,
}

/// Eight truth values, each all ones or all zeros.
#[derive(Clone, Copy)]
struct EightMask {
    avx2: V3,
    values: m32x8,
}

/// Draws a frame, unless this machine has no AVX2: then returns false.
pub(super) fn draw(frame: &mut Frame<'_>) -> bool {
    struct Draw<'a, 'f> {
        avx2: V3,
        frame: &'a mut Frame<'f>,
    }

    impl WithSimd for Draw<'_, '_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            self.frame.draw(Eight { avx2: self.avx2, values: self.avx2.splat_f32x8(0.0) });
        }
    }

    let Some(avx2) = V3::try_new() else { return false };
    Simd::vectorize(avx2, Draw { avx2, frame });
    true
}

impl Eight {
    #[inline(always)]
    fn with(self, values: f32x8) -> Self {
        Self { avx2: self.avx2, values }
    }

    #[inline(always)]
    fn mask(self, values: m32x8) -> EightMask {
        EightMask { avx2: self.avx2, values }
    }
}

macro_rules! operators {
    ($($operator:ident, $name:ident, $avx2:ident;)*) => {$(
        impl $operator for Eight {
            type Output = Self;

            #[inline(always)]
            fn $name(self, other: Self) -> Self {
                self.with(self.avx2.$avx2(self.values, other.values))
            }
        }
    )*};
}

operators! {
    Add, add, add_f32x8;
    Sub, sub, sub_f32x8;
    Mul, mul, mul_f32x8;
    Div, div, div_f32x8;
}

impl Neg for Eight {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        self.with(self.avx2.xor_f32x8(self.values, self.avx2.splat_f32x8(-0.0)))
    }
}

impl Lanes for Eight {
    type Mask = EightMask;
    const COUNT: usize = 8;

    #[inline(always)]
    fn splat(self, value: f32) -> Self {
        self.with(self.avx2.splat_f32x8(value))
    }

    #[inline(always)]
    fn places(self) -> Self {
        self.with(f32x8(0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0))
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> Self {
        let chunk: &[f32; 8] = from.first_chunk().expect("rows are padded to whole packets");
        self.with(cast(*chunk))
    }

    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        let chunk: &mut [f32; 8] = to.first_chunk_mut().expect("rows are padded to whole packets");
        *chunk = cast(self.values);
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.with(self.avx2.sqrt_f32x8(self.values))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        self.with(self.avx2.abs_f32x8(self.values))
    }

    #[inline(always)]
    fn floor(self) -> Self {
        self.with(self.avx2.floor_f32x8(self.values))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.with(self.avx2.min_f32x8(self.values, other.values))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.with(self.avx2.max_f32x8(self.values, other.values))
    }

    #[inline(always)]
    fn lt(self, other: Self) -> EightMask {
        self.mask(self.avx2.cmp_lt_f32x8(self.values, other.values))
    }

    #[inline(always)]
    fn eq(self, other: Self) -> EightMask {
        self.mask(self.avx2.cmp_eq_f32x8(self.values, other.values))
    }

    #[inline(always)]
    fn or(self, mask: EightMask, other: Self) -> Self {
        self.with(self.avx2.select_f32x8(mask.values, self.values, other.values))
    }
}

impl EightMask {
    #[inline(always)]
    fn with(self, values: m32x8) -> Self {
        Self { avx2: self.avx2, values }
    }
}

impl BitAnd for EightMask {
    type Output = Self;

    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        self.with(self.avx2.and_m32x8(self.values, other.values))
    }
}

impl BitOr for EightMask {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        self.with(self.avx2.or_m32x8(self.values, other.values))
    }
}

impl Not for EightMask {
    type Output = Self;

    #[inline(always)]
    fn not(self) -> Self {
        self.with(self.avx2.not_m32x8(self.values))
    }
}

impl Mask for EightMask {
    #[inline(always)]
    fn bits(self) -> u32 {
        let values: __m256 = cast(self.values);
        self.avx2.avx._mm256_movemask_ps(values) as u32
    }
}
