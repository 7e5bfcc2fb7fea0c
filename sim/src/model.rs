//! A robot, compiled: names, tables and the initial state that every world starts from.

use std::{path::Path, sync::Arc};

use rapier3d::{
    dynamics::MultibodyIndex,
    math::{Pose, Vector},
    prelude::{ColliderHandle, IntegrationParameters, RigidBodyHandle},
};

use crate::{
    Shape, SimError,
    actuation::{Actuator, Tendon},
    compile,
    contact::ContactFilter,
    drive::Spring,
    fluid::Fluid,
    limit::Limit,
    mjcf,
    physics::Physics,
    urdf,
    xml::read_main,
};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub(crate) usize);

        impl $name {
            /// Place among the parts of its kind in the model.
            pub fn index(self) -> usize {
                self.0
            }
        }
    )*};
}

ids! {
    /// A hinge or slide of a [`Model`].
    JointId,
    /// A body of a [`Model`].
    BodyId,
    /// A geom of a [`Model`].
    GeomId
}

/// An immutable robot. Worlds share it through an `Arc`.
#[derive(Clone)]
pub struct Model {
    pub(crate) name: String,
    /// Of the source text; a snapshot of another robot has another one.
    pub(crate) fingerprint: u64,
    pub(crate) gravity: Vector,
    pub(crate) parameters: IntegrationParameters,
    pub(crate) joints: Vec<Joint>,
    pub(crate) bodies: Vec<Body>,
    /// The bodies with free joints.
    pub(crate) free: Vec<BodyId>,
    pub(crate) geoms: Vec<Geom>,
    pub(crate) actuators: Vec<Actuator>,
    pub(crate) tendons: Vec<Tendon>,
    pub(crate) trees: Vec<MultibodyIndex>,
    /// Rigid bodies with mass, and their masses.
    pub(crate) masses: Vec<(RigidBodyHandle, f32)>,
    pub(crate) filter: ContactFilter,
    pub(crate) fluid: Option<Fluid>,
    pub(crate) approximations: Vec<String>,
    pub(crate) initial: Physics,
}

#[derive(Clone)]
pub(crate) struct Joint {
    pub(crate) name: String,
    pub(crate) range: Option<[f32; 2]>,
    pub(crate) tree: MultibodyIndex,
    pub(crate) link: usize,
    /// Rapier's axis: 0-2 slides, 3-5 hinges.
    pub(crate) axis: usize,
    /// Place in the tree's generalized velocity.
    pub(crate) dof: usize,
    /// Position at coordinate zero.
    pub(crate) reference: f32,
    pub(crate) spring: Spring,
    pub(crate) limit: Option<Limit>,
    /// Of the joint and of velocity servos, N s/m or N m s/rad.
    pub(crate) damping: f32,
}

impl Joint {
    /// Whether an actuator moves it.
    pub(crate) fn is_driven(&self) -> bool {
        !self.spring.drives.is_empty()
    }

    /// Whether its spring changes from step to step.
    pub(crate) fn is_active(&self) -> bool {
        self.limit.is_some() || self.is_driven()
    }

    /// Position and velocity.
    pub(crate) fn state(&self, physics: &Physics) -> (f32, f32) {
        let Some(tree) = physics.joints.get_multibody(self.tree) else { return (f32::NAN, f32::NAN) };
        let position = tree.link(self.link).map_or(f32::NAN, |link| link.joint.coords()[self.axis]);
        (position + self.reference, tree.generalized_velocity()[self.dof])
    }

    /// Puts the joint under its passive spring, the forces that `signals` stand for, and the limit that
    /// it is at. `damping_scale` multiplies its own damping.
    pub(crate) fn load_spring(&self, physics: &mut Physics, signals: &[f32], damping_scale: f32) {
        let Some(tree) = physics.joints.get_multibody_mut(self.tree) else { return };
        let velocity = tree.generalized_velocity()[self.dof];
        let Some(link) = tree.link_mut(self.link) else { return };
        let position = link.joint.coords()[self.axis];
        let stop = self.limit.and_then(|limit| limit.at(position, velocity));
        let (mut stiffness, mut rest) = self.spring.at(signals);
        let mut damping = self.damping * damping_scale;
        if let Some(stop) = stop {
            let force = stiffness * rest + stop.stiffness * stop.rest;
            stiffness += stop.stiffness;
            rest = force / stiffness;
            damping += stop.damping;
        }
        link.joint.set_spring(self.axis, stiffness, rest);
        tree.damping_mut()[self.dof] = damping;
    }
}

