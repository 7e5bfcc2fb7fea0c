//! The causal transformer against a plain reference, finite differences and its own promises.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise, in its helpers too")]

use std::collections::BTreeMap;

use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};
use telos_nn::{CausalTransformer, Device, Parameters, Tensor, TransformerConfig, Var, gaussian};

const CONFIG: TransformerConfig = TransformerConfig { width: 6, heads: 2, layers: 2 };
const BATCH: usize = 2;
const TOKENS: usize = 5;

/// A model whose parameters are all random, the norms' included.
fn model(seed: u64) -> CausalTransformer {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let model = CausalTransformer::new("model", CONFIG, &mut rng, &Device::Cpu).unwrap();
    for (name, var) in model.named() {
        if name.contains("norm") {
            let noise = normals(var.dims(), &mut rng);
            var.set(&(noise.affine(0.3, f64::from(u8::from(name.ends_with("weight")))).unwrap())).unwrap();
        }
    }
    model
}

fn normals(shape: &[usize], rng: &mut Xoshiro256PlusPlus) -> Tensor {
    let mut values = vec![0.0; shape.iter().product()];
    gaussian::standard_normal(rng, &mut values);
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn tokens(seed: u64) -> Tensor {
    normals(&[BATCH, TOKENS, CONFIG.width], &mut Xoshiro256PlusPlus::seed_from_u64(seed))
}

fn flat(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// One sequence in double precision, loop by loop: the output `[tokens][width]` and, per layer and
/// head, the attention `[tokens][tokens]`.
fn reference(model: &CausalTransformer, sequence: &[f32]) -> (Vec<Vec<f64>>, Vec<Vec<Vec<f64>>>) {
    let weights: BTreeMap<String, Vec<f64>> = model
        .named()
        .into_iter()
        .map(|(name, var)| (name, flat(var).into_iter().map(f64::from).collect()))
        .collect();
    let norm = |name: &str, x: &[f64]| -> Vec<f64> {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
        let (gain, bias) = (&weights[&format!("{name}.weight")], &weights[&format!("{name}.bias")]);
        let normal = x.iter().map(|x| (x - mean) / (variance + 1e-5).sqrt());
        normal.zip(gain).zip(bias).map(|((x, gain), bias)| x * gain + bias).collect()
    };
    let linear = |name: &str, x: &[f64]| -> Vec<f64> {
        let (weight, bias) = (&weights[&format!("{name}.weight")], &weights[&format!("{name}.bias")]);
        let outputs = bias.len();
        (0..outputs)
            .map(|o| bias[o] + x.iter().enumerate().map(|(i, x)| x * weight[i * outputs + o]).sum::<f64>())
            .collect()
    };
    let gelu = |x: f64| 0.5 * x * (1.0 + (0.797_884_560_8 * (x + 0.044_715 * x.powi(3))).tanh());
    let size = CONFIG.width / CONFIG.heads;
    let mut x: Vec<Vec<f64>> =
        sequence.chunks(CONFIG.width).map(|token| token.iter().map(|&x| f64::from(x)).collect()).collect();
    let mut attention = Vec::new();
    for layer in 0..CONFIG.layers {
        let name = |part: &str| format!("model.{layer}.{part}");
        let qkv: Vec<Vec<f64>> = x.iter().map(|x| linear(&name("qkv"), &norm(&name("norm1"), x))).collect();
        let mut mixed = vec![vec![0.0; CONFIG.width]; x.len()];
        for head in 0..CONFIG.heads {
            let part = |token: usize, kind: usize| &qkv[token][kind * CONFIG.width + head * size..][..size];
            let mut rows = Vec::new();
            for (query, mixed) in mixed.iter_mut().enumerate() {
                let score = |key: usize| {
                    let dot: f64 = part(query, 0).iter().zip(part(key, 1)).map(|(q, k)| q * k).sum();
                    (dot / (size as f64).sqrt()).exp()
                };
                let total: f64 = (0..=query).map(score).sum();
                let row: Vec<f64> =
                    (0..x.len()).map(|key| if key <= query { score(key) / total } else { 0.0 }).collect();
                for (key, share) in row.iter().enumerate() {
                    for (at, value) in part(key, 2).iter().enumerate() {
                        mixed[head * size + at] += share * value;
                    }
                }
                rows.push(row);
            }
            attention.push(rows);
        }
        for (x, mixed) in x.iter_mut().zip(&mixed) {
            x.iter_mut().zip(linear(&name("projection"), mixed)).for_each(|(x, y)| *x += y);
            let wide = linear(&name("widen"), &norm(&name("norm2"), x)).into_iter().map(gelu);
            let narrow = linear(&name("narrow"), &wide.collect::<Vec<_>>());
            x.iter_mut().zip(narrow).for_each(|(x, y)| *x += y);
        }
    }
    (x.iter().map(|x| norm("model.norm", x)).collect(), attention)
}

#[test]
fn values_are_those_of_a_plain_reference() {
    let (model, tokens) = (model(1), tokens(2));
    let attended = model.forward(&tokens).unwrap();
    for sequence in 0..BATCH {
        let (output, attention) = reference(&model, &flat(&tokens.get(sequence).unwrap()));
        let found = flat(&attended.output.get(sequence).unwrap());
        for (found, expected) in found.iter().zip(output.iter().flatten()) {
            assert!((f64::from(*found) - expected).abs() < 2e-5, "{found} against {expected}");
        }
        for (at, expected) in attention.iter().enumerate() {
            let layer = attended.attention[at / CONFIG.heads].get(sequence).unwrap();
            let found = flat(&layer.get(at % CONFIG.heads).unwrap());
            for (found, expected) in found.iter().zip(expected.iter().flatten()) {
                assert!((f64::from(*found) - expected).abs() < 1e-5, "{found} against {expected}");
            }
        }
    }
    assert_eq!(flat(&model.forward_frozen(&tokens).unwrap().output), flat(&attended.output));
}

#[test]
fn gradients_are_central_differences() {
    const STEP: f32 = 5e-3;
    let model = model(3);
    let tokens = Var::from_tensor(&tokens(4)).unwrap();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
    let factors = normals(&[BATCH, TOKENS, CONFIG.width], &mut rng);
    let shares = normals(&[BATCH, CONFIG.heads, TOKENS, TOKENS], &mut rng);
    // Both results count, so that gradients through the attention alone are seen too.
    let loss = || {
        let attended = model.forward(&tokens).unwrap();
        let output = (attended.output * &factors).unwrap().sum_all().unwrap();
        (output + (&attended.attention[1] * &shares).unwrap().sum_all().unwrap()).unwrap()
    };
    let gradients = loss().backward().unwrap();
    let mut named = model.named();
    named.push(("tokens".into(), &tokens));
    for (name, var) in named {
        let gradient = flat(gradients.get(var).unwrap());
        let start = flat(var);
        let scale = 1.0 + gradient.iter().fold(0.0_f32, |a, g| a.max(g.abs()));
        for at in (0..start.len()).step_by(3) {
            let shifted = |step: f32| {
                let mut values = start.clone();
                values[at] += step;
                var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap()).unwrap();
                loss().to_scalar::<f32>().unwrap()
            };
            let numeric = (shifted(STEP) - shifted(-STEP)) / (2.0 * STEP);
            let error = (numeric - gradient[at]).abs();
            assert!(
                error < 5e-3 * scale,
                "{name}[{at}]: {numeric} numerically, {} by backward",
                gradient[at]
            );
        }
        var.set(&Tensor::from_vec(start, var.shape(), &Device::Cpu).unwrap()).unwrap();
    }
}

#[test]
fn no_token_sees_what_comes_later() {
    let (model, first) = (model(6), tokens(7));
    let last = Tensor::cat(&[first.narrow(1, 0, 3).unwrap(), tokens(8).narrow(1, 3, 2).unwrap()], 1).unwrap();
    let outputs = [&first, &last].map(|tokens| model.forward(tokens).unwrap().output);
    let seen = |at: usize, from: usize, count: usize| flat(&outputs[at].narrow(1, from, count).unwrap());
    assert_eq!(seen(0, 0, 3), seen(1, 0, 3));
    assert_ne!(seen(0, 3, 2), seen(1, 3, 2));
}

#[test]
fn a_checkpoint_gives_the_same_model() {
    let (original, mut restored) = (model(9), model(10));
    telos_checkpoint::from_bytes(&mut restored, &telos_checkpoint::to_bytes(&original)).unwrap();
    let outputs = [&original, &restored].map(|model| flat(&model.forward(&tokens(1)).unwrap().output));
    assert_eq!(outputs[0], outputs[1]);
}

#[test]
fn sizes_that_do_not_fit_are_errors() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
    let mut error =
        |config| CausalTransformer::new("m", config, &mut rng, &Device::Cpu).unwrap_err().to_string();
    assert!(
        error(TransformerConfig { heads: 4, ..CONFIG }).contains("width 6 must be a multiple of heads 4")
    );
    assert!(error(TransformerConfig { layers: 0, ..CONFIG }).contains("layers 0"));
    let wrong = normals(&[2, 5, 7], &mut rng);
    let error = model(1).forward(&wrong).unwrap_err().to_string();
    assert_eq!(error, "model: the tokens has shape [2, 5, 7], expected [batch, tokens, 6]");
}

