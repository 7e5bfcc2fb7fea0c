//! One recorded episode: all that learners see of a dataset.

/// An episode, borrowed. Columns are row-major.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpisodeView<'a> {
    /// Number of transitions, at least 1.
    pub steps: usize,
    /// `[steps + 1, obs]`: before each action, and after the last.
    pub obs: &'a [f32],
    /// `[steps, act]`.
    pub actions: &'a [f32],
    /// `[steps]`.
    pub rewards: &'a [f32],
    /// `[steps, F]`: named reward terms; empty if they were not recorded.
    pub factors: &'a [f32],
    /// `[steps]`: whether the state after the step solves the task; empty if it was not recorded.
    pub success: &'a [bool],
    /// The last step ended the task: do not bootstrap. Otherwise the episode was truncated there.
    pub terminated: bool,
}

impl EpisodeView<'_> {
    /// Sum of the rewards.
    pub fn total_reward(&self) -> f64 {
        self.rewards.iter().copied().map(f64::from).sum()
    }

    /// A copy that outlives the dataset.
    pub fn to_episode(self) -> Episode {
        Episode {
            obs: self.obs.to_vec(),
            actions: self.actions.to_vec(),
            rewards: self.rewards.to_vec(),
            factors: self.factors.to_vec(),
            success: self.success.to_vec(),
            terminated: self.terminated,
        }
    }
}

/// An episode that owns its numbers; what recorders and readers fill.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Episode {
    /// `[steps + 1, obs]`.
    pub obs: Vec<f32>,
    /// `[steps, act]`.
    pub actions: Vec<f32>,
    /// `[steps]`.
    pub rewards: Vec<f32>,
    /// `[steps, F]`, or empty.
    pub factors: Vec<f32>,
    /// `[steps]`, or empty.
    pub success: Vec<bool>,
    /// Whether the last step ended the task.
    pub terminated: bool,
}

impl Episode {
    /// The same episode, borrowed.
    pub fn view(&self) -> EpisodeView<'_> {
        EpisodeView {
            steps: self.rewards.len(),
            obs: &self.obs,
            actions: &self.actions,
            rewards: &self.rewards,
            factors: &self.factors,
            success: &self.success,
            terminated: self.terminated,
        }
    }

    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.obs.clear();
        self.actions.clear();
        self.rewards.clear();
        self.factors.clear();
        self.success.clear();
        self.terminated = false;
    }
}
