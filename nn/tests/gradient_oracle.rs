//! Gradients of every operation against two independent judges: central differences of the values,
//! and dfdx, an automatic differentiation written by other people.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise, in its helpers too")]

use dfdx::{
    losses::mse_loss,
    optim::{Adam as DfdxAdam, AdamConfig as DfdxAdamConfig, Optimizer, WeightDecay},
    prelude::*,
};
use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};
use telos_nn::{
    Activation, Adam, AdamConfig, Device as NnDevice, Init, Mlp, MlpConfig, MlpEnsemble, Parameter,
    Parameters, SquashedGaussian, Tensor as NnTensor, Var, gaussian, weights,
};

const ALL: [Activation; 8] = [
    Activation::Identity,
    Activation::Relu,
    Activation::LeakyRelu,
    Activation::Tanh,
    Activation::Sigmoid,
    Activation::Silu,
    Activation::Gelu,
    Activation::Softplus,
];

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

fn normals(shape: &[usize], rng: &mut Xoshiro256PlusPlus) -> Var {
    let mut values = vec![0.0; shape.iter().product()];
    gaussian::standard_normal(rng, &mut values);
    Var::from_vec(values, shape, &NnDevice::Cpu).unwrap()
}

fn flat(tensor: &NnTensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn scalar(tensor: &NnTensor) -> f64 {
    f64::from(tensor.to_scalar::<f32>().unwrap())
}

/// The derivative of `loss` with respect to each element of `var`, against central differences.
fn check_differences(name: &str, var: &Var, loss: impl Fn() -> NnTensor) {
    const STEP: f32 = 4e-3;
    let gradients = loss().backward().unwrap();
    let gradient = flat(gradients.get(var).unwrap());
    let start = flat(var);
    let scale = 1.0 + gradient.iter().fold(0.0_f32, |a, g| a.max(g.abs())) as f64;
    for i in 0..start.len() {
        let shifted = |step: f32| {
            let mut values = start.clone();
            values[i] += step;
            var.set(&NnTensor::from_vec(values, var.shape(), &NnDevice::Cpu).unwrap()).unwrap();
            scalar(&loss())
        };
        let numeric = (shifted(STEP) - shifted(-STEP)) / f64::from(2.0 * STEP);
        let error = (numeric - f64::from(gradient[i])).abs();
        assert!(
            error < 3e-3 * scale,
            "{name}, element {i}: {numeric} numerically, {} by backward",
            gradient[i]
        );
    }
    var.set(&NnTensor::from_vec(start, var.shape(), &NnDevice::Cpu).unwrap()).unwrap();
}

fn small(activation: Activation) -> MlpConfig {
    MlpConfig {
        inputs: 3,
        hidden: vec![6, 5],
        outputs: 2,
        activation,
        output_activation: Activation::Tanh,
        layer_norm: false,
        init: Init::FanIn,
    }
}

#[test]
fn activations_against_differences() {
    for activation in ALL {
        // Off the kinks of the rectifiers, by more than the step.
        let x = Var::new(&[-2.5_f32, -0.7, -0.1, 0.05, 0.4, 1.3, 3.0], &NnDevice::Cpu).unwrap();
        let factors = NnTensor::new(&[1.0_f32, -2.0, 0.5, 3.0, -1.0, 2.0, 0.25], &NnDevice::Cpu).unwrap();
        check_differences(&format!("{activation:?}"), &x, || {
            (activation.apply(&x).unwrap() * &factors).unwrap().sum_all().unwrap()
        });
    }
}

#[test]
fn networks_against_differences() {
    for activation in [Activation::Tanh, Activation::Silu, Activation::Softplus, Activation::Gelu] {
        let mlp = Mlp::new("m", &small(activation), &mut rng(1), &NnDevice::Cpu).unwrap();
        let x = normals(&[4, 3], &mut rng(2));
        let loss = || mlp.forward(&x).unwrap().sqr().unwrap().sum_all().unwrap();
        for (name, var) in mlp.named() {
            check_differences(&name, var, loss);
        }
        check_differences("input", &x, loss);
    }
}

#[test]
fn ensembles_against_differences() {
    let ensemble = MlpEnsemble::new("e", 3, &small(Activation::Tanh), &mut rng(3), &NnDevice::Cpu).unwrap();
    for shape in [vec![4, 3], vec![3, 4, 3]] {
        let x = normals(&shape, &mut rng(4));
        let loss = || ensemble.forward(&x).unwrap().sqr().unwrap().sum_all().unwrap();
        for (name, var) in ensemble.named() {
            check_differences(&name, var, loss);
        }
        check_differences("input", &x, loss);
        check_differences("frozen input", &x, || {
            ensemble.forward_frozen(&x).unwrap().sqr().unwrap().sum_all().unwrap()
        });
    }
}

#[test]
fn normalized_ensembles_against_differences() {
    let config = MlpConfig { layer_norm: true, ..small(Activation::Tanh) };
    let ensemble = MlpEnsemble::new("e", 2, &config, &mut rng(17), &NnDevice::Cpu).unwrap();
    let x = normals(&[2, 4, 3], &mut rng(18));
    let loss = || ensemble.forward(&x).unwrap().sqr().unwrap().sum_all().unwrap();
    assert!(ensemble.named().iter().any(|(name, _)| name == "e.1.norm.gain"));
    for (name, var) in ensemble.named() {
        check_differences(&name, var, loss);
    }
    check_differences("input", &x, loss);
}

#[test]
fn frozen_networks_pass_gradients_to_their_input_only() {
    let mlp = Mlp::new("m", &small(Activation::Silu), &mut rng(5), &NnDevice::Cpu).unwrap();
    let x = normals(&[4, 3], &mut rng(6));
    let trained = mlp.forward(&x).unwrap().sum_all().unwrap().backward().unwrap();
    let frozen = mlp.forward_frozen(&x).unwrap().sum_all().unwrap().backward().unwrap();
    assert_eq!(flat(trained.get(&x).unwrap()), flat(frozen.get(&x).unwrap()));
    assert!(mlp.named().iter().all(|(_, var)| trained.get(var).is_some() && frozen.get(var).is_none()));
    assert!(!mlp.forward_frozen(&x.as_detached_tensor()).unwrap().track_op());
}

#[test]
fn squashed_gaussian_against_differences() {
    let law = SquashedGaussian { log_std_min: -5.0, log_std_max: 2.0 };
    let noise = normals(&[5, 3], &mut rng(8)).as_detached_tensor();
    let output = normals(&[5, 6], &mut rng(7));
    let weight = normals(&[5, 3], &mut rng(9)).as_detached_tensor();
    check_differences("sample", &output, || {
        let (actions, log_prob) = law.sample(&output, &noise).unwrap();
        let actions = (actions * &weight).unwrap().sum_all().unwrap();
        (actions + log_prob.affine(0.3, 0.0).unwrap().sum_all().unwrap()).unwrap()
    });
    let actions = weight.affine(0.3, 0.0).unwrap().clamp(-0.9, 0.9).unwrap();
    check_differences("log_prob", &output, || law.log_prob(&output, &actions).unwrap().mean_all().unwrap());
}

#[test]
fn clamped_deviations_get_no_gradient() {
    let law = SquashedGaussian { log_std_min: -1.0, log_std_max: 0.5 };
    let output = Var::new(&[[0.1_f32, 0.2, -3.0, 2.0]], &NnDevice::Cpu).unwrap();
    let noise = NnTensor::new(&[[0.5_f32, -0.5]], &NnDevice::Cpu).unwrap();
    let (actions, log_prob) = law.sample(&output, &noise).unwrap();
    let loss = (actions.sum_all().unwrap() + log_prob.sum_all().unwrap()).unwrap();
    let gradients = loss.backward().unwrap();
    let gradient = flat(gradients.get(&output).unwrap());
    assert!(gradient[0] != 0.0 && gradient[1] != 0.0);
    assert_eq!(gradient[2..], [0.0, 0.0]);
}

#[test]
fn network_against_dfdx() {
    let config = MlpConfig {
        inputs: 4,
        hidden: vec![8],
        outputs: 3,
        activation: Activation::Tanh,
        ..Default::default()
    };
    let mlp = Mlp::new("m", &config, &mut rng(10), &NnDevice::Cpu).unwrap();
    let x = normals(&[5, 4], &mut rng(11));
    let target = normals(&[5, 3], &mut rng(12)).as_detached_tensor();
    let y = mlp.forward(&x).unwrap();
    let loss = (&y - &target).unwrap().sqr().unwrap().mean_all().unwrap();
    let gradients = loss.backward().unwrap();

    let dev = Cpu::default();
    let values: Vec<Vec<f32>> = mlp.named().iter().map(|(_, var)| flat(var)).collect();
    let w0 = dev.tensor_from_vec(values[0].clone(), (Const::<4>, Const::<8>));
    let b0 = dev.tensor_from_vec(values[1].clone(), (Const::<8>,));
    let w1 = dev.tensor_from_vec(values[2].clone(), (Const::<8>, Const::<3>));
    let b1 = dev.tensor_from_vec(values[3].clone(), (Const::<3>,));
    let input = dev.tensor_from_vec(flat(&x), (Const::<5>, Const::<4>));
    let goal = dev.tensor_from_vec(flat(&target), (Const::<5>, Const::<3>));
    let hidden =
        (input.leaky_trace().matmul(w0.clone()) + b0.leaky_trace().broadcast::<Rank2<5, 8>, _>()).tanh();
    let output = hidden.matmul(w1.clone()) + b1.leaky_trace().broadcast::<Rank2<5, 3>, _>();
    let judge = mse_loss(output, goal);
    assert!((f64::from(judge.array()) - scalar(&loss)).abs() < 1e-6);
    let judge = judge.backward();
    let named = mlp.named();
    for (name, var, expected) in [
        ("w0", named[0].1, judge.get(&w0).as_vec()),
        ("b0", named[1].1, judge.get(&b0).as_vec()),
        ("w1", named[2].1, judge.get(&w1).as_vec()),
        ("b1", named[3].1, judge.get(&b1).as_vec()),
        ("x", &x, judge.get(&input).as_vec()),
    ] {
        for (a, b) in flat(gradients.get(var).unwrap()).iter().zip(expected) {
            assert!((a - b).abs() < 1e-6, "{name}: {a} by us, {b} by dfdx");
        }
    }
}

#[test]
fn activations_against_dfdx() {
    let values = vec![-2.5_f32, -0.7, -0.1, 0.05, 0.4, 1.3, 3.0];
    let dev = Cpu::default();
    for activation in [Activation::Relu, Activation::Tanh, Activation::Sigmoid, Activation::Gelu] {
        let x = Var::from_vec(values.clone(), 7, &NnDevice::Cpu).unwrap();
        let y = activation.apply(&x).unwrap();
        let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        let judge = dev.tensor_from_vec(values.clone(), (Const::<7>,));
        let traced = judge.leaky_trace();
        let out = match activation {
            Activation::Relu => traced.relu(),
            Activation::Tanh => traced.tanh(),
            Activation::Sigmoid => traced.sigmoid(),
            _ => traced.fast_gelu(),
        };
        let expected_values = out.as_vec();
        let expected = out.square().sum::<Rank0, _>().backward().get(&judge).as_vec();
        for (a, b) in flat(&y).iter().zip(expected_values) {
            assert!((a - b).abs() < 1e-6, "{activation:?}: {a} by us, {b} by dfdx");
        }
        for (a, b) in flat(gradients.get(&x).unwrap()).iter().zip(expected) {
            assert!((a - b).abs() < 1e-5, "gradient of {activation:?}: {a} by us, {b} by dfdx");
        }
    }
}

/// Adam as in algorithm 1 of the paper, in double precision, one scalar at a time.
struct PlainAdam {
    config: AdamConfig,
    t: i32,
    m: Vec<f64>,
    v: Vec<f64>,
}

impl PlainAdam {
    fn step(&mut self, p: &mut [f64], g: &[f64]) {
        let AdamConfig { lr, beta1, beta2, eps, weight_decay, max_grad_norm } = self.config;
        let norm = g.iter().map(|g| g * g).sum::<f64>().sqrt();
        let scale = max_grad_norm.map_or(1.0, |limit| if norm > limit { limit / norm } else { 1.0 });
        self.t += 1;
        for i in 0..p.len() {
            let g = g[i] * scale;
            self.m[i] = beta1 * self.m[i] + (1.0 - beta1) * g;
            self.v[i] = beta2 * self.v[i] + (1.0 - beta2) * g * g;
            let m_hat = self.m[i] / (1.0 - beta1.powi(self.t));
            let v_hat = self.v[i] / (1.0 - beta2.powi(self.t));
            p[i] -= lr * weight_decay * p[i] + lr * m_hat / (v_hat.sqrt() + eps);
        }
    }
}

#[test]
fn adam_against_the_paper_in_double_precision() {
    for (weight_decay, max_grad_norm) in [(0.0, None), (0.1, None), (0.0, Some(0.5)), (0.01, Some(2.0))] {
        let config = AdamConfig { lr: 0.01, weight_decay, max_grad_norm, ..Default::default() };
        let start = flat(&normals(&[37], &mut rng(13)));
        let parameter = Parameter::new("p", &[37], start.clone(), &NnDevice::Cpu).unwrap();
        let mut adam = Adam::new(&parameter, config).unwrap();
        let mut judge = PlainAdam { config, t: 0, m: vec![0.0; 37], v: vec![0.0; 37] };
        let mut p: Vec<f64> = start.iter().map(|p| f64::from(*p)).collect();
        for step in 0..60 {
            let c = f64::from(step % 7) * 0.3;
            // d/dp of the sum of p²/2 + c sin(p).
            let g: Vec<f64> = p.iter().map(|p| p + c * p.cos()).collect();
            judge.step(&mut p, &g);
            let var = parameter.var();
            let loss = (var.sqr().unwrap().affine(0.5, 0.0).unwrap()
                + var.sin().unwrap().affine(c, 0.0).unwrap())
            .unwrap()
            .sum_all()
            .unwrap();
            let norm = adam.backward_step(&loss).unwrap();
            let expected = g.iter().map(|g| g * g).sum::<f64>().sqrt();
            assert!((norm / expected - 1.0).abs() < 1e-3, "norm {norm} against {expected}");
        }
        for (a, b) in flat(parameter.var()).iter().zip(&p) {
            assert!((f64::from(*a) - b).abs() < 1e-4, "{a} against {b}, {config:?}");
        }
    }
}

#[test]
fn adam_against_dfdx() {
    let dev = Cpu::default();
    let start = flat(&normals(&[9], &mut rng(14)));
    let mut judge = dev.tensor_from_vec(start.clone(), (Const::<9>,));
    let mut dfdx_adam = DfdxAdam::new(
        &judge,
        DfdxAdamConfig {
            lr: 0.02,
            betas: [0.9, 0.999],
            eps: 1e-8,
            weight_decay: Some(WeightDecay::Decoupled(0.1)),
        },
    );
    let parameter = Parameter::new("p", &[9], start, &NnDevice::Cpu).unwrap();
    let config = AdamConfig { lr: 0.02, weight_decay: 0.1, ..Default::default() };
    let mut adam = Adam::new(&parameter, config).unwrap();
    for _ in 0..30 {
        let gradients = judge.leaky_trace().square().sum::<Rank0, _>().backward();
        dfdx_adam.update(&mut judge, &gradients).unwrap();
        adam.backward_step(&parameter.var().sqr().unwrap().sum_all().unwrap()).unwrap();
    }
    for (a, b) in flat(parameter.var()).iter().zip(judge.as_vec()) {
        assert!((a - b).abs() < 1e-5, "{a} by us, {b} by dfdx");
    }
}

#[test]
fn a_gradient_that_is_not_finite_changes_nothing() {
    let parameter = Parameter::new("p", &[2], vec![1.0, 2.0], &NnDevice::Cpu).unwrap();
    let mut adam = Adam::new(&parameter, AdamConfig::default()).unwrap();
    let before = telos_checkpoint::to_bytes(&adam);
    let loss = parameter.var().affine(f64::INFINITY, 0.0).unwrap().sum_all().unwrap();
    let error = adam.backward_step(&loss).unwrap_err().to_string();
    assert!(error.contains("gradient norm is inf"), "{error}");
    assert_eq!(flat(parameter.var()), [1.0, 2.0]);
    assert_eq!(telos_checkpoint::to_bytes(&adam), before);
}

#[test]
fn polyak_against_its_definition() {
    let target = Parameter::new("t", &[19], flat(&normals(&[19], &mut rng(15))), &NnDevice::Cpu).unwrap();
    let online = Parameter::new("o", &[19], flat(&normals(&[19], &mut rng(16))), &NnDevice::Cpu).unwrap();
    let (t, o) = (flat(target.var()), flat(online.var()));
    weights::polyak(&target, &online, 0.05).unwrap();
    for ((new, t), o) in flat(target.var()).iter().zip(t).zip(&o) {
        assert!((new - (0.95 * t + 0.05 * o)).abs() < 1e-6);
    }
    weights::polyak(&target, &online, 1.0).unwrap();
    for (new, o) in flat(target.var()).iter().zip(o) {
        assert!((new - o).abs() < 1e-6);
    }
}
