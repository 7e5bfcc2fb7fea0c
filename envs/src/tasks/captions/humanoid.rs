//! The humanoid, mostly in the poses that its tasks ask for and on the way there.

use std::f32::consts::FRAC_PI_2;

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, Model, World};

use super::{
    super::{
        free_root,
        humanoid::{
            Figure, Pose,
            postures::{self, Posture, STANDING as STAND},
        },
        phrases, placement,
    },
    CROUCHING, Captioner, Fact, LEANING_BACK, LEANING_FORWARD, LYING, ON_BACK, ON_FRONT, ON_SIDE, Paint,
    ROBOT, STANDING, UPSIDE_DOWN,
};

const KNEELING: Fact = Fact::new("kneeling", &["kneeling", "kneeling on both knees", "on its knees"]);
const ARMS_RAISED: Fact =
    Fact::new("arms-raised", &["with both arms raised", "raising its arms", "with its hands above its head"]);
const SPLITS: Fact = Fact::new("splits", &["doing the splits", "in the splits"]);
const LOTUS: Fact = Fact::new(
    "lotus",
    &["in the lotus position", "sitting in the lotus position", "sitting with crossed legs"],
);
const SITTING: Fact = Fact::new("sitting", &["sitting", "sitting on the ground", "seated"]);
const ONE_ARM: Fact = Fact::new("one-arm", &["with one arm raised", "raising one arm"]);
const ARMS_DOWN: Fact = Fact::new("arms-down", &["with its arms down", "with lowered arms"]);
const LEGS_APART: Fact = Fact::new("legs-apart", &["with its legs apart", "with its legs spread"]);

/// Further postures, so that every word meets states that it is not said of.
const OTHERS: [Posture<'static>; 5] = [
    &[("hip_flexion", -90.0)],
    &[("hip_flexion", -120.0), ("knee", 150.0), ("ankle", -30.0)],
    &[("right_shoulder_flexion", -175.0)],
    &[("left_hip_flexion", -90.0), ("left_knee", 90.0), ("right_knee", 95.0), ("right_ankle", 50.0)],
    &[("shoulder_abduction", 90.0)],
];

pub(super) struct Humanoid {
    figure: Figure,
    torso: BodyId,
}

impl Humanoid {
    pub(super) fn of(model: &Model) -> Option<Self> {
        Some(Self { figure: Figure::of(model).ok()?, torso: model.body("torso").ok()? })
    }
}

impl Captioner for Humanoid {
    fn nouns(&self) -> &'static [Fact] {
        const { &[Fact::new("humanoid", &["humanoid", "humanoid robot", "person"]), ROBOT] }
    }

    fn scatter(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        let posture = match rng.random_range(0..10) {
            at @ 0..5 => postures::POSED[at % 4].1,
            at @ 5..8 => OTHERS[(at + rng.random_range(0..5)) % 5],
            _ => STAND,
        };
        // All of the way to the posture as often as some of it.
        let share = if rng.random_range(0..2) == 0 { 1.0 } else { rng.random_range(0.0f32..1.0) };
        let part: Vec<(&str, f32)> = posture.iter().map(|(name, degrees)| (*name, share * degrees)).collect();
        let yaw = rng.random_range(-0.7..0.7);
        let pitch = match rng.random_range(0..6) {
            0 => FRAC_PI_2,
            1 => -FRAC_PI_2,
            _ => 0.0,
        };
        let lean = rng.random_range(-0.25..0.25);
        postures::take(world, &part, postures::facing(yaw, pitch + lean));
        let noise = rng.random_range(0.0f32..0.35).powi(2);
        let model = world.model().clone();
        for joint in model.joints() {
            let [low, high] = model.joint_range(joint).unwrap_or([f32::NEG_INFINITY, f32::INFINITY]);
            // From a sixth of the range of joints without noise to wild ones.
            let angle = world.joint_position(joint) + 8.0 * noise * rng.random_range(-1.0f32..1.0);
            world.set_joint_position(joint, angle.clamp(low, high));
        }
        placement::rest_on_floor(world, self.torso, world.body_orientation(self.torso));
    }

    fn facts(&self, world: &World) -> Vec<Fact> {
        let figure = &self.figure;
        let axes = free_root::world_axes(world, self.torso);
        let upright = figure.upright(world) > 0.8;
        let (head, pelvis) = (figure.head_height(world), figure.pelvis_height(world));
        let mut facts = Vec::new();
        let poses = [(Pose::Kneeling, KNEELING), (Pose::Splits, SPLITS), (Pose::Lotus, LOTUS)];
        facts.extend(poses.into_iter().filter(|(pose, _)| pose.holds(figure, world)).map(|(_, fact)| fact));
        if upright && pelvis < 0.27 {
            facts.push(SITTING);
        } else if upright && head > 1.3 {
            facts.push(STANDING);
        } else if upright && facts.is_empty() && pelvis < 0.7 {
            facts.push(CROUCHING);
        }
        let bearing = match phrases::bearing(axes[2][2], axes[2][0]) {
            "leaning forward" => Some(LEANING_FORWARD),
            "leaning back" => Some(LEANING_BACK),
            "lying face down" => Some(ON_FRONT),
            "lying on its back" => Some(ON_BACK),
            "lying on its side" => Some(ON_SIDE),
            "upside down" => Some(UPSIDE_DOWN),
            _ => None,
        };
        facts.extend(bearing);
        if head < 0.6 && axes[2][2] < 0.4 {
            facts.push(LYING);
        }
        if upright {
            facts.push(match figure.hand_heights(world).map(|height| height > head) {
                [true, true] => ARMS_RAISED,
                [false, false] => ARMS_DOWN,
                _ => ONE_ARM,
            });
        }
        if figure.between_legs(world) > 1.3 {
            facts.push(LEGS_APART);
        }
        facts
    }

    fn paint(&self) -> Paint {
        Paint::Robot(&[])
    }
}
