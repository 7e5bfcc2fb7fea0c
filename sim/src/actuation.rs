//! From controls and the state to the signals that the springs of joints take up, once per step.
//!
//! Most actuators are carried by their joint's spring, and their signal is the control. The others
//! (force limits on servos, gains that depend on the state, tendons over several joints) are
//! computed here from the state at the start of a step, as MuJoCo does, and their signal is a force.

use crate::{
    JointId, Model, World,
    description::{ActuatorDescription, Dynamics, Target},
    physics::Physics,
};

/// A joint and its part in a length.
type Arm = (JointId, f32);

fn arms(targets: &[Target], index: &impl Fn((usize, usize)) -> usize) -> Vec<Arm> {
    targets.iter().map(|target| (JointId(index(target.place())), target.moment)).collect()
}

#[derive(Clone)]
pub(crate) struct Actuator {
    pub(crate) name: String,
    pub(crate) ctrl_range: [f32; 2],
    dynamics: Dynamics,
    activation_range: [f32; 2],
    /// `None` where the joint's spring carries the actuator.
    law: Option<Law>,
}

/// The force of an actuator as a function of its input and the state.
#[derive(Clone)]
struct Law {
    arms: Vec<Arm>,
    gain: [f32; 3],
    bias: [f32; 3],
    range: [f32; 2],
}

const UNBOUNDED: [f32; 2] = [f32::NEG_INFINITY, f32::INFINITY];

impl Actuator {
    /// `index` finds the joints that the description names by body and place.
    pub(crate) fn new(description: &ActuatorDescription, index: &impl Fn((usize, usize)) -> usize) -> Self {
        let law = || Law {
            arms: arms(&description.targets, index),
            gain: description.gain,
            bias: description.bias,
            range: description.force_range.unwrap_or(UNBOUNDED),
        };
        Self {
            name: description.name.clone(),
            ctrl_range: description.ctrl_range.unwrap_or(UNBOUNDED),
            dynamics: description.dynamics,
            activation_range: description.activation_range.unwrap_or(UNBOUNDED),
            law: (!description.is_spring()).then(law),
        }
    }

    /// The activation a step of `dt` seconds later.
    fn activate(&self, activation: f32, ctrl: f32, dt: f32) -> f32 {
        let change = match self.dynamics {
            Dynamics::None => return 0.0,
            Dynamics::Integrator => dt * ctrl,
            Dynamics::Filter { time_constant } => dt / time_constant * (ctrl - activation),
            Dynamics::ExactFilter { time_constant } => {
                (1.0 - (-dt / time_constant).exp()) * (ctrl - activation)
            }
        };
        (activation + change).clamp(self.activation_range[0], self.activation_range[1])
    }
}

impl Law {
    fn force(&self, input: f32, length: f32, rate: f32) -> f32 {
        let affine =
            |[constant, by_length, by_rate]: [f32; 3]| constant + by_length * length + by_rate * rate;
        (affine(self.gain) * input + affine(self.bias)).clamp(self.range[0], self.range[1])
    }
}

/// A spring and damper along a weighted sum of joint positions.
#[derive(Clone)]
pub(crate) struct Tendon {
    arms: Vec<Arm>,
    stiffness: f32,
    damping: f32,
    /// Lengths between which the spring is slack.
    rest: [f32; 2],
}

impl Tendon {
    pub(crate) fn new(
        targets: &[Target],
        index: &impl Fn((usize, usize)) -> usize,
        stiffness: f32,
        damping: f32,
        rest: [f32; 2],
    ) -> Self {
        Self { arms: arms(targets, index), stiffness, damping, rest }
    }

    /// A tendon that holds its length as well as a force computed once per step can, given the mass
    /// that moves with it. Its error falls to a third within four steps, without overshoot.
    pub(crate) fn stiff(
        targets: &[Target],
        index: &impl Fn((usize, usize)) -> usize,
        mass: f32,
        time_step: f32,
        length: f32,
    ) -> Self {
        let stiffness = 0.1 * mass / (time_step * time_step);
        let damping = 0.6 * mass / time_step;
        Self::new(targets, index, stiffness, damping, [length; 2])
    }

    fn force(&self, length: f32, rate: f32) -> f32 {
        self.stiffness * (length.clamp(self.rest[0], self.rest[1]) - length) - self.damping * rate
    }
}

impl World {
    /// Computes the signals of the coming step, and the activations of the one after it.
    pub(crate) fn actuate(&mut self) {
        let model = &*self.model;
        let (signals, tendon_signals) = self.signals.split_at_mut(model.actuators.len());
        for (index, actuator) in model.actuators.iter().enumerate() {
            let ctrl = self.ctrl[index];
            let input = if actuator.dynamics == Dynamics::None {
                ctrl
            } else {
                let activation = self.activations[index];
                self.activations[index] = actuator.activate(activation, ctrl, model.timestep());
                activation
            };
            signals[index] = match &actuator.law {
                None => input,
                Some(law) => {
                    let (length, rate) = length(model, &self.physics, &law.arms);
                    law.force(input, length, rate)
                }
            };
        }
        for (signal, tendon) in tendon_signals.iter_mut().zip(&model.tendons) {
            let (length, rate) = length(model, &self.physics, &tendon.arms);
            *signal = tendon.force(length, rate);
        }
    }
}

/// A weighted sum of joint positions, and its rate.
fn length(model: &Model, physics: &Physics, arms: &[Arm]) -> (f32, f32) {
    arms.iter().fold((0.0, 0.0), |(length, rate), (joint, moment)| {
        let (position, velocity) = model.joints[joint.0].state(physics);
        (length + moment * position, rate + moment * velocity)
    })
}
