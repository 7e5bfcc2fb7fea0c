//! The fully connected layer `y = f(x W + b)`, for one network or a batch of them.
//!
//! Weights are stored `[inputs, outputs]`, the transpose of PyTorch's order, because the product then
//! reads them without packing: a quarter less time for the batches of a rollout. Weight files have
//! PyTorch's order.

use candle_core::{Device, Shape, Tensor, Var, bail};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::{
    Activation, Init, NnError,
    dense::{self, Dense, Fused, Kernel},
    kernels::{
        gemm::{Matrix, multiply, multiply_add, products},
        pointwise,
    },
};

/// Weights and biases of one layer, of one network or of an ensemble.
#[derive(Debug)]
pub(crate) struct Linear {
    /// `[inputs, outputs]`, or `[members, inputs, outputs]`.
    pub(crate) weight: Var,
    /// `[outputs]`, or `[members, outputs]`.
    pub(crate) bias: Var,
}

/// Whether gradients reach the weights.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weights {
    /// The layer learns.
    Trained,
    /// Gradients pass through to the input only.
    Frozen,
}

impl Linear {
    /// Draws the weights of `members` networks one after the other; `None` is a single network,
    /// whose tensors have no member dimension.
    pub(crate) fn new(
        members: Option<usize>,
        (inputs, outputs): (usize, usize),
        init: Init,
        last: bool,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let (mut weights, mut biases) = (Vec::new(), Vec::new());
        for _ in 0..members.unwrap_or(1) {
            let (weight, bias) = init.draw(inputs, outputs, last, rng);
            weights.extend(weight);
            biases.extend(bias);
        }
        let mut weight_shape = vec![inputs, outputs];
        let mut bias_shape = vec![outputs];
        if let Some(n) = members {
            weight_shape.insert(0, n);
            bias_shape.insert(0, n);
        }
        Ok(Self {
            weight: Var::from_vec(weights, weight_shape, device)?,
            bias: Var::from_vec(biases, bias_shape, device)?,
        })
    }

    /// `x` is `[b, inputs]`, or `[members, b, inputs]` for an ensemble; the result has `outputs` in
    /// the place of `inputs`.
    pub(crate) fn forward(
        &self,
        x: &Tensor,
        activation: Activation,
        weights: Weights,
    ) -> candle_core::Result<Tensor> {
        let forward = if x.device().is_cpu() { fused } else { composed };
        match weights {
            Weights::Trained => forward(x, &self.weight, &self.bias, activation),
            Weights::Frozen => {
                forward(x, &self.weight.as_detached_tensor(), &self.bias.as_detached_tensor(), activation)
            }
        }
    }

    /// One member's layer on slices: `x` `[rows, inputs]`, `y` `[rows, outputs]`. The kernels are those
    /// of [`fused`], so the bits are too.
    pub(crate) fn infer(
        &self,
        member: usize,
        x: &[f32],
        rows: usize,
        activation: Activation,
        y: &mut [f32],
    ) -> candle_core::Result<()> {
        let (inputs, outputs) = self.weight.dims().last_chunk().map_or((0, 0), |[i, o]| (*i, *o));
        dense::with_floats([&self.weight, &self.bias], |[weight, bias]| {
            let weight = &weight[member * inputs * outputs..][..inputs * outputs];
            multiply(Matrix::new(x, rows, inputs), Matrix::new(weight, inputs, outputs), y);
            pointwise::bias_activation(y, &bias[member * outputs..][..outputs], activation);
        })
    }

    /// A copy of some members' layers.
    pub(crate) fn select(&self, members: &Tensor) -> candle_core::Result<Self> {
        Ok(Self {
            weight: Var::from_tensor(&self.weight.as_detached_tensor().index_select(members, 0)?)?,
            bias: Var::from_tensor(&self.bias.as_detached_tensor().index_select(members, 0)?)?,
        })
    }

    pub(crate) fn deep_clone(&self) -> candle_core::Result<Self> {
        Ok(Self {
            weight: Var::from_tensor(&self.weight.as_detached_tensor().copy()?)?,
            bias: Var::from_tensor(&self.bias.as_detached_tensor().copy()?)?,
        })
    }
}

/// The layer out of the tensor library's own operations: what devices without our kernels run.
pub(crate) fn composed(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    activation: Activation,
) -> candle_core::Result<Tensor> {
    let product = match (x.rank(), weight.rank()) {
        (2, 3) => x.unsqueeze(0)?.broadcast_matmul(weight)?,
        _ => x.matmul(weight)?,
    };
    let bias = if bias.rank() == 2 { bias.unsqueeze(1)? } else { bias.clone() };
    activation.composed(&product.broadcast_add(&bias)?)
}

