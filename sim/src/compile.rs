//! From a robot's description to rapier's rigid bodies, colliders and multibody joints.

use rapier3d::{parry::mass_properties::MassProperties, prelude::*};

use crate::{
    BodyId, SimError,
    actuation::{Actuator, Tendon},
    collider::collider,
    contact::{self, ContactFilter},
    description::{Description, GeomDescription, Target},
    fluid::Fluid,
    limit::Limit,
    links::{self, Link, Membership},
    masses,
    model::{Body, Geom, Joint, Model},
    overlap,
    physics::Physics,
    planar,
    springs::{self, Place, described},
};

/// The slide that keeps planar robots in their plane: stiffness in N/m and damping in N s/m. Soft
/// enough to give friction a well-conditioned tangent, stiff enough to be invisible.
const PLANE_STIFFNESS: f32 = 1e4;
const PLANE_DAMPING: f32 = 1e3;

/// How far two bodies may move against each other, in metres, before their contacts are computed anew.
/// Rapier's default of 5 cm suits rooms: a fingertip that has passed an edge would still press on it.
const CONTACT_DRIFT: f32 = 5e-4;

/// Builds the model that `description` describes.
pub(crate) fn compile(name: &str, mut description: Description) -> Result<Model, SimError> {
    let (mut groups, mut members) = links::groups(&description);
    check_size(name, &groups)?;
    let mut masses = masses::of_groups(name, &description, &groups, &members)?;
    overlap::exclude(name, &mut description, &groups, &members)?;
    let description = &description;
    links::center_free_groups(description, &mut groups, &mut members, &mut masses);
    let mut builder = Builder {
        filter: ContactFilter::new(description, &groups, &members),
        masses,
        description,
        groups: &groups,
        members: &members,
        physics: Physics::new(),
        rigid: Vec::new(),
        axes: Vec::new(),
    };
    let slides = planar::slides(description, &groups, &members);
    for (index, slide) in slides.iter().enumerate() {
        builder.insert_group(index, *slide);
    }
    let geoms = builder.insert_geoms(name)?;
    builder.load_masses();
    let trees = builder.settle_trees();
    let joints = builder.joints();
    let tendons = builder.tendons(name, &joints)?;
    let Builder { mut physics, rigid, masses, filter, .. } = builder;
    let no_signals = vec![0.0; description.actuators.len() + tendons.len()];
    joints.iter().for_each(|(_, joint)| joint.load_spring(&mut physics, &no_signals, 1.0));
    physics.forward(&trees);

    let bodies = description.bodies.iter().zip(&members).enumerate().map(|(index, (body, member))| Body {
        name: body.name.as_str().into(),
        rigid: rigid[member.group],
        pose: member.pose,
        placeable: groups[member.group].body == index && (body.mocap || links::is_free(body)),
    });
    let free = (0..description.bodies.len()).filter(|index| links::is_free(&description.bodies[*index]));
    let actuators = description.actuators.iter().map(|actuator| Actuator::new(actuator, &places(&joints)));
    let actuators: Vec<Actuator> = actuators.collect();
    let masses = rigid
        .iter()
        .zip(&masses)
        .zip(&groups)
        .filter(|((_, mass), group)| mass.mass() > 0.0 && group.moves());
    Ok(Model {
        name: name.into(),
        fingerprint: description.fingerprint,
        gravity: description.gravity,
        parameters: IntegrationParameters {
            dt: description.timestep,
            num_solver_iterations: description.solver_iterations,
            // Continuous collision detection acts on loose bodies only: a link goes where its joints
            // say.
            max_ccd_substeps: usize::from(has_loose_bodies(description, &groups)),
            normalized_contact_recycle_distance: CONTACT_DRIFT,
            ..Default::default()
        },
        joints: joints.into_iter().map(|(_, joint)| joint).collect(),
        bodies: bodies.collect(),
        free: free.map(BodyId).collect(),
        geoms,
        actuators,
        tendons,
        trees,
        masses: masses.map(|((handle, mass), _)| (*handle, mass.mass())).collect(),
        filter,
        fluid: Fluid::new(description, &groups, &members, &rigid),
        approximations: description.approximations.clone(),
        initial: physics,
    })
}