#[derive(Clone)]
pub(crate) struct Body {
    pub(crate) name: Arc<str>,
    pub(crate) rigid: RigidBodyHandle,
    /// In the frame of the rigid body.
    pub(crate) pose: Pose,
    /// Whether the caller may place it.
    pub(crate) placeable: bool,
}

#[derive(Clone)]
pub(crate) struct Geom {
    pub(crate) name: String,
    pub(crate) body: BodyId,
    pub(crate) shape: Shape,
    /// In the frame of the rigid body.
    pub(crate) pose: Pose,
    pub(crate) rgba: [f32; 4],
    /// `None` where nothing can touch it.
    pub(crate) collider: Option<ColliderHandle>,
}

impl Model {
    /// Compiles MJCF text. `name` stands for the file in errors.
    ///
    /// # Errors
    /// When the text is not MJCF, or asks for something that this simulator does not honour.
    ///
    /// ```
    /// let model = telos_sim::Model::from_mjcf_str("cheetah", telos_sim::assets::CHEETAH)?;
    /// assert_eq!(model.actuator_count(), 6);
    /// let error = telos_sim::Model::from_mjcf_str("mine.xml", "<mujoco>\n<equality active='true'/>\n</mujoco>").err();
    /// assert!(error.is_some_and(|error| error.to_string().starts_with("mine.xml:2: <equality>")));
    /// # Ok::<(), telos_sim::SimError>(())
    /// ```
    pub fn from_mjcf_str(name: &str, xml: &str) -> Result<Self, SimError> {
        compile::compile(name, mjcf::parse(name, None, xml)?)
    }

    /// Compiles an MJCF file, with the files that it includes and its meshes.
    ///
    /// # Errors
    /// When it or one of them cannot be read, and as [`from_mjcf_str`](Self::from_mjcf_str).
    pub fn from_mjcf_file(path: &Path) -> Result<Self, SimError> {
        let xml = read_main(path)?;
        let name = path.display().to_string();
        compile::compile(&name, mjcf::parse(&name, Some(path), &xml)?)
    }

    /// Compiles URDF text without meshes. `name` stands for the file in errors. The root link is fixed
    /// to the world.
    ///
    /// # Errors
    /// When the text is not URDF, or asks for something that this simulator does not honour.
    ///
    /// ```
    /// let arm = r#"<robot name="arm">
    ///   <link name="base"/>
    ///   <link name="boom">
    ///     <inertial><mass value="2"/><inertia ixx="0.1" iyy="0.1" izz="0.1"/></inertial>
    ///   </link>
    ///   <joint name="shoulder" type="revolute">
    ///     <parent link="base"/> <child link="boom"/> <axis xyz="0 1 0"/>
    ///     <limit lower="-1" upper="1" effort="30" velocity="2"/>
    ///   </joint>
    /// </robot>"#;
    /// let model = telos_sim::Model::from_urdf_str("arm", arm)?;
    /// assert_eq!(model.ctrl_range(model.actuator("shoulder")?), [-30.0, 30.0]);
    /// # Ok::<(), telos_sim::SimError>(())
    /// ```
    pub fn from_urdf_str(name: &str, xml: &str) -> Result<Self, SimError> {
        compile::compile(name, urdf::parse(name, None, None, xml)?)
    }

    /// Compiles a URDF file with its meshes. `package://` paths start in `packages`; without it, at the
    /// folder of the package's name that the file is in, or that lies in a folder above the file.
    ///
    /// # Errors
    /// When it or a mesh cannot be read, and as [`from_urdf_str`](Self::from_urdf_str).
    pub fn from_urdf_file(path: &Path, packages: Option<&Path>) -> Result<Self, SimError> {
        let xml = read_main(path)?;
        let name = path.display().to_string();
        compile::compile(&name, urdf::parse(&name, Some(path), packages, &xml)?)
    }

