//! The temporal U-Net of Diffusion Policy (Chi et al. 2023, arXiv:2303.04137, section 3.1, after Janner et al.
//! 2022, "Planning with Diffusion for Flexible Behavior Synthesis", arXiv:2205.09991).
//!
//! Convolutions along time at several resolutions: on the way down each level halves the length, on the way up
//! it is doubled again, and what each level saw on the way down is put beside it. Every residual block is
//!
//! `h = silu(norm(conv(x)))`,   `h = h (1 + scale(c)) + shift(c)`,   `y = silu(norm(conv(h))) + residual(x)`
//!
//! with scale and shift linear in `silu(c)`, the condition (FiLM; the authors leave out the 1, which starts from
//! features near zero).

use candle_core::{Device, Tensor, Var};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

use crate::{
    Activation, Init, NnError, Parameters,
    group_norm::{GroupNorm, modulate},
    linear::{Linear, Weights},
    temporal_convolution::TemporalConvolution,
};

/// Sizes of a [`TemporalUnet`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TemporalUnetConfig {
    /// Channels of each level, from the full length down; multiples of `groups`. Every level after the first
    /// halves the length. Default `[64, 128, 256]` (the paper: 256, 512, 1024).
    pub channels: Vec<usize>,
    /// Steps that a convolution sees, odd. Default 5 (the paper).
    pub kernel: usize,
    /// Groups of channels that are normalised together. Default 8 (the paper).
    pub groups: usize,
}

impl Default for TemporalUnetConfig {
    fn default() -> Self {
        Self { channels: vec![64, 128, 256], kernel: 5, groups: 8 }
    }
}

impl TemporalUnetConfig {
    /// Lengths must be a multiple of this.
    pub fn shortest(&self) -> usize {
        1 << (self.channels.len().max(1) - 1)
    }
}

/// A network from sequences `[b, length, inputs]` and a condition `[b, conditions]` to `[b, length, inputs]`.
#[derive(Debug)]
pub struct TemporalUnet {
    name: String,
    inputs: usize,
    conditions: usize,
    shortest: usize,
    /// Two blocks of each level on the way down; all but the last end in a halving.
    down: Vec<(Block, Block, Option<TemporalConvolution>)>,
    middle: [Block; 2],
    /// Two blocks and a doubling, from the lowest level up.
    up: Vec<(Block, Block, TemporalConvolution)>,
    last: TemporalConvolution,
    last_norm: GroupNorm,
    head: Linear,
    device: Device,
}

/// A residual block.
#[derive(Debug)]
struct Block {
    first: TemporalConvolution,
    first_norm: GroupNorm,
    /// From the condition to scales and shifts.
    film: Linear,
    second: TemporalConvolution,
    second_norm: GroupNorm,
    /// Where the number of channels changes.
    residual: Option<Linear>,
}

impl TemporalUnet {
    /// Draws the weights from `rng`, uniform in `±1/sqrt(inputs)` of each layer.
    ///
    /// # Errors
    /// When a size makes no sense.
    pub fn new(
        name: &str,
        config: &TemporalUnetConfig,
        (inputs, conditions): (usize, usize),
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let TemporalUnetConfig { channels, kernel, groups } = config;
        let (kernel, groups) = (*kernel, *groups);
        let whole = groups > 0 && channels.iter().all(|c| *c > 0 && c.is_multiple_of(groups));
        if channels.is_empty() || !whole || kernel.is_multiple_of(2) || inputs == 0 || conditions == 0 {
            let reason = format!(
                "channels {channels:?} must be multiples of groups {groups}, at least one level, kernel {kernel} \
                 odd, and inputs {inputs} and conditions {conditions} at least 1"
            );
            return Err(NnError::Config { module: name.into(), reason });
        }
        let block = |widths: (usize, usize), rng: &mut Xoshiro256PlusPlus| {
            Block::new(widths, conditions, (kernel, groups), rng, device)
        };
        let levels = channels.len();
        let mut down = Vec::with_capacity(levels);
        for (level, &width) in channels.iter().enumerate() {
            let before = if level == 0 { inputs } else { channels[level - 1] };
            let (first, second) = (block((before, width), rng)?, block((width, width), rng)?);
            let halves = (level + 1 < levels)
                .then(|| TemporalConvolution::new((width, width), (3, 2), rng, device))
                .transpose()?;
            down.push((first, second, halves));
        }
        let bottom = channels[levels - 1];
        let middle = [block((bottom, bottom), rng)?, block((bottom, bottom), rng)?];
        let mut up = Vec::with_capacity(levels - 1);
        for pair in channels.windows(2).rev() {
            let (above, below) = (pair[0], pair[1]);
            let (first, second) = (block((2 * below, above), rng)?, block((above, above), rng)?);
            up.push((first, second, TemporalConvolution::doubling(above, rng, device)?));
        }
        let top = channels[0];
        Ok(Self {
            name: name.into(),
            inputs,
            conditions,
            shortest: config.shortest(),
            down,
            middle,
            up,
            last: TemporalConvolution::new((top, top), (kernel, 1), rng, device)?,
            last_norm: GroupNorm::new(top, groups, device)?,
            head: Linear::new(None, (top, inputs), Init::FanIn, true, rng, device)?,
            device: device.clone(),
        })
    }

