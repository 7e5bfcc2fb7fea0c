//! Named parameters: copies, target networks, weight files and checkpoints.

use std::{collections::BTreeMap, path::Path};

use candle_core::{CpuStorage, DType, Device, InplaceOp2, Layout, Tensor, Var};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use telos_checkpoint::{CheckpointError, Reader, Writer, atomic_write};

use crate::{NnError, dense, kernels::optimize};

/// Something that owns trainable variables.
pub trait Parameters {
    /// Every variable with its name, always in the same order. Names follow PyTorch:
    /// `actor.0.weight`, `actor.0.bias`, ...
    fn named(&self) -> Vec<(String, &Var)>;
}

impl<T: Parameters + ?Sized> Parameters for &T {
    fn named(&self) -> Vec<(String, &Var)> {
        (**self).named()
    }
}

/// Several modules as one, for a shared optimiser or weight file.
impl Parameters for [&dyn Parameters] {
    fn named(&self) -> Vec<(String, &Var)> {
        self.iter().flat_map(|part| part.named()).collect()
    }
}

impl<const N: usize> Parameters for [&dyn Parameters; N] {
    fn named(&self) -> Vec<(String, &Var)> {
        self.as_slice().named()
    }
}

/// One variable outside any module, such as a temperature or a state-independent log deviation.
#[derive(Debug)]
pub struct Parameter {
    name: String,
    var: Var,
}

impl Parameter {
    /// A variable of the given shape with the given values (row-major).
    ///
    /// # Errors
    /// When the number of values does not fit the shape.
    pub fn new(name: &str, shape: &[usize], values: Vec<f32>, device: &Device) -> Result<Self, NnError> {
        Ok(Self { name: name.into(), var: Var::from_vec(values, shape, device)? })
    }

    /// A variable with equal values in memory of its own.
    ///
    /// # Errors
    /// When the device has no memory left.
    pub fn deep_clone(&self) -> Result<Self, NnError> {
        Ok(Self { name: self.name.clone(), var: Var::from_tensor(&self.var.as_detached_tensor().copy()?)? })
    }

    /// The variable; dereferences to its tensor.
    pub fn var(&self) -> &Var {
        &self.var
    }
}

impl Parameters for Parameter {
    fn named(&self) -> Vec<(String, &Var)> {
        vec![(self.name.clone(), &self.var)]
    }
}

impl telos_checkpoint::Checkpoint for Parameter {
    fn save(&self, out: &mut Writer) {
        save_values(self, out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        load_values(self, from)
    }
}

/// Moves a target network a step towards the online one: `target += tau (online - target)`.
///
/// # Errors
/// When the two differ in the number or shapes of their parameters.
pub fn polyak(
    target: &(impl Parameters + ?Sized),
    online: &(impl Parameters + ?Sized),
    tau: f64,
) -> Result<(), NnError> {
    for (to, from) in pairs("polyak", target, online)? {
        let from = from.as_detached_tensor();
        if to.device().is_cpu() {
            to.inplace_op2(&from, &Polyak(tau as f32))?;
        } else {
            to.set(&(to.as_detached_tensor().affine(1.0 - tau, 0.0)? + from.affine(tau, 0.0)?)?)?;
        }
    }
    Ok(())
}

struct Polyak(f32);

impl InplaceOp2 for Polyak {
    fn name(&self) -> &'static str {
        "polyak"
    }

    fn cpu_fwd(
        &self,
        target: &mut CpuStorage,
        target_layout: &Layout,
        online: &CpuStorage,
        online_layout: &Layout,
    ) -> candle_core::Result<()> {
        let online = dense::floats(online, online_layout)?;
        optimize::polyak(dense::floats_mut(target, target_layout)?, online, self.0);
        Ok(())
    }
}