/// Whether a body flies freely and carries no jointed ones.
fn has_loose_bodies(description: &Description, groups: &[links::Group]) -> bool {
    let carries = |index: usize| groups.iter().any(|group| group.parent == Some(index));
    let is_loose = |index: usize| links::is_free(&description.bodies[groups[index].body]) && !carries(index);
    (0..groups.len()).any(is_loose)
}

/// A rapier axis of the link of a rigid body.
struct LinkAxis {
    rigid: RigidBodyHandle,
    axis: usize,
    /// Body and index of the joint that moves along it; `None` for the stiff slide of planar robots.
    joint: Option<Place>,
}

struct Builder<'d> {
    description: &'d Description,
    groups: &'d [links::Group],
    members: &'d [Membership],
    filter: ContactFilter,
    /// By group.
    masses: Vec<MassProperties>,
    physics: Physics,
    /// By group.
    rigid: Vec<RigidBodyHandle>,
    axes: Vec<LinkAxis>,
}

impl Builder<'_> {
    fn insert_group(&mut self, index: usize, normal: Option<Vector>) {
        let group = &self.groups[index];
        let body = &self.description.bodies[group.body];
        let Some(parent) = group.parent else {
            let fixed = RigidBodyBuilder::fixed().pose(group.in_world);
            self.rigid.push(self.physics.bodies.insert(fixed));
            return;
        };
        // The floor must not be the root of a multibody, or rapier takes its contacts for internal.
        let (mut parent, mut frame) = match parent {
            0 => (self.physics.bodies.insert(RigidBodyBuilder::fixed()), group.in_parent),
            _ => (self.rigid[parent], group.in_parent),
        };
        let dynamic = || RigidBodyBuilder::dynamic().pose(group.in_world).can_sleep(false);
        let massive = dynamic().additional_mass_properties(self.masses[index]);
        if links::is_free(body) {
            self.rigid.push(self.physics.bodies.insert(massive));
            return;
        }
        let links = links::links(body, normal);
        for (place, link) in links.iter().enumerate() {
            let last = place + 1 == links.len();
            let rigid = self.physics.bodies.insert(if last { massive.clone() } else { dynamic() });
            let joint = Self::generic_joint(link, frame);
            let inserted = self.physics.joints.insert(parent, rigid, joint, true);
            inserted.expect("a tree of bodies has no cycles");
            let own = link.axes.iter().map(|&(joint, axis)| (axis, Some((group.body, joint))));
            let stiff = link.compliant.map(|axis| (axis, None));
            self.axes.extend(own.chain(stiff).map(|(axis, joint)| LinkAxis { rigid, axis, joint }));
            (parent, frame) = (rigid, Pose::IDENTITY);
            if last {
                self.rigid.push(rigid);
            }
        }
    }

    /// `body_in_parent` is the pose of the link's body in the rigid body it hangs on.
    fn generic_joint(link: &Link, body_in_parent: Pose) -> GenericJoint {
        let mut joint = GenericJoint {
            local_frame1: body_in_parent * link.frame,
            local_frame2: link.frame,
            locked_axes: JointAxesMask::all(),
            ..Default::default()
        };
        let free = link.axes.iter().map(|(_, axis)| *axis).chain(link.compliant);
        free.for_each(|axis| joint.locked_axes.remove(mask(axis)));
        joint
    }

    fn insert_geoms(&mut self, name: &str) -> Result<Vec<Geom>, SimError> {
        let mut geoms = Vec::new();
        for (index, (body, member)) in self.description.bodies.iter().zip(self.members).enumerate() {
            for geom in &body.geoms {
                let pose = member.pose * geom.pose;
                let touchable = geom.contype != 0 || geom.conaffinity != 0;
                let built = touchable.then(|| collider(geom, pose).ok_or_else(|| too_flat(name, geom)));
                let collider = built.transpose()?.map(|collider| {
                    let hooks = match self.filter.concerns(member.group) {
                        true => ActiveHooks::FILTER_CONTACT_PAIRS,
                        false => ActiveHooks::empty(),
                    };
                    let collider =
                        collider.active_hooks(hooks).user_data(contact::tag(member.group, geoms.len()));
                    let rigid = self.rigid[member.group];
                    self.physics.colliders.insert_with_parent(collider, rigid, &mut self.physics.bodies)
                });
                geoms.push(Geom {
                    name: geom.name.clone(),
                    body: BodyId(index),
                    shape: geom.shape.clone(),
                    pose,
                    rgba: geom.rgba,
                    collider,
                });
            }
        }
        Ok(geoms)
    }

    /// Rapier would do this in the first step, too late for the kinematics of the initial state.
    fn load_masses(&mut self) {
        for (_, body) in self.physics.bodies.iter_mut() {
            body.recompute_mass_properties_from_colliders(&self.physics.colliders);
        }
    }

    /// Gives every multibody its final degrees of freedom and the constants of each.
    fn settle_trees(&mut self) -> Vec<MultibodyIndex> {
        let mut trees: Vec<MultibodyIndex> = Vec::new();
        for rigid in &self.rigid {
            let Some(link) = self.physics.joints.rigid_body_link(*rigid) else { continue };
            if !trees.contains(&link.multibody) {
                trees.push(link.multibody);
            }
        }
        for tree in &trees {
            if let Some(multibody) = self.physics.joints.get_multibody_mut(*tree) {
                multibody.forward_kinematics(&self.physics.bodies, true);
                // Rapier gives hinges a damping of its own, which the model did not ask for.
                multibody.damping_mut().fill(0.0);
            }
        }
        for at in &self.axes {
            let (multibody, link, dof) = locate(&mut self.physics, at);
            let Some((body, index)) = at.joint else {
                multibody.damping_mut()[dof] = PLANE_DAMPING;
                if let Some(link) = multibody.link_mut(link) {
                    link.joint.set_spring(at.axis, PLANE_STIFFNESS, 0.0);
                }
                continue;
            };
            let joint = &self.description.bodies[body].joints[index];
            multibody.damping_mut()[dof] = springs::damping(self.description, (body, index));
            multibody.armature_mut()[dof] = joint.armature;
            multibody.frictions_mut()[dof] = joint.dry_friction;
        }
        trees
    }

    /// The scalar joints in file order, with the springs that carry their actuators and tendons.
    fn joints(&mut self) -> Vec<(Place, Joint)> {
        let mut joints = Vec::new();
        for at in std::mem::take(&mut self.axes) {
            let Some(place @ (body, index)) = at.joint else { continue };
            let described = &self.description.bodies[body].joints[index];
            if !described.is_scalar() {
                continue;
            }
            let tree = self.physics.joints.rigid_body_link(at.rigid).map(|link| link.multibody);
            let tree = tree.expect("the link was found");
            let (_, link, dof) = locate(&mut self.physics, &at);
            let limit = described.range.map(|range| {
                let range = range.map(|end| end - described.reference);
                Limit::new(range, self.inertia(tree, dof), self.description.timestep)
            });
            let mut spring = springs::spring(self.description, place);
            let mut damping = springs::damping(self.description, place);
            if let Some([time_constant, damping_ratio]) = described.spring_damper {
                let inertia = self.inertia(tree, dof);
                let stiffness = inertia / (time_constant * damping_ratio).powi(2);
                spring.add_passive(stiffness, described.rest - described.reference);
                damping += 2.0 * inertia / time_constant;
            }
            let joint = Joint {
                name: described.name.clone(),
                range: described.range,
                tree,
                link,
                axis: at.axis,
                dof,
                reference: described.reference,
                spring,
                limit,
                damping,
            };
            joints.push((place, joint));
        }
        joints.sort_by_key(|(place, _)| *place);
        joints
    }

    /// The elastic tendons, then the equalities, which are stiff ones.
    fn tendons(&mut self, name: &str, joints: &[(Place, Joint)]) -> Result<Vec<Tendon>, SimError> {
        let description = self.description;
        let elastic = description.tendons.iter().filter(|tendon| tendon.is_elastic());
        let mut tendons: Vec<Tendon> = elastic
            .map(|tendon| {
                let rest = |target: &Target| target.moment * described(description, target.place()).rest;
                let rest = tendon.rest.unwrap_or([tendon.targets.iter().map(rest).sum(); 2]);
                Tendon::new(&tendon.targets, &places(joints), tendon.stiffness, tendon.damping, rest)
            })
            .collect();
        for equality in &description.equalities {
            let mut mobility = 0.0;
            let mut length = equality.offset;
            for target in &equality.targets {
                let index = places(joints)(target.place());
                let (tree, dof) = (joints[index].1.tree, joints[index].1.dof);
                mobility += target.moment * target.moment / self.inertia(tree, dof);
                length += target.moment * described(description, target.place()).reference;
            }
            if !(mobility.is_normal() && length.is_finite()) {
                let line = equality.line;
                let reason =
                    format!("the equality in line {line} cannot be computed with; check its factors");
                return Err(SimError::Model { model: name.into(), reason });
            }
            let places = places(joints);
            tendons.push(Tendon::stiff(
                &equality.targets,
                &places,
                1.0 / mobility,
                description.timestep,
                length,
            ));
        }
        Ok(tendons)
    }

    /// Inertia of a degree of freedom in the initial configuration, all others being free.
    fn inertia(&mut self, tree: MultibodyIndex, dof: usize) -> f32 {
        let multibody = self.physics.joints.get_multibody_mut(tree).expect("the tree was found");
        1.0 / multibody.dof_inverse_inertia(&self.physics.bodies)[dof]
    }
}

