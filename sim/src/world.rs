//! One robot in motion.

use std::sync::Arc;

use rapier3d::math::{Pose, Rotation, Vector};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use crate::{
    BodyId, Camera, Health, JointId, Model, Scene, SceneGeom,
    contact::ContactRules,
    contact_mask::ContactMask,
    dynamics::Dynamics,
    physics::{Physics, Workspace},
};

/// The state of one robot. Stepping allocates only inside rapier; results depend on nothing but the
/// model and the calls made.
///
/// ```
/// use std::sync::Arc;
/// use telos_sim::{Model, World, assets};
///
/// let model = Arc::new(Model::from_mjcf_str("pendulum", assets::PENDULUM)?);
/// let hinge = model.joint("hinge")?;
/// let mut world = World::new(model);
/// world.set_joint_position(hinge, 0.1);
/// world.forward();
/// world.step();
/// assert!(world.joint_velocity(hinge) > 0.0, "it falls away from upright");
/// # Ok::<(), telos_sim::SimError>(())
/// ```
pub struct World {
    pub(crate) model: Arc<Model>,
    pub(crate) physics: Physics,
    workspace: Workspace,
    pub(crate) ctrl: Vec<f32>,
    /// Inputs of the actuators that follow their controls with a delay.
    pub(crate) activations: Vec<f32>,
    /// What the springs of joints take up: controls, activations or forces, by actuator and tendon.
    /// Computed at the start of a step and then of no use.
    pub(crate) signals: Vec<f32>,
    pub(crate) dynamics: Dynamics,
    pub(crate) mask: ContactMask,
    /// Whether a body carries a wrench that ends with the next step.
    pushed: bool,
    /// Steps since the initial state.
    steps: u64,
    met_non_finite: bool,
}

impl World {
    /// The model's initial state.
    pub fn new(model: Arc<Model>) -> Self {
        let physics = model.initial.clone();
        let ctrl = vec![0.0; model.actuators.len()];
        let dynamics = Dynamics::of(&model);
        let signals = model.actuators.len() + model.tendons.len();
        Self {
            model,
            physics,
            workspace: Workspace::new(),
            activations: ctrl.clone(),
            ctrl,
            dynamics,
            mask: ContactMask::default(),
            signals: vec![0.0; signals],
            pushed: false,
            steps: 0,
            met_non_finite: false,
        }
    }

    /// Returns to the initial state; from there on, the world is bit-identical to a new one with the
    /// same factors of [`set_mass_scale`](Self::set_mass_scale) and its like and the same
    /// [`set_contact`](Self::set_contact).
    pub fn reset(&mut self) {
        self.physics.clone_from(&self.model.initial);
        self.dynamics.apply(&self.model, &mut self.physics);
        self.mask.watch(&self.model, &mut self.physics);
        self.ctrl.fill(0.0);
        self.activations.fill(0.0);
        self.pushed = false;
        self.steps = 0;
        self.met_non_finite = false;
    }

