//! A robot as plain data: what an importer produces and [`crate::Model`] compiles.

use rapier3d::math::{Pose, Vector};

use crate::Shape;

/// A whole model. Lengths in metres, angles in radians, masses in kilograms; z points up.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    /// Physics step, seconds.
    pub(crate) timestep: f32,
    pub(crate) gravity: Vector,
    /// Body 0 is the world; parents come before children.
    pub(crate) bodies: Vec<BodyDescription>,
    pub(crate) actuators: Vec<ActuatorDescription>,
    /// Pairs of bodies that never touch each other.
    pub(crate) excluded: Vec<(usize, usize)>,
    /// Scales all masses so that they sum to this.
    pub(crate) total_mass: Option<f32>,
    /// Solver iterations per physics step; each integrates its share of the step.
    pub(crate) solver_iterations: usize,
    /// What the file asks for and gets only approximately.
    pub(crate) approximations: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct BodyDescription {
    pub(crate) name: String,
    pub(crate) parent: usize,
    /// In the parent's frame, at the initial configuration.
    pub(crate) pose: Pose,
    pub(crate) joints: Vec<JointDescription>,
    pub(crate) geoms: Vec<GeomDescription>,
    /// Replaces the inertia of the geoms.
    pub(crate) inertial: Option<InertialDescription>,
    /// Fixed, but movable by the caller.
    pub(crate) mocap: bool,
    pub(crate) line: u32,
}

/// Mass and principal moments about the centre of mass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InertialDescription {
    pub(crate) pose: Pose,
    pub(crate) mass: f32,
    pub(crate) moments: Vector,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JointKind {
    Hinge,
    Slide,
    Free,
}

#[derive(Clone, Debug)]
pub(crate) struct JointDescription {
    pub(crate) name: String,
    pub(crate) kind: JointKind,
    /// Unit vector in the body's frame.
    pub(crate) axis: Vector,
    /// In the body's frame.
    pub(crate) anchor: Vector,
    pub(crate) range: Option<[f32; 2]>,
    pub(crate) damping: f32,
    pub(crate) stiffness: f32,
    pub(crate) rest: f32,
    pub(crate) armature: f32,
    pub(crate) dry_friction: f32,
    /// Joint position of the initial configuration.
    pub(crate) reference: f32,
    pub(crate) line: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct GeomDescription {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    /// In the body's frame.
    pub(crate) pose: Pose,
    pub(crate) rgba: [f32; 4],
    /// Coulomb coefficient.
    pub(crate) friction: f32,
    pub(crate) contype: u32,
    pub(crate) conaffinity: u32,
    pub(crate) mass: Option<f32>,
    pub(crate) line: u32,
    /// Used where `mass` is not given, kg/m³.
    pub(crate) density: f32,
}

/// Force on a joint: `gear * clamp(gain * ctrl - position_gain * length - velocity_gain * speed)`,
/// where length and speed are the joint's, times the gear.
#[derive(Clone, Debug)]
pub(crate) struct ActuatorDescription {
    pub(crate) name: String,
    pub(crate) body: usize,
    pub(crate) joint: usize,
    pub(crate) gear: f32,
    pub(crate) gain: f32,
    pub(crate) position_gain: f32,
    pub(crate) velocity_gain: f32,
    pub(crate) ctrl_range: Option<[f32; 2]>,
    /// Only for actuators without feedback.
    pub(crate) force_range: Option<[f32; 2]>,
}
