//! The causal transformer.

use candle_core::{D, Device, Shape, Tensor, Var, bail};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use crate::{
    Activation, Init, NnError, Parameters,
    dense::{Dense, Fused, Kernel},
    kernels::attention::Heads,
    layer_norm::LayerNorm,
    linear::{Linear, Weights},
    weights,
};

/// Added to the scores of what a token must not see; its exponential is exactly zero.
const HIDDEN: f32 = -1e9;

/// The inner width of the feed-forward layers over the width of a token (Vaswani et al. 2017, section
/// 3.3: 2048 over 512).
const WIDENING: usize = 4;

/// Sizes of a [`CausalTransformer`]. Defaults are those of the Decision Transformer's Gym experiments
/// (Chen et al. 2021, arXiv:2106.01345, table 9), halved in width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TransformerConfig {
    /// Numbers per token; a multiple of `heads`. Default 64.
    pub width: usize,
    /// Attention heads per layer. Default 1.
    pub heads: usize,
    /// Layers of attention and feed-forward network. Default 3.
    pub layers: usize,
}

impl Default for TransformerConfig {
    fn default() -> Self {
        Self { width: 64, heads: 1, layers: 3 }
    }
}

/// A stack of layers in which each token attends to itself and those before it (Vaswani et al. 2017,
/// "Attention Is All You Need", arXiv:1706.03762), normalised before each part as in GPT-2:
///
/// `x ← x + attention(norm(x))`, `x ← x + W₂ gelu(W₁ norm(x))`, and a last `norm(x)`.
///
/// It knows no positions: whoever embeds the tokens adds them.
///
/// ```
/// use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};
/// use telos_nn::{CausalTransformer, Device, Tensor, TransformerConfig};
///
/// let config = TransformerConfig { width: 4, heads: 2, layers: 1 };
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
/// let model = CausalTransformer::new("model", config, &mut rng, &Device::Cpu)?;
/// let tokens = Tensor::ones((1, 3, 4), telos_nn::DType::F32, &Device::Cpu)?;
/// let attended = model.forward(&tokens)?;
/// // Equal tokens get equal attention: the last one a third each.
/// let last = attended.attention[0].narrow(2, 2, 1)?.flatten_all()?.to_vec1::<f32>()?;
/// assert!(last.iter().all(|share| (share - 1.0 / 3.0).abs() < 1e-6));
/// # Ok::<(), telos_nn::NnError>(())
/// ```
#[derive(Debug)]
pub struct CausalTransformer {
    name: String,
    config: TransformerConfig,
    layers: Vec<Layer>,
    norm: LayerNorm,
    device: Device,
}

/// What a [`CausalTransformer`] makes of a batch of sequences.
#[derive(Debug)]
pub struct Attended {
    /// `[b, tokens, width]`.
    pub output: Tensor,
    /// One per layer, `[b, heads, tokens, tokens]`: how much the token of the row attends to that of
    /// the column. Rows sum to 1; what comes later has 0.
    pub attention: Vec<Tensor>,
}

#[derive(Debug)]
struct Layer {
    attention_norm: LayerNorm,
    /// To queries, keys and values, `[width, 3 width]`.
    query_key_value: Linear,
    projection: Linear,
    forward_norm: LayerNorm,
    widen: Linear,
    narrow: Linear,
}

impl CausalTransformer {
    /// Draws the weights layer by layer from `rng`, uniform in `±1/sqrt(inputs)`.
    ///
    /// # Errors
    /// When a size is zero or the width is no multiple of the heads.
    pub fn new(
        name: &str,
        config: TransformerConfig,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let TransformerConfig { width, heads, layers } = config;
        if width == 0 || heads == 0 || layers == 0 || !width.is_multiple_of(heads) {
            return Err(NnError::Config {
                module: name.into(),
                reason: format!(
                    "width {width} must be a multiple of heads {heads}, and layers {layers} at least 1"
                ),
            });
        }
        let layers =
            (0..layers).map(|_| Layer::new(width, rng, device)).collect::<Result<Vec<_>, NnError>>()?;
        let norm = LayerNorm::new(None, width, device)?;
        Ok(Self { name: name.into(), config, layers, norm, device: device.clone() })
    }

    /// `[b, tokens, width]`, with gradients to the weights and to tracked tokens.
    ///
    /// # Errors
    /// When `tokens` has another shape.
    pub fn forward(&self, tokens: &Tensor) -> Result<Attended, NnError> {
        self.run(tokens, Weights::Trained)
    }

    /// As [`forward`](Self::forward), with the same values, but gradients reach the tokens only.
    ///
    /// # Errors
    /// When `tokens` has another shape.
    pub fn forward_frozen(&self, tokens: &Tensor) -> Result<Attended, NnError> {
        self.run(tokens, Weights::Frozen)
    }

