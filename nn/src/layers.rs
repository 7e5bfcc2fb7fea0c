//! The stack of layers that a single network and an ensemble share.

use std::cell::RefCell;

use candle_core::{Device, Tensor, Var};
use rand_xoshiro::Xoshiro256PlusPlus;

pub(crate) use crate::linear::Weights;
use crate::{Activation, MlpConfig, NnError, layer_norm::LayerNorm, linear::Linear};

thread_local! {
    /// Hidden activations of [`Layers::infer`], kept so that acting in an environment allocates nothing.
    static HIDDEN: RefCell<[Vec<f32>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

#[derive(Debug)]
pub(crate) struct Layers {
    name: String,
    members: Option<usize>,
    /// Widths from input to output.
    widths: Vec<usize>,
    activation: Activation,
    output_activation: Activation,
    layers: Vec<Linear>,
    /// Of each hidden layer, or none at all.
    norms: Vec<LayerNorm>,
    device: Device,
}

impl Layers {
    pub(crate) fn new(
        name: &str,
        members: Option<usize>,
        config: &MlpConfig,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let mut widths = vec![config.inputs];
        widths.extend(&config.hidden);
        widths.push(config.outputs);
        if widths.contains(&0) || members == Some(0) {
            return Err(NnError::Config {
                module: name.into(),
                reason: format!("widths {widths:?} and members {members:?} must all be at least 1"),
            });
        }
        let last = widths.len() - 2;
        let layers = widths
            .windows(2)
            .enumerate()
            .map(|(i, pair)| Linear::new(members, (pair[0], pair[1]), config.init, i == last, rng, device))
            .collect::<Result<_, _>>()?;
        let normalized: &[usize] = if config.layer_norm { &config.hidden } else { &[] };
        let norms = normalized
            .iter()
            .map(|width| LayerNorm::new(members, *width, device))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            name: name.into(),
            members,
            widths,
            activation: config.activation,
            output_activation: config.output_activation,
            layers,
            norms,
            device: device.clone(),
        })
    }

    pub(crate) fn forward(&self, x: &Tensor, weights: Weights) -> Result<Tensor, NnError> {
        let fits = match (self.members, x.dims()) {
            (_, [_, inputs]) => *inputs == self.inputs(),
            (Some(n), [members, _, inputs]) => *members == n && *inputs == self.inputs(),
            _ => false,
        };
        if !fits {
            let inputs = self.inputs();
            return Err(NnError::Shape {
                module: self.name.clone(),
                what: "the input",
                found: x.dims().to_vec(),
                expected: match self.members {
                    None => format!("[batch, {inputs}]"),
                    Some(n) => format!("[batch, {inputs}] or [{n}, batch, {inputs}]"),
                },
            });
        }
        let mut hidden = x.clone();
        for (i, layer) in self.layers.iter().enumerate() {
            hidden = match self.norms.get(i) {
                None => layer.forward(&hidden, self.activation_of(i), weights)?,
                Some(norm) => {
                    let sums = layer.forward(&hidden, Activation::Identity, weights)?;
                    norm.forward(&sums, self.activation_of(i), weights)?
                }
            };
        }
        Ok(hidden)
    }

    pub(crate) fn infer(&self, input: &[f32], rows: usize, output: &mut [f32]) -> Result<(), NnError> {
        let members = self.members.unwrap_or(1);
        let shared = input.len() == rows * self.inputs();
        let wrong = |what, found: usize, expected: String| NnError::Shape {
            module: self.name.clone(),
            what,
            found: vec![found],
            expected,
        };
        if !shared && input.len() != members * rows * self.inputs() {
            return Err(wrong("the input slice", input.len(), format!("[{rows} x {}]", self.inputs())));
        }
        if output.len() != members * rows * self.outputs() {
            let expected = format!("[{members} x {rows} x {}]", self.outputs());
            return Err(wrong("the output slice", output.len(), expected));
        }
        if !self.device.is_cpu() {
            let shape = if shared { vec![rows, self.inputs()] } else { vec![members, rows, self.inputs()] };
            let x = Tensor::from_slice(input, shape, &self.device)?;
            output.copy_from_slice(&self.forward(&x, Weights::Frozen)?.flatten_all()?.to_vec1::<f32>()?);
            return Ok(());
        }
        if rows == 0 {
            return Ok(());
        }
        let one = input.len() / if shared { 1 } else { members };
        HIDDEN.with_borrow_mut(|[front, back]| {
            for (member, output) in output.chunks_exact_mut(rows * self.outputs()).enumerate() {
                let input = &input[if shared { 0 } else { member * one }..][..one];
                for (i, layer) in self.layers.iter().enumerate() {
                    let x = if i == 0 { input } else { &front[..rows * self.widths[i]] };
                    let y = if i + 1 == self.layers.len() {
                        &mut *output
                    } else {
                        let size = rows * self.widths[i + 1];
                        back.resize(back.len().max(size), 0.0);
                        &mut back[..size]
                    };
                    match self.norms.get(i) {
                        None => layer.infer(member, x, rows, self.activation_of(i), y)?,
                        Some(norm) => {
                            layer.infer(member, x, rows, Activation::Identity, y)?;
                            norm.infer(member, y, self.activation_of(i))?;
                        }
                    }
                    std::mem::swap(front, back);
                }
            }
            Ok(())
        })
    }

    pub(crate) fn named(&self) -> Vec<(String, &Var)> {
        let mut named = Vec::new();
        for (i, layer) in self.layers.iter().enumerate() {
            named.push((format!("{}.{i}.weight", self.name), &layer.weight));
            named.push((format!("{}.{i}.bias", self.name), &layer.bias));
            if let Some(norm) = self.norms.get(i) {
                named.push((format!("{}.{i}.norm.gain", self.name), &norm.gain));
                named.push((format!("{}.{i}.norm.bias", self.name), &norm.bias));
            }
        }
        named
    }

    pub(crate) fn deep_clone(&self) -> Result<Self, NnError> {
        Ok(Self {
            name: self.name.clone(),
            members: self.members,
            widths: self.widths.clone(),
            activation: self.activation,
            output_activation: self.output_activation,
            layers: self.layers.iter().map(Linear::deep_clone).collect::<Result<_, _>>()?,
            norms: self.norms.iter().map(LayerNorm::deep_clone).collect::<Result<_, _>>()?,
            device: self.device.clone(),
        })
    }

    /// An ensemble of copies of some members.
    pub(crate) fn select(&self, members: &[usize]) -> Result<Self, NnError> {
        let indices = Tensor::from_iter(members.iter().map(|i| *i as u32), &self.device)?;
        Ok(Self {
            name: self.name.clone(),
            members: Some(members.len()),
            widths: self.widths.clone(),
            activation: self.activation,
            output_activation: self.output_activation,
            layers: self.layers.iter().map(|layer| layer.select(&indices)).collect::<Result<_, _>>()?,
            norms: self.norms.iter().map(|norm| norm.select(&indices)).collect::<Result<_, _>>()?,
            device: self.device.clone(),
        })
    }

    pub(crate) fn members(&self) -> Option<usize> {
        self.members
    }

    pub(crate) fn inputs(&self) -> usize {
        self.widths[0]
    }

    pub(crate) fn outputs(&self) -> usize {
        self.widths[self.widths.len() - 1]
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    fn activation_of(&self, layer: usize) -> Activation {
        if layer + 1 == self.layers.len() { self.output_activation } else { self.activation }
    }
}
