//! Objectives on bandits whose best policy is known in closed form.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use telos_agents::objective::{
    Apa, Awr, Candidates, Cpo, Dpo, GroupRelative, GroupRobust, InfoNca, Ipo, Kto, Nca, ObjectiveConfig,
    Odpo, PolicyObjective, RelativeReward, SimPo,
};
use telos_nn::{Adam, AdamConfig, Device, Parameters, Tensor, Var};

const REWARDS: [f64; 5] = [0.0, 0.7, -0.4, 1.3, 0.2];
const REFERENCE: [f64; 5] = [0.1, 0.3, 0.2, 0.15, 0.25];

/// A categorical policy over the arms of a bandit.
struct Bandit(Var);

impl Parameters for Bandit {
    fn named(&self) -> Vec<(String, &Var)> {
        vec![("logits".into(), &self.0)]
    }
}

impl Bandit {
    fn new(probabilities: &[f64]) -> Self {
        let logits: Vec<f32> = probabilities.iter().map(|p| p.ln() as f32).collect();
        Self(Var::from_vec(logits, probabilities.len(), &Device::Cpu).unwrap())
    }

    /// log pi of each arm.
    fn log_probs(&self) -> Tensor {
        let normaliser = self.0.exp().unwrap().sum_all().unwrap().log().unwrap();
        self.0.broadcast_sub(&normaliser).unwrap()
    }

    fn probabilities(&self) -> Vec<f64> {
        self.log_probs().to_vec1::<f32>().unwrap().iter().map(|l| f64::from(*l).exp()).collect()
    }

    /// log pi of the arms of each row, `[rows, k]`.
    fn of(&self, arms: &[Vec<u32>]) -> Tensor {
        let (rows, k) = (arms.len(), arms[0].len());
        let index = Tensor::from_vec(arms.concat(), rows * k, &Device::Cpu).unwrap();
        self.log_probs().index_select(&index, 0).unwrap().reshape((rows, k)).unwrap()
    }

    /// Follows the gradient of the weighted loss to its end.
    fn minimise(&self, loss: impl Fn(&Self) -> Tensor) {
        let mut adam = Adam::new(self, AdamConfig { lr: 0.03, ..AdamConfig::default() }).unwrap();
        for step in 0..3000 {
            adam.set_lr(0.03 * (1.0 - f64::from(step) / 3000.0));
            adam.backward_step(&loss(self)).unwrap();
        }
    }
}

fn column(rows: &[Vec<f64>]) -> Tensor {
    let numbers: Vec<f32> = rows.concat().iter().map(|x| *x as f32).collect();
    Tensor::from_vec(numbers, (rows.len(), rows[0].len()), &Device::Cpu).unwrap()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// weights_i exp(x_i), normalised.
fn tilted(weights: &[f64], x: &[f64]) -> Vec<f64> {
    let unnormalised: Vec<f64> = weights.iter().zip(x).map(|(w, x)| w * x.exp()).collect();
    let total: f64 = unnormalised.iter().sum();
    unnormalised.iter().map(|p| p / total).collect()
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    let distance: f64 = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).sum::<f64>() / 2.0;
    assert!(distance < tolerance, "total variation {distance}: {found:?} against {expected:?}");
}

fn scaled(rewards: &[f64], scale: f64) -> Vec<f64> {
    rewards.iter().map(|r| r * scale).collect()
}

/// Every comparison of two arms with both answers, and how often a Bradley-Terry teacher gives each.
fn comparisons(rewards: &[f64]) -> (Vec<Vec<u32>>, Vec<Vec<f64>>, Tensor) {
    let (mut arms, mut scores, mut weights) = (vec![], vec![], vec![]);
    for i in 0..rewards.len() {
        for j in i + 1..rewards.len() {
            for (answer, sign) in [(vec![1.0, 0.0], 1.0), (vec![0.0, 1.0], -1.0)] {
                arms.push(vec![i as u32, j as u32]);
                scores.push(answer);
                weights.push(vec![sigmoid(sign * (rewards[i] - rewards[j]))]);
            }
        }
    }
    (arms, scores, column(&weights).squeeze(1).unwrap())
}

