//! The result of one step of many environments, as flat columns.

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use crate::EnvSpec;

/// One step of `n` environments. Columns are row-major: row `i` belongs to environment `i`.
///
/// Where an episode ended, `obs` is already the first observation of the next one, while `final_obs`
/// and every other column still speak of the transition that ended it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepBatch {
    /// `[n, obs]`: what the policy sees next, after auto-reset.
    pub obs: Vec<f32>,
    /// `[n, obs]`: the observation each transition led to, before auto-reset. Always filled, so a
    /// bootstrap may read it whether or not an episode ended.
    pub final_obs: Vec<f32>,
    /// `[n]`: gold reward of the transition.
    pub reward: Vec<f32>,
    /// `[n]`: the episode ended because of the state; do not bootstrap.
    pub terminated: Vec<bool>,
    /// `[n]`: the episode was cut off by the clock; bootstrap from `final_obs`.
    pub truncated: Vec<bool>,
    /// `[n]`: the simulation failed; always with `terminated`.
    pub fault: Vec<bool>,
    /// `[n, F]`: named reward terms, in the order of [`EnvSpec::factors`].
    pub factors: Vec<f32>,
    /// `[n]`: whether the state that the transition led to solves the task.
    pub success: Vec<Option<bool>>,
    /// `[n]`: sum of gold rewards of the transition's episode so far, including it.
    pub episode_return: Vec<f32>,
    /// `[n]`: number of transitions of that episode so far, including this one; 0 after a reset.
    pub episode_length: Vec<u32>,
    /// `[n]`: number of that episode, from 0, counted per environment.
    pub episode_index: Vec<u64>,
}

impl StepBatch {
    /// A batch of zeros for `n` environments of this spec.
    pub fn new(n: usize, spec: &EnvSpec) -> Self {
        let obs = n * spec.observation.size();
        Self {
            obs: vec![0.0; obs],
            final_obs: vec![0.0; obs],
            reward: vec![0.0; n],
            terminated: vec![false; n],
            truncated: vec![false; n],
            fault: vec![false; n],
            factors: vec![0.0; n * spec.factors.len()],
            success: vec![None; n],
            episode_return: vec![0.0; n],
            episode_length: vec![0; n],
            episode_index: vec![0; n],
        }
    }

    /// Number of environments.
    pub fn len(&self) -> usize {
        self.reward.len()
    }

    /// Whether there are no environments.
    pub fn is_empty(&self) -> bool {
        self.reward.is_empty()
    }

    /// Whether this transition ended the episode of environment `i`, for whatever reason.
    pub fn done(&self, i: usize) -> bool {
        self.terminated[i] || self.truncated[i]
    }

    /// Copies all rows of `part` to this batch, from row `first` on.
    pub(crate) fn gather(&mut self, first: usize, part: &Self) {
        let rows = part.len();
        self.zip_columns(part, Rows { to: first, from: 0, count: rows });
    }

    /// Fills this batch with the rows of `whole` from row `first` on.
    pub(crate) fn scatter(&mut self, first: usize, whole: &Self) {
        let rows = self.len();
        self.zip_columns(whole, Rows { to: 0, from: first, count: rows });
    }

    /// Makes row `to` a copy of row `from`.
    pub(crate) fn copy_row(&mut self, from: usize, to: usize) {
        let n = self.len();
        let row = |width: usize| from * width..(from + 1) * width;
        let (obs, factors) = (self.obs.len() / n, self.factors.len() / n);
        self.obs.copy_within(row(obs), to * obs);
        self.final_obs.copy_within(row(obs), to * obs);
        self.reward[to] = self.reward[from];
        self.terminated[to] = self.terminated[from];
        self.truncated[to] = self.truncated[from];
        self.fault[to] = self.fault[from];
        self.factors.copy_within(row(factors), to * factors);
        self.success[to] = self.success[from];
        self.episode_return[to] = self.episode_return[from];
        self.episode_length[to] = self.episode_length[from];
        self.episode_index[to] = self.episode_index[from];
    }