    /// The output of [`forward`](Self::forward) alone, `[b, tokens, width]`: faster, since nobody has to
    /// remember who attended to whom.
    ///
    /// # Errors
    /// When `tokens` has another shape.
    pub fn output(&self, tokens: &Tensor) -> Result<Tensor, NnError> {
        self.run_output(tokens, Weights::Trained)
    }

    /// As [`output`](Self::output), with the same values, but gradients reach the tokens only.
    ///
    /// # Errors
    /// When `tokens` has another shape.
    pub fn output_frozen(&self, tokens: &Tensor) -> Result<Tensor, NnError> {
        self.run_output(tokens, Weights::Frozen)
    }

    /// Where the weights live.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// A model with equal weights in memory of its own.
    ///
    /// # Errors
    /// When the device has no memory left.
    pub fn deep_clone(&self) -> Result<Self, NnError> {
        Ok(Self {
            name: self.name.clone(),
            config: self.config,
            layers: self.layers.iter().map(Layer::deep_clone).collect::<candle_core::Result<_>>()?,
            norm: self.norm.deep_clone()?,
            device: self.device.clone(),
        })
    }

    fn run_output(&self, tokens: &Tensor, weights: Weights) -> Result<Tensor, NnError> {
        if !tokens.device().is_cpu() {
            return Ok(self.run(tokens, weights)?.output);
        }
        self.check(tokens)?;
        let mut x = tokens.clone();
        for layer in &self.layers {
            x = layer.forward_fused(&x, self.config.heads, weights)?;
        }
        Ok(self.norm.forward(&x, Activation::Identity, weights)?)
    }

    /// The number of tokens of a batch that fits.
    fn check(&self, tokens: &Tensor) -> Result<usize, NnError> {
        match *tokens.dims() {
            [_, count, width] if width == self.config.width && count > 0 => Ok(count),
            _ => Err(self.wrong_shape(tokens)),
        }
    }

    fn run(&self, tokens: &Tensor, weights: Weights) -> Result<Attended, NnError> {
        let count = self.check(tokens)?;
        let mask = causal_mask(count, &self.device)?;
        let mut x = tokens.clone();
        let mut attention = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let shares;
            (x, shares) = layer.forward(&x, &mask, self.config.heads, weights)?;
            attention.push(shares);
        }
        Ok(Attended { output: self.norm.forward(&x, Activation::Identity, weights)?, attention })
    }

    fn wrong_shape(&self, tokens: &Tensor) -> NnError {
        NnError::Shape {
            module: self.name.clone(),
            what: "the tokens",
            found: tokens.dims().to_vec(),
            expected: format!("[batch, tokens, {}]", self.config.width),
        }
    }
}

/// `[count, count]`: zero where the token of the row may see that of the column.
fn causal_mask(count: usize, device: &Device) -> candle_core::Result<Tensor> {
    let hidden = (0..count * count).map(|i| if i % count > i / count { HIDDEN } else { 0.0 }).collect();
    Tensor::from_vec::<_, f32>(hidden, (count, count), device)
}

/// Over the last dimension. The largest score is only there for the exponential's range: no gradient
/// belongs to it.
fn softmax(scores: &Tensor) -> candle_core::Result<Tensor> {
    let e = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?.detach())?.exp()?;
    e.broadcast_div(&e.sum_keepdim(D::Minus1)?)
}

impl Layer {
    fn new(width: usize, rng: &mut Xoshiro256PlusPlus, device: &Device) -> Result<Self, NnError> {
        let mut linear =
            |inputs, outputs| Linear::new(None, (inputs, outputs), Init::FanIn, false, rng, device);
        Ok(Self {
            attention_norm: LayerNorm::new(None, width, device)?,
            query_key_value: linear(width, 3 * width)?,
            projection: linear(width, width)?,
            forward_norm: LayerNorm::new(None, width, device)?,
            widen: linear(width, WIDENING * width)?,
            narrow: linear(WIDENING * width, width)?,
        })
    }

    /// `[b, tokens, width]` to the same shape, and the attention `[b, heads, tokens, tokens]`.
    fn forward(
        &self,
        x: &Tensor,
        mask: &Tensor,
        heads: usize,
        weights: Weights,
    ) -> candle_core::Result<(Tensor, Tensor)> {
        let (b, count, width) = x.dims3()?;
        let rows = |x: &Tensor| x.reshape((b * count, ()));
        let size = width / heads;

        let normal = rows(&self.attention_norm.forward(x, Activation::Identity, weights)?)?;
        let qkv = self.query_key_value.forward(&normal, Activation::Identity, weights)?;
        let qkv = qkv.reshape((b, count, 3, heads, size))?.permute((2, 0, 3, 1, 4))?;
        let part = |at: usize| qkv.get(at)?.contiguous();
        let (q, k, v) = (part(0)?, part(1)?, part(2)?);
        let scores = q.matmul(&k.transpose(2, 3)?.contiguous()?)?.affine(1.0 / (size as f64).sqrt(), 0.0)?;
        let attention = softmax(&scores.broadcast_add(mask)?)?;
        let mixed = attention.matmul(&v)?.transpose(1, 2)?.reshape((b * count, width))?;
        Ok((self.after_attention(x, &mixed, weights)?, attention))
    }

