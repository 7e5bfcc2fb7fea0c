//! Robots with legs that move in a plane: hopper, walker and cheetah.

use std::f32::consts::{FRAC_PI_2, PI};

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, JointId, Model, World};

use super::{
    super::{phrases, placement, planar},
    CROUCHING, Captioner, Fact, IN_AIR, LEANING_BACK, LEANING_FORWARD, LYING, ON_BACK, ON_FRONT, Paint,
    ROBOT, STANDING, UPSIDE_DOWN,
};

const LEGS_APART: Fact = Fact::new("legs-apart", &["with its legs apart", "with its legs spread"]);
const LEGS_BENT: Fact = Fact::new("legs-bent", &["with bent legs", "with bent knees"]);
const LEGS_STRAIGHT: Fact = Fact::new("legs-straight", &["with straight legs", "with straight knees"]);

/// A robot with sliding joints `root_x` and `root_z` and a hinge `root_y`.
pub(super) struct Planar {
    nouns: &'static [Fact],
    /// Whether its torso is level when it stands.
    level: bool,
    /// Height of its torso when it stands, metres.
    stand: f32,
    torso: BodyId,
    root_y: JointId,
    root_z: JointId,
    knees: Vec<JointId>,
    hips: Vec<JointId>,
}

impl Planar {
    pub(super) fn hopper(model: &Model) -> Option<Self> {
        const NOUNS: &[Fact] = &[Fact::new("hopper", &["hopper", "robot with one leg"]), ROBOT];
        Self::of(model, NOUNS, false, 0.95, &["knee"], &["hip"])
    }

    pub(super) fn walker(model: &Model) -> Option<Self> {
        const NOUNS: &[Fact] = &[Fact::new("walker", &["walker", "robot with two legs"]), ROBOT];
        Self::of(model, NOUNS, false, 1.29, &["right_knee", "left_knee"], &["right_hip", "left_hip"])
    }

    pub(super) fn cheetah(model: &Model) -> Option<Self> {
        const NOUNS: &[Fact] = &[Fact::new("cheetah", &["cheetah", "flat animal"]), ROBOT];
        Self::of(model, NOUNS, true, 0.62, &[], &[])
    }

    fn of(
        model: &Model,
        nouns: &'static [Fact],
        level: bool,
        stand: f32,
        knees: &[&str],
        hips: &[&str],
    ) -> Option<Self> {
        let joints = |names: &[&str]| -> Option<Vec<JointId>> {
            names.iter().map(|name| model.joint(name).ok()).collect()
        };
        Some(Self {
            nouns,
            level,
            stand,
            torso: model.body("torso").ok()?,
            root_y: model.joint("root_y").ok()?,
            root_z: model.joint("root_z").ok()?,
            knees: joints(knees)?,
            hips: joints(hips)?,
        })
    }
}

impl Captioner for Planar {
    fn nouns(&self) -> &'static [Fact] {
        self.nouns
    }

    fn scatter(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        world.reset();
        placement::scatter_joints(world, rng);
        // From nearly straight legs to anything; upright as often as lying.
        let bend = rng.random_range(0.0f32..1.0).powi(2);
        let model = world.model().clone();
        for joint in model.joints().filter(|joint| model.joint_range(*joint).is_some()) {
            world.set_joint_position(joint, bend * world.joint_position(joint));
        }
        let pitch = match rng.random_range(0..4) {
            0 | 1 => rng.random_range(-0.3..0.3),
            2 => [-FRAC_PI_2, FRAC_PI_2][rng.random_range(0..2)] + rng.random_range(-0.3..0.3),
            _ => rng.random_range(-PI..PI),
        };
        world.set_joint_position(self.root_y, pitch);
        world.forward();
        let drop = placement::lowest_point(world);
        let above = if rng.random_range(0..6) == 0 { rng.random_range(0.1..0.4) } else { 0.0 };
        world.set_joint_position(self.root_z, world.joint_position(self.root_z) - drop + above);
        world.forward();
    }

    fn facts(&self, world: &World) -> Vec<Fact> {
        let pitch = planar::pitch(world, self.torso);
        let height = world.body_position(self.torso)[2] / self.stand;
        let mut facts = Vec::new();
        if self.level {
            facts.push(match (pitch.cos(), pitch > 0.0) {
                (..-0.5, _) => ON_BACK,
                (..0.8, true) => Fact::new("nose-down", &["with its nose down", "standing on its head"]),
                (..0.8, false) => Fact::new("nose-up", &["with its nose up", "rearing up"]),
                _ if height > 0.75 => STANDING,
                _ => ON_FRONT,
            });
        } else {
            let posture = phrases::posture(pitch);
            facts.extend(match posture {
                "upright" if height > 0.9 => Some(STANDING),
                "upright" if height > 0.45 => Some(CROUCHING),
                "leaning forward" => Some(LEANING_FORWARD),
                "leaning back" => Some(LEANING_BACK),
                "lying face down" => Some(ON_FRONT),
                "lying on its back" => Some(ON_BACK),
                "upside down" => Some(UPSIDE_DOWN),
                _ => None,
            });
            if height < 0.4 && pitch.cos().abs() < 0.5 {
                facts.push(LYING);
            }
        }
        if placement::lowest_point(world) > 0.06 {
            facts.push(IN_AIR);
        }
        let bends = || self.knees.iter().map(|knee| world.joint_position(*knee).abs());
        if !self.knees.is_empty() && bends().all(|bend| bend > 0.9) {
            facts.push(LEGS_BENT);
        } else if !self.knees.is_empty() && bends().all(|bend| bend < 0.3) {
            facts.push(LEGS_STRAIGHT);
        }
        if let [right, left] = self.hips[..]
            && (world.joint_position(right) - world.joint_position(left)).abs() > 0.9
        {
            facts.push(LEGS_APART);
        }
        facts
    }

    fn paint(&self) -> Paint {
        Paint::Robot(&[])
    }
}