/// Trains a bandit on the answers of a Bradley-Terry teacher.
fn taught(objective: &dyn PolicyObjective, rewards: &[f64], reference: &[f64]) -> Vec<f64> {
    let (policy, prior) = (Bandit::new(reference), Bandit::new(reference));
    let (arms, scores, weights) = comparisons(rewards);
    let (prior, scores) = (prior.of(&arms).detach(), column(&scores));
    policy.minimise(|policy| {
        let candidates = Candidates::new(policy.of(&arms), prior.clone(), scores.clone()).unwrap();
        (objective.losses(&candidates).unwrap() * &weights).unwrap().sum_all().unwrap()
    });
    policy.probabilities()
}

/// Trains a bandit on all arms at once, scored.
fn scored(objective: &dyn PolicyObjective, scores: &[f64], reference: &[f64]) -> Vec<f64> {
    let (policy, prior) = (Bandit::new(reference), Bandit::new(reference));
    let arms = vec![(0..scores.len() as u32).collect::<Vec<_>>()];
    let (prior, scores) = (prior.of(&arms).detach(), column(&[scores.to_vec()]));
    policy.minimise(|policy| {
        let candidates = Candidates::new(policy.of(&arms), prior.clone(), scores.clone()).unwrap();
        objective.loss(&candidates).unwrap()
    });
    policy.probabilities()
}

#[test]
fn dpo_finds_the_tilted_reference() {
    for beta in [0.5, 2.0] {
        let found = taught(&Dpo { beta, label_smoothing: 0.0 }, &REWARDS, &REFERENCE);
        assert_close(&found, &tilted(&REFERENCE, &scaled(&REWARDS, 1.0 / beta)), 1e-3);
    }
}

#[test]
fn smoothed_dpo_undoes_flipped_answers() {
    // A teacher who flips a tenth of sure answers is taken at his word by DPO, h = log(0.9 / 0.1) / beta.
    let found = taught(&Dpo { beta: 1.0, label_smoothing: 0.1 }, &[30.0, 0.0], &[0.5, 0.5]);
    assert_close(&found, &tilted(&[0.5, 0.5], &[9f64.ln(), 0.0]), 1e-3);
}

#[test]
fn ipo_goes_as_far_as_the_answers_are_sure() {
    let (beta, p) = (0.4, sigmoid(1.1));
    let found = taught(&Ipo { beta }, &[1.1, 0.0], &[0.3, 0.7]);
    assert_close(&found, &tilted(&[0.3, 0.7], &[(2.0 * p - 1.0) / (2.0 * beta), 0.0]), 1e-3);
}

#[test]
fn odpo_puts_the_offset_between_the_candidates() {
    // Two answers of strength 3 and 1; p sigmoid(-(beta h - D)) = (1 - p) sigmoid(-(-beta h - D)).
    let (p, strength, objective) = (0.8, 3.0, Odpo { beta: 0.7, alpha: 0.5 });
    let offset = 0.5 * f64::ln(strength);
    let slope = |h: f64| p * sigmoid(offset - 0.7 * h) - (1.0 - p) * sigmoid(offset + 0.7 * h);
    let expected = tilted(&[0.5, 0.5], &[root(slope), 0.0]);
    let (policy, prior) = (Bandit::new(&[0.5, 0.5]), Bandit::new(&[0.5, 0.5]));
    let arms = vec![vec![0, 1]; 2];
    let scores = column(&[vec![strength, 0.0], vec![0.0, strength]]);
    let (prior, weights) =
        (prior.of(&arms).detach(), Tensor::new(&[p as f32, 1.0 - p as f32], &Device::Cpu).unwrap());
    policy.minimise(|policy| {
        let candidates = Candidates::new(policy.of(&arms), prior.clone(), scores.clone()).unwrap();
        (objective.losses(&candidates).unwrap() * &weights).unwrap().sum_all().unwrap()
    });
    assert_close(&policy.probabilities(), &expected, 1e-3);
}