/// Finds the index of a joint among all joints.
fn places(joints: &[(Place, Joint)]) -> impl Fn(Place) -> usize + '_ {
    |place| {
        joints.binary_search_by_key(&place, |(place, _)| *place).expect("importers name scalar joints only")
    }
}

/// More moving bodies, or joints between them in one tree, cost more memory and time than anybody
/// wants to spend: both grow with the square.
const MOST_BODIES: usize = 4096;

fn check_size(model: &str, groups: &[links::Group]) -> Result<(), SimError> {
    if groups.len() <= MOST_BODIES {
        return Ok(());
    }
    let reason = format!("it has {} moving bodies; {MOST_BODIES} are the most", groups.len());
    Err(SimError::Model { model: model.into(), reason })
}

/// The multibody, the link's index in it, and the place of an axis in its generalized velocity.
fn locate<'p>(physics: &'p mut Physics, at: &LinkAxis) -> (&'p mut Multibody, usize, usize) {
    let found = *physics.joints.rigid_body_link(at.rigid).expect("every jointed body was inserted");
    let multibody = physics.joints.get_multibody_mut(found.multibody).expect("the link's multibody exists");
    let link = multibody.link(found.id).expect("the link's index is valid");
    let locked = link.joint().data.locked_axes;
    let before = (0..at.axis).filter(|axis| !locked.contains(mask(*axis))).count();
    let dof = link.assembly_id() + before;
    (multibody, found.id, dof)
}

fn mask(axis: usize) -> JointAxesMask {
    JointAxesMask::from_bits_truncate(1 << axis)
}

fn too_flat(model: &str, geom: &GeomDescription) -> SimError {
    SimError::Model {
        model: model.into(),
        reason: format!(
            "geom `{}` (line {}) is too flat, too small, too large or too far away to collide; give it a sensible \
             size and place, or contype=\"0\" conaffinity=\"0\"",
            geom.name, geom.line
        ),
    }
}
