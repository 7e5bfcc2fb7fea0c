//! Contracts of networks, optimisers and weight files: equal bits where the documentation promises them.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise, in its helpers too")]

use proptest::prelude::*;
use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};
use telos_checkpoint::{from_bytes, to_bytes};
use telos_nn::{
    Activation, Adam, AdamConfig, Device, Init, Mlp, MlpConfig, MlpEnsemble, NnError, Parameter, Parameters,
    SquashedGaussian, Tensor, gaussian, weights,
};

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

fn normals(n: usize, seed: u64) -> Vec<f32> {
    let mut values = vec![0.0; n];
    gaussian::standard_normal(&mut rng(seed), &mut values);
    values
}

fn flat(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

fn config(activation: Activation) -> MlpConfig {
    MlpConfig {
        inputs: 5,
        hidden: vec![33, 17],
        outputs: 3,
        activation,
        output_activation: Activation::Tanh,
        layer_norm: false,
        init: Init::FanIn,
    }
}

fn all_values(parameters: &dyn Parameters) -> Vec<f32> {
    parameters.named().iter().flat_map(|(_, var)| flat(var)).collect()
}

#[test]
fn infer_has_the_bits_of_forward() {
    for (activation, layer_norm) in [
        (Activation::Relu, false),
        (Activation::Tanh, false),
        (Activation::Silu, false),
        (Activation::Softplus, false),
        (Activation::Relu, true),
        (Activation::Silu, true),
    ] {
        let config = MlpConfig { layer_norm, ..config(activation) };
        let mlp = Mlp::new("m", &config, &mut rng(1), &Device::Cpu).unwrap();
        let ensemble = MlpEnsemble::new("e", 3, &config, &mut rng(2), &Device::Cpu).unwrap();
        for rows in [0, 1, 2, 31, 64] {
            let x = normals(rows * 5, 3);
            let tensor = Tensor::from_slice(&x, (rows, 5), &Device::Cpu).unwrap();
            let mut y = vec![f32::NAN; rows * 3];
            mlp.infer(&x, rows, &mut y).unwrap();
            assert_eq!(bits(&y), bits(&flat(&mlp.forward(&tensor).unwrap())), "{activation:?} {rows}");
            assert_eq!(bits(&y), bits(&flat(&mlp.forward_frozen(&tensor).unwrap())));

            let mut y = vec![f32::NAN; 3 * rows * 3];
            ensemble.infer(&x, rows, &mut y).unwrap();
            assert_eq!(bits(&y), bits(&flat(&ensemble.forward(&tensor).unwrap())));
            let x = normals(3 * rows * 5, 4);
            let tensor = Tensor::from_slice(&x, (3, rows, 5), &Device::Cpu).unwrap();
            ensemble.infer(&x, rows, &mut y).unwrap();
            assert_eq!(bits(&y), bits(&flat(&ensemble.forward(&tensor).unwrap())));
        }
    }
}

#[test]
fn ensemble_members_are_the_separate_networks() {
    let ensemble = MlpEnsemble::new("e", 3, &config(Activation::Tanh), &mut rng(5), &Device::Cpu).unwrap();
    let x = Tensor::from_vec(normals(3 * 7 * 5, 6), (3, 7, 5), &Device::Cpu).unwrap();
    let y = ensemble.forward(&x).unwrap();
    let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
    for member in 0..3 {
        let mlp = Mlp::new("m", &config(Activation::Tanh), &mut rng(7), &Device::Cpu).unwrap();
        for ((_, one), (_, all)) in mlp.named().iter().zip(ensemble.named()) {
            one.set(&all.as_detached_tensor().get(member).unwrap()).unwrap();
        }
        let alone = mlp.forward(&x.get(member).unwrap()).unwrap();
        assert_eq!(bits(&flat(&alone)), bits(&flat(&y.get(member).unwrap())));
        let alone = alone.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        for ((name, one), (_, all)) in mlp.named().iter().zip(ensemble.named()) {
            let together = gradients.get(all).unwrap().get(member).unwrap();
            assert_eq!(bits(&flat(alone.get(one).unwrap())), bits(&flat(&together)), "{name}");
        }
    }
}

#[test]
fn members_of_an_ensemble_start_apart() {
    let ensemble = MlpEnsemble::new("e", 2, &config(Activation::Relu), &mut rng(8), &Device::Cpu).unwrap();
    for (name, var) in ensemble.named() {
        let (first, second) = (flat(&var.get(0).unwrap()), flat(&var.get(1).unwrap()));
        assert!(first.iter().zip(&second).all(|(a, b)| a != b), "{name}");
    }
}

/// A small regression; returns the weights after `steps`.
fn train(mlp: &Mlp, adam: &mut Adam, steps: std::ops::Range<u64>) {
    for step in steps {
        let x = Tensor::from_vec(normals(16 * 5, step), (16, 5), &Device::Cpu).unwrap();
        let target = x.narrow(1, 0, 3).unwrap().sin().unwrap();
        let loss = (mlp.forward(&x).unwrap() - target).unwrap().sqr().unwrap().mean_all().unwrap();
        adam.backward_step(&loss).unwrap();
    }
}

#[test]
fn resuming_in_the_middle_of_training_is_byte_equal() {
    let config = config(Activation::Silu);
    let adam_config = AdamConfig { lr: 1e-2, max_grad_norm: Some(0.5), ..Default::default() };
    let mlp = Mlp::new("m", &config, &mut rng(9), &Device::Cpu).unwrap();
    let mut adam = Adam::new(&mlp, adam_config).unwrap();
    train(&mlp, &mut adam, 0..7);
    let (saved_mlp, saved_adam) = (to_bytes(&mlp), to_bytes(&adam));
    train(&mlp, &mut adam, 7..20);

    let mut resumed = Mlp::new("m", &config, &mut rng(10), &Device::Cpu).unwrap();
    from_bytes(&mut resumed, &saved_mlp).unwrap();
    let mut resumed_adam = Adam::new(&resumed, adam_config).unwrap();
    from_bytes(&mut resumed_adam, &saved_adam).unwrap();
    assert_eq!(to_bytes(&resumed_adam), saved_adam);
    train(&resumed, &mut resumed_adam, 7..20);
    assert_eq!(to_bytes(&resumed), to_bytes(&mlp));
    assert_eq!(to_bytes(&resumed_adam), to_bytes(&adam));
}

#[test]
fn training_fits_and_repeats_itself_on_any_thread() {
    let run = || {
        let mlp = Mlp::new("m", &config(Activation::Tanh), &mut rng(11), &Device::Cpu).unwrap();
        let mut adam = Adam::new(&mlp, AdamConfig { lr: 3e-3, ..Default::default() }).unwrap();
        train(&mlp, &mut adam, 0..300);
        let x = Tensor::from_vec(normals(256 * 5, 999), (256, 5), &Device::Cpu).unwrap();
        let target = x.narrow(1, 0, 3).unwrap().sin().unwrap();
        let error = (mlp.forward(&x).unwrap() - target).unwrap().sqr().unwrap().mean_all().unwrap();
        (to_bytes(&mlp), error.to_scalar::<f32>().unwrap())
    };
    let (bytes, error) = run();
    // The targets have variance 0.43; the network explains nine tenths of it.
    assert!(error < 0.04, "{error}");
    let elsewhere: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(elsewhere.iter().all(|(other, _)| *other == bytes));
}

#[test]
fn weight_files_round_trip_in_pytorch_order() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("weights.safetensors");
    let ensemble =
        MlpEnsemble::new("critics", 2, &config(Activation::Relu), &mut rng(12), &Device::Cpu).unwrap();
    let log_alpha = Parameter::new("log_alpha", &[1], vec![-0.5], &Device::Cpu).unwrap();
    let parts: [&dyn Parameters; 2] = [&ensemble, &log_alpha];
    weights::save_safetensors(&path, &parts).unwrap();

    let bytes = std::fs::read(&path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let view = file.tensor("critics.0.weight").unwrap();
    assert_eq!(view.shape(), [2, 33, 5]);
    let at = |i: usize| f32::from_le_bytes(view.data()[4 * i..][..4].try_into().unwrap());
    let ours = ensemble.named()[0].1.to_vec3::<f32>().unwrap();
    for (m, o, i) in [(0, 0, 0), (0, 7, 3), (1, 32, 4)] {
        assert_eq!(at((m * 33 + o) * 5 + i), ours[m][i][o]);
    }

    let other =
        MlpEnsemble::new("critics", 2, &config(Activation::Relu), &mut rng(13), &Device::Cpu).unwrap();
    assert_ne!(all_values(&other), all_values(&ensemble));
    weights::load_safetensors(&path, &other).unwrap();
    assert_eq!(bits(&all_values(&other)), bits(&all_values(&ensemble)));
}

#[test]
fn weight_files_that_do_not_fit_change_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("weights.safetensors");
    let mlp = Mlp::new("actor", &config(Activation::Relu), &mut rng(14), &Device::Cpu).unwrap();
    weights::save_safetensors(&path, &mlp).unwrap();
    let wider = MlpConfig { outputs: 4, ..config(Activation::Relu) };
    let wider = Mlp::new("actor", &wider, &mut rng(15), &Device::Cpu).unwrap();
    let before = all_values(&wider);
    let error = weights::load_safetensors(&path, &wider).unwrap_err().to_string();
    assert!(error.contains("`actor.2.weight` is F32 [3, 17], the model needs F32 [4, 17]"), "{error}");
    assert_eq!(all_values(&wider), before);
    let renamed = Mlp::new("critic", &config(Activation::Relu), &mut rng(16), &Device::Cpu).unwrap();
    let error = weights::load_safetensors(&path, &renamed).unwrap_err().to_string();
    assert!(error.contains("no tensor `critic.0.weight`"), "{error}");
    std::fs::write(&path, b"not weights").unwrap();
    assert!(matches!(weights::load_safetensors(&path, &mlp), Err(NnError::WeightFile { .. })));
}

