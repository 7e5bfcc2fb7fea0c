//! Tips and balls on their way to a target.

use std::f32::consts::PI;

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, JointId, Model, World};

use super::{Captioner, Fact, Paint};

pub(super) struct Reacher {
    shoulder: JointId,
    wrist: JointId,
    finger: BodyId,
    target: BodyId,
}

impl Reacher {
    pub(super) fn of(model: &Model) -> Option<Self> {
        Some(Self {
            shoulder: model.joint("shoulder").ok()?,
            wrist: model.joint("wrist").ok()?,
            finger: model.body("finger").ok()?,
            target: model.body("target").ok()?,
        })
    }
}

impl Captioner for Reacher {
    fn nouns(&self) -> &'static [Fact] {
        const { &[Fact::new("reacher", &["reacher", "flat arm", "arm on a table"])] }
    }

    fn scatter(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        world.set_joint_position(self.shoulder, rng.random_range(-PI..PI));
        world.set_joint_position(self.wrist, rng.random_range(-2.7..2.7));
        world.forward();
        // The target near the tip in two of three states, or it would hardly ever be there.
        if rng.random_range(0..3) > 0 {
            let [x, y, z] = world.body_position(self.finger);
            let distance: f32 = rng.random_range(0.0f32..0.08);
            let (sin, cos) = rng.random_range(-PI..PI).sin_cos();
            world.set_body_pose(
                self.target,
                [x + distance * cos, y + distance * sin, z],
                [0.0, 0.0, 0.0, 1.0],
            );
            world.forward();
        }
    }

    fn facts(&self, world: &World) -> Vec<Fact> {
        let (tip, target) = (world.body_position(self.finger), world.body_position(self.target));
        let mut facts = vec![match (tip[0] - target[0]).hypot(tip[1] - target[1]) {
            ..0.025 => Fact::new(
                "at-target",
                &["touching the red target", "with its tip at the target", "with its tip on the red ball"],
            ),
            ..0.07 => Fact::new("near-target", &["near the target", "with its tip close to the target"]),
            _ => Fact::new("away-from-target", &["away from the target", "with its tip far from the target"]),
        }];
        facts.push(match world.joint_position(self.wrist).abs().to_degrees() {
            ..30.0 => Fact::new("straight", &["stretched out", "with a straight arm"]),
            ..110.0 => Fact::new("bent", &["bent", "with a bent arm"]),
            _ => Fact::new("folded", &["folded", "folded up"]),
        });
        facts
    }

    fn paint(&self) -> Paint {
        Paint::Nothing
    }
}

pub(super) struct Maze {
    joints: [JointId; 2],
    ball: BodyId,
    goal: BodyId,
}

impl Maze {
    pub(super) fn of(model: &Model) -> Option<Self> {
        Some(Self {
            joints: [model.joint("x").ok()?, model.joint("y").ok()?],
            ball: model.body("ball").ok()?,
            goal: model.body("goal").ok()?,
        })
    }
}

impl Captioner for Maze {
    fn nouns(&self) -> &'static [Fact] {
        const { &[Fact::new("maze", &["ball in a maze", "ball between walls"])] }
    }

    fn scatter(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        // The initial state is a random place already; half of the balls go to the goal.
        if rng.random_range(0..2) == 0 {
            let goal = world.body_position(self.goal);
            let ball = world.body_position(self.ball);
            for (axis, joint) in self.joints.into_iter().enumerate() {
                let there = world.joint_position(joint) + goal[axis] - ball[axis];
                world.set_joint_position(joint, there + rng.random_range(-0.2..0.2));
            }
            world.forward();
        }
    }

    fn facts(&self, world: &World) -> Vec<Fact> {
        let (ball, goal) = (world.body_position(self.ball), world.body_position(self.goal));
        vec![match (ball[0] - goal[0]).hypot(ball[1] - goal[1]) {
            ..0.5 => Fact::new("at-goal", &["at the goal", "on the red goal"]),
            _ => Fact::new("away-from-goal", &["away from the goal", "far from the goal"]),
        }]
    }

    fn paint(&self) -> Paint {
        Paint::Robot(&["goal"])
    }
}
