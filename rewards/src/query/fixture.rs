//! A store and a model whose choices tests can predict.

use telos_envs::{BoxSpace, EnvSpec, SegmentView, StepBatch, TrajectoryStore};

use crate::{
    RewardError,
    feedback::{Answer, Choice, Query},
    reward_model::{PreferenceData, PreferenceModel},
};

/// The logit is the first segment's first observation minus the second segment's; members of odd
/// place see it negated and, so that they disagree by the first segment alone, nothing of the second.
pub(super) struct FirstObservation {
    pub(super) members: usize,
}

impl PreferenceModel for FirstObservation {
    fn members(&self) -> usize {
        self.members
    }

    fn version(&self) -> u64 {
        4
    }

    fn member_logits(
        &self,
        first: SegmentView<'_>,
        second: SegmentView<'_>,
        out: &mut [f32],
    ) -> Result<(), RewardError> {
        match out {
            [only] => *only = first.obs[0] - second.obs[0],
            members => {
                let logit =
                    |member: usize| if member.is_multiple_of(2) { first.obs[0] } else { -first.obs[0] };
                members.iter_mut().enumerate().for_each(|(member, out)| *out = logit(member));
            }
        }
        Ok(())
    }
}

/// One episode of 100 steps whose observation counts from 0 to 0.99.
pub(super) fn line() -> TrajectoryStore {
    let spec = EnvSpec {
        id: "line".into(),
        task: "Count.".into(),
        observation: BoxSpace::unbounded(1),
        action: BoxSpace::uniform(1, -1.0, 1.0),
        dt: 0.1,
        horizon: 100,
        factors: vec![],
        can_terminate: false,
        goal: None,
    };
    let mut store = TrajectoryStore::new(&spec, 1, 4).expect("the sizes are positive");
    for step in 0..100 {
        let mut batch = StepBatch::new(1, &spec);
        batch.truncated[0] = step == 99;
        store.push(&[step as f32 / 100.0], &[0.0], &batch);
    }
    store
}

/// Data for segments of 5 steps of [`line`], before the first answer.
pub(super) fn nothing_answered() -> PreferenceData {
    PreferenceData::new(10, 5, 1, 1).expect("the sizes are positive")
}

/// An answer to a query.
pub(super) fn answer(query: Query) -> Answer {
    let teacher = "test".into();
    Answer { query, choice: Choice::First, teacher, at_ms: None, latency_ms: None, cost: 1.0 }
}
