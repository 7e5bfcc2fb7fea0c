//! Which bodies may touch each other.

use rapier3d::prelude::{ColliderHandle, PairFilterContext, PhysicsHooks, SolverFlags};

use crate::{description::Description, links::Group, links::Membership};

/// Pairs of rigid bodies that pass through each other: a body and the one it is jointed to (except
/// the world), and those that the model excludes. Colliders carry their group as user data.
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

impl PhysicsHooks for ContactFilter {
    fn filter_contact_pair(&self, context: &PairFilterContext<'_>) -> Option<SolverFlags> {
        let group = |handle: ColliderHandle| context.colliders[handle].user_data as usize;
        let pair = group(context.collider1) * self.groups + group(context.collider2);
        (!self.excluded[pair]).then_some(SolverFlags::COMPUTE_RIGID_IMPULSES)
    }
}
