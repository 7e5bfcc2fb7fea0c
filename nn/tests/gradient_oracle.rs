//! Gradients of every operation against two independent judges: central differences of the values,
//! and dfdx, an automatic differentiation written by other people.

use dfdx::{
    optim::{Adam as DfdxAdam, AdamConfig as DfdxAdamConfig, Optimizer},
    prelude::{
        Axis, BroadcastTo, Const, Cpu, HasShape, MeanTo, PermuteTo, Rank1, Rank2, SumTo, Tensor as _,
        TensorFrom, TensorFromVec, Trace, TryMatMul,
    },
    tensor::AsArray,
    tensor_ops::Backward,
};