#[test]
fn networks_that_do_not_mirror_each_other_are_named() {
    let mlp = Mlp::new("a", &config(Activation::Relu), &mut rng(17), &Device::Cpu).unwrap();
    let deeper = MlpConfig { hidden: vec![33, 17, 3], ..config(Activation::Relu) };
    let deeper = Mlp::new("b", &deeper, &mut rng(18), &Device::Cpu).unwrap();
    let error = weights::copy(&mlp, &deeper).unwrap_err().to_string();
    assert!(error.contains("`b.3.weight`") && error.contains("6 against 8"), "{error}");
    let wider = MlpConfig { hidden: vec![32, 17], ..config(Activation::Relu) };
    let wider = Mlp::new("c", &wider, &mut rng(19), &Device::Cpu).unwrap();
    let error = weights::polyak(&wider, &mlp, 0.1).unwrap_err().to_string();
    assert!(error.contains("`c.0.weight` has shape [5, 32] against [5, 33]"), "{error}");
}

#[test]
fn deep_clones_share_nothing() {
    let mlp = Mlp::new("m", &config(Activation::Relu), &mut rng(20), &Device::Cpu).unwrap();
    let clone = mlp.deep_clone().unwrap();
    let before = all_values(&clone);
    assert_eq!(before, all_values(&mlp));
    let mut adam = Adam::new(&mlp, AdamConfig::default()).unwrap();
    train(&mlp, &mut adam, 0..1);
    assert_eq!(all_values(&clone), before);
    weights::copy(&clone, &mlp).unwrap();
    assert_eq!(all_values(&clone), all_values(&mlp));
}