    /// The same without the attention, whose scores are not kept.
    fn forward_fused(&self, x: &Tensor, heads: usize, weights: Weights) -> candle_core::Result<Tensor> {
        let (b, count, width) = x.dims3()?;
        let normal = self.attention_norm.forward(x, Activation::Identity, weights)?;
        let normal = normal.reshape((b * count, width))?;
        let qkv = self.query_key_value.forward(&normal, Activation::Identity, weights)?;
        let heads = Heads { tokens: count, heads, size: width / heads };
        self.after_attention(x, &qkv.contiguous()?.apply_op1(Fused(Attention(heads)))?, weights)
    }

    /// What follows, with what the heads mixed, `[b tokens, width]`.
    fn after_attention(&self, x: &Tensor, mixed: &Tensor, weights: Weights) -> candle_core::Result<Tensor> {
        let (b, count, width) = x.dims3()?;
        let mixed = self.projection.forward(mixed, Activation::Identity, weights)?;
        let x = (x + mixed.reshape((b, count, width))?)?;

        let normal = self.forward_norm.forward(&x, Activation::Identity, weights)?;
        let normal = normal.reshape((b * count, width))?;
        let wide = self.widen.forward(&normal, Activation::Gelu, weights)?;
        let narrow = self.narrow.forward(&wide, Activation::Identity, weights)?;
        x + narrow.reshape((b, count, width))?
    }

    fn deep_clone(&self) -> candle_core::Result<Self> {
        Ok(Self {
            attention_norm: self.attention_norm.deep_clone()?,
            query_key_value: self.query_key_value.deep_clone()?,
            projection: self.projection.deep_clone()?,
            forward_norm: self.forward_norm.deep_clone()?,
            widen: self.widen.deep_clone()?,
            narrow: self.narrow.deep_clone()?,
        })
    }

    fn named<'a>(&'a self, name: &str) -> Vec<(String, &'a Var)> {
        let norms = [("norm1", &self.attention_norm), ("norm2", &self.forward_norm)];
        let linears = [
            ("qkv", &self.query_key_value),
            ("projection", &self.projection),
            ("widen", &self.widen),
            ("narrow", &self.narrow),
        ];
        let norms = norms.map(|(part, norm)| (part, &norm.gain, &norm.bias));
        let linears = linears.map(|(part, linear)| (part, &linear.weight, &linear.bias));
        let both = norms.into_iter().chain(linears);
        both.flat_map(|(part, weight, bias)| {
            [(format!("{name}.{part}.weight"), weight), (format!("{name}.{part}.bias"), bias)]
        })
        .collect()
    }
}

/// The heads' mixtures `[rows, width]` from queries, keys and values `[rows, 3 width]` as one CPU operation, which
/// makes the attention anew on the way back.
struct Attention(Heads);

impl Attention {
    fn check(&self, qkv: &[usize]) -> candle_core::Result<(usize, usize)> {
        let width = self.0.heads * self.0.size;
        match *qkv {
            [rows, triple] if triple == 3 * width && rows.is_multiple_of(self.0.tokens) => Ok((rows, width)),
            _ => bail!("attention of {} tokens of {width} numbers met an input {qkv:?}", self.0.tokens),
        }
    }
}

impl Kernel<1> for Attention {
    const NAME: &'static str = "fused-attention";

    fn value(&self, [qkv]: [Dense<'_>; 1]) -> candle_core::Result<(Vec<f32>, Shape)> {
        let shape = self.check(qkv.dims)?;
        Ok((self.0.mix(qkv.values), Shape::from(shape)))
    }

    fn gradient(
        &self,
        [qkv]: [Dense<'_>; 1],
        _: &[f32],
        grad: &[f32],
        _: [bool; 1],
    ) -> candle_core::Result<[Vec<f32>; 1]> {
        Ok([self.0.mix_gradient(qkv.values, grad)])
    }
}

impl Parameters for CausalTransformer {
    fn named(&self) -> Vec<(String, &Var)> {
        let layers = self.layers.iter().enumerate();
        let mut named: Vec<_> =
            layers.flat_map(|(at, layer)| layer.named(&format!("{}.{at}", self.name))).collect();
        named.push((format!("{}.norm.weight", self.name), &self.norm.gain));
        named.push((format!("{}.norm.bias", self.name), &self.norm.bias));
        named
    }
}

impl Checkpoint for CausalTransformer {
    fn save(&self, out: &mut Writer) {
        weights::save_values(self, out);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        weights::load_values(self, from)
    }
}