/// Where a falling function of one number is zero.
fn root(slope: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (-50.0, 50.0);
    for _ in 0..200 {
        let middle = (low + high) / 2.0;
        if slope(middle) > 0.0 { low = middle } else { high = middle }
    }
    low
}

#[test]
fn simpo_and_alphapo_stop_where_their_slope_is_zero() {
    let p = sigmoid(1.5);
    for objective in [SimPo { beta: 2.5, gamma: 0.5, alpha: 0.0 }, SimPo::alpha_po()] {
        let SimPo { beta, gamma, alpha } = objective;
        let reward = |l: f64| if alpha == 0.0 { beta * l } else { beta * (1.0 - (-alpha * l).exp()) / alpha };
        // The policy of two arms by the logit of the first.
        let ahead = |logit: f64| reward(sigmoid(logit).ln()) - reward(sigmoid(-logit).ln());
        let slope =
            |logit: f64| p * sigmoid(gamma - ahead(logit)) - (1.0 - p) * sigmoid(gamma + ahead(logit));
        let expected = sigmoid(root(slope));
        let found = taught(&objective, &[1.5, 0.0], &[0.2, 0.8]);
        assert_close(&found, &[expected, 1.0 - expected], 1e-3);
    }
}

#[test]
fn alphapo_tends_to_simpo() {
    let nearly = SimPo { beta: 2.0, gamma: 0.3, alpha: 1e-3 };
    let found = taught(&nearly, &REWARDS, &REFERENCE);
    assert_close(&found, &taught(&SimPo { alpha: 0.0, ..nearly }, &REWARDS, &REFERENCE), 2e-3);
}

#[test]
fn cpo_stops_where_its_slope_is_zero() {
    // d/dlogit of p log sigma(beta x) + (1 - p) log sigma(-beta x) + p log pi_1 + (1 - p) log pi_2.
    let (p, beta) = (sigmoid(0.8), 0.5);
    let slope = |x: f64| {
        beta * (p * sigmoid(-beta * x) - (1.0 - p) * sigmoid(beta * x)) + p * sigmoid(-x)
            - (1.0 - p) * sigmoid(x)
    };
    let expected = sigmoid(root(slope));
    let found = taught(&Cpo { beta, cloning: 1.0 }, &[0.8, 0.0], &[0.5, 0.5]);
    assert_close(&found, &[expected, 1.0 - expected], 1e-3);
}

#[test]
fn nca_fixes_every_candidate_and_infonca_their_differences() {
    let alpha = 0.8;
    let targets = tilted(&[1.0; 5], &scaled(&REWARDS, 1.0 / alpha));
    let uniform = [0.2; 5];
    assert_close(&scored(&Nca { beta: 1.0, alpha }, &REWARDS, &uniform), &targets, 1e-3);
    let beta = 0.5;
    let found = scored(&InfoNca { beta, alpha }, &REWARDS, &REFERENCE);
    assert_close(&found, &tilted(&REFERENCE, &scaled(&REWARDS, 1.0 / (alpha * beta))), 1e-3);
}