    /// Whether both worlds are of one model, or of two that were compiled alike: each can take over the
    /// state of the other.
    pub fn is_twin_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.model, &other.model) || self.model.is_like(&other.model)
    }

    /// Takes over the state of a twin, bit for bit.
    ///
    /// # Panics
    /// When `other` is no [twin](Self::is_twin_of).
    pub fn copy_from(&mut self, other: &Self) {
        assert!(self.is_twin_of(other), "worlds of one model can be copied");
        self.physics.clone_from(&other.physics);
        self.ctrl.copy_from_slice(&other.ctrl);
        self.dynamics.clone_from(&other.dynamics);
        self.mask.clone_from(&other.mask);
        self.activations.copy_from_slice(&other.activations);
        self.pushed = other.pushed;
        self.steps = other.steps;
        self.met_non_finite = other.met_non_finite;
    }

    /// The robot.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Seconds since the initial state.
    pub fn time(&self) -> f64 {
        self.steps as f64 * f64::from(self.model.timestep())
    }

    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    /// Sets all controls, each clamped to its range; a NaN counts as zero.
    ///
    /// # Panics
    /// When `ctrl` does not have one value per actuator.
    pub fn set_ctrl(&mut self, ctrl: &[f32]) {
        assert_eq!(ctrl.len(), self.ctrl.len(), "one control per actuator");
        let actuators = self.model.actuators.iter().zip(&self.dynamics.motor);
        for ((held, wanted), (actuator, scale)) in self.ctrl.iter_mut().zip(ctrl).zip(actuators) {
            let [low, high] = actuator.ctrl_range;
            let clamped = if wanted.is_nan() { 0f32.clamp(low, high) } else { wanted.clamp(low, high) };
            *held = scale * clamped;
        }
    }

    /// The controls in force, after clamping and [`set_motor_scale`](Self::set_motor_scale).
    pub fn ctrl(&self) -> &[f32] {
        &self.ctrl
    }

    /// Advances by [`Model::timestep`] seconds.
    pub fn step(&mut self) {
        self.actuate();
        let model = &*self.model;
        for (joint, damping) in model.joints.iter().zip(&self.dynamics.damping) {
            if joint.is_active() {
                joint.load_spring(&mut self.physics, &self.signals, *damping);
            }
        }
        if let Some(fluid) = &model.fluid {
            fluid.resist(&mut self.physics.bodies);
            self.pushed = true;
        }
        let rules = ContactRules { filter: &model.filter, mask: &self.mask };
        let gravity = model.gravity * self.dynamics.gravity;
        self.physics.step(&mut self.workspace, gravity, &model.parameters, &rules);
        if std::mem::take(&mut self.pushed) {
            for (rigid, _) in &model.masses {
                self.physics.bodies[*rigid].reset_forces(false);
                self.physics.bodies[*rigid].reset_torques(false);
            }
        }
        self.steps += 1;
        self.met_non_finite |= self.workspace.met_non_finite();
    }

    /// Position of a hinge (radians) or slide (metres).
    pub fn joint_position(&self, joint: JointId) -> f32 {
        let joint = &self.model.joints[joint.0];
        let link = self.physics.joints.get_multibody(joint.tree).and_then(|tree| tree.link(joint.link));
        link.map_or(f32::NAN, |link| link.joint.coords()[joint.axis] + joint.reference)
    }

    /// Velocity of a hinge (rad/s) or slide (m/s).
    pub fn joint_velocity(&self, joint: JointId) -> f32 {
        let joint = &self.model.joints[joint.0];
        let tree = self.physics.joints.get_multibody(joint.tree);
        tree.map_or(f32::NAN, |tree| tree.generalized_velocity()[joint.dof])
    }

    /// Places a joint. Bodies follow at the next [`forward`](Self::forward); contacts are found anew
    /// by the next step.
    pub fn set_joint_position(&mut self, joint: JointId, position: f32) {
        let joint = &self.model.joints[joint.0];
        let Some(tree) = self.physics.joints.get_multibody_mut(joint.tree) else { return };
        let Some(link) = tree.link_mut(joint.link) else { return };
        let mut displacement = [0.0; 6];
        let locked = link.joint.data.locked_axes.bits();
        let place = (0..joint.axis).filter(|axis| locked >> axis & 1 == 0).count();
        displacement[place] = position - joint.reference - link.joint.coords()[joint.axis];
        link.joint.apply_displacement(&displacement);
    }

    /// Sets the velocity of a joint. Body velocities follow at the next [`forward`](Self::forward).
    pub fn set_joint_velocity(&mut self, joint: JointId, velocity: f32) {
        let joint = &self.model.joints[joint.0];
        if let Some(tree) = self.physics.joints.get_multibody_mut(joint.tree) {
            tree.generalized_velocity_mut()[joint.dof] = velocity;
        }
    }

    /// Places a mocap body or a free body: position in metres, orientation x y z w. Bodies jointed to
    /// it follow at the next [`forward`](Self::forward).
    ///
    /// # Panics
    /// When the body is neither.
    pub fn set_body_pose(&mut self, body: BodyId, position: [f32; 3], orientation: [f32; 4]) {
        let body = &self.model.bodies[body.0];
        assert!(body.placeable, "`{}` is neither a mocap nor a free body", body.name);
        let rotation = Rotation::from_array(orientation).normalize();
        let pose = Pose::from_parts(Vector::from_array(position), rotation) * body.pose.inverse();
        self.physics.bodies[body.rigid].set_position(pose, true);
    }

    /// Makes the bodies follow the joints after `set_` calls.
    pub fn forward(&mut self) {
        self.physics.forward(&self.model.trees);
    }

    /// Pushes and turns a body during the next step only: a force in newtons and a torque in N m, in
    /// world axes, at the centre of mass of the rigid body that it belongs to. Wrenches on one body add
    /// up. One that is not finite makes the simulation [fail](Health::NotFinite).
    pub fn apply_wrench(&mut self, body: BodyId, force: [f32; 3], torque: [f32; 3]) {
        let (force, torque) = (Vector::from_array(force), Vector::from_array(torque));
        // Rapier may go on without the body's dynamics as if nothing were wrong.
        if !(force.is_finite() && torque.is_finite()) {
            self.met_non_finite = true;
            return;
        }
        let body = &mut self.physics.bodies[self.model.bodies[body.0].rigid];
        body.add_force(force, true);
        body.add_torque(torque, true);
        self.pushed = true;
    }

    /// Whether the state can still be believed. Costs one pass over the joints and free bodies.
    pub fn health(&self) -> Health {
        let start = if self.met_non_finite { Health::NotFinite } else { Health::Sound };
        let joints = self
            .model
            .joints()
            .map(|joint| Health::of(self.joint_position(joint).abs(), self.joint_velocity(joint).abs()));
        joints.chain(self.free_bodies_health()).fold(start, Health::max)
    }

    /// Everything that can be seen now, from `camera`.
    pub fn scene(&self, camera: &Camera) -> Scene {
        let mut scene = Scene { geoms: Vec::with_capacity(self.model.geoms.len()), camera: camera.clone() };
        self.fill_scene(camera, &mut scene);
        scene
    }

    /// As [`scene`](Self::scene), into the memory of an old one: nothing is allocated once it has been
    /// filled for this model.
    pub fn fill_scene(&self, camera: &Camera, scene: &mut Scene) {
        scene.camera.clone_from(camera);
        scene.geoms.clear();
        scene.geoms.extend(self.model.geoms.iter().map(|geom| {
            let body = &self.model.bodies[geom.body.0];
            let pose = *self.physics.bodies[body.rigid].position() * geom.pose;
            SceneGeom {
                body: body.name.clone(),
                shape: geom.shape.clone(),
                position: pose.translation.to_array(),
                orientation: pose.rotation.to_array(),
                rgba: geom.rgba,
            }
        }));
    }
}

