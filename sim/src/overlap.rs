//! Bodies of one robot that stand inside each other in the initial state.
//!
//! MuJoCo's soft contacts push them apart slowly. A hard contact between links that their joints
//! cannot part has next to no effective mass, and throws the robot. They are taken to overlap by
//! design, as neighbours do, and pass through each other. That is not possible with a base that is fixed
//! to the world, of which the floor is a part too: such a robot is refused.

use rapier3d::{math::Pose, parry::query, prelude::ColliderBuilder};

use crate::{
    SimError,
    collider::collider,
    description::Description,
    links::{Group, Membership},
};

/// Overlaps up to this are contacts, metres: twice what the solver allows of its own.
const SHALLOW: f32 = 0.01;

/// Excludes contacts between jointed bodies of one tree that overlap, with a remark for each pair.
///
/// # Errors
/// When a body stands inside a base that is fixed to the world.
pub(crate) fn exclude(
    name: &str,
    description: &mut Description,
    groups: &[Group],
    members: &[Membership],
) -> Result<(), SimError> {
    let mut roots: Vec<usize> = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        roots.push(match group.parent {
            Some(0) | None => index,
            Some(parent) => roots[parent],
        });
    }
    let mut shapes: Vec<(usize, usize, u32, u32, ColliderBuilder)> = Vec::new();
    for (index, (body, member)) in description.bodies.iter().zip(members).enumerate() {
        let pose: Pose = groups[member.group].in_world * member.pose;
        let part_of_a_robot = groups[member.group].moves() || index != 0 && member.group == 0;
        for geom in body.geoms.iter().filter(|geom| geom.contype != 0 || geom.conaffinity != 0) {
            if let Some(built) = collider(geom, pose * geom.pose).filter(|_| part_of_a_robot) {
                shapes.push((index, member.group, geom.contype, geom.conaffinity, built));
            }
        }
    }
    let mut known: Vec<(usize, usize)> = Vec::new();
    for (place, (body1, group1, type1, affinity1, shape1)) in shapes.iter().enumerate() {
        for (body2, group2, type2, affinity2, shape2) in &shapes[place + 1..] {
            let neighbours =
                groups[*group1].parent == Some(*group2) || groups[*group2].parent == Some(*group1);
            let meet = type1 & affinity2 != 0 || type2 & affinity1 != 0;
            let fixed = *group1 == 0 || *group2 == 0;
            let of_one_tree = fixed || !neighbours && roots[*group1] == roots[*group2];
            if group1 == group2 || !meet || !of_one_tree {
                continue;
            }
            let pair = (*group1.min(group2), *group1.max(group2));
            if known.contains(&pair) {
                continue;
            }
            let contact =
                query::contact(&shape1.position, &*shape1.shape, &shape2.position, &*shape2.shape, 0.0);
            if contact.is_ok_and(|contact| contact.is_some_and(|contact| contact.dist < -SHALLOW)) {
                if fixed {
                    let [link, base] = if *group1 == 0 { [*body2, *body1] } else { [*body1, *body2] };
                    let [link, base] = [link, base].map(|body| &description.bodies[body]);
                    return Err(SimError::Model {
                        model: name.into(),
                        reason: format!(
                            "body `{}` (line {}) stands inside `{}` (line {}), which is fixed to the world, and \
                             would be thrown out; give the base a joint, or the geoms contype and conaffinity \
                             that do not meet",
                            link.name, link.line, base.name, base.line
                        ),
                    });
                }
                known.push(pair);
                description.excluded.push((*body1, *body2));
                description.approximations.push(format!(
                    "line {}: bodies `{}` and `{}` overlap in the initial state: they do not touch each other",
                    description.bodies[*body2].line,
                    description.bodies[*body1].name,
                    description.bodies[*body2].name
                ));
            }
        }
    }
    Ok(())
}