#[test]
fn nca_keeps_the_chosen_likely_where_infonca_gives_it_up() {
    // One network for many questions: here two of the five arms are asked about, the others may gain.
    let (nca, info) = (Nca { beta: 0.2, alpha: 0.1 }, InfoNca { beta: 0.2, alpha: 0.1 });
    let chosen = |objective: &dyn PolicyObjective| {
        let gradient = |log_probs: [f32; 2]| {
            let log_probs = Var::new(&[log_probs], &Device::Cpu).unwrap();
            let reference = Tensor::new(&[[-1.0f32, -1.0]], &Device::Cpu).unwrap();
            let scores = column(&[vec![1.0, 0.0]]);
            let candidates = Candidates::new(log_probs.as_tensor().clone(), reference, scores).unwrap();
            let loss = objective.loss(&candidates).unwrap().backward().unwrap();
            loss.get(log_probs.as_tensor()).unwrap().to_vec2::<f32>().unwrap()[0][0]
        };
        // Both have become unlikely, the chosen less so.
        gradient([-40.0, -80.0])
    };
    assert!(chosen(&nca) < -0.05 && chosen(&info) > -0.01, "{} {}", chosen(&nca), chosen(&info));
}

#[test]
fn relative_rewards_fix_the_tilted_reference_whoever_drew() {
    for (objective, beta) in [(RelativeReward::rebel(0.5), 2.0), (RelativeReward::copg(0.7), 0.7)] {
        let found = scored(&objective, &REWARDS, &REFERENCE);
        assert_close(&found, &tilted(&REFERENCE, &scaled(&REWARDS, 1.0 / beta)), 1e-4);
    }
    let sum = RelativeReward::copg(1.0);
    let mean = RelativeReward::rebel(1.0);
    let arms = vec![vec![0, 1, 2, 3, 4]];
    let (policy, prior) = (Bandit::new(&[0.2; 5]), Bandit::new(&REFERENCE));
    let candidates = Candidates::new(policy.of(&arms), prior.of(&arms), column(&[REWARDS.to_vec()])).unwrap();
    let of = |objective: &RelativeReward| objective.loss(&candidates).unwrap().to_scalar::<f32>().unwrap();
    assert!((of(&sum) / of(&mean) - 10.0 / 4.0).abs() < 1e-4, "ten pairs over k - 1 = 4");
}

#[test]
fn prdp_stays_near_the_policy_that_drew() {
    let objective = RelativeReward::prdp(1.0, 0.1);
    // The first candidate deserves a log-ratio of 5 more than the second; `moved` is how far the policy
    // has come since it drew them.
    let slope = |moved: f32| {
        let log_probs = Var::new(&[[-1.0 + moved, -1.0 - moved]], &Device::Cpu).unwrap();
        let reference = Tensor::new(&[[-1.0f32, -1.0]], &Device::Cpu).unwrap();
        let scores = column(&[vec![5.0, 0.0]]);
        let candidates = Candidates::new(log_probs.as_tensor().clone(), reference, scores).unwrap();
        let gradients = objective.loss(&candidates).unwrap().backward().unwrap();
        gradients.get(log_probs.as_tensor()).unwrap().to_vec2::<f32>().unwrap()[0][0]
    };
    assert!((slope(0.05) + 2.0 * 4.9).abs() < 1e-4, "free within the bounds: {}", slope(0.05));
    assert_eq!(slope(0.15), 0.0, "no further beyond them");
    assert!((slope(-0.15) + 2.0 * 5.3).abs() < 1e-4, "but always back: {}", slope(-0.15));
    let free = scored(&RelativeReward { clip: None, ..objective }, &[5.0, 0.0], &[0.5, 0.5]);
    assert_close(&free, &tilted(&[0.5, 0.5], &[5.0, 0.0]), 1e-3);
}

