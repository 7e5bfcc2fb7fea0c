//! A robot as plain data: what an importer produces and [`crate::Model`] compiles.

use rapier3d::math::{Pose, Vector};

use crate::{Shape, mesh::Enclosed};

/// A whole model. Lengths in metres, angles in radians, masses in kilograms; z points up.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    /// Physics step, seconds.
    pub(crate) timestep: f32,
    pub(crate) gravity: Vector,
    /// Body 0 is the world; parents come before children.
    pub(crate) bodies: Vec<BodyDescription>,
    pub(crate) actuators: Vec<ActuatorDescription>,
    pub(crate) tendons: Vec<TendonDescription>,
    pub(crate) equalities: Vec<EqualityDescription>,
    /// Pairs of bodies that never touch each other.
    pub(crate) excluded: Vec<(usize, usize)>,
    /// Scales all masses so that they sum to this.
    pub(crate) total_mass: Option<f32>,
    /// What fills space; `None` for nothing.
    pub(crate) medium: Option<Medium>,
    /// Bodies below these get them, kilograms and kg m².
    pub(crate) least_mass: f32,
    pub(crate) least_inertia: f32,
    /// Solver iterations per physics step; each integrates its share of the step.
    pub(crate) solver_iterations: usize,
    /// What the file asks for and gets only approximately.
    pub(crate) approximations: Vec<String>,
    /// Of everything that was read.
    pub(crate) fingerprint: u64,
}

impl Description {
    /// Nothing, not even the world.
    pub(crate) fn empty() -> Self {
        Self {
            timestep: 0.002,
            gravity: Vector::new(0.0, 0.0, -9.81),
            bodies: Vec::new(),
            actuators: Vec::new(),
            tendons: Vec::new(),
            equalities: Vec::new(),
            excluded: Vec::new(),
            total_mass: None,
            medium: None,
            solver_iterations: 2,
            least_mass: 0.0,
            least_inertia: 0.0,
            approximations: Vec::new(),
            fingerprint: 0,
        }
    }
}

/// A fluid that resists motion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Medium {
    /// kg/m³.
    pub(crate) density: f32,
    /// Pa s.
    pub(crate) viscosity: f32,
    /// Its velocity, m/s.
    pub(crate) wind: Vector,
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

impl BodyDescription {
    /// Body 0.
    pub(crate) fn world(line: u32) -> Self {
        Self {
            name: "world".into(),
            parent: 0,
            pose: Pose::IDENTITY,
            joints: Vec::new(),
            geoms: Vec::new(),
            inertial: None,
            mocap: false,
            line,
        }
    }
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
    Ball,
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
    /// Time constant in seconds and damping ratio of a spring and damper that are tuned to the inertia
    /// at the joint in the initial state, all other joints being free.
    pub(crate) spring_damper: Option<[f32; 2]>,
    pub(crate) rest: f32,
    pub(crate) armature: f32,
    pub(crate) dry_friction: f32,
    /// Joint position of the initial configuration.
    pub(crate) reference: f32,
    pub(crate) line: u32,
}

impl JointDescription {
    /// Whether one number says how the joint stands.
    pub(crate) fn is_scalar(&self) -> bool {
        matches!(self.kind, JointKind::Hinge | JointKind::Slide)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct GeomDescription {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    /// What of a mesh has mass.
    pub(crate) enclosed: Enclosed,
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

/// A joint that a tendon or an actuator acts on: its part in the length, and the joint force per unit
/// of force.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) body: usize,
    pub(crate) joint: usize,
    pub(crate) moment: f32,
}

impl Target {
    /// Body and index of the joint.
    pub(crate) fn place(&self) -> (usize, usize) {
        (self.body, self.joint)
    }
}

/// How the input of an actuator follows its control.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Dynamics {
    /// At once.
    None,
    /// The input is the integral of the control.
    Integrator,
    /// First-order lag, seconds, by Euler steps.
    Filter { time_constant: f32 },
    /// First-order lag, seconds, exact over a step of constant control.
    ExactFilter { time_constant: f32 },
}

/// With the length `L = sum of moment * position` over the targets, its rate `V` and the input `u`, the
/// force is `(g0 + g1 L + g2 V) u + b0 + b1 L + b2 V`, clamped; each target gets its moment times that.
#[derive(Clone, Debug)]
pub(crate) struct ActuatorDescription {
    pub(crate) name: String,
    pub(crate) targets: Vec<Target>,
    pub(crate) dynamics: Dynamics,
    pub(crate) gain: [f32; 3],
    pub(crate) bias: [f32; 3],
    pub(crate) ctrl_range: Option<[f32; 2]>,
    /// Of the input, where it has dynamics.
    pub(crate) activation_range: Option<[f32; 2]>,
    pub(crate) force_range: Option<[f32; 2]>,
}

impl ActuatorDescription {
    /// Whether a spring and a damper of one joint carry the actuator exactly: then they are integrated
    /// implicitly, which allows far stiffer servos than a force that is computed once per step.
    pub(crate) fn is_spring(&self) -> bool {
        let [_, gain1, gain2] = self.gain;
        let [offset, stiffness, damping] = self.bias;
        self.targets.len() == 1
            && (gain1, gain2) == (0.0, 0.0)
            && stiffness <= 0.0
            && damping <= 0.0
            && (self.force_range.is_none() || (offset, stiffness, damping) == (0.0, 0.0, 0.0))
    }
}

/// A weighted sum of joint positions, with a spring and a damper.
#[derive(Clone, Debug)]
pub(crate) struct TendonDescription {
    pub(crate) name: String,
    pub(crate) targets: Vec<Target>,
    pub(crate) stiffness: f32,
    pub(crate) damping: f32,
    /// Lengths between which the spring is slack; `None` for the length of the initial state.
    pub(crate) rest: Option<[f32; 2]>,
}

impl TendonDescription {
    /// Whether it exerts a force of its own.
    pub(crate) fn is_elastic(&self) -> bool {
        self.stiffness > 0.0 || self.damping > 0.0
    }
}

/// `sum of moment * (position - initial position) = offset` over the targets.
#[derive(Clone, Debug)]
pub(crate) struct EqualityDescription {
    pub(crate) targets: Vec<Target>,
    pub(crate) offset: f32,
    pub(crate) line: u32,
}