    /// `[b, length, inputs]`, with gradients to the weights and to tracked inputs. The length must be a multiple
    /// of [`TemporalUnetConfig::shortest`].
    ///
    /// # Errors
    /// When an input has another shape.
    pub fn forward(&self, x: &Tensor, condition: &Tensor) -> Result<Tensor, NnError> {
        self.run(x, condition, Weights::Trained)
    }

    /// As [`forward`](Self::forward), with the same values, but gradients reach the inputs only; with untracked
    /// inputs there is no graph at all.
    ///
    /// # Errors
    /// When an input has another shape.
    pub fn forward_frozen(&self, x: &Tensor, condition: &Tensor) -> Result<Tensor, NnError> {
        self.run(x, condition, Weights::Frozen)
    }

    /// Where the weights live.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// A network with equal weights in memory of its own.
    ///
    /// # Errors
    /// When the device has no memory left.
    pub fn deep_clone(&self) -> Result<Self, NnError> {
        let down = self.down.iter().map(|(first, second, halves)| {
            let halves = halves.as_ref().map(TemporalConvolution::deep_clone).transpose()?;
            Ok((first.deep_clone()?, second.deep_clone()?, halves))
        });
        let up = self.up.iter().map(|(first, second, doubles)| {
            Ok((first.deep_clone()?, second.deep_clone()?, doubles.deep_clone()?))
        });
        Ok(Self {
            name: self.name.clone(),
            down: down.collect::<candle_core::Result<_>>()?,
            middle: [self.middle[0].deep_clone()?, self.middle[1].deep_clone()?],
            up: up.collect::<candle_core::Result<_>>()?,
            last: self.last.deep_clone()?,
            last_norm: self.last_norm.deep_clone()?,
            head: self.head.deep_clone()?,
            device: self.device.clone(),
            ..*self
        })
    }

    fn run(&self, x: &Tensor, condition: &Tensor, weights: Weights) -> Result<Tensor, NnError> {
        let wrong = |what, tensor: &Tensor, expected: String| NnError::Shape {
            module: self.name.clone(),
            what,
            found: tensor.dims().to_vec(),
            expected,
        };
        let fits = |length: usize| length > 0 && length.is_multiple_of(self.shortest);
        let &[b, length, _] = x.dims() else {
            return Err(wrong("the sequence", x, format!("[batch, length, {}]", self.inputs)));
        };
        if !fits(length) || x.dims()[2] != self.inputs {
            let expected = format!("[batch, a multiple of {}, {}]", self.shortest, self.inputs);
            return Err(wrong("the sequence", x, expected));
        }
        if condition.dims() != [b, self.conditions] {
            return Err(wrong("the condition", condition, format!("[{b}, {}]", self.conditions)));
        }
        let condition = Activation::Silu.apply(condition)?;
        let mut x = x.clone();
        let mut seen = Vec::with_capacity(self.down.len());
        for (first, second, halves) in &self.down {
            x = second.forward(&first.forward(&x, &condition, weights)?, &condition, weights)?;
            seen.push(x.clone());
            if let Some(halves) = halves {
                x = halves.forward(&x, weights)?;
            }
        }
        for block in &self.middle {
            x = block.forward(&x, &condition, weights)?;
        }
        for (first, second, doubles) in &self.up {
            let beside = seen.pop().expect("there are more levels down than up");
            x = first.forward(&Tensor::cat(&[&x, &beside], 2)?, &condition, weights)?;
            x = doubles.forward(&second.forward(&x, &condition, weights)?, weights)?;
        }
        x = self.last_norm.forward(&self.last.forward(&x, weights)?, weights)?;
        Ok(by_steps(&self.head, &x, weights)?)
    }
}

