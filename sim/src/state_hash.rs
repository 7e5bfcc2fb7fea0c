//! A hash of what moves, to find the step at which two simulations part.

use rapier3d::prelude::RigidBody;

use crate::World;

impl World {
    /// Hash of the bits of all joint positions and velocities, of free bodies, the controls and the
    /// number of steps. Worlds in the same state have the same hash, on every machine. What only the
    /// solver remembers (the impulses it starts from) shows one step later, in the motion.
    pub fn state_hash(&self) -> u64 {
        let mut bytes = Vec::with_capacity(1024);
        let mut add = |values: &[f32]| values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
        for tree in &self.model.trees {
            let Some(multibody) = self.physics.joints.get_multibody(*tree) else { continue };
            add(multibody.generalized_velocity().as_slice());
            multibody.links().for_each(|link| add(link.joint.coords().as_slice()));
        }
        for body in &self.model.free {
            let rigid: &RigidBody = &self.physics.bodies[self.model.bodies[body.0].rigid];
            add(&rigid.translation().to_array());
            add(&rigid.rotation().to_array());
            add(&rigid.linvel().to_array());
            add(&rigid.angvel().to_array());
        }
        add(self.ctrl());
        bytes.extend(self.steps().to_le_bytes());
        telos_checkpoint::fnv1a(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Model, assets};

    #[test]
    fn a_change_of_the_last_bit_shows_and_equal_states_agree() {
        for (name, xml) in assets::ALL {
            let model = Arc::new(Model::from_mjcf_str(name, xml).expect("the assets load"));
            let (mut one, mut two) = (World::new(model.clone()), World::new(model.clone()));
            for _ in 0..5 {
                one.step();
                two.step();
                assert_eq!(one.state_hash(), two.state_hash(), "{name}");
            }
            let before = one.state_hash();
            let joint = model.joints().next().expect("every robot has a joint");
            let velocity = one.joint_velocity(joint);
            one.set_joint_velocity(joint, f32::from_bits(velocity.to_bits() ^ 1));
            assert_ne!(one.state_hash(), before, "{name}");
            one.set_joint_velocity(joint, velocity);
            assert_eq!(one.state_hash(), before, "{name}");
            one.step();
            assert_ne!(one.state_hash(), before, "{name}");
        }
    }
}
