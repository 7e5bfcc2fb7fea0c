//! How a policy sees stacks of pictures: by the encoder of DrQ, and while it learns through random shifts
//! (Kostrikov et al. 2020, arXiv 2004.13649).

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::StackShape;
use telos_nn::{Device, NnError, Parameters, PixelEncoder, PixelScratch, Tensor, Var};

use crate::{AgentError, DrqConfig, random_shift::Shift};

/// An encoder of stacks `[frames, side, side, 3]` of levels from 0 to 255, with the memory it needs.
#[derive(Debug)]
pub struct Sight {
    shape: StackShape,
    device: Device,
    encoder: PixelEncoder,
    bytes: Vec<u8>,
    pictures: Vec<f32>,
    features: Vec<f32>,
    scratch: PixelScratch,
}

impl Sight {
    /// An encoder with weights drawn from `rng`, the names of which begin with `name`.
    ///
    /// # Errors
    /// When the configuration is wrong, the pictures are too small for it, or the device refuses.
    pub fn new(
        name: &str,
        config: &DrqConfig,
        shape: StackShape,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, AgentError> {
        config.validate()?;
        let picture = (shape.side, 3 * shape.frames);
        Ok(Self {
            shape,
            device: device.clone(),
            encoder: PixelEncoder::new(name, &config.network(), picture, rng, device)?,
            bytes: Vec::new(),
            pictures: Vec::new(),
            features: Vec::new(),
            scratch: PixelScratch::default(),
        })
    }

    /// Numbers of a stack.
    pub fn observation_size(&self) -> usize {
        self.shape.size()
    }

    /// Numbers that stand for a stack.
    pub fn features(&self) -> usize {
        self.encoder.features()
    }

    /// Features `[rows, features]` of pictures that were [shifted](Self::shifted); with gradients to the weights.
    ///
    /// # Errors
    /// When `pictures` has another shape.
    pub(crate) fn forward(&self, pictures: &Tensor) -> Result<Tensor, NnError> {
        self.encoder.forward(pictures)
    }

    /// As [`forward`](Self::forward), without a graph.
    ///
    /// # Errors
    /// When `pictures` has another shape.
    pub(crate) fn forward_frozen(&self, pictures: &Tensor) -> Result<Tensor, NnError> {
        self.encoder.forward_frozen(pictures)
    }

    /// A column of stacks, each shifted by at most `pad` pixels, as `[rows, side, side, 3 frames]`.
    ///
    /// # Errors
    /// When the column has another length, or the device refuses.
    pub(crate) fn shifted(
        &self,
        stacks: &[u8],
        rows: usize,
        pad: u32,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<Tensor, AgentError> {
        let size = self.shape.size();
        AgentError::check_length("obs", stacks.len(), rows * size)?;
        let mut pictures = vec![0.0; stacks.len()];
        for (stack, picture) in stacks.chunks_exact(size).zip(pictures.chunks_exact_mut(size)) {
            Shift::draw(pad, rng).apply(self.shape, stack, picture);
        }
        let (side, channels) = (self.shape.side, 3 * self.shape.frames);
        Ok(Tensor::from_vec(pictures, (rows, side, side, channels), &self.device).map_err(NnError::from)?)
    }

    /// Features `[rows, features]` of a column of observations, unshifted.
    ///
    /// # Errors
    /// When the column has another length.
    pub(crate) fn see(&mut self, obs: &[f32], rows: usize) -> Result<&[f32], AgentError> {
        let size = self.shape.size();
        AgentError::check_length("obs", obs.len(), rows * size)?;
        self.bytes.clear();
        self.bytes.extend(obs.iter().map(|level| *level as u8));
        self.pictures.resize(obs.len(), 0.0);
        for (stack, picture) in self.bytes.chunks_exact(size).zip(self.pictures.chunks_exact_mut(size)) {
            Shift::default().apply(self.shape, stack, picture);
        }
        self.features.resize(rows * self.encoder.features(), 0.0);
        self.encoder.infer(&self.pictures, rows, &mut self.scratch, &mut self.features)?;
        Ok(&self.features)
    }
}

impl Parameters for Sight {
    fn named(&self) -> Vec<(String, &Var)> {
        self.encoder.named()
    }
}

impl Checkpoint for Sight {
    fn save(&self, out: &mut Writer) {
        self.encoder.save(out);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.encoder.load(from)
    }
}
