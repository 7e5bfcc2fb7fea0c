//! Robots on four legs with a free root: ant and quadruped.

use std::f32::consts::PI;

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, Model, World};

use super::{
    super::{free_root, phrases, placement},
    Captioner, Fact, IN_AIR, ON_FRONT, ON_SIDE, Paint, ROBOT, STANDING, UPSIDE_DOWN,
};

const TILTED: Fact = Fact::new("tilted", &["tilted", "leaning to a side"]);

pub(super) struct Legged {
    nouns: &'static [Fact],
    /// Height of its trunk when it stands, metres.
    stand: f32,
    trunk: BodyId,
}

impl Legged {
    pub(super) fn ant(model: &Model) -> Option<Self> {
        const NOUNS: &[Fact] = &[Fact::new("ant", &["ant", "ball on four legs"]), ROBOT];
        Some(Self { nouns: NOUNS, stand: 0.47, trunk: model.body("torso").ok()? })
    }

    pub(super) fn quadruped(model: &Model) -> Option<Self> {
        const NOUNS: &[Fact] = &[Fact::new("quadruped", &["quadruped", "robot dog"]), ROBOT];
        Some(Self { nouns: NOUNS, stand: 0.415, trunk: model.body("trunk").ok()? })
    }
}

impl Captioner for Legged {
    fn nouns(&self) -> &'static [Fact] {
        self.nouns
    }

    fn scatter(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        world.reset();
        let bend = rng.random_range(0.0f32..1.0);
        let model = world.model().clone();
        for joint in model.joints() {
            let stand = world.joint_position(joint);
            if let Some([low, high]) = model.joint_range(joint) {
                world.set_joint_position(joint, stand + bend * (rng.random_range(low..=high) - stand));
            }
        }
        let roll = match rng.random_range(0..4) {
            0 | 1 => rng.random_range(-0.3..0.3),
            2 => PI + rng.random_range(-0.4..0.4),
            _ => rng.random_range(-PI..PI),
        };
        let yaw: f32 = rng.random_range(-PI..PI);
        // A roll about the forward axis, then a turn about the vertical.
        let ((sr, cr), (sy, cy)) = ((roll / 2.0).sin_cos(), (yaw / 2.0).sin_cos());
        placement::rest_on_floor(world, self.trunk, [cy * sr, sy * sr, sy * cr, cy * cr]);
        if rng.random_range(0..6) == 0 {
            let [x, y, z] = world.body_position(self.trunk);
            let above = rng.random_range(0.1..0.3);
            world.set_body_pose(self.trunk, [x, y, z + above], world.body_orientation(self.trunk));
            world.forward();
        }
    }

    fn facts(&self, world: &World) -> Vec<Fact> {
        let height = world.body_position(self.trunk)[2] / self.stand;
        let in_air = placement::lowest_point(world) > 0.06;
        let mut facts = vec![match phrases::balance(free_root::up(world, self.trunk)) {
            "level" if height < 0.55 && !in_air => ON_FRONT,
            "level" => STANDING,
            "tilted" => TILTED,
            "on its side" => ON_SIDE,
            _ => UPSIDE_DOWN,
        }];
        if in_air {
            facts.push(IN_AIR);
        }
        facts
    }

    fn paint(&self) -> Paint {
        Paint::Robot(&[])
    }
}
