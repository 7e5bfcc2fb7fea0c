//! Variational preference learning (Poddar et al. 2024, "Personalizing Reinforcement Learning from Human
//! Feedback with Variational Preference Learning", arXiv 2408.10075): one reward `r(s, a, z)` for users
//! who want different things, `z` being what a user's answers say about the user.
//!
//! `max E_{z ~ q(z | D_u)} Σ_{D_u} log P(answer | z) - β KL(q(z | D_u) ‖ N(0, I))`
//!
//! with `P` the Bradley-Terry likelihood of the partial return under `r(·, ·, z)` and `D_u` answers of
//! user `u`, here `N` of them drawn anew for each batch. The encoder `q` is a network of one answer whose
//! outputs are averaged over the answers, so that neither their order nor their number matters.
//!
//! Comparisons fix no scale, and it differs from user to user: rewards are brought to the same mean and
//! deviation over the answered steps for every `z` (section 4.2 of the paper, in the simplest form).

use std::cell::RefCell;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{CheckpointError, Reader, Writer};
use telos_nn::{
    Activation, D, Device, Mlp, MlpConfig, MlpEnsemble, NnError, Parameters, Tensor, Var, gaussian,
};

use super::{
    Batch, BatchLoss, Behaviour, InputScale, PreferenceData, RewardModelConfig, RewardObjective, StepSizes,
    bradley_terry_loss, user_answers::UserAnswers,
};
use crate::{RewardError, error::require};

thread_local! {
    /// Inputs with a latent and one user's rewards, kept so that predicting allocates nothing.
    static SCRATCH: RefCell<(Vec<f32>, Vec<f32>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// Configuration of [`UserLatent`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UserLatentConfig {
    /// Whose reward is predicted: the name under which the user's answers are kept. Whoever has not
    /// answered yet is expected to be average, `z = 0`. Default `none`: the mean over all users.
    pub user: Option<String>,
    /// Numbers that describe a user. Default 8; the authors' code has 32.
    pub latent: usize,
    /// Width of the encoder's hidden layer. Default 256 (the authors' code).
    pub hidden: usize,
    /// Answers `N` from which a user is inferred in training. Default 8.
    pub context: usize,
    /// Weight `β` of the prior. Default 1 (the authors' code).
    pub kl_weight: f64,
}

impl Default for UserLatentConfig {
    fn default() -> Self {
        Self { user: None, latent: 8, hidden: 256, context: 8, kl_weight: 1.0 }
    }
}

impl UserLatentConfig {
    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        let sizes = [
            ("user_latent.latent", self.latent),
            ("user_latent.hidden", self.hidden),
            ("user_latent.context", self.context),
        ];
        for (key, size) in sizes {
            require(size > 0, key, size, "must be at least 1")?;
        }
        let weight = self.kl_weight;
        require(weight >= 0.0 && weight.is_finite(), "user_latent.kl_weight", weight, "must not be negative")
    }
}

/// A user as the trained model sees them.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct User {
    name: String,
    /// The posterior's mean.
    latent: Vec<f32>,
    /// Per member: what to take from a reward, and what to multiply the rest by.
    scale: Vec<[f32; 2]>,
}

/// The evidence lower bound of answers whose givers differ.
pub struct UserLatent {
    config: UserLatentConfig,
    /// From one answer to `hidden` numbers.
    answer: Mlp,
    /// From their mean to the posterior's means and log variances, `2 latent` numbers.
    posterior: Mlp,
    rng: Xoshiro256PlusPlus,
    /// Everybody who had answered when the last training ended.
    users: Vec<User>,
    /// The answers that are being learned from.
    answers: UserAnswers,
}

impl UserLatent {
    /// Posterior means and log variances `[users, latent]` of answers `[users, n, features]`.
    fn encode(&self, answers: &Tensor) -> Result<(Tensor, Tensor), NnError> {
        let (users, n, features) = answers.dims3()?;
        let embedded = self.answer.forward(&answers.reshape((users * n, features))?)?;
        let pooled = embedded.reshape((users, n, self.config.hidden))?.mean(1)?;
        let posterior = self.posterior.forward(&pooled)?;
        let latent = self.config.latent;
        Ok((posterior.narrow(1, 0, latent)?, posterior.narrow(1, latent, latent)?))
    }

