//! Weight averaged reward models (Ramé et al. 2024, "WARM: On the Benefits of Weight Averaged Reward
//! Models", arXiv 2401.12187): members that start from the same weights and see the data in different
//! orders stay close enough for their average `θ = 1/M Σ_m φ_m` to be a good network itself. It keeps what
//! the members share and little of what each memorised, at the cost of one.

use telos_nn::{MlpEnsemble, NnError, Parameters};

/// Gives every member the weights of the first.
pub(super) fn share_first(networks: &MlpEnsemble) -> Result<(), NnError> {
    for (_, var) in networks.named() {
        let first = var.as_detached_tensor().narrow(0, 0, 1)?;
        var.set(&first.broadcast_as(var.shape())?.contiguous()?)?;
    }
    Ok(())
}

/// Writes the mean of the members' weights into an ensemble of one.
pub(super) fn average(networks: &MlpEnsemble, into: &MlpEnsemble) -> Result<(), NnError> {
    for ((_, from), (_, to)) in networks.named().into_iter().zip(into.named()) {
        to.set(&from.as_detached_tensor().mean_keepdim(0)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};
    use telos_nn::{Device, MlpConfig, Tensor};

    use super::*;

    #[test]
    fn the_average_of_equal_members_is_a_member_and_of_others_their_mean_where_linear() {
        let ensemble = |members, seed| {
            let config = MlpConfig { inputs: 3, hidden: vec![], outputs: 2, ..MlpConfig::default() };
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            MlpEnsemble::new("reward", members, &config, &mut rng, &Device::Cpu).unwrap()
        };
        let (networks, one) = (ensemble(4, 1), ensemble(1, 2));
        let x = Tensor::new(&[[0.5_f32, -1.0, 2.0]], &Device::Cpu).unwrap();
        let outputs = |networks: &MlpEnsemble| networks.forward(&x).unwrap().to_vec3::<f32>().unwrap();
        average(&networks, &one).unwrap();
        let members = outputs(&networks);
        for (at, found) in outputs(&one)[0][0].iter().enumerate() {
            let mean = members.iter().map(|member| member[0][at]).sum::<f32>() / 4.0;
            assert!((found - mean).abs() < 1e-6, "{found} against {mean}");
        }
        share_first(&networks).unwrap();
        assert!(outputs(&networks).iter().all(|member| *member == members[0]));
    }
}