#[test]
fn advantages_tilt_the_prior() {
    let lambda = 0.9;
    let expected = tilted(&REFERENCE, &scaled(&REWARDS, 1.0 / lambda));
    // APA's target is a density of its own only if the advantages are shifted so that it sums to 1.
    let z: f64 = REFERENCE.iter().zip(REWARDS).map(|(p, r)| p * (r / lambda).exp()).sum();
    let advantages: Vec<f64> = REWARDS.iter().map(|r| r - lambda * z.ln()).collect();
    assert_close(&scored(&Apa { lambda }, &advantages, &REFERENCE), &expected, 1e-3);

    // AWR weighs what was drawn; drawing each arm equally often tilts the uniform policy.
    let awr = Awr { lambda, max_weight: 20.0 };
    assert_close(
        &scored(&awr, &REWARDS, &REFERENCE),
        &tilted(&[0.2; 5], &scaled(&REWARDS, 1.0 / lambda)),
        1e-3,
    );
    let capped = scored(&Awr { lambda, max_weight: 2.0 }, &[9.0, 0.0], &[0.5, 0.5]);
    assert_close(&capped, &[2.0 / 3.0, 1.0 / 3.0], 1e-3);
}

#[test]
fn a_group_is_its_own_critic() {
    // At the policy that drew, the gradient is that of REINFORCE with standardised scores.
    let log_probs = Var::new(&[[-1.0f32, -2.0, -0.5]], &Device::Cpu).unwrap();
    let reference = log_probs.as_detached_tensor();
    let gradient = |log_probs: &Var, behaviour: &Tensor, scores: [f64; 3], beta: f64| {
        let objective = GroupRelative { clip: 0.2, beta };
        let candidates =
            Candidates::new(log_probs.as_tensor().clone(), reference.clone(), column(&[scores.to_vec()]))
                .unwrap()
                .drawn_by(behaviour.clone())
                .unwrap();
        let gradients = objective.loss(&candidates).unwrap().backward().unwrap();
        gradients.get(log_probs.as_tensor()).unwrap().to_vec2::<f32>().unwrap()[0].clone()
    };
    let found = gradient(&log_probs, &reference, [1.0, 3.0, 5.0], 0.0);
    let unit = 1.5f32.sqrt() / 3.0;
    for (found, expected) in found.iter().zip([unit, 0.0, -unit]) {
        assert!((found - expected).abs() < 1e-5, "{found} against {expected}");
    }
    // Equal scores teach nothing.
    assert!(gradient(&log_probs, &reference, [2.0; 3], 0.0).iter().all(|g| g.abs() < 1e-6));
    // A good candidate that is more likely than before by more than the clip gets no further.
    let behaviour = (reference.clone() - 0.5).unwrap();
    let found = gradient(&log_probs, &behaviour, [1.0, 3.0, 5.0], 0.0);
    assert!(found[2] == 0.0 && found[0] > 0.0, "{found:?}");
    // Away from the reference the policy is pulled back: d KL / d log pi = 1 - pi_ref/pi.
    let away = Var::new(&[[-0.5f32, -2.0, -0.5]], &Device::Cpu).unwrap();
    let pull = gradient(&away, &away.as_detached_tensor(), [2.0; 3], 0.3);
    assert!((pull[0] - 0.1 * (1.0 - (-0.5f32).exp())).abs() < 1e-5 && pull[1].abs() < 1e-6, "{pull:?}");
}

#[test]
fn kto_follows_its_value_function() {
    let objective = Kto { beta: 0.5, desirable: 1.0, undesirable: 2.0 };
    let log_probs = Var::new(&[[-1.0f32, -2.0, -1.5]], &Device::Cpu).unwrap();
    let reference = Tensor::new(&[[-1.6f32, -2.1, -1.3]], &Device::Cpu).unwrap();
    let scores = column(&[vec![1.0, -1.0, 0.0]]);
    let candidates = Candidates::new(log_probs.as_tensor().clone(), reference, scores).unwrap();
    let loss = objective.loss(&candidates).unwrap();
    // r = 0.6, 0.1, -0.2; z_0 is their mean; the third candidate only counts there.
    let z = 0.5 / 3.0;
    let (good, bad) = (sigmoid(0.5 * (0.6 - z)), sigmoid(0.5 * (z - 0.1)));
    let expected = ((1.0 - good) + 2.0 * (1.0 - bad)) / 2.0;
    assert!((f64::from(loss.to_scalar::<f32>().unwrap()) - expected).abs() < 1e-5);
    let gradients = loss.backward().unwrap();
    let found = gradients.get(log_probs.as_tensor()).unwrap().to_vec2::<f32>().unwrap()[0].clone();
    let slopes = [-0.25 * good * (1.0 - good), 0.5 * bad * (1.0 - bad), 0.0];
    for (found, expected) in found.iter().zip(slopes) {
        assert!((f64::from(*found) - expected).abs() < 1e-5, "{found} against {expected}");
    }
}

