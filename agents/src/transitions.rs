//! A batch of transitions as tensors, in the units of a learner.

use telos_envs::EnvSpec;
use telos_nn::{Device, NnError, Tensor};

use crate::{ActionRange, AgentError, ReplayBatch};

/// Turns batches into tensors: actions scaled to [-1, 1], ends of episodes into discounts.
pub(crate) struct TransitionReader {
    range: ActionRange,
    obs_size: usize,
    gamma: f32,
    device: Device,
    actions: Vec<f32>,
    joined: Vec<f32>,
}

/// What a batch says beside its observations.
pub(crate) struct Columns<'a> {
    /// `[b, act]`, in the units of the environment.
    pub(crate) actions: &'a [f32],
    /// `[b]`
    pub(crate) rewards: &'a [f32],
    /// `[b]`
    pub(crate) terminated: &'a [bool],
}

/// A batch of `b` transitions (s, a, r, s').
pub(crate) struct Transitions {
    rows: usize,
    /// s, `[b, obs]`.
    pub(crate) obs: Tensor,
    /// a in [-1, 1], `[b, act]`.
    pub(crate) actions: Tensor,
    /// r, `[b]`.
    pub(crate) rewards: Tensor,
    /// s', `[b, obs]`.
    pub(crate) next_obs: Tensor,
    /// gamma, or 0 where s' has no future, `[b]`. Truncation does not appear: such a state has one.
    pub(crate) discounts: Tensor,
}

impl TransitionReader {
    pub(crate) fn new(spec: &EnvSpec, gamma: f32, device: &Device) -> Result<Self, AgentError> {
        let range = ActionRange::new(spec)?;
        Ok(Self {
            range,
            obs_size: spec.observation.size(),
            gamma,
            device: device.clone(),
            actions: Vec::new(),
            joined: Vec::new(),
        })
    }

    pub(crate) fn range(&self) -> &ActionRange {
        &self.range
    }

    pub(crate) fn obs_size(&self) -> usize {
        self.obs_size
    }

    pub(crate) fn action_size(&self) -> usize {
        self.range.size()
    }

    pub(crate) fn gamma(&self) -> f32 {
        self.gamma
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    pub(crate) fn read(&mut self, batch: &ReplayBatch) -> Result<Transitions, AgentError> {
        let (rows, width) = (batch.rows, self.obs_size);
        AgentError::check_length("obs", batch.obs.len(), rows * width)?;
        AgentError::check_length("next_obs", batch.next_obs.len(), rows * width)?;
        let tensor = |column: &[f32]| Tensor::from_slice(column, (rows, width), &self.device);
        let obs = tensor(&batch.obs).map_err(NnError::from)?;
        let next_obs = tensor(&batch.next_obs).map_err(NnError::from)?;
        let ReplayBatch { actions, rewards, terminated, .. } = batch;
        self.assemble(obs, next_obs, Columns { actions, rewards, terminated })
    }

    /// The transitions between observations `[b, obs]` that are tensors already.
    pub(crate) fn assemble(
        &mut self,
        obs: Tensor,
        next_obs: Tensor,
        columns: Columns<'_>,
    ) -> Result<Transitions, AgentError> {
        let rows = obs.dim(0).map_err(NnError::from)?;
        AgentError::check_length("rewards", columns.rewards.len(), rows)?;
        AgentError::check_length("terminated", columns.terminated.len(), rows)?;
        let actions = self.read_actions("actions", columns.actions, rows)?;
        let discounts = columns.terminated.iter().map(|end| if *end { 0.0 } else { self.gamma });
        let transitions = || -> Result<Transitions, NnError> {
            Ok(Transitions {
                rows,
                obs,
                actions,
                rewards: Tensor::from_slice(columns.rewards, rows, &self.device)?,
                next_obs,
                discounts: Tensor::from_iter(discounts, &self.device)?,
            })
        };
        Ok(transitions()?)
    }

    /// A column of actions in the environment's units, as `[b, act]` in [-1, 1].
    pub(crate) fn read_actions(
        &mut self,
        column: &'static str,
        actions: &[f32],
        rows: usize,
    ) -> Result<Tensor, AgentError> {
        let width = self.range.size();
        AgentError::check_length(column, actions.len(), rows * width)?;
        self.actions.clear();
        self.actions.extend_from_slice(actions);
        self.range.to_policy(&mut self.actions);
        Ok(Tensor::from_slice(&self.actions, (rows, width), &self.device).map_err(NnError::from)?)
    }

    /// Observations `[rows, obs]` and actions `[rows, act]`, in the environment's units, as rows of a
    /// critic's input.
    pub(crate) fn join(&mut self, obs: &[f32], actions: &[f32]) -> Result<&[f32], AgentError> {
        let (o, a) = (self.obs_size, self.range.size());
        AgentError::check_length("actions", actions.len(), obs.len() / o * a)?;
        self.actions.clear();
        self.actions.extend_from_slice(actions);
        self.range.to_policy(&mut self.actions);
        self.joined.clear();
        for (obs, action) in obs.chunks_exact(o).zip(self.actions.chunks_exact(a)) {
            self.joined.extend_from_slice(obs);
            self.joined.extend_from_slice(action);
        }
        Ok(&self.joined)
    }
}

impl Transitions {
    /// b.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// (s, a), the input of a critic, `[b, obs + act]`.
    pub(crate) fn obs_actions(&self) -> Result<Tensor, NnError> {
        Ok(Tensor::cat(&[&self.obs, &self.actions], 1)?)
    }

    /// `y = r + gamma (1 - terminated) next_value`, `[b]`.
    pub(crate) fn target(&self, next_value: &Tensor) -> Result<Tensor, NnError> {
        Ok((&self.rewards + self.discounts.mul(next_value)?)?)
    }
}
