//! The transformer of both towers: normalised before each part, with attention to all tokens or to
//! those before.

use telos_nn::{D, NnError, Tensor};

use super::{config::TowerConfig, weights::WeightFiles};
use crate::RewardError;

/// The activations that the family uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gelu {
    /// x sigmoid(1.702 x)
    Quick,
    /// x Phi(x)
    Exact,
    /// x Phi(x), by tanh.
    Tanh,
}

impl Gelu {
    pub(super) const NAMES: &str = "`quick_gelu`, `gelu` and `gelu_pytorch_tanh`";

    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "quick_gelu" => Some(Self::Quick),
            "gelu" => Some(Self::Exact),
            "gelu_pytorch_tanh" => Some(Self::Tanh),
            _ => None,
        }
    }

    fn apply(self, x: &Tensor) -> Result<Tensor, NnError> {
        Ok(match self {
            Self::Quick => (x / ((x * -1.702)?.exp()? + 1.0)?)?,
            Self::Exact => x.gelu_erf()?,
            Self::Tanh => x.gelu()?,
        })
    }
}

/// x W^T + b.
pub(super) struct Affine {
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Affine {
    pub(super) fn new(name: &str, weights: &WeightFiles) -> Result<Self, RewardError> {
        let bias = format!("{name}.bias");
        let bias = if weights.has(&bias) { Some(weights.get::<1>(&bias)?) } else { None };
        Self::of(weights.get::<2>(&format!("{name}.weight"))?, bias)
    }

    /// `weight` is `[outputs, inputs]`.
    pub(super) fn of(weight: Tensor, bias: Option<Tensor>) -> Result<Self, RewardError> {
        Ok(Self { weight: weight.t()?.contiguous()?, bias })
    }

    pub(super) fn outputs(&self) -> usize {
        self.weight.dims()[1]
    }

    /// `[.., inputs]` to `[.., outputs]`.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor, NnError> {
        let mut shape = x.dims().to_vec();
        let width = shape.pop().unwrap_or(1);
        shape.push(self.outputs());
        let y = x.reshape(((), width))?.matmul(&self.weight)?.reshape(shape)?;
        Ok(match &self.bias {
            Some(bias) => y.broadcast_add(bias)?,
            None => y,
        })
    }
}

/// Each token to mean 0 and deviation 1, then scaled and shifted.
pub(super) struct Norm {
    weight: Tensor,
    bias: Tensor,
    epsilon: f64,
}

impl Norm {
    pub(super) fn new(name: &str, epsilon: f64, weights: &WeightFiles) -> Result<Self, RewardError> {
        let part = |part: &str| weights.get::<1>(&format!("{name}.{part}"));
        Ok(Self { weight: part("weight")?, bias: part("bias")?, epsilon })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor, NnError> {
        let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let deviation = (centred.sqr()?.mean_keepdim(D::Minus1)? + self.epsilon)?.sqrt()?;
        Ok(centred.broadcast_div(&deviation)?.broadcast_mul(&self.weight)?.broadcast_add(&self.bias)?)
    }
}

/// Several queries at once look for what matters to them.
pub(super) struct Attention {
    query: Affine,
    key: Affine,
    value: Affine,
    out: Affine,
    heads: usize,
}

impl Attention {
    fn new(name: &str, heads: usize, weights: &WeightFiles) -> Result<Self, RewardError> {
        let part = |part: &str| Affine::new(&format!("{name}.{part}"), weights);
        Self::of([part("q_proj")?, part("k_proj")?, part("v_proj")?, part("out_proj")?], heads, name, weights)
    }

    pub(super) fn of(
        [query, key, value, out]: [Affine; 4],
        heads: usize,
        name: &str,
        weights: &WeightFiles,
    ) -> Result<Self, RewardError> {
        let width = query.outputs();
        if heads == 0 || !width.is_multiple_of(heads) {
            return Err(weights.wrong(format!("`{name}` has width {width}, no multiple of {heads} heads")));
        }
        Ok(Self { query, key, value, out, heads })
    }

