//! The autoregressive model of observations.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{
    Adam, AdamConfig, CausalTransformer, D, Device, Mlp, MlpConfig, NnError, Parameter, Parameters, Tensor,
    Var, gaussian,
};

use super::LikelihoodConfig;

/// Standard deviation of the initial embeddings of places and of the beginning (GPT-2's).
const EMBEDDING_STD: f32 = 0.02;

/// Scaled observations in, chances of each next one's tokens out, and of the first one's, of which nothing is
/// known: one token of the transformer per observation, one softmax per component.
pub(super) struct SequenceModel {
    embedding: Mlp,
    /// In place of the observation before the first, `[1, 1, width]`.
    beginning: Parameter,
    /// `[context + 1, width]`.
    position: Parameter,
    transformer: CausalTransformer,
    head: Mlp,
    adam: Adam,
    components: usize,
    bins: usize,
    smoothing: f64,
}

impl SequenceModel {
    pub(super) fn new(
        config: &LikelihoodConfig,
        components: usize,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let (width, context) = (config.transformer.width, config.context);
        let mut linear = |name: &str, inputs, outputs| {
            let shape = MlpConfig { inputs, hidden: Vec::new(), outputs, ..MlpConfig::default() };
            Mlp::new(&format!("likelihood.{name}"), &shape, rng, device)
        };
        let embedding = linear("embedding", components, width)?;
        let head = linear("head", width, components * config.bins)?;
        let mut embedding_of = |name: &str, shape: &[usize]| {
            let mut values = vec![0.0; shape.iter().product()];
            gaussian::standard_normal(rng, &mut values);
            values.iter_mut().for_each(|x| *x *= EMBEDDING_STD);
            Parameter::new(&format!("likelihood.{name}"), shape, values, device)
        };
        let position = embedding_of("position", &[context + 1, width])?;
        let beginning = embedding_of("beginning", &[1, 1, width])?;
        let transformer = CausalTransformer::new("likelihood.transformer", config.transformer, rng, device)?;
        let parts: [&dyn Parameters; 5] = [&embedding, &beginning, &position, &transformer, &head];
        let adam = Adam::new(&parts, AdamConfig { lr: config.learning_rate, ..AdamConfig::default() })?;
        let (bins, smoothing) = (config.bins, f64::from(config.smoothing));
        Ok(Self { embedding, beginning, position, transformer, head, adam, components, bins, smoothing })
    }

    /// One gradient step on stretches `[n, length, obs]` and the tokens of their observations and of the one
    /// after, `[n, length + 1, obs]`; returns the mean negative log-likelihood of a token.
    pub(super) fn learn(
        &mut self,
        inputs: Vec<f32>,
        tokens: Vec<u32>,
        length: usize,
    ) -> Result<f32, NnError> {
        let loss = self.log_likelihood(inputs, tokens, length)?.mean_all()?.neg()?;
        self.adam.backward_step(&loss)?;
        Ok(loss.to_scalar::<f32>()?)
    }

    /// ln p of every token, `[n, length + 1, components]`, after the observations before it.
    pub(super) fn log_likelihood(
        &self,
        inputs: Vec<f32>,
        tokens: Vec<u32>,
        length: usize,
    ) -> Result<Tensor, NnError> {
        let (components, bins, device) = (self.components, self.bins, self.transformer.device());
        let n = inputs.len() / (length * components);
        let width = self.position.var().dim(1)?;
        let inputs = Tensor::from_vec(inputs, (n * length, components), device)?;
        let embedded = self.embedding.forward(&inputs)?.reshape((n, length, width))?;
        let beginning = self.beginning.var().broadcast_as((n, 1, width))?;
        let embedded = Tensor::cat(&[&beginning, &embedded], 1)?;
        let places = length + 1;
        let embedded = embedded.broadcast_add(&self.position.var().narrow(0, 0, places)?)?;
        let output = self.transformer.forward(&embedded)?.output.reshape((n * places, width))?;
        let logits = self.head.forward(&output)?.reshape((n * places * components, bins))?;
        let logits = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?.detach())?.exp()?;
        let chances = logits.broadcast_div(&logits.sum_keepdim(D::Minus1)?)?;
        let tokens = Tensor::from_vec(tokens, (n * places * components, 1), device)?;
        // (1 - e) p + e / bins
        let chosen = chances.gather(&tokens, 1)?;
        let smooth = chosen.affine(1.0 - self.smoothing, self.smoothing / bins as f64)?;
        Ok(smooth.log()?.reshape((n, places, components))?)
    }
}

impl Parameters for SequenceModel {
    fn named(&self) -> Vec<(String, &Var)> {
        let parts: [&dyn Parameters; 5] =
            [&self.embedding, &self.beginning, &self.position, &self.transformer, &self.head];
        parts.into_iter().flat_map(Parameters::named).collect()
    }
}

impl Checkpoint for SequenceModel {
    fn save(&self, out: &mut Writer) {
        telos_nn::weights::save_values(self, out);
        out.part("adam", &self.adam);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        telos_nn::weights::load_values(self, from)?;
        from.part("adam", &mut self.adam)
    }
}
