//! Critics Q_theta1 ... Q_thetaN with slowly moving targets.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{
    Adam, AdamConfig, Device, GradStore, MlpConfig, MlpEnsemble, NnError, Parameters, Tensor, Var, weights,
};

/// An ensemble of value functions of (s, a), their targets and the optimiser.
pub(crate) struct Critics {
    online: MlpEnsemble,
    target: MlpEnsemble,
    optimizer: Adam,
    shape: MlpConfig,
}

impl Critics {
    /// Draws `members` critics from `rng`; the targets begin equal to them.
    pub(crate) fn new(
        members: usize,
        shape: MlpConfig,
        lr: f64,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let online = MlpEnsemble::new("critics", members, &shape, rng, device)?;
        let target = MlpEnsemble::new("target_critics", members, &shape, &mut rng.clone(), device)?;
        weights::copy(&target, &online)?;
        let optimizer = Adam::new(&online, AdamConfig { lr, ..AdamConfig::default() })?;
        Ok(Self { online, target, optimizer, shape })
    }

    /// All critics' values of (s, a) `[b, obs + act]`, as `[members, b]`, with gradients to the weights.
    pub(crate) fn values(&self, obs_actions: &Tensor) -> Result<Tensor, NnError> {
        Ok(self.online.forward(obs_actions)?.squeeze(2)?)
    }

    /// As [`values`](Self::values), with gradients to the actions only.
    pub(crate) fn frozen_values(&self, obs: &Tensor, actions: &Tensor) -> Result<Tensor, NnError> {
        Ok(self.online.forward_frozen(&Tensor::cat(&[obs, actions], 1)?)?.squeeze(2)?)
    }

    /// All targets' values of (s, a), `[members, b]`.
    pub(crate) fn target_values(&self, obs: &Tensor, actions: &Tensor) -> Result<Tensor, NnError> {
        Ok(self.target.forward_frozen(&Tensor::cat(&[obs, actions], 1)?)?.squeeze(2)?)
    }

    /// `min_i Qbar_i(s, a)`, `[b]`.
    pub(crate) fn target_min(&self, obs: &Tensor, actions: &Tensor) -> Result<Tensor, NnError> {
        Ok(self.target_values(obs, actions)?.min(0)?)
    }

    /// As [`target_min`](Self::target_min) over some of the critics only.
    pub(crate) fn subset_min(
        &self,
        members: &[usize],
        obs: &Tensor,
        actions: &Tensor,
    ) -> Result<Tensor, NnError> {
        let obs_actions = Tensor::cat(&[obs, actions], 1)?;
        Ok(self.target.forward_members(members, &obs_actions)?.squeeze(2)?.min(0)?)
    }

    /// One step down `sum_i E[(Q_i(s, a) - y)^2]` for targets y `[b]`; returns that and the mean value.
    pub(crate) fn fit(&mut self, obs_actions: &Tensor, y: &Tensor) -> Result<(f32, f32), NnError> {
        let q = self.values(obs_actions)?;
        let loss = squared_error(&q, y)?;
        self.optimizer.backward_step(&loss)?;
        Ok((loss.to_scalar()?, q.detach().mean_all()?.to_scalar()?))
    }

    /// One step down a loss made of [`values`](Self::values).
    pub(crate) fn descend(&mut self, loss: &Tensor) -> Result<(), NnError> {
        self.step(&loss.backward()?)
    }

    /// One step along the gradients of such a loss, which may have reached further.
    pub(crate) fn step(&mut self, gradients: &GradStore) -> Result<(), NnError> {
        self.optimizer.step(gradients)?;
        Ok(())
    }

    /// `Qbar += tau (Q - Qbar)`.
    pub(crate) fn move_targets(&self, tau: f32) -> Result<(), NnError> {
        weights::polyak(&self.target, &self.online, tau.into())
    }

    /// Draws all critics anew, makes the targets equal to them and forgets the optimiser's moments.
    pub(crate) fn redraw(&mut self, rng: &mut Xoshiro256PlusPlus) -> Result<(), NnError> {
        let (members, device) = (self.online.members(), self.online.device());
        let fresh = MlpEnsemble::new("critics", members, &self.shape, rng, device)?;
        weights::copy(&self.online, &fresh)?;
        weights::copy(&self.target, &fresh)?;
        self.optimizer.reset()
    }

    /// `min_i Q_i(s, a)` of slices, into `out` `[rows]`.
    pub(crate) fn least_values(&self, obs_actions: &[f32], out: &mut [f32]) -> Result<(), NnError> {
        let rows = out.len();
        let mut all = vec![0.0; self.online.members() * rows];
        self.online.infer(obs_actions, rows, &mut all)?;
        out.fill(f32::INFINITY);
        for values in all.chunks_exact(rows.max(1)) {
            out.iter_mut().zip(values).for_each(|(least, value)| *least = least.min(*value));
        }
        Ok(())
    }

    pub(crate) fn online(&self) -> &MlpEnsemble {
        &self.online
    }

    pub(crate) fn target(&self) -> &MlpEnsemble {
        &self.target
    }
}

/// `sum_i E[(Q_i - y)^2]` for q `[members, b]` and y `[b]`.
pub(crate) fn squared_error(q: &Tensor, y: &Tensor) -> Result<Tensor, NnError> {
    let members = q.dim(0)? as f64;
    Ok(q.broadcast_sub(&y.unsqueeze(0)?)?.sqr()?.mean_all()?.affine(members, 0.0)?)
}

impl Parameters for Critics {
    fn named(&self) -> Vec<(String, &Var)> {
        [&self.online, &self.target].into_iter().flat_map(Parameters::named).collect()
    }
}

impl Checkpoint for Critics {
    fn save(&self, out: &mut Writer) {
        weights::save_values(self, out);
        out.part("optimizer", &self.optimizer);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        weights::load_values(self, from)?;
        from.part("optimizer", &mut self.optimizer)
    }
}
