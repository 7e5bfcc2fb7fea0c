//! A world model whose attention says which steps mattered.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{
    Adam, AdamConfig, CausalTransformer, D, Device, Mlp, MlpConfig, NnError, Parameter, Parameters, Tensor,
};

use super::{Behaviour, HindsightConfig, InputScale, StepSizes};
use crate::{RewardError, error::require};

/// Segments whose importance is computed together.
const SEGMENTS: usize = 64;

/// Standard deviation of the initial time embedding (GPT-2's).
const TIME_STD: f32 = 0.02;

/// Predicts `s_{t+1}` from `s_0, a_0, ..., s_t, a_t`: a causal transformer over interleaved
/// observations and actions, learned by the L1 distance.
pub(super) struct WorldModel {
    config: HindsightConfig,
    sizes: StepSizes,
    state: Mlp,
    control: Mlp,
    /// `[segment, width]`: added to both tokens of a step.
    time: Parameter,
    transformer: CausalTransformer,
    prediction: Mlp,
    adam: Adam,
    rng: Xoshiro256PlusPlus,
}

impl WorldModel {
    /// Draws the weights from `rng`.
    ///
    /// # Errors
    /// When segments are too short to predict anything, or the device refuses.
    pub(super) fn new(
        config: HindsightConfig,
        sizes: StepSizes,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, RewardError> {
        let StepSizes { observation, action, segment } = sizes;
        require(segment > 1, "segment", segment, "must be at least 2 steps, so that one predicts the next")?;
        let width = config.transformer.width;
        let mut linear = |name: &str, inputs, outputs| {
            let shape = MlpConfig { inputs, hidden: Vec::new(), outputs, ..MlpConfig::default() };
            Mlp::new(&format!("world.{name}"), &shape, rng, device)
        };
        let (state, control) = (linear("state", observation, width)?, linear("action", action, width)?);
        let prediction = linear("prediction", width, observation)?;
        let mut time = vec![0.0; segment * width];
        telos_nn::gaussian::standard_normal(rng, &mut time);
        time.iter_mut().for_each(|x| *x *= TIME_STD);
        let time = Parameter::new("world.time", &[segment, width], time, device)?;
        let transformer = CausalTransformer::new("world.transformer", config.transformer, rng, device)?;
        let parts: [&dyn Parameters; 5] = [&state, &control, &time, &transformer, &prediction];
        let adam = Adam::new(&parts, AdamConfig { lr: config.learning_rate, ..AdamConfig::default() })?;
        let rng = Xoshiro256PlusPlus::from_rng(rng);
        Ok(Self { config, sizes, state, control, time, transformer, prediction, adam, rng })
    }

    /// Takes the configured number of gradient steps on unjudged segments, and returns the last loss;
    /// `None` when there are no segments of that length.
    pub(super) fn learn(
        &mut self,
        behaviour: &dyn Behaviour,
        scale: &InputScale,
    ) -> Result<Option<f32>, RewardError> {
        let mut last = None;
        for _ in 0..self.config.updates {
            let mut rows = Vec::new();
            for _ in 0..self.config.batch {
                if !behaviour.draw(self.sizes.segment, &mut self.rng, &mut rows) {
                    return Ok(last);
                }
            }
            let mut inputs = Vec::with_capacity(rows.len());
            scale.extend(&rows, &mut inputs);
            let loss = self.loss(&self.steps(inputs)?)?;
            self.adam.backward_step(&loss)?;
            last = Some(loss.to_scalar::<f32>().map_err(NnError::from)?);
        }
        Ok(last)
    }

    /// How much each step of a segment mattered for how it went on, `[n, segment]`, each row summing to
    /// 1, of standardised segments `[n, segment, obs + act]`: the attention of the last action, averaged
    /// over heads and layers, to a step's observation and action together.
    pub(super) fn importance(&self, segments: &[f32]) -> Result<Vec<f32>, RewardError> {
        let StepSizes { segment, .. } = self.sizes;
        let size = segment * self.sizes.width();
        let mut importance = Vec::with_capacity(segments.len() / size * segment);
        for chunk in segments.chunks(SEGMENTS * size) {
            let shares = self.last_attention(&self.steps(chunk.to_vec())?)?;
            importance.extend(shares.flatten_all().and_then(|x| x.to_vec1::<f32>()).map_err(NnError::from)?);
        }
        Ok(importance)
    }

    /// `[n, segment, obs + act]`.
    fn steps(&self, values: Vec<f32>) -> Result<Tensor, NnError> {
        let (segment, width) = (self.sizes.segment, self.sizes.width());
        let n = values.len() / (segment * width);
        Ok(Tensor::from_vec(values, (n, segment, width), self.transformer.device())?)
    }

    /// Tokens `[n, 2 segment, width]`, observation and action in turn.
    fn tokens(&self, steps: &Tensor) -> Result<Tensor, NnError> {
        let n = steps.dim(0)?;
        let StepSizes { observation, action, segment } = self.sizes;
        let width = self.config.transformer.width;
        let embed = |network: &Mlp, from, count| -> Result<Tensor, NnError> {
            let rows = steps.narrow(2, from, count)?.reshape((n * segment, count))?;
            let rows = network.forward(&rows)?.reshape((n, segment, width))?;
            Ok(rows.broadcast_add(self.time.var())?)
        };
        let state = embed(&self.state, 0, observation)?;
        let action = embed(&self.control, observation, action)?;
        Ok(Tensor::stack(&[state, action], 2)?.reshape((n, 2 * segment, width))?)
    }

    /// Mean L1 distance of the predicted to the standardised next observations.
    fn loss(&self, steps: &Tensor) -> Result<Tensor, NnError> {
        let n = steps.dim(0)?;
        let StepSizes { observation, segment, .. } = self.sizes;
        let width = self.config.transformer.width;
        let output = self.transformer.forward(&self.tokens(steps)?)?.output;
        // What follows the last step is not part of the segment.
        let after_action = output.reshape((n, segment, 2, width))?.narrow(2, 1, 1)?.squeeze(2)?;
        let known = after_action.narrow(1, 0, segment - 1)?.reshape((n * (segment - 1), width))?;
        let predicted = self.prediction.forward(&known)?;
        let next = steps.narrow(1, 1, segment - 1)?.narrow(2, 0, observation)?;
        let next = next.reshape((n * (segment - 1), observation))?;
        Ok((predicted - next)?.abs()?.mean_all()?)
    }

    /// `[n, segment]`.
    fn last_attention(&self, steps: &Tensor) -> Result<Tensor, NnError> {
        let (n, segment, _) = steps.dims3()?;
        let tokens = self.tokens(steps)?.detach();
        let layers = self.transformer.forward_frozen(&tokens)?.attention;
        let last = layers
            .iter()
            .map(|layer| layer.narrow(2, 2 * segment - 1, 1)?.squeeze(2)?.mean(1))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Tensor::stack(&last, 0)?.mean(0)?.reshape((n, segment, 2))?.sum(D::Minus1)?)
    }
}