    /// Makes row `i` that of an episode which starts at `obs`.
    pub(crate) fn start_row(&mut self, i: usize, obs: &[f32], success: Option<bool>) {
        let n = self.len();
        let row = |width: usize| i * width..(i + 1) * width;
        let (width, factors) = (self.obs.len() / n, self.factors.len() / n);
        self.obs[row(width)].copy_from_slice(obs);
        self.final_obs[row(width)].copy_from_slice(obs);
        self.reward[i] = 0.0;
        self.terminated[i] = false;
        self.truncated[i] = false;
        self.fault[i] = false;
        self.factors[row(factors)].fill(0.0);
        self.success[i] = success;
        self.episode_return[i] = 0.0;
        self.episode_length[i] = 0;
    }

    fn zip_columns(&mut self, source: &Self, rows: Rows) {
        let (n, m) = (self.len(), source.len());
        rows.copy(&mut self.obs, n, &source.obs, m);
        rows.copy(&mut self.final_obs, n, &source.final_obs, m);
        rows.copy(&mut self.reward, n, &source.reward, m);
        rows.copy(&mut self.terminated, n, &source.terminated, m);
        rows.copy(&mut self.truncated, n, &source.truncated, m);
        rows.copy(&mut self.fault, n, &source.fault, m);
        rows.copy(&mut self.factors, n, &source.factors, m);
        rows.copy(&mut self.success, n, &source.success, m);
        rows.copy(&mut self.episode_return, n, &source.episode_return, m);
        rows.copy(&mut self.episode_length, n, &source.episode_length, m);
        rows.copy(&mut self.episode_index, n, &source.episode_index, m);
    }
}

/// Which rows to copy from one batch to another.
#[derive(Clone, Copy)]
struct Rows {
    to: usize,
    from: usize,
    count: usize,
}

impl Rows {
    /// Copies between columns of `n` and `m` rows, whatever their width.
    fn copy<T: Copy>(self, target: &mut [T], n: usize, source: &[T], m: usize) {
        let width = target.len() / n;
        debug_assert_eq!(width, source.len() / m, "batches of one spec");
        let (to, from, count) = (self.to * width, self.from * width, self.count * width);
        target[to..to + count].copy_from_slice(&source[from..from + count]);
    }
}

impl Checkpoint for StepBatch {
    fn save(&self, out: &mut Writer) {
        out.f32s("obs", &self.obs);
        out.f32s("final_obs", &self.final_obs);
        out.f32s("reward", &self.reward);
        out.value("terminated", &self.terminated);
        out.value("truncated", &self.truncated);
        out.value("fault", &self.fault);
        out.f32s("factors", &self.factors);
        out.value("success", &self.success);
        out.f32s("episode_return", &self.episode_return);
        out.value("episode_length", &self.episode_length);
        out.value("episode_index", &self.episode_index);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        let n = self.len();
        from.f32s("obs", &mut self.obs)?;
        from.f32s("final_obs", &mut self.final_obs)?;
        from.f32s("reward", &mut self.reward)?;
        self.terminated = column(from, "terminated", n)?;
        self.truncated = column(from, "truncated", n)?;
        self.fault = column(from, "fault", n)?;
        from.f32s("factors", &mut self.factors)?;
        self.success = column(from, "success", n)?;
        from.f32s("episode_return", &mut self.episode_return)?;
        self.episode_length = column(from, "episode_length", n)?;
        self.episode_index = column(from, "episode_index", n)?;
        Ok(())
    }
}

fn column<T: serde::de::DeserializeOwned>(
    from: &mut Reader<'_>,
    name: &str,
    n: usize,
) -> Result<Vec<T>, CheckpointError> {
    let values: Vec<T> = from.value(name)?;
    if values.len() == n {
        return Ok(values);
    }
    Err(from.wrong(name, &format!("holds {} environments, expected {n}", values.len())))
}
