//! The numbers behind contiguous CPU tensors, and operations on them.

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Storage, Tensor, bail,
};

/// A contiguous tensor that takes part in an operation.
#[derive(Clone, Copy)]
pub(crate) struct Dense<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) dims: &'a [usize],
}

impl<'a> Dense<'a> {
    fn of(storage: &'a CpuStorage, layout: &'a Layout) -> Result<Self> {
        Ok(Self { values: floats(storage, layout)?, dims: layout.dims() })
    }
}

/// A function of `N` contiguous CPU tensors and its gradient; [`Fused`] is the tensor library's operation.
pub(crate) trait Kernel<const N: usize>: Send + Sync {
    /// For messages of the tensor library.
    const NAME: &'static str;

    /// # Errors
    /// When shapes do not fit together.
    fn value(&self, inputs: [Dense<'_>; N]) -> Result<(Vec<f32>, Shape)>;

    /// What `grad`, the gradient by `value`, is by each input; anything at all for those that nobody wants.
    ///
    /// # Errors
    /// When shapes do not fit together.
    fn gradient(
        &self,
        inputs: [Dense<'_>; N],
        value: &[f32],
        grad: &[f32],
        wanted: [bool; N],
    ) -> Result<[Vec<f32>; N]>;
}

/// An operation of the tensor library.
pub(crate) struct Fused<K>(pub(crate) K);

impl<K> Fused<K> {
    fn forward<const N: usize>(&self, inputs: [Dense<'_>; N]) -> Result<(CpuStorage, Shape)>
    where
        K: Kernel<N>,
    {
        let (value, shape) = self.0.value(inputs)?;
        Ok((CpuStorage::F32(value), shape))
    }

    fn backward<const N: usize>(
        &self,
        inputs: [&Tensor; N],
        value: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; N]>
    where
        K: Kernel<N>,
    {
        // Gradients of sums, means and transposes arrive with strides.
        let grad = grad.contiguous()?;
        let wanted = inputs.map(Tensor::track_op);
        let gradients = with_floats(inputs, |values| {
            let dense = std::array::from_fn(|i| Dense { values: values[i], dims: inputs[i].dims() });
            with_floats([value, &grad], |[value, grad]| self.0.gradient(dense, value, grad, wanted))
        })???;
        let mut tensors = [const { None }; N];
        for ((tensor, input), gradient) in tensors.iter_mut().zip(inputs).zip(gradients) {
            if input.track_op() {
                *tensor = Some(Tensor::from_vec(gradient, input.shape(), input.device())?);
            }
        }
        Ok(tensors)
    }
}

impl<K: Kernel<1>> CustomOp1 for Fused<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_layout: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward([Dense::of(x, x_layout)?])
    }

    fn bwd(&self, x: &Tensor, value: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let [gradient] = self.backward([x], value, grad)?;
        Ok(gradient)
    }
}

impl<K: Kernel<2>> CustomOp2 for Fused<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward([Dense::of(a, a_layout)?, Dense::of(b, b_layout)?])
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        value: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        self.backward([a, b], value, grad).map(<(Option<Tensor>, Option<Tensor>)>::from)
    }
}

impl<K: Kernel<3>> CustomOp3 for Fused<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
        c: &CpuStorage,
        c_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward([Dense::of(a, a_layout)?, Dense::of(b, b_layout)?, Dense::of(c, c_layout)?])
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        c: &Tensor,
        value: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        self.backward([a, b, c], value, grad).map(<(Option<Tensor>, Option<Tensor>, Option<Tensor>)>::from)
    }
}

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
