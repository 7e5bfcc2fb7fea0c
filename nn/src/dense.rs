//! The numbers behind contiguous CPU tensors.

use candle_core::{CpuStorage, Layout, Result, Storage, Tensor, bail};

/// The numbers of a contiguous `f32` tensor.
pub(crate) fn floats<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let CpuStorage::F32(values) = storage else {
        bail!("fused operations take f32 tensors; convert with to_dtype(DType::F32)")
    };
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&values[start..end]),
        None => bail!("a fused operation met a strided tensor of layout {layout:?}; call contiguous() first"),
    }
}

/// As [`floats`], for an operation that writes.
pub(crate) fn floats_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    let CpuStorage::F32(values) = storage else {
        bail!("fused operations take f32 tensors; convert with to_dtype(DType::F32)")
    };
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&mut values[start..end]),
        None => bail!("a fused operation met a strided tensor of layout {layout:?}; call contiguous() first"),
    }
}

/// Calls `f` with the numbers of contiguous CPU tensors, without copying them.
pub(crate) fn with_floats<const N: usize, R>(
    tensors: [&Tensor; N],
    f: impl FnOnce([&[f32]; N]) -> R,
) -> Result<R> {
    let held = tensors.map(|tensor| tensor.storage_and_layout());
    let mut slices: [&[f32]; N] = [&[]; N];
    for (slice, (storage, layout)) in slices.iter_mut().zip(&held) {
        let Storage::Cpu(storage) = &**storage else {
            bail!("a CPU operation met a tensor of another device")
        };
        *slice = floats(storage, layout)?;
    }
    Ok(f(slices))
}
