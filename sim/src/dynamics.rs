//! How one world differs from its model: masses, friction, damping, motors and gravity, as factors.

use rapier3d::prelude::MassProperties;
use serde::{Deserialize, Serialize};

use crate::{BodyId, GeomId, JointId, Model, World, physics::Physics};

/// One factor for each part of a model, 1 where the model is followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Dynamics {
    /// By rigid body with mass, as in `Model::masses`.
    pub(crate) mass: Vec<f32>,
    /// By geom.
    pub(crate) friction: Vec<f32>,
    /// By joint.
    pub(crate) damping: Vec<f32>,
    /// By actuator.
    pub(crate) motor: Vec<f32>,
    /// Of the one acceleration that all bodies share.
    pub(crate) gravity: f32,
}

impl Dynamics {
    pub(crate) fn of(model: &Model) -> Self {
        Self {
            mass: vec![1.0; model.masses.len()],
            friction: vec![1.0; model.geoms.len()],
            damping: vec![1.0; model.joints.len()],
            motor: vec![1.0; model.actuators.len()],
            gravity: 1.0,
        }
    }

    /// Whether there is one sound factor for each part of the model.
    pub(crate) fn fits(&self, model: &Model) -> bool {
        let nominal = Self::of(model);
        let pairs = [
            (&self.mass, &nominal.mass),
            (&self.friction, &nominal.friction),
            (&self.damping, &nominal.damping),
            (&self.motor, &nominal.motor),
        ];
        let lists = |(own, other): &(&Vec<f32>, &Vec<f32>)| {
            own.len() == other.len() && own.iter().all(|factor| sound(*factor))
        };
        sound(self.gravity) && pairs.iter().all(lists)
    }

    /// Gives freshly initialised physics the factors that differ from 1.
    pub(crate) fn apply(&self, model: &Model, physics: &mut Physics) {
        let differ = |factors: &[f32]| {
            let places = factors.iter().enumerate().filter(|(_, factor)| **factor != 1.0);
            places.map(|(place, _)| place).collect::<Vec<_>>()
        };
        differ(&self.mass).into_iter().for_each(|place| self.apply_mass(place, model, physics));
        differ(&self.friction).into_iter().for_each(|place| self.apply_friction(place, model, physics));
        differ(&self.damping).into_iter().for_each(|place| self.apply_damping(place, model, physics));
    }

    fn apply_mass(&self, place: usize, model: &Model, physics: &mut Physics) {
        let (rigid, _) = model.masses[place];
        // Colliders have no mass of their own.
        let nominal: MassProperties = model.initial.bodies[rigid].mass_properties().local_mprops;
        let mut scaled = nominal;
        // A factor of 1 must not round.
        if self.mass[place] != 1.0 {
            scaled.set_mass(nominal.mass() * self.mass[place], true);
        }
        let body = &mut physics.bodies[rigid];
        body.set_additional_mass_properties(scaled, false);
        body.recompute_mass_properties_from_colliders(&physics.colliders);
    }

    fn apply_friction(&self, place: usize, model: &Model, physics: &mut Physics) {
        if let Some(collider) = model.geoms[place].collider {
            let nominal = model.initial.colliders[collider].friction();
            physics.colliders[collider].set_friction(nominal * self.friction[place]);
        }
    }

    fn apply_damping(&self, place: usize, model: &Model, physics: &mut Physics) {
        let joint = &model.joints[place];
        if let Some(tree) = physics.joints.get_multibody_mut(joint.tree) {
            tree.damping_mut()[joint.dof] = joint.damping * self.damping[place];
        }
    }
}

fn sound(factor: f32) -> bool {
    factor >= 0.0 && factor.is_finite()
}

fn check(what: &str, factor: f32) {
    assert!(sound(factor), "a factor of {what} is finite and not negative, not {factor}");
}

/// Deviations from the model, as factors. They hold from the next step on and also after
/// [`reset`](World::reset); [`restore_dynamics`](World::restore_dynamics) undoes them.
impl World {
    /// Multiplies mass and inertia of everything that moves with `body` (a weld moves with its parent).
    /// Bodies that do not move stay as they are.
    ///
    /// # Panics
    /// When the factor is zero, negative or not finite.
    pub fn set_mass_scale(&mut self, body: BodyId, factor: f32) {
        check("mass", factor);
        assert!(factor > 0.0, "a body needs mass");
        let rigid = self.model.bodies[body.0].rigid;
        if let Some(place) = self.model.masses.iter().position(|(handle, _)| *handle == rigid) {
            self.dynamics.mass[place] = factor;
            self.dynamics.apply_mass(place, &self.model, &mut self.physics);
        }
    }

    /// Multiplies the Coulomb coefficient of a geom. A contact has the larger coefficient of its two.
    ///
    /// # Panics
    /// When the factor is negative or not finite.
    pub fn set_friction_scale(&mut self, geom: GeomId, factor: f32) {
        check("friction", factor);
        self.dynamics.friction[geom.0] = factor;
        self.dynamics.apply_friction(geom.0, &self.model, &mut self.physics);
    }

    /// Multiplies the damping of a joint, that of velocity servos included.
    ///
    /// # Panics
    /// When the factor is negative or not finite.
    pub fn set_damping_scale(&mut self, joint: JointId, factor: f32) {
        check("damping", factor);
        self.dynamics.damping[joint.0] = factor;
        self.dynamics.apply_damping(joint.0, &self.model, &mut self.physics);
    }

    /// Multiplies what a control commands, from the next [`set_ctrl`](Self::set_ctrl) on: the force of a
    /// motor, the target of a servo.
    ///
    /// # Panics
    /// When the factor is negative or not finite.
    pub fn set_motor_scale(&mut self, actuator: usize, factor: f32) {
        check("motors", factor);
        self.dynamics.motor[actuator] = factor;
    }

    /// Multiplies the acceleration of gravity; 0 is weightlessness.
    ///
    /// # Panics
    /// When the factor is negative or not finite.
    pub fn set_gravity_scale(&mut self, factor: f32) {
        check("gravity", factor);
        self.dynamics.gravity = factor;
    }

    /// Sets one factor each for all masses, geoms, joints and actuators.
    ///
    /// # Panics
    /// As the setters of single factors.
    pub fn scale_dynamics(&mut self, mass: f32, friction: f32, damping: f32, motor: f32) {
        let model = self.model.clone();
        model.bodies().for_each(|body| self.set_mass_scale(body, mass));
        model.geoms().for_each(|geom| self.set_friction_scale(geom, friction));
        model.joints().for_each(|joint| self.set_damping_scale(joint, damping));
        (0..model.actuator_count()).for_each(|actuator| self.set_motor_scale(actuator, motor));
    }

    /// Follows the model again.
    pub fn restore_dynamics(&mut self) {
        self.scale_dynamics(1.0, 1.0, 1.0, 1.0);
        self.set_gravity_scale(1.0);
    }
}
