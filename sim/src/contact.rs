//! Which bodies may touch each other.

use rapier3d::prelude::{
    ColliderHandle, ColliderSet, PairFilterContext, PhysicsHooks, RigidBodyHandle, SolverFlags,
};

use crate::{GeomId, contact_mask::ContactMask, description::Description, links::Group, links::Membership};

/// What a collider carries as user data: the group of its rigid body and its place among the geoms.
pub(crate) fn tag(group: usize, geom: usize) -> u128 {
    (geom as u128) << 64 | group as u128
}

fn group_of(colliders: &ColliderSet, collider: ColliderHandle) -> usize {
    colliders[collider].user_data as u64 as usize
}

/// The geom that a collider stands for.
pub(crate) fn geom_of(colliders: &ColliderSet, collider: ColliderHandle) -> GeomId {
    GeomId((colliders[collider].user_data >> 64) as usize)
}

/// Pairs of rigid bodies that pass through each other: a body and the one it is jointed to (except
/// the world), and those that the model excludes.
#[derive(Clone, Debug)]
pub(crate) struct ContactFilter {
    groups: usize,
    excluded: Vec<bool>,
}

impl ContactFilter {
    pub(crate) fn new(description: &Description, groups: &[Group], members: &[Membership]) -> Self {
        let mut filter = Self { groups: groups.len(), excluded: vec![false; groups.len() * groups.len()] };
        for (index, group) in groups.iter().enumerate() {
            if let Some(parent) = group.parent.filter(|parent| *parent != 0) {
                filter.exclude(index, parent);
            }
        }
        for (body1, body2) in &description.excluded {
            filter.exclude(members[*body1].group, members[*body2].group);
        }
        filter
    }

    fn exclude(&mut self, group1: usize, group2: usize) {
        self.excluded[group1 * self.groups + group2] = true;
        self.excluded[group2 * self.groups + group1] = true;
    }

    /// Whether a group needs the filter at all.
    pub(crate) fn concerns(&self, group: usize) -> bool {
        self.excluded[group * self.groups..(group + 1) * self.groups].contains(&true)
    }
}

/// What the model excludes for all worlds, and what one world has been told to.
pub(crate) struct ContactRules<'w> {
    pub(crate) filter: &'w ContactFilter,
    pub(crate) mask: &'w ContactMask,
}

impl PhysicsHooks for ContactRules<'_> {
    fn filter_contact_pair(&self, context: &PairFilterContext<'_>) -> Option<SolverFlags> {
        // With a filter, rapier leaves it to us to spare pairs that cannot move.
        let moves =
            |body: Option<RigidBodyHandle>| body.is_some_and(|body| context.bodies[body].is_dynamic());
        if !(moves(context.rigid_body1) || moves(context.rigid_body2)) {
            return None;
        }
        let (collider1, collider2) = (context.collider1, context.collider2);
        let group = |collider| group_of(context.colliders, collider);
        let excluded = self.filter.excluded[group(collider1) * self.filter.groups + group(collider2)];
        let geom = |collider| geom_of(context.colliders, collider);
        let masked = !self.mask.is_empty() && self.mask.contains(geom(collider1), geom(collider2));
        (!excluded && !masked).then_some(SolverFlags::COMPUTE_RIGID_IMPULSES)
    }
}