impl Checkpoint for World {
    fn save(&self, out: &mut Writer) {
        out.value("robot", &self.model.fingerprint);
        out.value("physics", &self.physics);
        out.f32s("ctrl", &self.ctrl);
        out.value("dynamics", &self.dynamics);
        out.value("mask", &self.mask);
        out.f32s("activations", &self.activations);
        out.value("pushed", &self.pushed);
        out.value("steps", &self.steps);
        out.value("met_non_finite", &self.met_non_finite);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        if from.value::<u64>("robot")? != self.model.fingerprint {
            let reason =
                format!("the snapshot is of another robot, or of another version of `{}`", self.model.name);
            return Err(from.wrong("robot", &reason));
        }
        self.physics = from.value("physics")?;
        from.f32s("ctrl", &mut self.ctrl)?;
        self.dynamics = from.value("dynamics")?;
        self.mask = from.value("mask")?;
        if !(self.dynamics.fits(&self.model) && self.mask.fits(&self.model)) {
            return Err(from.wrong("dynamics", "does not fit the parts of the robot"));
        }
        from.f32s("activations", &mut self.activations)?;
        self.pushed = from.value("pushed")?;
        self.steps = from.value("steps")?;
        self.met_non_finite = from.value("met_non_finite")?;
        Ok(())
    }
}
