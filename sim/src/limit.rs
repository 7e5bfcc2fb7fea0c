//! Joint limits as stiff springs.
//!
//! Rapier's own limits act only once they are passed, so that a motor drives its joint to and fro
//! across them, by more the longer the step; and each costs the solver a solution of the mass matrix,
//! met or not. A spring that pushes on one side only costs nothing, holds still, and is integrated
//! implicitly, so that it can be as stiff as the step allows.

/// Stiffness in units of inertia per squared step. A torque that alone would turn the joint by `x`
/// in one step holds it `x / STIFFNESS` beyond the limit.
const STIFFNESS: f32 = 10.0;

/// A joint that begins far outside its limits comes back at about this speed, rad/s or m/s, instead of
/// within one step.
const RECOVERY: f32 = 20.0;

/// The limits of one joint, in rapier's coordinate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    range: [f32; 2],
    time_step: f32,
    stiffness: f32,
    damping: f32,
}

/// The spring that holds a joint at one of its limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stop {
    pub(crate) stiffness: f32,
    pub(crate) rest: f32,
    pub(crate) damping: f32,
}

impl Limit {
    /// Limits of a joint with this inertia (kg or kg m²), all other joints being free.
    pub(crate) fn new(range: [f32; 2], inertia: f32, time_step: f32) -> Self {
        let stiffness = STIFFNESS * inertia / (time_step * time_step);
        // Critical for the joint alone: it does not bounce.
        let damping = 2.0 * STIFFNESS.sqrt() * inertia / time_step;
        Self { range, time_step, stiffness, damping }
    }

    /// The spring for the next step, if the joint is beyond a limit or would pass it.
    pub(crate) fn at(&self, position: f32, velocity: f32) -> Option<Stop> {
        let [low, high] = self.range;
        let next = position + velocity * self.time_step;
        let reach = RECOVERY * self.time_step;
        let (rest, outward) = if position > high || next > high {
            (high.max(position - reach), velocity > 0.0)
        } else if position < low || next < low {
            (low.min(position + reach), velocity < 0.0)
        } else {
            return None;
        };
        // A stop does not hold back what leaves it.
        let damping = if outward { self.damping } else { 0.0 };
        Some(Stop { stiffness: self.stiffness, rest, damping })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: fn() -> Limit = || Limit::new([-1.0, 2.0], 0.5, 0.01);

    #[test]
    fn a_limit_acts_only_where_the_next_step_may_pass_it() {
        let limit = LIMIT();
        assert_eq!(limit.at(0.0, 0.0), None);
        assert_eq!(limit.at(1.95, 4.0), None);
        assert_eq!(limit.at(1.95, 6.0).map(|stop| stop.rest), Some(2.0));
        assert_eq!(limit.at(-1.1, 0.0).map(|stop| stop.rest), Some(-1.0));
        assert_eq!(limit.at(f32::NAN, 0.0), None);
    }

    #[test]
    fn a_joint_far_outside_comes_back_gently() {
        assert_eq!(LIMIT().at(5.0, 0.0).map(|stop| stop.rest), Some(5.0 - RECOVERY * 0.01));
        assert_eq!(LIMIT().at(-5.0, 0.0).map(|stop| stop.rest), Some(-5.0 + RECOVERY * 0.01));
    }

    #[test]
    fn what_comes_back_is_not_damped() {
        assert!(LIMIT().at(2.1, 1.0).is_some_and(|stop| stop.damping > 0.0));
        assert!(LIMIT().at(2.1, -1.0).is_some_and(|stop| stop.damping == 0.0));
    }
}