#[test]
fn wrong_shapes_and_widths_are_errors_with_the_module_name() {
    let mlp = Mlp::new("actor", &config(Activation::Relu), &mut rng(21), &Device::Cpu).unwrap();
    let x = Tensor::zeros((2, 4), telos_nn::DType::F32, &Device::Cpu).unwrap();
    let error = mlp.forward(&x).unwrap_err().to_string();
    assert_eq!(error, "actor: the input has shape [2, 4], expected [batch, 5]");
    assert!(mlp.infer(&[0.0; 9], 2, &mut [0.0; 6]).is_err());
    assert!(mlp.infer(&[0.0; 10], 2, &mut [0.0; 5]).is_err());
    let empty = MlpConfig { hidden: vec![0], ..config(Activation::Relu) };
    let error = Mlp::new("actor", &empty, &mut rng(22), &Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("actor") && error.contains("at least 1"), "{error}");
    assert!(Adam::new(&mlp, AdamConfig { beta1: 1.0, ..Default::default() }).is_err());
}

#[test]
fn squashed_log_density_keeps_its_digits_near_one() {
    let law = SquashedGaussian { log_std_min: -5.0, log_std_max: 2.0 };
    for mean in [0.0_f32, 1.0, -4.0, 8.0, -15.0] {
        let output = Tensor::new(&[[mean, -1.0]], &Device::Cpu).unwrap();
        let noise = Tensor::new(&[[0.7_f32]], &Device::Cpu).unwrap();
        let (action, log_prob) = law.sample(&output, &noise).unwrap();
        let noise = f64::from(0.7_f32);
        let u = f64::from(mean) + (-1.0_f64).exp() * noise;
        let log_det = 2.0 * (std::f64::consts::LN_2 - u.abs() - (-2.0 * u.abs()).exp().ln_1p());
        let exact = -0.5 * noise * noise - 0.5 * (2.0 * std::f64::consts::PI).ln() + 1.0 - log_det;
        let ours = f64::from(log_prob.to_vec1::<f32>().unwrap()[0]);
        assert!((ours - exact).abs() < 1e-5 * (1.0 + exact.abs()), "{ours} against {exact} at mean {mean}");
        assert!((f64::from(flat(&action)[0]) - u.tanh()).abs() < 5e-7);
    }
}