    /// Compiles a robot file by its extension: `.urdf` as [`from_urdf_file`](Self::from_urdf_file) does,
    /// any other as [`from_mjcf_file`](Self::from_mjcf_file).
    ///
    /// # Errors
    /// As theirs.
    pub fn from_file(path: &Path) -> Result<Self, SimError> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("urdf") => Self::from_urdf_file(path, None),
            _ => Self::from_mjcf_file(path),
        }
    }

    /// The same robot under another number of solver iterations per physics step (default 2). They
    /// act as substeps: cost and accuracy are nearly proportional to them.
    ///
    /// # Panics
    /// When `iterations` is zero.
    pub fn with_solver_iterations(mut self, iterations: usize) -> Self {
        assert!(iterations > 0, "a physics step needs at least one solver iteration");
        self.parameters.num_solver_iterations = iterations;
        self
    }

    /// Whether `other` was compiled from the same text with the same parameters.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint && self.parameters == other.parameters
    }

    /// Name of the model, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Seconds per physics step.
    pub fn timestep(&self) -> f32 {
        self.parameters.dt
    }

    /// Mass of everything that moves, kilograms.
    pub fn total_mass(&self) -> f32 {
        self.masses.iter().map(|(_, mass)| mass).sum()
    }

    /// What the source file asks for and gets only approximately, one remark per attribute.
    pub fn approximations(&self) -> &[String] {
        &self.approximations
    }

    /// The hinge or slide of this name.
    ///
    /// # Errors
    /// When there is none; the message lists those that exist.
    pub fn joint(&self, name: &str) -> Result<JointId, SimError> {
        self.find("joint", name, self.joints.iter().map(|joint| joint.name.as_str())).map(JointId)
    }

    /// The body of this name; `world` is the fixed one.
    ///
    /// # Errors
    /// When there is none; the message lists those that exist.
    pub fn body(&self, name: &str) -> Result<BodyId, SimError> {
        self.find("body", name, self.bodies.iter().map(|body| &*body.name)).map(BodyId)
    }

    /// The geom of this name.
    ///
    /// # Errors
    /// When there is none; the message lists those that exist.
    pub fn geom(&self, name: &str) -> Result<GeomId, SimError> {
        self.find("geom", name, self.geoms.iter().map(|geom| geom.name.as_str())).map(GeomId)
    }

    /// Place of the actuator of this name in the control vector.
    ///
    /// # Errors
    /// When there is none; the message lists those that exist.
    pub fn actuator(&self, name: &str) -> Result<usize, SimError> {
        let names = self.actuators.iter().map(|actuator| actuator.name.as_str());
        self.find("actuator", name, names)
    }

    fn find<'n>(
        &self,
        kind: &'static str,
        name: &str,
        mut names: impl Iterator<Item = &'n str> + Clone,
    ) -> Result<usize, SimError> {
        let all = names.clone();
        names.position(|other| other == name).ok_or_else(|| SimError::UnknownName {
            model: self.name.clone(),
            kind,
            name: name.into(),
            known: all.collect::<Vec<_>>().join(", "),
        })
    }

    /// All hinges and slides, in file order.
    pub fn joints(&self) -> impl ExactSizeIterator<Item = JointId> + use<> {
        (0..self.joints.len()).map(JointId)
    }

    /// All bodies, the world first.
    pub fn bodies(&self) -> impl ExactSizeIterator<Item = BodyId> + use<> {
        (0..self.bodies.len()).map(BodyId)
    }

    /// All geoms, in file order.
    pub fn geoms(&self) -> impl ExactSizeIterator<Item = GeomId> + use<> {
        (0..self.geoms.len()).map(GeomId)
    }

    /// Length of the control vector.
    pub fn actuator_count(&self) -> usize {
        self.actuators.len()
    }

    /// Name of a joint.
    pub fn joint_name(&self, joint: JointId) -> &str {
        &self.joints[joint.0].name
    }

    /// Name of a body.
    pub fn body_name(&self, body: BodyId) -> &str {
        &self.bodies[body.0].name
    }

    /// Name of a geom.
    pub fn geom_name(&self, geom: GeomId) -> &str {
        &self.geoms[geom.0].name
    }

    /// The body that a geom belongs to.
    pub fn geom_body(&self, geom: GeomId) -> BodyId {
        self.geoms[geom.0].body
    }

    /// Shape of a geom.
    pub fn geom_shape(&self, geom: GeomId) -> &Shape {
        &self.geoms[geom.0].shape
    }

    /// Name of an actuator.
    pub fn actuator_name(&self, actuator: usize) -> &str {
        &self.actuators[actuator].name
    }

    /// Lower and upper bound of a control; infinite where the model gives none.
    pub fn ctrl_range(&self, actuator: usize) -> [f32; 2] {
        self.actuators[actuator].ctrl_range
    }

    /// Limits of a joint, radians or metres, if it has any.
    pub fn joint_range(&self, joint: JointId) -> Option<[f32; 2]> {
        self.joints[joint.0].range
    }

    /// Whether a joint turns (radians) rather than slides (metres).
    pub fn is_hinge(&self, joint: JointId) -> bool {
        self.joints[joint.0].axis >= 3
    }
}
