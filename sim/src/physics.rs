//! The rapier state of one robot: everything that a snapshot holds.

use rapier3d::prelude::*;
use serde::{Deserialize, Serialize};

/// Rapier's sets. Cloning is the cheapest exact copy of a world (40 to 90 microseconds).
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Physics {
    islands: IslandManager,
    broad_phase: BroadPhaseBvh,
    pub(crate) narrow_phase: NarrowPhase,
    pub(crate) bodies: RigidBodySet,
    pub(crate) colliders: ColliderSet,
    impulse_joints: ImpulseJointSet,
    pub(crate) joints: MultibodyJointSet,
    soft_bodies: SoftBodySet,
}

/// Buffers of the solver; they carry nothing from one step to the next.
pub(crate) struct Workspace {
    pipeline: PhysicsPipeline,
    ccd: CCDSolver,
}

impl Workspace {
    pub(crate) fn new() -> Self {
        Self { pipeline: PhysicsPipeline::new(), ccd: CCDSolver::new() }
    }

    /// Whether the last step met a state that is not finite; rapier then freezes the body.
    pub(crate) fn met_non_finite(&self) -> bool {
        !self.pipeline.quarantine().is_empty()
    }
}

impl Physics {
    pub(crate) fn new() -> Self {
        Self {
            islands: IslandManager::new(),
            // Rebalancing a tree of a dozen shapes costs more than it ever saves.
            broad_phase: BroadPhaseBvh::with_optimization_strategy(BvhOptimizationStrategy::None),
            narrow_phase: NarrowPhase::new(),
            bodies: RigidBodySet::new(),
            colliders: ColliderSet::new(),
            impulse_joints: ImpulseJointSet::new(),
            joints: MultibodyJointSet::new(),
            soft_bodies: SoftBodySet::new(),
        }
    }

    pub(crate) fn step(
        &mut self,
        workspace: &mut Workspace,
        gravity: Vector,
        parameters: &IntegrationParameters,
        hooks: &dyn PhysicsHooks,
    ) {
        workspace.pipeline.step(
            gravity,
            parameters,
            &mut self.islands,
            &mut self.broad_phase,
            &mut self.narrow_phase,
            &mut self.bodies,
            &mut self.colliders,
            &mut self.impulse_joints,
            &mut self.joints,
            &mut self.soft_bodies,
            &mut workspace.ccd,
            hooks,
            &(),
        );
    }

    /// Makes poses and velocities of all links follow the generalized coordinates and velocities.
    pub(crate) fn forward(&mut self, trees: &[MultibodyIndex]) {
        for tree in trees {
            let Some(multibody) = self.joints.get_multibody_mut(*tree) else { continue };
            multibody.forward_kinematics(&self.bodies, true);
            multibody.update_rigid_bodies(&mut self.bodies, true);
            let speeds = multibody.generalized_velocity();
            for link in multibody.links() {
                let jacobian = multibody.body_jacobian(link.link_id());
                let component = |row: usize| -> f32 {
                    (0..speeds.len()).map(|dof| jacobian[(row, dof)] * speeds[dof]).sum()
                };
                let body = &mut self.bodies[link.rigid_body_handle()];
                if body.is_dynamic() {
                    body.set_linvel(Vector::new(component(0), component(1), component(2)), true);
                    body.set_angvel(Vector::new(component(3), component(4), component(5)), true);
                }
            }
        }
    }
}