/// The output alone comes from an operation of its own, whose attention nobody sees.
#[test]
fn the_output_alone_has_the_same_values_and_gradients() {
    let model = model(11);
    let tokens = Var::from_tensor(&tokens(12)).unwrap();
    let factors = normals(&[BATCH, TOKENS, CONFIG.width], &mut Xoshiro256PlusPlus::seed_from_u64(13));
    let outputs = [model.forward(&tokens).unwrap().output, model.output(&tokens).unwrap()];
    let [ours, theirs] = outputs.each_ref().map(|output| {
        let gradients = (output * &factors).unwrap().sum_all().unwrap().backward().unwrap();
        let mut all = flat(output);
        all.extend(flat(gradients.get(&tokens).unwrap()));
        model.named().iter().for_each(|(_, var)| all.extend(flat(gradients.get(var).unwrap())));
        all
    });
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert!((ours - theirs).abs() < 3e-5 * (1.0 + theirs.abs()), "{ours} {theirs}");
    }
    let frozen = model.output_frozen(&tokens.as_detached_tensor()).unwrap();
    assert!(flat(&frozen) == flat(&outputs[1]) && !frozen.track_op());
    let copy = model.deep_clone().unwrap();
    assert_eq!(flat(&copy.output(&tokens).unwrap()), flat(&outputs[1]));
}
