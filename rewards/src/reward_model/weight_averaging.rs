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
    use rand::RngExt;
    use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};
    use telos_nn::{Device, MlpConfig, Tensor};

    use super::*;
    use crate::reward_model::{PreferenceData, RewardEnsemble, RewardLearner, RewardModelConfig, StepSizes};

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

    /// Answers by a reward that is not linear in the step.
    fn answers(count: usize, seed: u64) -> PreferenceData {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut data = PreferenceData::new(count, 4, 3, 1).unwrap();
        for _ in 0..count {
            let rows: Vec<f32> = (0..2 * 4 * 4).map(|_| rng.random_range(-1.0..1.0)).collect();
            let gold = |rows: &[f32]| rows.chunks_exact(4).map(|x| x[0] * x[1] + x[2].abs()).sum::<f32>();
            let first_is_better = gold(&rows[..16]) > gold(&rows[16..]);
            data.push_rows(&rows, [f32::from(u8::from(first_is_better)), 1.0], "gold");
        }
        data
    }

    #[test]
    fn members_with_a_common_start_average_well_and_others_do_not() {
        let (data, held_out) = (answers(300, 1), answers(300, 2));
        let config = RewardModelConfig {
            members: 4,
            hidden: vec![32, 32],
            learning_rate: 3e-3,
            max_epochs: 40,
            ..RewardModelConfig::default()
        };
        let sizes = StepSizes { observation: 3, action: 1, segment: 4 };
        let accuracy = |average_weights: bool| {
            let config = RewardModelConfig { average_weights, ..config.clone() };
            let mut model = RewardEnsemble::new(config, sizes, 5, &Device::Cpu).unwrap();
            model.train(&data, &data).unwrap();
            let of_members = model.accuracy(&held_out).unwrap().unwrap();
            let mean: Vec<f32> = model
                .networks
                .named()
                .into_iter()
                .flat_map(|(_, var)| var.mean_keepdim(0).unwrap().flatten_all().unwrap().to_vec1().unwrap())
                .collect();
            // Every member becomes the average, so that the model is asked about nothing else.
            let mut at = 0;
            for (_, var) in model.networks.named() {
                let size = var.elem_count() / 4;
                let one = mean[at..at + size].repeat(4);
                var.set(&Tensor::from_vec(one, var.shape(), &Device::Cpu).unwrap()).unwrap();
                at += size;
            }
            (of_members, model.accuracy(&held_out).unwrap().unwrap())
        };
        let (_, common) = accuracy(true);
        let (members, apart) = accuracy(false);
        assert!(common > members - 0.05, "{common} by the average, {members} by independent members");
        assert!(apart < common - 0.1, "{apart} by the average of independent members, {common} otherwise");
    }
}
