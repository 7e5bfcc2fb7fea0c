//! Physics that differ from the model's: factors that the sliders set.

/// Factors of the model's gravity, masses, Coulomb coefficients, joint damping and motors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Factors {
    /// Of the acceleration of gravity.
    pub gravity: f32,
    /// Of all masses and inertias.
    pub mass: f32,
    /// Of all Coulomb coefficients.
    pub friction: f32,
    /// Of the damping of all joints.
    pub damping: f32,
    /// Of what all controls command.
    pub motor: f32,
}

impl Default for Factors {
    fn default() -> Self {
        Self { gravity: 1.0, mass: 1.0, friction: 1.0, damping: 1.0, motor: 1.0 }
    }
}