#[test]
fn samples_without_a_graph_are_the_same_actions() {
    let law = SquashedGaussian::default();
    let (output, noise) = (normals(9 * 8, 23), normals(9 * 4, 24));
    let (actions, _) = law
        .sample(
            &Tensor::from_slice(&output, (9, 8), &Device::Cpu).unwrap(),
            &Tensor::from_slice(&noise, (9, 4), &Device::Cpu).unwrap(),
        )
        .unwrap();
    let mut fast = vec![0.0; 36];
    law.sample_into(&output, &noise, 9, &mut fast);
    assert_eq!(bits(&fast), bits(&flat(&actions)));
    law.mode_into(&output, 9, &mut fast);
    for (row, mode) in output.chunks_exact(8).zip(fast.chunks_exact(4)) {
        assert!(row.iter().zip(mode).all(|(mean, mode)| (mean.tanh() - mode).abs() < 5e-7));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn squashed_log_prob_of_a_sample_is_that_of_its_action(seed in 0u64..10_000) {
        let law = SquashedGaussian { log_std_min: -5.0, log_std_max: 2.0 };
        let output: Vec<f32> = normals(6 * 4, seed).iter().map(|x| 0.5 * x).collect();
        let output = Tensor::from_vec(output, (6, 4), &Device::Cpu).unwrap();
        let noise = Tensor::from_vec(normals(12, seed + 1), (6, 2), &Device::Cpu).unwrap();
        let (actions, log_prob) = law.sample(&output, &noise).unwrap();
        let again = law.log_prob(&output, &actions).unwrap();
        // Inverting tanh loses digits near ±1, so only actions inside are compared.
        let (log_prob, again) = (flat(&log_prob), flat(&again));
        for (row, action) in flat(&actions).chunks_exact(2).enumerate() {
            if action.iter().all(|a| a.abs() < 0.99) {
                prop_assert!((log_prob[row] - again[row]).abs() < 1e-3, "{} {}", log_prob[row], again[row]);
            }
        }
    }
}
