//! Drag and viscous resistance of a medium.
//!
//! MuJoCo's inertia-box model (its documentation, "Fluid forces"): every body counts as the box that
//! has its mass and principal moments. With box sides `x, y, z`, velocity `v` relative to the wind and
//! angular velocity `w` in the box's frame, density `rho` and viscosity `b`:
//!
//! - drag: `f_x = -rho/2 y z |v_x| v_x`, `t_x = -rho/64 x (y^4 + z^4) |w_x| w_x`, and so on;
//! - viscosity, for a sphere of diameter `d = (x + y + z)/3`: `f = -3 pi d b v`, `t = -pi d^3 b w`.

use std::f32::consts::PI;

use rapier3d::{
    math::{Pose, Vector},
    parry::mass_properties::MassProperties,
    prelude::{RigidBodyHandle, RigidBodySet},
};

use crate::{
    description::{Description, Medium},
    inertia,
    links::{Group, Membership},
};

/// The medium with everything that moves in it.
#[derive(Clone)]
pub(crate) struct Fluid {
    medium: Medium,
    boxes: Vec<InertiaBox>,
}

#[derive(Clone)]
struct InertiaBox {
    rigid: RigidBodyHandle,
    /// In the frame of the rigid body.
    pose: Pose,
    sides: Vector,
}

impl InertiaBox {
    fn new(rigid: RigidBodyHandle, body: Pose, mass: &MassProperties) -> Self {
        let moments = mass.principal_inertia();
        let excess = Vector::splat(moments.element_sum()) - 2.0 * moments;
        let sides = (excess.max(Vector::ZERO) * (6.0 / mass.mass())).map(f32::sqrt);
        let pose = body * Pose::from_parts(mass.local_com, mass.principal_inertia_local_frame);
        Self { rigid, pose, sides }
    }
}

impl Fluid {
    /// `rigid` are the rigid bodies by group; `None` in empty space.
    pub(crate) fn new(
        description: &Description,
        groups: &[Group],
        members: &[Membership],
        rigid: &[RigidBodyHandle],
    ) -> Option<Self> {
        let medium = description.medium?;
        let moving = members.iter().enumerate().filter(|(_, member)| groups[member.group].moves());
        let boxes = moving.filter_map(|(index, member)| {
            let mass = inertia::of_body(description, index);
            (mass.mass() > 0.0).then(|| InertiaBox::new(rigid[member.group], member.pose, &mass))
        });
        Some(Self { medium, boxes: boxes.collect() })
    }

    /// Adds the forces of the medium to those that act during the next step.
    pub(crate) fn resist(&self, bodies: &mut RigidBodySet) {
        for part in &self.boxes {
            let body = &mut bodies[part.rigid];
            let pose = *body.position() * part.pose;
            let velocity = body.linvel() + body.angvel().cross(pose.translation - body.center_of_mass());
            let back = pose.rotation.inverse();
            let force = self.medium.force(part.sides, back * (velocity - self.medium.wind));
            let torque = self.medium.torque(part.sides, back * body.angvel());
            body.add_force_at_point(pose.rotation * force, pose.translation, true);
            body.add_torque(pose.rotation * torque, true);
        }
    }
}

impl Medium {
    /// On a box with these sides, in its frame.
    fn force(&self, sides: Vector, velocity: Vector) -> Vector {
        let areas = Vector::new(sides.y * sides.z, sides.z * sides.x, sides.x * sides.y);
        let diameter = sides.element_sum() / 3.0;
        -0.5 * self.density * areas * velocity.abs() * velocity
            - 3.0 * PI * diameter * self.viscosity * velocity
    }

    fn torque(&self, sides: Vector, velocity: Vector) -> Vector {
        let fourth = sides * sides * sides * sides;
        let arms = sides * (Vector::splat(fourth.element_sum()) - fourth);
        let diameter = sides.element_sum() / 3.0;
        -self.density / 64.0 * arms * velocity.abs() * velocity
            - PI * diameter.powi(3) * self.viscosity * velocity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_box_of_a_box_is_the_box() {
        let mass = MassProperties::from_cuboid(250.0, Vector::new(0.1, 0.2, 0.35));
        let part = InertiaBox::new(RigidBodyHandle::invalid(), Pose::IDENTITY, &mass);
        assert!((part.sides - Vector::new(0.2, 0.4, 0.7)).length() < 1e-5, "{}", part.sides);
    }

    #[test]
    fn forces_by_hand() {
        let sides = Vector::new(0.2, 0.4, 0.6);
        let water = Medium { density: 1000.0, viscosity: 0.0, wind: Vector::ZERO };
        // 1000/2 * 0.4 * 0.6 * 2^2 and 1000/64 * 0.2 * (0.4^4 + 0.6^4) * 3^2.
        let force = water.force(sides, Vector::new(-2.0, 0.0, 0.0));
        assert!((force - Vector::new(480.0, 0.0, 0.0)).length() < 1e-3, "{force}");
        let torque = water.torque(sides, Vector::new(3.0, 0.0, 0.0));
        assert!((torque - Vector::new(-4.365, 0.0, 0.0)).length() < 1e-4, "{torque}");
        let honey = Medium { density: 0.0, viscosity: 10.0, wind: Vector::ZERO };
        // 3 pi * 0.4 * 10 * 1 and pi * 0.4^3 * 10 * 1.
        assert!((honey.force(sides, Vector::Z).z + 37.699).abs() < 1e-3);
        assert!((honey.torque(sides, Vector::Z).z + 2.0106).abs() < 1e-4);
    }
}
