//! The autoregressive model of observations.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{
    Adam, AdamConfig, CausalTransformer, D, Device, Mlp, MlpConfig, NnError, Parameter, Parameters, Tensor,
    Var, gaussian,
};

use super::LikelihoodConfig;

/// Standard deviation of the initial position embedding (GPT-2's).
const POSITION_STD: f32 = 0.02;

/// Scaled observations in, chances of the next one's tokens out: one token of the transformer per
/// observation, one softmax per component.
pub(super) struct SequenceModel {
    embedding: Mlp,
    /// `[context, width]`.
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
        let mut position = vec![0.0; context * width];
        gaussian::standard_normal(rng, &mut position);
        position.iter_mut().for_each(|x| *x *= POSITION_STD);
        let position = Parameter::new("likelihood.position", &[context, width], position, device)?;
        let transformer = CausalTransformer::new("likelihood.transformer", config.transformer, rng, device)?;
        let parts: [&dyn Parameters; 4] = [&embedding, &position, &transformer, &head];
        let adam = Adam::new(&parts, AdamConfig { lr: config.learning_rate, ..AdamConfig::default() })?;
        let (bins, smoothing) = (config.bins, f64::from(config.smoothing));
        Ok(Self { embedding, position, transformer, head, adam, components, bins, smoothing })
    }

    /// One gradient step on stretches `[n, length, obs]` and the tokens that follow each of their
    /// observations; returns the mean negative log-likelihood of a token.
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

    /// ln p of every token, `[n, length, components]`, after the observations up to its place.
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
        let embedded = embedded.broadcast_add(&self.position.var().narrow(0, 0, length)?)?;
        let output = self.transformer.forward(&embedded)?.output.reshape((n * length, width))?;
        let logits = self.head.forward(&output)?.reshape((n * length * components, bins))?;
        let logits = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?.detach())?.exp()?;
        let chances = logits.broadcast_div(&logits.sum_keepdim(D::Minus1)?)?;
        let tokens = Tensor::from_vec(tokens, (n * length * components, 1), device)?;
        // (1 - e) p + e / bins
        let chosen = chances.gather(&tokens, 1)?;
        let smooth = chosen.affine(1.0 - self.smoothing, self.smoothing / bins as f64)?;
        Ok(smooth.log()?.reshape((n, length, components))?)
    }
}

impl Parameters for SequenceModel {
    fn named(&self) -> Vec<(String, &Var)> {
        let parts: [&dyn Parameters; 4] = [&self.embedding, &self.position, &self.transformer, &self.head];
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
