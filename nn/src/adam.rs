//! The Adam optimiser.

use candle_core::{CpuStorage, InplaceOp2, Layout, Tensor, Var, backprop::GradStore};
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use crate::{
    NnError, Parameters, dense,
    kernels::optimize::{self, MomentStep, ParameterStep},
};

/// Step sizes of [`Adam`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdamConfig {
    /// Learning rate; default 3e-4 (Haarnoja et al., arXiv:1812.05905, table 1).
    pub lr: f64,
    /// Decay of the first moment; default 0.9 (Kingma and Ba, arXiv:1412.6980, algorithm 1).
    pub beta1: f64,
    /// Decay of the second moment; default 0.999 (same).
    pub beta2: f64,
    /// Added to the root of the second moment; default 1e-8 (same).
    pub eps: f64,
    /// Decoupled weight decay, `p -= lr * weight_decay * p` (AdamW, arXiv:1711.05101); default 0.
    pub weight_decay: f64,
    /// Scales all gradients so that their joint Euclidean norm is at most this; default none.
    pub max_grad_norm: Option<f64>,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { lr: 3e-4, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, max_grad_norm: None }
    }
}

/// One optimised variable: its name, the variable and both moments as `[2, elements]`.
#[derive(Debug)]
struct Slot {
    name: String,
    var: Var,
    moments: Var,
}

/// Adam with bias correction (Kingma and Ba, arXiv:1412.6980, algorithm 1), decoupled weight decay
/// and clipping of the joint gradient norm.
///
/// A variable without a gradient is left alone, moments included, as in PyTorch.
#[derive(Debug)]
pub struct Adam {
    config: AdamConfig,
    steps: u64,
    slots: Vec<Slot>,
}

impl Adam {
    /// An optimiser of all variables of a module or of several (`[&actor as &dyn Parameters, &critic]`).
    ///
    /// # Errors
    /// When a configured number is out of range.
    pub fn new(parameters: &(impl Parameters + ?Sized), config: AdamConfig) -> Result<Self, NnError> {
        let sound = config.lr >= 0.0
            && (0.0..1.0).contains(&config.beta1)
            && (0.0..1.0).contains(&config.beta2)
            && config.eps >= 0.0
            && config.weight_decay >= 0.0
            && config.max_grad_norm.is_none_or(|norm| norm > 0.0);
        if !sound {
            let reason = format!("{config:?}: rates must not be negative and betas must lie in [0, 1)");
            return Err(NnError::Config { module: "adam".into(), reason });
        }
        let slots = parameters
            .named()
            .into_iter()
            .map(|(name, var)| {
                let moments = Var::zeros((2, var.elem_count()), var.dtype(), var.device())?;
                Ok(Slot { name, var: var.clone(), moments })
            })
            .collect::<Result<_, NnError>>()?;
        Ok(Self { config, steps: 0, slots })
    }

    /// Takes a step along the gradients and returns their joint Euclidean norm before clipping.
    ///
    /// # Errors
    /// [`NnError::NotFinite`] when a gradient is; nothing is changed then.
    pub fn step(&mut self, gradients: &GradStore) -> Result<f64, NnError> {
        let pairs: Vec<(&Slot, &Tensor)> = self
            .slots
            .iter()
            .filter_map(|slot| gradients.get(slot.var.as_tensor()).map(|gradient| (slot, gradient)))
            .collect();
        let mut sum = 0.0;
        for (_, gradient) in &pairs {
            sum += sum_of_squares(gradient)?;
        }
        let norm = sum.sqrt();
        if !norm.is_finite() {
            return Err(NnError::NotFinite { norm });
        }
        let scale = match self.config.max_grad_norm {
            Some(limit) if norm > limit => limit / norm,
            _ => 1.0,
        };
        let update = Update::new(&self.config, self.steps + 1, scale);
        for (Slot { var, moments, .. }, gradient) in pairs {
            if var.device().is_cpu() {
                update.fused(var, moments, gradient)?;
            } else {
                update.composed(var, moments, gradient)?;
            }
        }
        self.steps += 1;
        Ok(norm)
    }

    /// [`step`](Self::step) along the gradients of `loss`, a scalar.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn backward_step(&mut self, loss: &Tensor) -> Result<f64, NnError> {
        self.step(&loss.backward()?)
    }

    /// Changes the learning rate from the next step on. It is not part of the checkpoint: whoever
    /// schedules it sets it again.
    pub fn set_lr(&mut self, lr: f64) {
        self.config.lr = lr;
    }

    /// The present settings.
    pub fn config(&self) -> &AdamConfig {
        &self.config
    }

    /// Forgets both moments and the step count, for instance after a network was drawn again.
    ///
    /// # Errors
    /// When the device refuses.
    pub fn reset(&mut self) -> Result<(), NnError> {
        self.steps = 0;
        Ok(self.slots.iter().try_for_each(|slot| slot.moments.set(&slot.moments.zeros_like()?))?)
    }
}

impl Checkpoint for Adam {
    fn save(&self, out: &mut Writer) {
        out.value("steps", &self.steps);
        for Slot { name, moments, .. } in &self.slots {
            let values = moments.as_detached_tensor().flatten_all().and_then(|m| m.to_vec1());
            out.f32s(name, &values.expect("moments are f32 and their device is readable"));
        }
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.steps = from.value("steps")?;
        for Slot { name, moments, .. } in &self.slots {
            let mut values = vec![0.0; moments.elem_count()];
            from.f32s(name, &mut values)?;
            Tensor::from_vec(values, moments.shape(), moments.device())
                .and_then(|tensor| moments.set(&tensor))
                .map_err(|error| from.wrong(name, &error.to_string()))?;
        }
        Ok(())
    }
}

