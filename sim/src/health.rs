//! Whether a simulated state can still be believed.

/// Speeds beyond this (m/s or rad/s) belong to an exploding simulation, not to a robot.
const RUNAWAY_SPEED: f32 = 1e3;
/// Positions beyond this (m or rad) have lost the precision of single floats.
const RUNAWAY_POSITION: f32 = 1e4;

/// Soundness of a world's state, best first. Anything but `Sound` should end the episode as a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// All numbers are finite and within the range of robots.
    Sound,
    /// A speed is above 1000 m/s or rad/s, or a position beyond 10 km or 10000 rad.
    Runaway,
    /// A position or velocity is NaN or infinite, or was and has been frozen by the solver.
    NotFinite,
}

impl Health {
    /// Of one coordinate: how far it is from zero and how fast it changes.
    pub(crate) fn of(distance: f32, speed: f32) -> Self {
        if !(distance.is_finite() && speed.is_finite()) {
            Self::NotFinite
        } else if distance > RUNAWAY_POSITION || speed > RUNAWAY_SPEED {
            Self::Runaway
        } else {
            Self::Sound
        }
    }
}