    /// `KL(N(mean, exp(log_variance)) ‖ N(0, I))`, `[users]`.
    fn divergence(mean: &Tensor, log_variance: &Tensor) -> Result<Tensor, NnError> {
        let terms = ((mean.sqr()? + log_variance.exp()?)? - log_variance)?.affine(0.5, -0.5)?;
        Ok(terms.sum(D::Minus1)?)
    }

    /// Rewards of steps `[rows, obs + act]` under one latent, `[members, rows]`.
    fn rewards(
        networks: &MlpEnsemble,
        latent: &[f32],
        inputs: &[f32],
        rows: usize,
        (joined, out): (&mut Vec<f32>, &mut [f32]),
    ) -> Result<(), NnError> {
        joined.clear();
        for row in inputs.chunks_exact(inputs.len() / rows.max(1)) {
            joined.extend(row.iter().chain(latent));
        }
        networks.infer(joined, rows, out)
    }
}

impl RewardObjective for UserLatent {
    fn new(
        config: &RewardModelConfig,
        sizes: StepSizes,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, RewardError> {
        let config = config.user_latent.clone();
        let mut network = |name: &str, inputs, hidden, outputs, output_activation| {
            let activation = Activation::LeakyRelu;
            let shape =
                MlpConfig { inputs, hidden, outputs, activation, output_activation, ..MlpConfig::default() };
            Mlp::new(name, &shape, rng, device)
        };
        let features = UserAnswers::features(sizes);
        let hidden = config.hidden;
        let answer = network("encoder.answer", features, vec![hidden], hidden, Activation::LeakyRelu)?;
        let posterior =
            network("encoder.posterior", hidden, vec![hidden], 2 * config.latent, Activation::Identity)?;
        let rng = Xoshiro256PlusPlus::from_rng(rng);
        Ok(Self { config, answer, posterior, rng, users: Vec::new(), answers: UserAnswers::default() })
    }

    fn network(config: &RewardModelConfig, sizes: StepSizes) -> (usize, usize, Activation) {
        (sizes.width() + config.user_latent.latent, 1, Activation::Tanh)
    }

    fn prepare(
        &mut self,
        data: &PreferenceData,
        scale: &InputScale,
        _behaviour: &dyn Behaviour,
    ) -> Result<(), RewardError> {
        self.answers = UserAnswers::of(data, scale);
        Ok(())
    }

    fn loss(&mut self, networks: &MlpEnsemble, batch: &Batch<'_>) -> Result<BatchLoss, NnError> {
        let (members, pairs, _, segment) = batch.shape();
        let (latent, n) = (self.config.latent, self.config.context);
        let device = batch.inputs.device();
        let (rng, answers) = (&mut self.rng, &self.answers);
        let context = answers.draw(n, |count| rng.random_range(0..count as u64) as usize);
        let users = answers.users();
        let context = Tensor::from_vec(context, (users, n, answers.width()), device)?;
        let mut noise = vec![0.0; users * latent];
        gaussian::standard_normal(&mut self.rng, &mut noise);
        let noise = Tensor::from_vec(noise, (users, latent), device)?;

        let (mean, log_variance) = self.encode(&context)?;
        let z = (&mean + log_variance.affine(0.5, 0.0)?.exp()?.mul(&noise)?)?;
        let who: Vec<u32> = batch.at.iter().map(|&at| self.answers.user(at)).collect();
        let who = Tensor::from_vec(who, members * pairs, device)?;
        let steps = 2 * segment;
        let of_step = z
            .index_select(&who, 0)?
            .reshape((members, pairs, 1, latent))?
            .broadcast_as((members, pairs, steps, latent))?
            .reshape((members, pairs * steps, latent))?;
        let inputs = Tensor::cat(&[&batch.inputs, &of_step], 2)?;
        let logits = batch.logits(&networks.forward(&inputs)?)?;
        // The bound is about N answers of a user; this loss about one.
        let divergence = Self::divergence(&mean, &log_variance)?.index_select(&who, 0)?;
        let divergence = divergence.reshape((members, pairs))?.mean(1)?.sum_all()?;
        let prior = divergence.affine(self.config.kl_weight / n as f64, 0.0)?;
        let loss = (bradley_terry_loss(&logits, &batch.targets, batch.weights.as_ref())? + prior)?;
        Ok(BatchLoss { logits, loss })
    }

    fn finish(
        &mut self,
        networks: &MlpEnsemble,
        data: &PreferenceData,
        scale: &InputScale,
    ) -> Result<(), RewardError> {
        let mut inputs = Vec::with_capacity(data.rows().len());
        scale.extend(data.rows(), &mut inputs);
        let rows = inputs.len() / data.width();
        let (mut joined, mut rewards) = (Vec::new(), vec![0.0; networks.members() * rows]);
        self.users.clear();
        for (user, name) in data.teachers().iter().enumerate() {
            let answers = self.answers.all_of(user);
            let n = answers.len() / self.answers.width();
            if n == 0 {
                // The answers were replaced by newer ones of others.
                continue;
            }
            let answers = Tensor::from_vec(answers, (1, n, self.answers.width()), networks.device())
                .map_err(NnError::from)?;
            let (mean, _) = self.encode(&answers)?;
            let latent = mean.flatten_all().and_then(|mean| mean.to_vec1::<f32>()).map_err(NnError::from)?;
            Self::rewards(networks, &latent, &inputs, rows, (&mut joined, &mut rewards))?;
            let scale = rewards.chunks_exact(rows).map(mean_and_deviation).collect();
            self.users.push(User { name: name.clone(), latent, scale });
        }
        // From [mean, deviation] to [mean, factor], the deviation becoming the users' mean.
        for member in 0..networks.members() {
            let usual = self.users.iter().map(|user| user.scale[member][1]).sum::<f32>();
            let usual = usual / self.users.len() as f32;
            for user in &mut self.users {
                let [_, deviation] = &mut user.scale[member];
                *deviation = if *deviation > 1e-6 { usual / *deviation } else { 1.0 };
            }
        }
        Ok(())
    }

    fn infer(
        &self,
        networks: &MlpEnsemble,
        inputs: &[f32],
        rows: usize,
        user: Option<&str>,
        out: &mut [f32],
    ) -> Result<(), NnError> {
        let (mut joined, mut rewards) = SCRATCH.take();
        let wanted = user.or(self.config.user.as_deref());
        let of = |user: &&User| wanted.is_none_or(|name| name == user.name);
        let count = self.users.iter().filter(of).count();
        if count == 0 {
            let unknown = vec![0.0; self.config.latent];
            Self::rewards(networks, &unknown, inputs, rows, (&mut joined, out))?;
        } else {
            out.fill(0.0);
            rewards.resize(out.len(), 0.0);
            for User { latent, scale, .. } in self.users.iter().filter(of) {
                Self::rewards(networks, latent, inputs, rows, (&mut joined, &mut rewards))?;
                let members = out.chunks_exact_mut(rows).zip(rewards.chunks_exact(rows)).zip(scale);
                for ((out, rewards), [mean, factor]) in members {
                    let share = 1.0 / count as f32;
                    out.iter_mut().zip(rewards).for_each(|(out, r)| *out += (r - mean) * factor * share);
                }
            }
        }
        SCRATCH.set((joined, rewards));
        Ok(())
    }

    fn named(&self) -> Vec<(String, &Var)> {
        let mut named = self.answer.named();
        named.extend(self.posterior.named());
        named
    }

    fn save(&self, out: &mut Writer) {
        out.part("answer", &self.answer);
        out.part("posterior", &self.posterior);
        out.value("rng", &self.rng);
        out.value("users", &self.users);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("answer", &mut self.answer)?;
        from.part("posterior", &mut self.posterior)?;
        self.rng = from.value("rng")?;
        self.users = from.value("users")?;
        Ok(())
    }
}

fn mean_and_deviation(rewards: &[f32]) -> [f32; 2] {
    let n = rewards.len() as f64;
    let mean = rewards.iter().map(|&r| f64::from(r)).sum::<f64>() / n;
    let variance = rewards.iter().map(|&r| (f64::from(r) - mean).powi(2)).sum::<f64>() / n;
    [mean as f32, variance.sqrt() as f32]
}