/// The layer as one CPU operation, or two where the derivative of the activation needs its input.
pub(crate) fn fused(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    activation: Activation,
) -> candle_core::Result<Tensor> {
    let x = x.contiguous()?;
    if activation.derivative_from_output() {
        x.apply_op3(weight, bias, Fused(Layer { activation }))
    } else {
        activation.fused(&x.apply_op3(weight, bias, Fused(Layer { activation: Activation::Identity }))?)
    }
}

struct Layer {
    activation: Activation,
}

/// The sizes of one call.
#[derive(Clone, Copy)]
struct Sizes {
    members: usize,
    /// Whether every member sees the same input.
    shared: bool,
    rows: usize,
    inputs: usize,
    outputs: usize,
}

impl Sizes {
    fn of(x: &[usize], weight: &[usize], bias: &[usize]) -> candle_core::Result<Self> {
        let (members, inputs, outputs) = match (weight, bias) {
            (&[i, o], &[b]) if b == o => (1, i, o),
            (&[n, i, o], &[m, b]) if m == n && b == o => (n, i, o),
            _ => bail!("a linear layer met weights {weight:?} with biases {bias:?}"),
        };
        let (shared, rows) = match *x {
            [rows, i] if i == inputs => (true, rows),
            [n, rows, i] if weight.len() == 3 && n == members && i == inputs => (false, rows),
            _ => bail!("a linear layer met an input {x:?} with weights {weight:?}"),
        };
        Ok(Self { members, shared, rows, inputs, outputs })
    }

    fn input<'a>(&self, x: &'a [f32], member: usize) -> Matrix<'a> {
        let size = self.rows * self.inputs;
        let start = if self.shared { 0 } else { member * size };
        Matrix::new(&x[start..start + size], self.rows, self.inputs)
    }

    fn weight<'a>(&self, weight: &'a [f32], member: usize) -> Matrix<'a> {
        let size = self.inputs * self.outputs;
        Matrix::new(&weight[member * size..][..size], self.inputs, self.outputs)
    }

    fn output<'a>(&self, y: &'a [f32], member: usize) -> Matrix<'a> {
        let size = self.rows * self.outputs;
        Matrix::new(&y[member * size..][..size], self.rows, self.outputs)
    }

    fn input_gradient(&self, d_output: &[f32], weight: &[f32]) -> Vec<f32> {
        let factors = |i| (self.output(d_output, i), self.weight(weight, i).transposed());
        if !self.shared {
            return products(self.members, factors);
        }
        let mut d_input = products(1, factors);
        for i in 1..self.members {
            let (a, b) = factors(i);
            multiply_add(a, b, &mut d_input);
        }
        d_input
    }

    fn weight_gradient(&self, d_output: &[f32], x: &[f32]) -> Vec<f32> {
        products(self.members, |i| (self.input(x, i).transposed(), self.output(d_output, i)))
    }

    fn bias_gradient(&self, d_output: &[f32]) -> Vec<f32> {
        let mut sums = vec![0.0; self.members * self.outputs];
        let size = self.rows * self.outputs;
        for (i, sums) in sums.chunks_exact_mut(self.outputs).enumerate() {
            pointwise::column_sums(&d_output[i * size..][..size], sums);
        }
        sums
    }
}

impl Kernel<3> for Layer {
    const NAME: &'static str = "fused-linear";

