//! The temporal U-Net: gradients against central differences, what it may see, sizes.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};
use telos_nn::{Device, Parameters, TemporalUnet, TemporalUnetConfig, Tensor, Var, gaussian};

const INPUTS: usize = 3;
const CONDITIONS: usize = 4;

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

fn config() -> TemporalUnetConfig {
    TemporalUnetConfig { channels: vec![4, 6], kernel: 3, groups: 2 }
}

fn unet(config: &TemporalUnetConfig, seed: u64) -> TemporalUnet {
    TemporalUnet::new("unet", config, (INPUTS, CONDITIONS), &mut rng(seed), &Device::Cpu).unwrap()
}

fn normals(shape: &[usize], seed: u64) -> Tensor {
    let mut values = vec![0.0; shape.iter().product()];
    gaussian::standard_normal(&mut rng(seed), &mut values);
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn flat(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn gradients_are_central_differences() {
    const STEP: f32 = 1e-2;
    let unet = unet(&config(), 1);
    let x = Var::from_tensor(&normals(&[2, 4, INPUTS], 2)).unwrap();
    let condition = Var::from_tensor(&normals(&[2, CONDITIONS], 3)).unwrap();
    let factors = normals(&[2, 4, INPUTS], 4);
    let loss = || (unet.forward(&x, &condition).unwrap() * &factors).unwrap().sum_all().unwrap();
    let gradients = loss().backward().unwrap();
    let mut named = unet.named();
    named.extend([("x".into(), &x), ("condition".into(), &condition)]);
    for (name, var) in named {
        let gradient = flat(gradients.get(var).unwrap());
        let start = flat(var);
        let scale = 1.0 + gradient.iter().fold(0.0_f32, |a, g| a.max(g.abs()));
        for at in (0..start.len()).step_by(5) {
            let shifted = |step: f32| {
                let mut values = start.clone();
                values[at] += step;
                var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap()).unwrap();
                loss().to_scalar::<f32>().unwrap()
            };
            let numeric = (shifted(STEP) - shifted(-STEP)) / (2.0 * STEP);
            let error = (numeric - gradient[at]).abs();
            assert!(
                error < 1e-2 * scale,
                "{name}[{at}]: {numeric} numerically, {} by backward",
                gradient[at]
            );
        }
        var.set(&Tensor::from_vec(start, var.shape(), &Device::Cpu).unwrap()).unwrap();
    }
}

/// What reaches as far as a sequence is long makes every output depend on every input, and on the condition.
#[test]
fn every_step_sees_the_whole_sequence_and_the_condition() {
    let unet = unet(&TemporalUnetConfig { channels: vec![4, 4, 4], kernel: 5, groups: 2 }, 5);
    let x = Var::from_tensor(&normals(&[1, 8, INPUTS], 6)).unwrap();
    let condition = Var::from_tensor(&normals(&[1, CONDITIONS], 7)).unwrap();
    for step in [0, 7] {
        let output = unet.forward(&x, &condition).unwrap().narrow(1, step, 1).unwrap();
        let gradients = output.sum_all().unwrap().backward().unwrap();
        for var in [&x, &condition] {
            assert!(flat(gradients.get(var).unwrap()).iter().all(|g| *g != 0.0), "step {step}");
        }
    }
}

#[test]
fn copies_and_frozen_passes_have_the_same_values_and_no_gradients() {
    let original = unet(&config(), 8);
    let copy = original.deep_clone().unwrap();
    let (x, condition) = (normals(&[3, 6, INPUTS], 9), normals(&[3, CONDITIONS], 10));
    let value = original.forward(&x, &condition).unwrap();
    let frozen = original.forward_frozen(&x, &condition).unwrap();
    assert_eq!(flat(&value), flat(&frozen));
    assert_eq!(flat(&value), flat(&copy.forward(&x, &condition).unwrap()));
    assert!(value.track_op() && !frozen.track_op());
    original.named()[0].1.set(&copy.named()[0].1.as_detached_tensor().zeros_like().unwrap()).unwrap();
    assert_eq!(flat(&value), flat(&copy.forward(&x, &condition).unwrap()), "the copy has memory of its own");
    let names: std::collections::BTreeSet<String> = copy.named().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), copy.named().len(), "every name is there once");
}

#[test]
fn sizes_that_do_not_fit_are_errors() {
    let error = |config: &TemporalUnetConfig| {
        let made = TemporalUnet::new("u", config, (INPUTS, CONDITIONS), &mut rng(0), &Device::Cpu);
        made.unwrap_err().to_string()
    };
    assert!(error(&TemporalUnetConfig { channels: vec![5], ..config() }).contains("multiples of groups 2"));
    assert!(error(&TemporalUnetConfig { channels: vec![], ..config() }).contains("at least one level"));
    assert!(error(&TemporalUnetConfig { kernel: 4, ..config() }).contains("kernel 4 odd"));
    let unet = unet(&config(), 1);
    let pass =
        |x: &[usize], c: &[usize]| unet.forward(&normals(x, 1), &normals(c, 2)).unwrap_err().to_string();
    assert!(pass(&[2, 5, INPUTS], &[2, CONDITIONS]).contains("a multiple of 2"));
    assert!(pass(&[2, 4, 2], &[2, CONDITIONS]).contains("has shape [2, 4, 2]"));
    assert!(pass(&[2, 4, INPUTS], &[1, CONDITIONS]).contains("the condition has shape [1, 4]"));
}