/// Copies all values of one module into another of the same shape.
///
/// # Errors
/// When the two differ in the number or shapes of their parameters.
pub fn copy(to: &(impl Parameters + ?Sized), from: &(impl Parameters + ?Sized)) -> Result<(), NnError> {
    for (to, from) in pairs("copy", to, from)? {
        to.set(&from.as_detached_tensor())?;
    }
    Ok(())
}

/// Number of trainable scalars.
pub fn count(parameters: &(impl Parameters + ?Sized)) -> usize {
    parameters.named().iter().map(|(_, var)| var.elem_count()).sum()
}

fn pairs<'a>(
    operation: &'static str,
    to: &'a (impl Parameters + ?Sized),
    from: &'a (impl Parameters + ?Sized),
) -> Result<Vec<(&'a Var, &'a Var)>, NnError> {
    let (to, from) = (to.named(), from.named());
    let mismatch = |name: &str, reason: String| NnError::Mismatch { operation, name: name.into(), reason };
    if to.len() != from.len() {
        let longer = if to.len() > from.len() { &to } else { &from };
        let name = &longer[to.len().min(from.len())].0;
        return Err(mismatch(
            name,
            format!("has no partner: {} against {} parameters", to.len(), from.len()),
        ));
    }
    to.into_iter()
        .zip(from)
        .map(|((name, to), (_, from))| {
            if to.dims() == from.dims() {
                Ok((to, from))
            } else {
                Err(mismatch(&name, format!("has shape {:?} against {:?}", to.dims(), from.dims())))
            }
        })
        .collect()
}

/// Writes all parameters as a safetensors file, atomically. Tensors keep their names and have
/// PyTorch's layout: what ends in `.weight` is transposed to `[outputs, inputs]`, for ensembles to
/// `[members, outputs, inputs]`.
///
/// # Errors
/// When the device or the file system refuses.
pub fn save_safetensors(path: &Path, parameters: &(impl Parameters + ?Sized)) -> Result<(), NnError> {
    let refused = |error: safetensors::SafeTensorError| NnError::WeightFile {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let mut columns = Vec::new();
    for (name, var) in parameters.named() {
        let tensor = file_order(&name, &var.as_detached_tensor())?;
        let values: Vec<f32> = tensor.flatten_all()?.to_vec1()?;
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        columns.push((name, tensor.dims().to_vec(), bytes));
    }
    let views: BTreeMap<&str, TensorView<'_>> = columns
        .iter()
        .map(|(name, shape, bytes)| {
            Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(refused)?))
        })
        .collect::<Result<_, NnError>>()?;
    let bytes = safetensors::serialize(views, None).map_err(refused)?;
    Ok(atomic_write(path, &bytes)?)
}

