//! The Bradley-Terry model of pairwise comparisons.

use telos_nn::{Activation, NnError, Tensor};

/// Negative log-likelihood of comparisons: for each member the mean over its batch of
/// `-[y log p + (1 - y) log(1 - p)]` with `p = sigmoid(logit)`, summed over the members, so that the
/// gradient of a member does not depend on how many there are. `[members, b]` twice, to a scalar.
///
/// A logit is the difference of two segments' returns and `y` the probability that the first is
/// preferred (Christiano et al. 2017, equations 1 and 2): 1, 0, or 1/2 when they are equal.
///
/// With `weights` `[members, b]` every pair counts that often: the scaled Bradley-Terry loss of Wang et al.
/// 2024 ("HelpSteer2-Preference: Complementing Ratings with Preferences", arXiv 2410.01257, equation 3),
/// where they are the strengths of the preferences.
///
/// # Errors
/// When the shapes differ.
pub fn bradley_terry_loss(
    logits: &Tensor,
    targets: &Tensor,
    weights: Option<&Tensor>,
) -> Result<Tensor, NnError> {
    // -log sigmoid(z) = softplus(-z) = softplus(z) - z, so the sum over both answers is:
    let losses = (Activation::Softplus.apply(logits)? - logits.mul(targets)?)?;
    let losses = match weights {
        Some(weights) => losses.mul(weights)?,
        None => losses,
    };
    Ok(losses.mean(1)?.sum_all()?)
}

#[cfg(test)]
mod tests {
    use telos_nn::{Device, Var};

    use super::*;

    const LOGITS: [[f32; 4]; 2] = [[0.3, -2.0, 40.0, 0.0], [-60.0, 1.5, -0.7, 5.0]];
    const TARGETS: [[f32; 4]; 2] = [[1.0, 0.0, 0.5, 0.5], [0.0, 0.0, 1.0, 0.9]];

    #[test]
    fn value_and_gradient_are_those_of_the_definition() {
        let logits = Var::new(&LOGITS, &Device::Cpu).unwrap();
        let targets = Tensor::new(&TARGETS, &Device::Cpu).unwrap();
        let loss = bradley_terry_loss(&logits, &targets, None).unwrap();
        let mut expected = 0.0;
        for (z, y) in LOGITS.iter().flatten().zip(TARGETS.iter().flatten()) {
            let (z, y) = (f64::from(*z), f64::from(*y));
            expected += (y * (-z).exp().ln_1p() + (1.0 - y) * z.exp().ln_1p()) / 4.0;
        }
        let twice = Tensor::new(&[[2f32; 4]; 2], &Device::Cpu).unwrap();
        let doubled = bradley_terry_loss(&logits, &targets, Some(&twice)).unwrap();
        assert!((doubled.to_scalar::<f32>().unwrap() - 2.0 * loss.to_scalar::<f32>().unwrap()).abs() < 1e-4);
        let loss_value = f64::from(loss.to_scalar::<f32>().unwrap());
        assert!((loss_value - expected).abs() < 1e-5, "{loss_value} against {expected}");
        // d/dz = (sigmoid(z) - y) / b.
        let gradients = loss.backward().unwrap();
        let gradient = gradients.get(logits.as_tensor()).unwrap().to_vec2::<f32>().unwrap();
        for (member, row) in gradient.iter().enumerate() {
            for (at, slope) in row.iter().enumerate() {
                let sigmoid = 1.0 / (1.0 + (-f64::from(LOGITS[member][at])).exp());
                let expected = (sigmoid - f64::from(TARGETS[member][at])) / 4.0;
                assert!((f64::from(*slope) - expected).abs() < 1e-6, "member {member}, pair {at}");
            }
        }
    }
}