fn sum_of_squares(gradient: &Tensor) -> candle_core::Result<f64> {
    if gradient.device().is_cpu() {
        dense::with_floats([&gradient.contiguous()?], |[g]| optimize::sum_of_squares(g))
    } else {
        Ok(f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?))
    }
}

/// One step's numbers, the same for all variables.
struct Update {
    /// `1 - β1`.
    share1: f64,
    /// `1 - β2`.
    share2: f64,
    /// Factor on gradients, from clipping.
    scale: f64,
    /// `lr / (1 - β1^t)`.
    rate: f64,
    /// `1 / sqrt(1 - β2^t)`.
    root_correction: f64,
    eps: f64,
    /// `1 - lr * weight_decay`.
    decay: f64,
}

impl Update {
    fn new(config: &AdamConfig, step: u64, scale: f64) -> Self {
        let AdamConfig { lr, beta1, beta2, eps, weight_decay, .. } = *config;
        let t = step as f64;
        Self {
            share1: 1.0 - beta1,
            share2: 1.0 - beta2,
            scale,
            rate: lr / (1.0 - beta1.powf(t)),
            root_correction: 1.0 / (1.0 - beta2.powf(t)).sqrt(),
            eps,
            decay: 1.0 - lr * weight_decay,
        }
    }

    /// The tensor library lets an operation change one tensor, so the moments go first, from the
    /// gradient, and the variable follows, from the moments.
    fn fused(&self, var: &Var, moments: &Var, gradient: &Tensor) -> candle_core::Result<()> {
        moments.inplace_op2(&gradient.contiguous()?, &FusedMoments(self))?;
        var.inplace_op2(moments, &FusedParameters(self))
    }

    /// The step out of the tensor library's own operations: what devices without our kernels run.
    fn composed(&self, var: &Var, moments: &Var, gradient: &Tensor) -> candle_core::Result<()> {
        let g = gradient.detach().flatten_all()?.affine(self.scale, 0.0)?;
        let old = moments.as_detached_tensor();
        let m = (old.get(0)?.affine(1.0 - self.share1, 0.0)? + g.affine(self.share1, 0.0)?)?;
        let v = (old.get(1)?.affine(1.0 - self.share2, 0.0)? + g.sqr()?.affine(self.share2, 0.0)?)?;
        let denominator = v.sqrt()?.affine(self.root_correction, self.eps)?;
        let direction = m.affine(self.rate, 0.0)?.div(&denominator)?.reshape(var.shape())?;
        moments.set(&Tensor::stack(&[m, v], 0)?)?;
        var.set(&var.as_detached_tensor().affine(self.decay, 0.0)?.sub(&direction)?)
    }
}

/// `m` and `v`, as `[2, elements]`, from the gradient.
struct FusedMoments<'a>(&'a Update);

impl InplaceOp2 for FusedMoments<'_> {
    fn name(&self) -> &'static str {
        "adam-moments"
    }

    fn cpu_fwd(
        &self,
        moments: &mut CpuStorage,
        moments_layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> candle_core::Result<()> {
        let gradient = dense::floats(gradient, gradient_layout)?;
        let (m, v) = dense::floats_mut(moments, moments_layout)?.split_at_mut(gradient.len());
        let Update { share1, share2, scale, .. } = *self.0;
        let step = MomentStep { share1: share1 as f32, share2: share2 as f32, scale: scale as f32 };
        optimize::adam_moments(step, gradient, m, v);
        Ok(())
    }
}

/// The variable, from `m` and `v`.
struct FusedParameters<'a>(&'a Update);

impl InplaceOp2 for FusedParameters<'_> {
    fn name(&self) -> &'static str {
        "adam-parameters"
    }

    fn cpu_fwd(
        &self,
        var: &mut CpuStorage,
        var_layout: &Layout,
        moments: &CpuStorage,
        moments_layout: &Layout,
    ) -> candle_core::Result<()> {
        let p = dense::floats_mut(var, var_layout)?;
        let (m, v) = dense::floats(moments, moments_layout)?.split_at(p.len());
        let step = ParameterStep {
            rate: self.0.rate as f32,
            root_correction: self.0.root_correction as f32,
            eps: self.0.eps as f32,
            decay: self.0.decay as f32,
        };
        optimize::adam_parameters(step, m, v, p);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn both_device_paths_agree() {
        let values = |k: f32| (0..35).map(|i| (i as f32 * k).sin()).collect::<Vec<f32>>();
        let variable = || Var::from_vec(values(0.7), (5, 7), &Device::Cpu).unwrap();
        let moments = || Var::zeros((2, 35), candle_core::DType::F32, &Device::Cpu).unwrap();
        let (ours, our_moments, theirs, their_moments) = (variable(), moments(), variable(), moments());
        let config = AdamConfig { lr: 0.05, weight_decay: 0.1, ..Default::default() };
        for step in 1..=20 {
            // A transposed gradient, as backward may leave behind.
            let gradient = Tensor::from_vec(values(0.1 * step as f32), (7, 5), &Device::Cpu).unwrap();
            let gradient = gradient.t().unwrap();
            let update = Update::new(&config, step, 0.5);
            update.fused(&ours, &our_moments, &gradient).unwrap();
            update.composed(&theirs, &their_moments, &gradient).unwrap();
        }
        for (a, b) in [(&ours, &theirs), (&our_moments, &their_moments)] {
            let flat = |t: &Var| t.as_detached_tensor().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert!(flat(a).iter().zip(flat(b)).all(|(a, b)| (a - b).abs() < 2e-6));
        }
    }
}
