//! The random numbers of one evaluation of a denoising loss.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_nn::{Device, NnError, Tensor, gaussian};

/// Noise and noise levels of a batch. Losses that compare policies or chunks are evaluated at the same
/// draw, so that its luck cancels.
#[derive(Clone, Debug)]
pub struct NoiseDraw {
    /// `[b, width]`, standard normal.
    pub noise: Tensor,
    /// `[b]`, uniform in [0, 1): which level of its schedule a policy trains at.
    pub levels: Vec<f32>,
}

impl NoiseDraw {
    /// Draws for `rows` chunks of `width` components.
    ///
    /// # Errors
    /// When the device refuses.
    pub fn new(
        rng: &mut Xoshiro256PlusPlus,
        rows: usize,
        width: usize,
        device: &Device,
    ) -> Result<Self, NnError> {
        let mut noise = vec![0.0; rows * width];
        gaussian::standard_normal(rng, &mut noise);
        let levels = (0..rows).map(|_| rng.random_range(0.0..1.0)).collect();
        Ok(Self { noise: Tensor::from_vec(noise, (rows, width), device)?, levels })
    }
}
