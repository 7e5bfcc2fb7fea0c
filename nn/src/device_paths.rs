//! For tests: an operation on the CPU beside the same one out of the tensor library's own operations, which is
//! another implementation by other people.

use candle_core::{Device, Result, Tensor, Var};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::gaussian::standard_normal;

/// Standard normal numbers that gradients are wanted of.
pub(crate) fn variable(shape: &[usize], rng: &mut Xoshiro256PlusPlus) -> Var {
    let mut values = vec![0.0; shape.iter().product()];
    standard_normal(rng, &mut values);
    Var::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// All numbers of a tensor.
pub(crate) fn flat(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// The values of both, then the gradients by `vars` of one weighted sum, in which every output has a weight of
/// its own.
pub(crate) fn values_and_gradients<F: Fn() -> Result<Tensor>>(
    paths: [F; 2],
    vars: &[&Var],
    rng: &mut Xoshiro256PlusPlus,
) -> [Vec<f32>; 2] {
    let values = paths.map(|path| path().unwrap());
    let factors = variable(values[0].dims(), rng).as_detached_tensor();
    let both = values.map(|y| {
        let gradients = (&y * &factors).unwrap().sum_all().unwrap().backward().unwrap();
        let gradients = vars.iter().flat_map(|var| flat(gradients.get(var).unwrap()));
        flat(&y).into_iter().chain(gradients).collect::<Vec<f32>>()
    });
    assert_eq!(both[0].len(), both[1].len());
    both
}

/// Whether numbers differ by at most `tolerance (1 + |theirs|)`.
pub(crate) fn assert_close([ours, theirs]: [Vec<f32>; 2], tolerance: f32, what: &str) {
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert!((ours - theirs).abs() <= tolerance * (1.0 + theirs.abs()), "{what}: {ours} against {theirs}");
    }
}