/// A linear layer on every step of `[b, length, channels]`.
fn by_steps(layer: &Linear, x: &Tensor, weights: Weights) -> candle_core::Result<Tensor> {
    let (b, length, channels) = x.dims3()?;
    let rows = x.reshape((b * length, channels))?;
    layer.forward(&rows, Activation::Identity, weights)?.reshape((b, length, ()))
}

impl Block {
    fn new(
        (inputs, outputs): (usize, usize),
        conditions: usize,
        (kernel, groups): (usize, usize),
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let linear = |widths, rng: &mut _| Linear::new(None, widths, Init::FanIn, false, rng, device);
        Ok(Self {
            first: TemporalConvolution::new((inputs, outputs), (kernel, 1), rng, device)?,
            first_norm: GroupNorm::new(outputs, groups, device)?,
            film: linear((conditions, 2 * outputs), rng)?,
            second: TemporalConvolution::new((outputs, outputs), (kernel, 1), rng, device)?,
            second_norm: GroupNorm::new(outputs, groups, device)?,
            residual: (inputs != outputs).then(|| linear((inputs, outputs), rng)).transpose()?,
        })
    }

    fn forward(&self, x: &Tensor, condition: &Tensor, weights: Weights) -> candle_core::Result<Tensor> {
        let h = self.first_norm.forward(&self.first.forward(x, weights)?, weights)?;
        let h = modulate(&h, &self.film.forward(condition, Activation::Identity, weights)?)?;
        let h = self.second_norm.forward(&self.second.forward(&h, weights)?, weights)?;
        match &self.residual {
            Some(residual) => h + by_steps(residual, x, weights)?,
            None => h + x,
        }
    }

    fn deep_clone(&self) -> candle_core::Result<Self> {
        Ok(Self {
            first: self.first.deep_clone()?,
            first_norm: self.first_norm.deep_clone()?,
            film: self.film.deep_clone()?,
            second: self.second.deep_clone()?,
            second_norm: self.second_norm.deep_clone()?,
            residual: self.residual.as_ref().map(Linear::deep_clone).transpose()?,
        })
    }

    fn named<'a>(&'a self, name: &str, all: &mut Vec<(String, &'a Var)>) {
        let mut part = |part: &str, weight, bias| both(&format!("{name}.{part}"), weight, bias, all);
        part("conv1", &self.first.weight, &self.first.bias);
        part("norm1", &self.first_norm.gain, &self.first_norm.bias);
        part("film", &self.film.weight, &self.film.bias);
        part("conv2", &self.second.weight, &self.second.bias);
        part("norm2", &self.second_norm.gain, &self.second_norm.bias);
        if let Some(residual) = &self.residual {
            part("residual", &residual.weight, &residual.bias);
        }
    }
}

/// A layer's weight and bias under its name.
fn both<'a>(name: &str, weight: &'a Var, bias: &'a Var, all: &mut Vec<(String, &'a Var)>) {
    all.push((format!("{name}.weight"), weight));
    all.push((format!("{name}.bias"), bias));
}

impl Parameters for TemporalUnet {
    fn named(&self) -> Vec<(String, &Var)> {
        let (name, mut all) = (&self.name, Vec::new());
        for (level, (first, second, halves)) in self.down.iter().enumerate() {
            first.named(&format!("{name}.down.{level}.0"), &mut all);
            second.named(&format!("{name}.down.{level}.1"), &mut all);
            if let Some(halves) = halves {
                both(&format!("{name}.down.{level}.halve"), &halves.weight, &halves.bias, &mut all);
            }
        }
        for (at, block) in self.middle.iter().enumerate() {
            block.named(&format!("{name}.middle.{at}"), &mut all);
        }
        for (level, (first, second, doubles)) in self.up.iter().enumerate() {
            first.named(&format!("{name}.up.{level}.0"), &mut all);
            second.named(&format!("{name}.up.{level}.1"), &mut all);
            both(&format!("{name}.up.{level}.double"), &doubles.weight, &doubles.bias, &mut all);
        }
        both(&format!("{name}.last"), &self.last.weight, &self.last.bias, &mut all);
        both(&format!("{name}.last_norm"), &self.last_norm.gain, &self.last_norm.bias, &mut all);
        both(&format!("{name}.head"), &self.head.weight, &self.head.bias, &mut all);
        all
    }
}