    fn value(&self, [x, weight, bias]: [Dense<'_>; 3]) -> candle_core::Result<(Vec<f32>, Shape)> {
        let sizes = Sizes::of(x.dims, weight.dims, bias.dims)?;
        let mut y = products(sizes.members, |i| (sizes.input(x.values, i), sizes.weight(weight.values, i)));
        let size = sizes.rows * sizes.outputs;
        for (i, bias) in bias.values.chunks_exact(sizes.outputs).enumerate() {
            pointwise::bias_activation(&mut y[i * size..][..size], bias, self.activation);
        }
        let shape = match weight.dims.len() {
            2 => Shape::from((sizes.rows, sizes.outputs)),
            _ => Shape::from((sizes.members, sizes.rows, sizes.outputs)),
        };
        Ok((y, shape))
    }

    fn gradient(
        &self,
        [x, weight, bias]: [Dense<'_>; 3],
        y: &[f32],
        grad: &[f32],
        wanted: [bool; 3],
    ) -> candle_core::Result<[Vec<f32>; 3]> {
        let sizes = Sizes::of(x.dims, weight.dims, bias.dims)?;
        let through;
        let d_output = if self.activation == Activation::Identity {
            grad
        } else {
            through = pointwise::activation_gradient(grad, y, y, self.activation);
            &through
        };
        let [d_x, d_weight, d_bias] = wanted;
        Ok([
            if d_x { sizes.input_gradient(d_output, weight.values) } else { Vec::new() },
            if d_weight { sizes.weight_gradient(d_output, x.values) } else { Vec::new() },
            if d_bias { sizes.bias_gradient(d_output) } else { Vec::new() },
        ])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_xoshiro::rand_core::SeedableRng;

    use super::*;
    use crate::device_paths::{assert_close, flat, values_and_gradients, variable};

    const FUSED: [Activation; 5] = [
        Activation::Identity,
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Tanh,
        Activation::Sigmoid,
    ];
    const SPLIT: [Activation; 3] = [Activation::Silu, Activation::Gelu, Activation::Softplus];

    /// Both device paths on the same numbers: values and all three gradients.
    fn compare(x: &[usize], weight: &[usize], bias: &[usize], activation: Activation, seed: u64) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (x, weight, bias) = (variable(x, &mut rng), variable(weight, &mut rng), variable(bias, &mut rng));
        let paths = [fused, composed].map(|path| {
            let (x, weight, bias) = (&x, &weight, &bias);
            move || path(x, weight, bias, activation)
        });
        let both = values_and_gradients(paths, &[&x, &weight, &bias], &mut rng);
        assert_close(both, 2e-5, &format!("{activation:?}"));
    }

    #[test]
    fn both_device_paths_agree_for_every_activation() {
        for activation in FUSED.into_iter().chain(SPLIT) {
            compare(&[5, 3], &[3, 7], &[7], activation, 1);
            compare(&[5, 3], &[2, 3, 7], &[2, 7], activation, 2);
            compare(&[2, 5, 3], &[2, 3, 7], &[2, 7], activation, 3);
            compare(&[1, 1], &[1, 1], &[1], activation, 4);
        }
        for activation in FUSED {
            assert!(activation.derivative_from_output());
        }
    }

    #[test]
    fn no_rows_are_no_error() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
        let (x, weight, bias) =
            (variable(&[0, 3], &mut rng), variable(&[3, 4], &mut rng), variable(&[4], &mut rng));
        let y = fused(&x, &weight, &bias, Activation::Relu).unwrap();
        assert_eq!(y.dims(), [0, 4]);
        let gradients = y.sum_all().unwrap().backward().unwrap();
        assert_eq!(flat(gradients.get(&weight).unwrap()), [0.0; 12]);
        assert_eq!(flat(gradients.get(&bias).unwrap()), [0.0; 4]);
    }

    #[test]
    fn strided_inputs_and_strided_gradients() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(6);
        let base = variable(&[3, 6], &mut rng);
        let (weight, bias) = (variable(&[3, 5], &mut rng), variable(&[5], &mut rng));
        let scale = variable(&[5, 4], &mut rng).as_detached_tensor();
        let gradients: Vec<_> = [fused, composed]
            .iter()
            .map(|layer| {
                // A transposed, offset view goes in; a transpose and a broadcast come back.
                let x = base.t().unwrap().narrow(0, 2, 4).unwrap();
                let y = layer(&x, &weight, &bias, Activation::Tanh).unwrap();
                let loss = (y.t().unwrap() * &scale).unwrap().sum_all().unwrap();
                (loss + y.mean_all().unwrap()).unwrap().backward().unwrap()
            })
            .collect();
        for (name, var) in [("base", &base), ("weight", &weight), ("bias", &bias)] {
            assert_close([0, 1].map(|path| flat(gradients[path].get(var).unwrap())), 2e-5, name);
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_errors() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
        let (x, weight, bias) =
            (variable(&[2, 3], &mut rng), variable(&[4, 5], &mut rng), variable(&[5], &mut rng));
        let error = fused(&x, &weight, &bias, Activation::Relu).unwrap_err().to_string();
        assert!(error.contains("input [2, 3] with weights [4, 5]"), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn both_device_paths_agree_for_odd_sizes(
            n in 1usize..4, rows in 1usize..40, inputs in 1usize..40, outputs in 1usize..40, seed in 0u64..1000,
        ) {
            compare(&[n, rows, inputs], &[n, inputs, outputs], &[n, outputs], Activation::Sigmoid, seed);
            compare(&[rows, inputs], &[n, inputs, outputs], &[n, outputs], Activation::Identity, seed);
        }
    }
}