/// Reads all parameters from a file of [`save_safetensors`] or from PyTorch with the same names.
/// Nothing is changed unless every tensor is there and fits; further tensors in the file are ignored.
///
/// # Errors
/// When the file is missing or damaged, or a tensor is missing, not `f32` or of another shape.
pub fn load_safetensors(path: &Path, parameters: &(impl Parameters + ?Sized)) -> Result<(), NnError> {
    let wrong = |reason: String| NnError::WeightFile { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let file = SafeTensors::deserialize(&bytes)
        .map_err(|error| wrong(format!("not a whole safetensors file: {error}")))?;
    let mut loaded = Vec::new();
    for (name, var) in parameters.named() {
        let view = file.tensor(&name).map_err(|_| {
            let found: Vec<&str> = file.names().into_iter().take(8).collect();
            wrong(format!("no tensor `{name}`; the file has {}, ...", found.join(", ")))
        })?;
        let expected = file_order(&name, &var.as_detached_tensor())?.dims().to_vec();
        if view.dtype() != Dtype::F32 || view.shape() != expected {
            let (dtype, shape) = (view.dtype(), view.shape());
            return Err(wrong(format!("`{name}` is {dtype:?} {shape:?}, the model needs F32 {expected:?}")));
        }
        let values =
            view.data().chunks_exact(4).map(|c| f32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect();
        let tensor = Tensor::from_vec::<_, f32>(values, expected, var.device())?;
        loaded.push((var, file_order(&name, &tensor)?));
    }
    loaded.iter().try_for_each(|(var, tensor)| var.set(tensor))?;
    Ok(())
}

/// All tensors of a safetensors file as 32-bit floats, by name, in the layout of the file.
///
/// # Errors
/// When the file is missing or damaged.
pub fn read_safetensors(path: &Path, device: &Device) -> Result<BTreeMap<String, Tensor>, NnError> {
    let tensors = candle_core::safetensors::load(path, device)?;
    tensors.into_iter().map(|(name, tensor)| Ok((name, tensor.to_dtype(DType::F32)?))).collect()
}

/// As [`read_safetensors`], of a file with these contents.
///
/// # Errors
/// When the contents are damaged.
pub fn parse_safetensors(contents: &[u8], device: &Device) -> Result<BTreeMap<String, Tensor>, NnError> {
    let tensors = candle_core::safetensors::load_buffer(contents, device)?;
    tensors.into_iter().map(|(name, tensor)| Ok((name, tensor.to_dtype(DType::F32)?))).collect()
}

/// The contents of a safetensors file of these tensors, in half precision and as they are laid out.
///
/// # Errors
/// When the device refuses.
pub fn half_safetensors(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, NnError> {
    let columns: Vec<(&String, &[usize], Vec<u8>)> = tensors
        .iter()
        .map(|(name, tensor)| {
            let halves = tensor.detach().flatten_all()?.to_dtype(DType::F16)?.to_vec1::<half::f16>()?;
            Ok((name, tensor.dims(), halves.iter().flat_map(|half| half.to_le_bytes()).collect()))
        })
        .collect::<Result<_, NnError>>()?;
    let refused = |error: safetensors::SafeTensorError| NnError::WeightFile {
        path: "model.safetensors".into(),
        reason: error.to_string(),
    };
    let views: BTreeMap<&str, TensorView<'_>> = columns
        .iter()
        .map(|(name, shape, bytes)| {
            Ok((name.as_str(), TensorView::new(Dtype::F16, shape.to_vec(), bytes).map_err(refused)?))
        })
        .collect::<Result<_, NnError>>()?;
    safetensors::serialize(views, None).map_err(refused)
}

/// Turns the matrices of linear layers between our order and that of files; its own inverse.
fn file_order(name: &str, tensor: &Tensor) -> candle_core::Result<Tensor> {
    match tensor.rank() {
        rank @ 2.. if name.ends_with(".weight") => tensor.transpose(rank - 2, rank - 1)?.contiguous(),
        _ => Ok(tensor.clone()),
    }
}

/// Writes every parameter under its name into a checkpoint.
///
/// # Panics
/// When the device cannot be read any more, which leaves nothing to save.
pub fn save_values(parameters: &(impl Parameters + ?Sized), out: &mut Writer) {
    for (name, var) in parameters.named() {
        out.f32s(&name, &values_of(var).expect("parameters are f32 and their device is readable"));
    }
}

/// Restores what [`save_values`] wrote.
///
/// # Errors
/// When a name or length differs.
pub fn load_values(
    parameters: &(impl Parameters + ?Sized),
    from: &mut Reader<'_>,
) -> Result<(), CheckpointError> {
    for (name, var) in parameters.named() {
        let mut values = vec![0.0; var.elem_count()];
        from.f32s(&name, &mut values)?;
        Tensor::from_vec(values, var.shape(), var.device())
            .and_then(|tensor| var.set(&tensor))
            .map_err(|error| from.wrong(&name, &error.to_string()))?;
    }
    Ok(())
}

fn values_of(var: &Var) -> candle_core::Result<Vec<f32>> {
    var.as_detached_tensor().flatten_all()?.to_dtype(DType::F32)?.to_vec1()
}
