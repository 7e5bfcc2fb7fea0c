//! Springs and actuators of one joint.
//!
//! Rapier has no input for generalized forces, but a multibody joint can carry a spring whose force
//! `stiffness * (rest - q)` enters the generalized dynamics directly. Moving the rest position by
//! `force / stiffness` applies any force along the joint, with its reaction, at any configuration.
//! Servos are springs in truth: their gains become stiffness and damping, integrated implicitly.

/// Stiffness of a joint that has none of its own: a power of two, so that force and rest position
/// convert without rounding, and so soft that the spring itself is beyond the precision of the
/// solver (1e-6 N m per radian).
const CARRIER: f32 = 1.0 / (1 << 20) as f32;

/// How one actuator or tendon acts on a joint.
#[derive(Clone, Debug)]
pub(crate) struct Drive {
    /// Index of its signal.
    signal: usize,
    /// Joint force per unit of signal.
    gain: f32,
    /// Bounds of the joint force.
    bounds: [f32; 2],
}

impl Drive {
    /// A signal that is a force, which reaches the joint with this moment.
    pub(crate) fn force(signal: usize, moment: f32) -> Self {
        Self::new(signal, moment, None, moment)
    }

    /// `range` bounds the force before it reaches the joint with `moment`.
    pub(crate) fn new(signal: usize, gain: f32, range: Option<[f32; 2]>, moment: f32) -> Self {
        let bounds = range.map_or([f32::NEG_INFINITY, f32::INFINITY], |[low, high]| {
            let (low, high) = (low * moment, high * moment);
            [low.min(high), low.max(high)]
        });
        Self { signal, gain, bounds }
    }
}

/// The spring of one joint, with everything that moves its rest position.
#[derive(Clone, Debug)]
pub(crate) struct Spring {
    /// Total stiffness: passive spring and servos.
    stiffness: f32,
    /// Joint force at rapier's coordinate zero and without control.
    offset: f32,
    pub(crate) drives: Vec<Drive>,
}

impl Spring {
    /// A passive spring that rests at coordinate `rest`; a stiffness of zero is allowed.
    pub(crate) fn new(stiffness: f32, rest: f32) -> Self {
        Self { stiffness, offset: stiffness * rest, drives: Vec::new() }
    }

    /// Adds a servo's position feedback. `reference` is the joint position at coordinate zero.
    pub(crate) fn add_feedback(&mut self, stiffness: f32, reference: f32) {
        self.stiffness += stiffness;
        self.offset -= stiffness * reference;
    }

    /// Adds a passive spring that rests at coordinate `rest`.
    pub(crate) fn add_passive(&mut self, stiffness: f32, rest: f32) {
        self.stiffness += stiffness;
        self.offset += stiffness * rest;
    }

    /// Adds a constant force.
    pub(crate) fn add_force(&mut self, force: f32) {
        self.offset += force;
    }

    /// Stiffness and rest coordinate for rapier, under these signals; both zero for a
    /// joint without any spring or actuator.
    pub(crate) fn at(&self, signals: &[f32]) -> (f32, f32) {
        if self.stiffness == 0.0 && self.offset == 0.0 && self.drives.is_empty() {
            return (0.0, 0.0);
        }
        let driven: f32 = self
            .drives
            .iter()
            .map(|drive| (drive.gain * signals[drive.signal]).clamp(drive.bounds[0], drive.bounds[1]))
            .sum();
        let stiffness = if self.stiffness > 0.0 { self.stiffness } else { CARRIER };
        (stiffness, (self.offset + driven) / stiffness)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_position_carries_the_force_exactly() {
        let mut spring = Spring::new(0.0, 0.0);
        spring.drives.push(Drive::new(0, 30.0, Some([-10.0, 10.0]), 2.0));
        for (ctrl, force) in [(0.1, 30.0 * 0.1f32), (1.0, 20.0), (-1.0, -20.0), (0.0, 0.0)] {
            let (stiffness, rest) = spring.at(&[ctrl]);
            assert_eq!(stiffness * rest, force);
        }
    }

    #[test]
    fn a_servo_pulls_to_its_target_beside_a_passive_spring() {
        // Passive spring 2 N m/rad at rest 0.5; servo 10 N m/rad; coordinate zero is position 0.3.
        let mut spring = Spring::new(2.0, 0.5);
        spring.add_feedback(10.0, 0.3);
        spring.drives.push(Drive::force(0, 10.0));
        let (stiffness, rest) = spring.at(&[0.7]);
        let coordinate = 0.1;
        let force = stiffness * (rest - coordinate);
        let expected = 2.0 * (0.5 - coordinate) + 10.0 * (0.7 - (0.3 + coordinate));
        assert!((force - expected).abs() < 1e-5, "{force} {expected}");
    }
}