    /// `[batch, tokens, width]` as `[batch, heads, tokens, width / heads]`.
    fn split(&self, x: &Tensor) -> Result<Tensor, NnError> {
        let (batch, tokens, width) = x.dims3()?;
        Ok(x.reshape((batch, tokens, self.heads, width / self.heads))?.transpose(1, 2)?.contiguous()?)
    }

    /// Tokens `from` look at tokens `at`; `mask` is added to the scores.
    pub(super) fn forward(
        &self,
        from: &Tensor,
        at: &Tensor,
        mask: Option<&Tensor>,
    ) -> Result<Tensor, NnError> {
        let (batch, tokens, width) = from.dims3()?;
        let scale = ((width / self.heads) as f64).sqrt().recip();
        let query = self.split(&(self.query.forward(from)? * scale)?)?;
        let (key, value) = (self.split(&self.key.forward(at)?)?, self.split(&self.value.forward(at)?)?);
        let mut scores = query.matmul(&key.transpose(2, 3)?.contiguous()?)?;
        if let Some(mask) = mask {
            scores = scores.broadcast_add(mask)?;
        }
        // The largest score is only there for the exponential's range: no gradient belongs to it.
        let raised = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?.detach())?.exp()?;
        let shares = raised.broadcast_div(&raised.sum_keepdim(D::Minus1)?)?;
        let seen = shares.matmul(&value)?.transpose(1, 2)?.reshape((batch, tokens, width))?;
        self.out.forward(&seen)
    }
}

/// Two layers with an activation between.
pub(super) struct FeedForward {
    first: Affine,
    second: Affine,
    gelu: Gelu,
}

impl FeedForward {
    pub(super) fn new(name: &str, gelu: Gelu, weights: &WeightFiles) -> Result<Self, RewardError> {
        let part = |part: &str| Affine::new(&format!("{name}.{part}"), weights);
        Ok(Self { first: part("fc1")?, second: part("fc2")?, gelu })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor, NnError> {
        self.second.forward(&self.gelu.apply(&self.first.forward(x)?)?)
    }
}

struct Layer {
    before_attention: Norm,
    attention: Attention,
    before_feed_forward: Norm,
    feed_forward: FeedForward,
}

/// The layers of a tower.
pub(super) struct Transformer(Vec<Layer>);

impl Transformer {
    /// Reads `{tower}.encoder.layers.*`.
    pub(super) fn new(tower: &str, config: TowerConfig, weights: &WeightFiles) -> Result<Self, RewardError> {
        let layer = |index: usize| -> Result<Layer, RewardError> {
            let name = |part: &str| format!("{tower}.encoder.layers.{index}.{part}");
            Ok(Layer {
                before_attention: Norm::new(&name("layer_norm1"), config.norm_epsilon, weights)?,
                attention: Attention::new(&name("self_attn"), config.heads, weights)?,
                before_feed_forward: Norm::new(&name("layer_norm2"), config.norm_epsilon, weights)?,
                feed_forward: FeedForward::new(&name("mlp"), config.gelu, weights)?,
            })
        };
        Ok(Self((0..config.layers).map(layer).collect::<Result<_, _>>()?))
    }

    /// `x` is `[batch, tokens, width]`; `mask` is added to the scores of attention.
    pub(super) fn forward(&self, x: Tensor, mask: Option<&Tensor>) -> Result<Tensor, NnError> {
        self.0.iter().try_fold(x, |x, layer| {
            let normal = layer.before_attention.forward(&x)?;
            let x = (x + layer.attention.forward(&normal, &normal, mask)?)?;
            let fed = layer.feed_forward.forward(&layer.before_feed_forward.forward(&x)?)?;
            Ok((x + fed)?)
        })
    }
}

/// Rows scaled to length 1.
pub(super) fn unit_length(x: &Tensor) -> Result<Tensor, NnError> {
    Ok(x.broadcast_div(&x.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?)?)
}
