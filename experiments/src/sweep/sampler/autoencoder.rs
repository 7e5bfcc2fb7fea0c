//! Behaviours that are learned: Paolo, Laflaquiere, Coninx and Doncieux 2020, "Unsupervised Learning
//! and Exploration of Reachable Outcome Space" (TAXONS, ICRA 2020), with vectors in place of images.
//!
//! An autoencoder of what the policies' episodes end in; behaviours are its codes, and how badly it
//! restores an observation says how surprising that is. It is trained anew on the whole archive for
//! every generation, so that codes of different ages can be compared.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_nn::{Activation, Adam, AdamConfig, Device, Init, Mlp, MlpConfig, NnError, Parameters, Tensor};

/// Units of the hidden layer on each side of the code.
const HIDDEN: usize = 32;
/// Steps on the whole archive, and their size.
const STEPS: usize = 500;
const LEARNING_RATE: f64 = 3e-3;

/// The archive as the autoencoder sees it.
pub(super) struct Codes {
    /// A code for each observation.
    pub(super) codes: Vec<Vec<f64>>,
    /// Mean squared error of each restored observation: the surprise.
    pub(super) errors: Vec<f64>,
}

/// Trains the autoencoder on `observations`, each component of which is in units of its spread, and
/// codes them in `latent` numbers.
///
/// # Errors
/// When the observations are no finite numbers.
pub(super) fn encode(
    observations: &[Vec<f64>],
    latent: usize,
    rng: &mut Xoshiro256PlusPlus,
) -> Result<Codes, NnError> {
    let (rows, width) = (observations.len(), observations.first().map_or(0, Vec::len));
    let flat: Vec<f32> = observations.iter().flatten().map(|x| *x as f32).collect();
    let inputs = Tensor::from_vec(flat, (rows, width), &Device::Cpu)?;
    let shape = |inputs, outputs| MlpConfig {
        inputs,
        hidden: vec![HIDDEN],
        outputs,
        activation: Activation::Tanh,
        output_activation: Activation::Identity,
        layer_norm: false,
        init: Init::Orthogonal { hidden_gain: 1.0, output_gain: 1.0 },
    };
    let encoder = Mlp::new("encoder", &shape(width, latent), rng, &Device::Cpu)?;
    let decoder = Mlp::new("decoder", &shape(latent, width), rng, &Device::Cpu)?;
    let parts: [&dyn Parameters; 2] = [&encoder, &decoder];
    let mut adam = Adam::new(&parts, AdamConfig { lr: LEARNING_RATE, ..AdamConfig::default() })?;
    let errors = |restored: &Tensor| -> Result<Tensor, NnError> { Ok((restored - &inputs)?.sqr()?.mean(1)?) };
    for _ in 0..STEPS {
        let restored = decoder.forward(&encoder.forward(&inputs)?)?;
        adam.backward_step(&errors(&restored)?.mean_all()?)?;
    }
    let codes = encoder.forward(&inputs)?;
    let errors = errors(&decoder.forward(&codes)?)?.to_vec1::<f32>()?;
    let codes = codes.to_vec2::<f32>()?;
    let wide = |numbers: Vec<f32>| numbers.into_iter().map(f64::from).collect();
    Ok(Codes { codes: codes.into_iter().map(wide).collect(), errors: wide(errors) })
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn codes_tell_apart_what_differs_and_the_odd_one_surprises() {
        // A curve in five dimensions, and one point beside it.
        let on_curve = |t: f64| vec![t, t * t, 1.0 - t, 0.5 * t, 0.3];
        let mut observations: Vec<Vec<f64>> = (0..40).map(|i| on_curve(f64::from(i) / 39.0)).collect();
        observations.push(vec![0.5, 0.9, 0.0, 1.0, 1.0]);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
        let found = encode(&observations, 1, &mut rng).unwrap();
        let curve: Vec<f64> = found.codes[..40].iter().map(|code| code[0]).collect();
        let rising = curve.windows(2).filter(|pair| pair[1] > pair[0]).count();
        assert!(rising == 39 || rising == 0, "{curve:?}");
        let worst = found.errors[..40].iter().copied().fold(0.0, f64::max);
        assert!(found.errors[40] > 2.0 * worst, "{} against {worst}", found.errors[40]);
    }
}
