//! The arm with the gripper, above a table with a block, a goal or a drawer.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, JointId, Model, World};

use super::{Captioner, Fact, Paint};

/// From the fingers' joints to the place between their pads, metres.
const PINCH: f32 = 0.05;
/// Height of the block's centre when it lies on the table, metres.
const REST: f32 = 0.02;

pub(super) struct Table {
    fingers: [BodyId; 2],
    block: Option<BodyId>,
    goal: Option<BodyId>,
    drawer: Option<JointId>,
}

impl Table {
    pub(super) fn of(id: &str, model: &Model) -> Option<Self> {
        Some(Self {
            fingers: [model.body("left_finger").ok()?, model.body("right_finger").ok()?],
            block: model.body("block").ok(),
            goal: model.body("goal").ok().filter(|_| id == "arm-reach"),
            drawer: model.joint("drawer").ok(),
        })
    }

    fn gripper(&self, world: &World) -> [f32; 3] {
        let [a, b] = self.fingers.map(|finger| world.body_position(finger));
        [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0, (a[2] + b[2]) / 2.0 - PINCH]
    }
}

impl Captioner for Table {
    fn nouns(&self) -> &'static [Fact] {
        const { &[Fact::new("gripper", &["gripper", "robot arm", "arm with a gripper"])] }
    }

    fn scatter(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        let [x, y, z] = self.gripper(world);
        let mut near = |spread: f32| rng.random_range(-spread..spread);
        if let Some(block) = self.block {
            let place = [[x, y, REST], [x, y, z], [x + near(0.2), y + near(0.25), REST]];
            let place = place[(near(1.5) + 1.5) as usize % 3];
            world.set_body_pose(block, place, [0.0, 0.0, 0.0, 1.0]);
        } else if let Some(goal) = self.goal {
            let spread = if near(1.0) > 0.0 { 0.02 } else { 0.25 };
            let place = [x + near(spread), y + near(spread), (z + near(spread)).max(0.05)];
            world.set_body_pose(goal, place, [0.0, 0.0, 0.0, 1.0]);
        } else if let Some(drawer) = self.drawer {
            world.set_joint_position(
                drawer,
                [0.0, 0.09, 0.17][(near(1.5) + 1.5) as usize % 3] + near(0.01).max(0.0),
            );
        }
        world.forward();
    }

    fn facts(&self, world: &World) -> Vec<Fact> {
        let gripper = self.gripper(world);
        let mut facts = Vec::new();
        if let Some(block) = self.block {
            let block = world.body_position(block);
            let (aside, above) =
                ((gripper[0] - block[0]).hypot(gripper[1] - block[1]), gripper[2] - block[2]);
            facts.push(match (aside, above) {
                (..0.03, ..0.03) => Fact::new("at-object", &["around {object}", "holding {object}"]),
                (..0.05, _) => Fact::new("above-object", &["above {object}", "over {object}"]),
                (..0.1, ..0.06) => Fact::new("beside-object", &["beside {object}", "next to {object}"]),
                _ => Fact::new("away-from-object", &["away from {object}", "far from {object}"]),
            });
            facts.push(if block[2] - REST > 0.03 {
                Fact::new("object-lifted", &["with {object} in the air", "lifting {object}"])
            } else {
                Fact::new("object-on-table", &["with {object} on the table"])
            });
        }
        if let Some(goal) = self.goal {
            let goal = world.body_position(goal);
            let distance = (0..3).map(|axis| (gripper[axis] - goal[axis]).powi(2)).sum::<f32>().sqrt();
            facts.push(match distance {
                ..0.04 => Fact::new("at-goal", &["at the goal", "touching the red goal"]),
                ..0.12 => Fact::new("near-goal", &["near the goal", "close to the goal"]),
                _ => Fact::new("away-from-goal", &["away from the goal", "far from the goal"]),
            });
        }
        if let Some(drawer) = self.drawer {
            facts.push(match world.joint_position(drawer) {
                ..0.02 => Fact::new("drawer-closed", &["with the drawer closed", "with a closed drawer"]),
                ..0.13 => Fact::new("drawer-half-open", &["with the drawer half open"]),
                _ => Fact::new("drawer-open", &["with the drawer open", "with an open drawer"]),
            });
        }
        facts
    }

    fn paint(&self) -> Paint {
        if self.block.is_some() { Paint::Object("block") } else { Paint::Nothing }
    }
}
