//! Free bodies: those that nothing but inertia and contacts holds, alone or as the root of a robot.

use rapier3d::math::Vector;

use crate::{BodyId, Health, World};

impl World {
    /// Sets the velocity of a free body: of the origin of its frame in m/s and of its rotation in rad/s,
    /// both in world axes. Bodies jointed to it keep their joint velocities and follow at the next
    /// [`forward`](Self::forward). Place the body before, with [`set_body_pose`](Self::set_body_pose).
    ///
    /// # Panics
    /// When the body is not free.
    pub fn set_body_velocity(&mut self, body: BodyId, linear: [f32; 3], angular: [f32; 3]) {
        assert!(
            self.model.free.contains(&body),
            "`{}` is no free body; set the velocities of its joints",
            self.model.body_name(body)
        );
        let body = &self.model.bodies[body.0];
        let rigid = &mut self.physics.bodies[body.rigid];
        // The rigid body's frame is at its centre of mass.
        let from_origin = -(rigid.position().rotation * body.pose.translation);
        let angular = Vector::from_array(angular);
        let linear = Vector::from_array(linear) + angular.cross(from_origin);
        rigid.set_linvel(linear, true);
        rigid.set_angvel(angular, true);
        let Some(tree) = self.physics.joints.rigid_body_link(body.rigid).map(|link| link.multibody) else {
            return;
        };
        if let Some(multibody) = self.physics.joints.get_multibody_mut(tree) {
            let mut velocity = multibody.generalized_velocity_mut();
            for (axis, component) in linear.to_array().into_iter().chain(angular.to_array()).enumerate() {
                velocity[axis] = component;
            }
        }
    }

    /// The health of each free body.
    pub(crate) fn free_bodies_health(&self) -> impl Iterator<Item = Health> {
        self.model.free.iter().map(|body| {
            let rigid = &self.physics.bodies[self.model.bodies[body.0].rigid];
            let moves = Health::of(rigid.translation().length(), rigid.linvel().length());
            moves.max(Health::of(rigid.rotation().length(), rigid.angvel().length()))
        })
    }
}