#[test]
fn ties_and_single_candidates_teach_pairs_nothing() {
    for (log_probs, scores) in [(vec![-1.0, -2.0], vec![1.0, 1.0]), (vec![-1.0], vec![1.0])] {
        let var = Var::from_tensor(&column(&[log_probs])).unwrap();
        let candidates =
            Candidates::new(var.as_tensor().clone(), var.as_detached_tensor(), column(&[scores])).unwrap();
        let loss = Dpo::default().loss(&candidates).unwrap();
        assert_eq!(loss.to_scalar::<f32>().unwrap(), 0.0);
    }
}

#[test]
fn the_group_that_is_worst_off_gains_weight() {
    // Nine in ten answers are of people who want the first arm, one of a person who wants the second.
    let arms = vec![vec![0, 1]; 10];
    let group: Vec<usize> = (0..10).map(|row| usize::from(row == 9)).collect();
    let scores = column(
        &group.iter().map(|&g| if g == 0 { vec![1.0, 0.0] } else { vec![0.0, 1.0] }).collect::<Vec<_>>(),
    );
    let prior = Bandit::new(&[0.5, 0.5]).of(&arms).detach();
    let objective = Ipo { beta: 1.0 };
    let candidates =
        |policy: &Bandit| Candidates::new(policy.of(&arms), prior.clone(), scores.clone()).unwrap();
    let worst = |policy: &Bandit| {
        let losses = objective.losses(&candidates(policy)).unwrap().to_vec1::<f32>().unwrap();
        losses[0].max(losses[9])
    };
    let pooled = Bandit::new(&[0.5, 0.5]);
    pooled.minimise(|policy| objective.loss(&candidates(policy)).unwrap());
    let robust = Bandit::new(&[0.5, 0.5]);
    let mut weights = GroupRobust::new(2, 0.05).unwrap();
    let mut adam = Adam::new(&robust, AdamConfig { lr: 0.01, ..AdamConfig::default() }).unwrap();
    for _ in 0..2000 {
        let loss = weights.loss(&objective, &candidates(&robust), &group).unwrap();
        adam.backward_step(&loss).unwrap();
    }
    // Opposite tastes of equal weight meet in the middle: h = 0, a loss of 1/4 for both.
    assert!(worst(&pooled) > 0.6 && worst(&robust) < 0.27, "{} {}", worst(&pooled), worst(&robust));
    assert!((weights.weights()[0] - 0.5).abs() < 0.05, "{:?}", weights.weights());
    let error = weights.loss(&objective, &candidates(&robust), &[2; 10]).unwrap_err().to_string();
    assert!(error.contains("`group` is 2"), "{error}");
}

#[test]
fn objectives_are_chosen_by_name() {
    let read = |text: &str| toml::from_str::<ObjectiveConfig>(text);
    let config = read("kind = 'dpo'\nbeta = 0.3").unwrap();
    assert_eq!(config, ObjectiveConfig::Dpo(Dpo { beta: 0.3, label_smoothing: 0.0 }));
    assert!(config.objective().validate().is_ok());
    assert!(read("kind = 'dpo'\nbeat = 0.3").unwrap_err().to_string().contains("beat"));
    let error = read("kind = 'nca'\nalpha = -1").unwrap().objective().validate().unwrap_err().to_string();
    assert!(error.contains("`alpha` is -1"), "{error}");
}
