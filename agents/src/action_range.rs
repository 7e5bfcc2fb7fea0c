//! The affine map between a policy's actions, in [-1, 1], and the environment's.

use telos_envs::EnvSpec;

use crate::AgentError;

/// Learners work with actions scaled to [-1, 1], so that their standard deviations, entropies and
/// exploration do not depend on units; this is where units are put on and taken off.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionRange {
    center: Vec<f32>,
    half_width: Vec<f32>,
}

impl ActionRange {
    /// The range of a spec's action space.
    ///
    /// # Errors
    /// [`AgentError::UnboundedAction`] when a component has no finite bounds with low < high.
    pub fn new(spec: &EnvSpec) -> Result<Self, AgentError> {
        let mut range = Self { center: Vec::new(), half_width: Vec::new() };
        for (component, (&low, &high)) in spec.action.low.iter().zip(&spec.action.high).enumerate() {
            if !(low.is_finite() && high.is_finite() && low < high) {
                return Err(AgentError::UnboundedAction { env: spec.id.clone(), component, low, high });
            }
            range.center.push(0.5 * low + 0.5 * high);
            range.half_width.push(0.5 * high - 0.5 * low);
        }
        Ok(range)
    }

    /// Number of action components.
    pub fn size(&self) -> usize {
        self.center.len()
    }

    /// Turns policy actions `[rows, act]` into environment actions in place, clamped to the range.
    pub fn to_env(&self, actions: &mut [f32]) {
        for row in actions.chunks_exact_mut(self.size()) {
            for (x, (center, half_width)) in row.iter_mut().zip(self.center.iter().zip(&self.half_width)) {
                *x = center + half_width * x.clamp(-1.0, 1.0);
            }
        }
    }

    /// Turns environment actions `[rows, act]` into policy actions in place.
    pub fn to_policy(&self, actions: &mut [f32]) {
        for row in actions.chunks_exact_mut(self.size()) {
            for (x, (center, half_width)) in row.iter_mut().zip(self.center.iter().zip(&self.half_width)) {
                *x = (*x - center) / half_width;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use telos_envs::BoxSpace;

    use super::*;

    fn spec(low: f32, high: f32) -> EnvSpec {
        let mut action = BoxSpace::uniform(2, -1.0, 1.0);
        (action.low[1], action.high[1]) = (low, high);
        EnvSpec {
            id: "crane".into(),
            task: String::new(),
            observation: BoxSpace::unbounded(1),
            action,
            dt: 0.1,
            horizon: 10,
            factors: vec![],
            can_terminate: false,
            goal: None,
        }
    }

    #[test]
    fn the_ends_of_the_range_are_minus_one_and_one() {
        let range = ActionRange::new(&spec(2.0, 6.0)).unwrap();
        let mut actions = [-1.0, -1.0, 0.5, 0.5, 3.0, 3.0];
        range.to_env(&mut actions);
        assert_eq!(actions, [-1.0, 2.0, 0.5, 5.0, 1.0, 6.0]);
        range.to_policy(&mut actions);
        assert_eq!(actions, [-1.0, -1.0, 0.5, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn a_range_without_bounds_is_refused_by_name() {
        for (low, high) in [(f32::NEG_INFINITY, 1.0), (1.0, 1.0), (0.0, f32::NAN)] {
            let error = ActionRange::new(&spec(low, high)).unwrap_err().to_string();
            assert!(error.contains("component 1 of `crane`"), "{error}");
        }
    }
}