impl Checkpoint for WorldModel {
    fn save(&self, out: &mut Writer) {
        out.part("state", &self.state);
        out.part("control", &self.control);
        out.part("time", &self.time);
        out.part("transformer", &self.transformer);
        out.part("prediction", &self.prediction);
        out.part("adam", &self.adam);
        out.value("rng", &self.rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("state", &mut self.state)?;
        from.part("control", &mut self.control)?;
        from.part("time", &mut self.time)?;
        from.part("transformer", &mut self.transformer)?;
        from.part("prediction", &mut self.prediction)?;
        from.part("adam", &mut self.adam)?;
        self.rng = from.value("rng")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use telos_nn::TransformerConfig;

    use super::*;

    const SIZES: StepSizes = StepSizes { observation: 2, action: 1, segment: 8 };

    /// Segments in which one step shows a sign, and whatever is done afterwards is echoed with it.
    struct Cued;

    impl Cued {
        /// Draws a segment, and says at which step the sign was.
        fn segment(rng: &mut Xoshiro256PlusPlus, out: &mut Vec<f32>) -> usize {
            let cue = rng.random_range(0..5_u64) as usize;
            let mut sign = || if rng.random() { 1.0 } else { -1.0 };
            let shown = sign();
            let mut echo = 0.0;
            for step in 0..SIZES.segment {
                let action = sign();
                out.extend([if step == cue { shown } else { 0.0 }, echo, action]);
                echo = if step >= cue { shown * action } else { 0.0 };
            }
            cue
        }
    }

    impl Behaviour for Cued {
        fn draw(&self, _steps: usize, rng: &mut Xoshiro256PlusPlus, out: &mut Vec<f32>) -> bool {
            Self::segment(rng, out);
            true
        }
    }

    #[test]
    fn what_the_future_hangs_on_is_important() {
        let transformer = TransformerConfig { width: 32, heads: 1, layers: 1 };
        let config = HindsightConfig {
            updates: 400,
            batch: 32,
            learning_rate: 3e-3,
            transformer,
            ..Default::default()
        };
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut model = WorldModel::new(config, SIZES, &mut rng, &Device::Cpu).unwrap();
        let scale = InputScale::identity(SIZES.width());
        let (mut segments, mut cues) = (Vec::new(), Vec::new());
        for _ in 0..100 {
            cues.push(Cued::segment(&mut rng, &mut segments));
        }
        let of_cues = |model: &WorldModel| {
            let importance = model.importance(&segments).unwrap();
            let rows = importance.chunks_exact(SIZES.segment);
            rows.clone().for_each(|row| assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4));
            rows.zip(&cues).map(|(row, cue)| row[*cue]).sum::<f32>() / cues.len() as f32
        };
        let before = of_cues(&model);
        let loss = model.learn(&Cued, &scale).unwrap().unwrap();
        let after = of_cues(&model);
        // One step of eight, at first, and then the one that counts.
        assert!(before < 0.2 && after > 0.4, "{before} before, {after} after, loss {loss}");
    }
}
