//! What can be measured on a world: poses, velocities, centre of mass, contacts.

use rapier3d::{math::Pose, math::Vector, prelude::RigidBody};

use crate::{BodyId, GeomId, JointId, World, contact};

/// A point at which one geom presses on another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contact {
    /// Which two.
    pub geoms: [GeomId; 2],
    /// In the world, metres; on the surface of the first.
    pub position: [f32; 3],
    /// Normal force on the second over the last step, newtons, in world axes; friction is not included.
    pub force: [f32; 3],
}

impl World {
    fn rigid(&self, body: BodyId) -> (&RigidBody, &Pose) {
        let body = &self.model.bodies[body.0];
        (&self.physics.bodies[body.rigid], &body.pose)
    }

    /// Origin of a body's frame in the world, metres.
    pub fn body_position(&self, body: BodyId) -> [f32; 3] {
        let (rigid, pose) = self.rigid(body);
        (*rigid.position() * *pose).translation.to_array()
    }

    /// Orientation of a body's frame in the world, quaternion x y z w.
    pub fn body_orientation(&self, body: BodyId) -> [f32; 4] {
        let (rigid, pose) = self.rigid(body);
        (rigid.position().rotation * pose.rotation).to_array()
    }

    /// Centre of mass of everything that moves with a body, metres: where
    /// [`apply_wrench`](Self::apply_wrench) applies its force.
    pub fn body_center_of_mass(&self, body: BodyId) -> [f32; 3] {
        self.rigid(body).0.center_of_mass().to_array()
    }

    /// Velocity of the origin of a body's frame, m/s, in world axes.
    pub fn body_linear_velocity(&self, body: BodyId) -> [f32; 3] {
        let (rigid, pose) = self.rigid(body);
        let origin = (*rigid.position() * *pose).translation;
        (rigid.linvel() + rigid.angvel().cross(origin - rigid.center_of_mass())).to_array()
    }

    /// Angular velocity of a body, rad/s, in world axes.
    pub fn body_angular_velocity(&self, body: BodyId) -> [f32; 3] {
        self.rigid(body).0.angvel().to_array()
    }

    /// Centre of a geom in the world, metres.
    pub fn geom_position(&self, geom: GeomId) -> [f32; 3] {
        let geom = &self.model.geoms[geom.0];
        let rigid = &self.physics.bodies[self.model.bodies[geom.body.0].rigid];
        (*rigid.position() * geom.pose).translation.to_array()
    }

    /// Centre of mass of everything that moves, metres.
    pub fn com(&self) -> [f32; 3] {
        self.mass_average(|rigid| rigid.center_of_mass())
    }

    /// Velocity of the centre of mass of everything that moves, m/s.
    pub fn com_velocity(&self) -> [f32; 3] {
        self.mass_average(|rigid| rigid.linvel())
    }

    fn mass_average(&self, of: impl Fn(&RigidBody) -> Vector) -> [f32; 3] {
        let (mut sum, mut total) = (Vector::ZERO, 0.0);
        for ((handle, mass), scale) in self.model.masses.iter().zip(&self.dynamics.mass) {
            let mass = mass * scale;
            sum += mass * of(&self.physics.bodies[*handle]);
            total += mass;
        }
        if total > 0.0 { (sum / total).to_array() } else { [0.0; 3] }
    }

    /// Force of all contacts on a geom over the last step, newtons, in world axes: from normal
    /// impulses; friction is not included.
    pub fn contact_force(&self, geom: GeomId) -> [f32; 3] {
        let Some(collider) = self.model.geoms[geom.0].collider else { return [0.0; 3] };
        let mut impulse = Vector::ZERO;
        for pair in self.physics.narrow_phase.contact_pairs_with(collider) {
            // Normals point from the first collider to the second.
            let sign = if pair.collider1 == collider { -1.0 } else { 1.0 };
            impulse += sign * pair.total_impulse();
        }
        (impulse / self.model.timestep()).to_array()
    }

    /// Pairs of geoms that pressed on each other during the last step. Allocates nothing.
    pub fn touching(&self) -> impl Iterator<Item = (GeomId, GeomId)> {
        let geom = |collider| contact::geom_of(&self.physics.colliders, collider);
        let pairs = self.physics.narrow_phase.contact_pairs();
        let pressed = pairs.filter(|pair| pair.total_impulse_magnitude() > 0.0);
        pressed.map(move |pair| (geom(pair.collider1), geom(pair.collider2)))
    }

    /// All points that bore a force during the last step, for pictures and logs. Allocates nothing.
    pub fn contacts(&self) -> impl Iterator<Item = Contact> {
        let colliders = &self.physics.colliders;
        let per_step = 1.0 / self.model.timestep();
        self.physics.narrow_phase.contact_pairs().flat_map(move |pair| {
            let geoms =
                [pair.collider1, pair.collider2].map(|collider| contact::geom_of(colliders, collider));
            let first = *colliders[pair.collider1].position();
            pair.solver_manifolds().iter().flat_map(move |manifold| {
                let frame = manifold.subshape_pos1().map_or(first, |subshape| first * *subshape);
                let pressed = manifold.points.iter().filter(|point| point.data.impulse > 0.0);
                pressed.map(move |point| Contact {
                    geoms,
                    position: (frame * point.local_p1).to_array(),
                    force: (manifold.data.normal * (point.data.impulse * per_step)).to_array(),
                })
            })
        })
    }

    /// What the actuators and springs of a joint exerted along it at its present position, under the signals
    /// of the last step: N m for a hinge, N for a slide. Damping, limits and contacts are not included.
    pub fn joint_force(&self, joint: JointId) -> f32 {
        let joint = &self.model.joints[joint.0];
        let (stiffness, rest) = joint.spring.at(&self.signals);
        let (position, _) = joint.state(&self.physics);
        stiffness * (rest - position)
    }

    /// Whether a joint is at one of its limits, or beyond: within a thousandth of its range.
    pub fn at_limit(&self, joint: JointId) -> bool {
        let position = self.joint_position(joint);
        self.model.joint_range(joint).is_some_and(|[low, high]| {
            let margin = 1e-3 * (high - low);
            position <= low + margin || position >= high - margin
        })
    }

    /// Whether anything pressed on a geom during the last step.
    pub fn touches(&self, geom: GeomId) -> bool {
        self.contact_force(geom) != [0.0; 3]
    }
}
