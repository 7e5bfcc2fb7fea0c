//! Loops over activations: bias and nonlinearity, their derivatives, column sums.

use crate::{
    Activation,
    kernels::{self, vectorized::vectorized},
};

/// Slope of the leaky rectifier below zero (PyTorch's default).
const LEAK: f32 = 0.01;
/// `sqrt(2 / π)` and the cubic coefficient of the tanh approximation of GELU (arXiv:1606.08415, section 2).
const GELU_SCALE: f32 = 0.797_884_6;
const GELU_CUBIC: f32 = 0.044_715;

/// The function itself.
#[inline(always)]
pub(crate) fn value(activation: Activation, x: f32) -> f32 {
    match activation {
        Activation::Identity => x,
        Activation::Relu => {
            if x < 0.0 {
                0.0
            } else {
                x
            }
        }
        Activation::LeakyRelu => {
            if x > 0.0 {
                x
            } else {
                LEAK * x
            }
        }
        Activation::Tanh => kernels::tanh(x),
        Activation::Sigmoid => kernels::sigmoid(x),
        Activation::Silu => x * kernels::sigmoid(x),
        // (1 + tanh z) / 2 = sigmoid(2 z), which keeps its digits where z is very negative.
        Activation::Gelu => x * kernels::sigmoid(2.0 * gelu_inner(x)),
        Activation::Softplus => kernels::softplus(x),
    }
}

/// The argument of tanh in the approximation of GELU.
#[inline(always)]
fn gelu_inner(x: f32) -> f32 {
    GELU_SCALE * (GELU_CUBIC * x * x).mul_add(x, x)
}

/// The derivative of [`value`], from the input `x` and the output `y`; the first five need `y` only.
#[inline(always)]
pub(crate) fn derivative(activation: Activation, x: f32, y: f32) -> f32 {
    match activation {
        Activation::Identity => 1.0,
        Activation::Relu => {
            if y > 0.0 {
                1.0
            } else {
                0.0
            }
        }
        Activation::LeakyRelu => {
            if y > 0.0 {
                1.0
            } else {
                LEAK
            }
        }
        Activation::Tanh => y.mul_add(-y, 1.0),
        Activation::Sigmoid => y.mul_add(-y, y),
        Activation::Silu => {
            let s = kernels::sigmoid(x);
            (y * (1.0 - s)) + s
        }
        Activation::Gelu => {
            let s = kernels::sigmoid(2.0 * gelu_inner(x));
            let slope = GELU_SCALE * (3.0 * GELU_CUBIC * x).mul_add(x, 1.0);
            s + 2.0 * x * s * (1.0 - s) * slope
        }
        Activation::Softplus => kernels::sigmoid(x),
    }
}

/// Runs `$body` with `$f` bound to a constant activation, so that each loop is compiled for one.
macro_rules! for_each_activation {
    ($activation:expr, $f:ident => $body:expr) => {{
        macro_rules! arm {
            ($name:ident) => {{
                const $f: Activation = Activation::$name;
                $body
            }};
        }
        match $activation {
            Activation::Identity => arm!(Identity),
            Activation::Relu => arm!(Relu),
            Activation::LeakyRelu => arm!(LeakyRelu),
            Activation::Tanh => arm!(Tanh),
            Activation::Sigmoid => arm!(Sigmoid),
            Activation::Silu => arm!(Silu),
            Activation::Gelu => arm!(Gelu),
            Activation::Softplus => arm!(Softplus),
        }
    }};
}

/// Adds `bias` to every row of `rows` and applies the activation, in place.
pub(crate) fn bias_activation(rows: &mut [f32], bias: &[f32], activation: Activation) {
    for_each_activation!(activation, F => vectorized(
        (rows, bias),
        #[inline(always)]
        |(rows, bias)| {
            for row in rows.chunks_exact_mut(bias.len()) {
                for (y, b) in row.iter_mut().zip(bias) {
                    *y = value(F, *y + b);
                }
            }
        }
    ));
}

/// The activation of every element, in place.
pub(crate) fn activate(x: &mut [f32], activation: Activation) {
    for_each_activation!(activation, F => vectorized(
        x,
        #[inline(always)]
        |x| {
            for x in x {
                *x = value(F, *x);
            }
        }
    ));
}

/// `grad * f'(x)`, where `y = f(x)`. An activation whose derivative follows from its output
/// ([`Activation::derivative_from_output`]) never looks at `x`, and `y` may stand in for it.
pub(crate) fn activation_gradient(grad: &[f32], x: &[f32], y: &[f32], activation: Activation) -> Vec<f32> {
    assert!(grad.len() == x.len() && x.len() == y.len());
    let mut out = vec![0.0; grad.len()];
    for_each_activation!(activation, F => vectorized(
        (&mut out[..], grad, x, y),
        #[inline(always)]
        |(out, grad, x, y)| {
            for (((out, g), x), y) in out.iter_mut().zip(grad).zip(x).zip(y) {
                *out = g * derivative(F, *x, *y);
            }
        }
    ));
    out
}

/// Adds up the rows of a row-major matrix, top to bottom, into `sums`.
pub(crate) fn column_sums(matrix: &[f32], sums: &mut [f32]) {
    vectorized(
        (matrix, sums),
        #[inline(always)]
        |(matrix, sums)| {
            for row in matrix.chunks_exact(sums.len()) {
                for (sum, x) in sums.iter_mut().zip(row) {
                    *sum += x;
                }
            }
        },
    );
}
