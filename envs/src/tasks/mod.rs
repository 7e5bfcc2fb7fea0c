//! The tasks that telos brings along, one file each.

mod pendulum_classic;

pub use pendulum_classic::PendulumClassic;
