//! What the parts of a model are to each other: robot, object, ground or scene.

use crate::{BodyId, GeomId, Model, Shape};

/// The part that a body plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It belongs to a tree of bodies with actuators; trees are told apart by number.
    Robot(usize),
    /// It moves, but only when something moves it.
    Object,
    /// It does not move on its own: the world and mocap bodies.
    Scene,
}

impl Model {
    /// The part that a body plays.
    pub fn role(&self, body: BodyId) -> Role {
        let rigid = self.bodies[body.0].rigid;
        if !self.initial.bodies[rigid].is_dynamic() {
            return Role::Scene;
        }
        let tree = self.initial.joints.rigid_body_link(rigid).map(|link| link.multibody);
        let driven = |tree| self.joints.iter().any(|joint| joint.tree == tree && joint.is_driven());
        match tree.filter(|tree| driven(*tree)) {
            Some(tree) => Role::Robot(self.trees.iter().position(|other| *other == tree).unwrap_or(0)),
            None => Role::Object,
        }
    }

    /// Whether a geom is ground to walk on: a plane.
    pub fn is_ground(&self, geom: GeomId) -> bool {
        matches!(self.geoms[geom.0].shape, Shape::Plane)
    }

    /// Bodies with free joints.
    pub fn free_bodies(&self) -> &[BodyId] {
        &self.free
    }
}
