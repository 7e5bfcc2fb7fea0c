//! A goal that is reached or not, for wrappers whose reward is just that.

/// Whether `achieved` is no farther than `tolerance` from `desired`, in the Euclidean norm.
pub(super) fn within(tolerance: f32, achieved: &[f32], desired: &[f32]) -> bool {
    let squares = achieved.iter().zip(desired).map(|(achieved, desired)| (achieved - desired).powi(2));
    squares.sum::<f32>().sqrt() <= tolerance
}

/// The state in words, of which the environment inside says `rest`.
pub(super) fn caption(at_goal: bool, rest: &str) -> String {
    let place = if at_goal { "at the goal" } else { "away from the goal" };
    format!("{place}; {rest}")
}
