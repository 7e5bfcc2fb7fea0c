//! Whether a simulated state can still be believed.

/// Speeds beyond this (m/s or rad/s) belong to an exploding simulation, not to a robot.
pub(crate) const RUNAWAY_SPEED: f32 = 1e3;
/// Positions beyond this (m or rad) have lost the precision of single floats.
pub(crate) const RUNAWAY_POSITION: f32 = 1e4;

/// Soundness of a world's state. Anything but `Sound` should end the episode as a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// All numbers are finite and within the range of robots.
    Sound,
    /// A position or velocity is NaN or infinite, or was and has been frozen by the solver.
    NotFinite,
    /// A speed is above 1000 m/s or rad/s, or a position beyond 10 km or 10000 rad.
    Runaway,
}
