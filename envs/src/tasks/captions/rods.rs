//! Rods on hinges: the pendulum, the pole on a cart, the two links of the acrobot.

use std::f32::consts::PI;

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{JointId, Model, World};

use super::{Captioner, Fact, Paint};

const UPRIGHT: Fact =
    Fact::new("upright", &["standing upright", "upright", "balanced upright", "pointing straight up"]);
const NEARLY_UPRIGHT: Fact = Fact::new("nearly-upright", &["almost upright", "leaning a little"]);
const LEANING: Fact = Fact::new("leaning", &["leaning over", "leaning far over", "leaning"]);
const HORIZONTAL: Fact = Fact::new("horizontal", &["horizontal", "pointing sideways"]);
const BELOW: Fact = Fact::new("below", &["below the horizontal", "pointing downward"]);
const HANGING: Fact = Fact::new("hanging", &["hanging down", "hanging", "pointing straight down"]);
const RAISED: Fact = Fact::new("raised", &["above the horizontal", "raised", "pointing upward"]);
const LEFT: Fact = Fact::new("left", &["pointing to the left", "to the left"]);
const RIGHT: Fact = Fact::new("right", &["pointing to the right", "to the right"]);

/// The facts of a rod at an angle from upright, positive to the right, in radians.
fn rod(angle: f32) -> Vec<Fact> {
    let degrees = angle.cos().clamp(-1.0, 1.0).acos().to_degrees();
    let mut facts = vec![match degrees {
        ..10.0 => UPRIGHT,
        ..35.0 => NEARLY_UPRIGHT,
        ..78.0 => LEANING,
        ..102.0 => HORIZONTAL,
        ..155.0 => BELOW,
        _ => HANGING,
    }];
    if degrees < 78.0 {
        facts.push(RAISED);
    }
    if (20.0..160.0).contains(&degrees) {
        facts.push(if angle.sin() > 0.0 { RIGHT } else { LEFT });
    }
    facts
}

/// Any angle, but upright and hanging more often.
fn angle(rng: &mut Xoshiro256PlusPlus) -> f32 {
    match rng.random_range(0..6) {
        0 => rng.random_range(-0.2..0.2),
        1 => rng.random_range(-0.6..0.6),
        2 => PI + rng.random_range(-0.4..0.4),
        _ => rng.random_range(-PI..PI),
    }
}

pub(super) struct Pendulum(JointId);

impl Pendulum {
    pub(super) fn of(model: &Model) -> Option<Self> {
        Some(Self(model.joint("hinge").ok()?))
    }
}

impl Captioner for Pendulum {
    fn nouns(&self) -> &'static [Fact] {
        const { &[Fact::new("pendulum", &["pendulum", "pendulum on a stand", "rod on a stand"])] }
    }

    fn scatter(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        world.set_joint_position(self.0, angle(rng));
        world.forward();
    }

    fn facts(&self, world: &World) -> Vec<Fact> {
        rod(world.joint_position(self.0))
    }

    fn paint(&self) -> Paint {
        Paint::Robot(&[])
    }
}

pub(super) struct Cartpole {
    slider: JointId,
    hinge: JointId,
}

impl Cartpole {
    pub(super) fn of(model: &Model) -> Option<Self> {
        Some(Self { slider: model.joint("slider").ok()?, hinge: model.joint("hinge").ok()? })
    }
}

impl Captioner for Cartpole {
    fn nouns(&self) -> &'static [Fact] {
        const { &[Fact::new("cartpole", &["pole on a cart", "cartpole", "pole hinged to a cart"])] }
    }

    fn scatter(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        world.set_joint_position(self.slider, rng.random_range(-1.8..1.8));
        world.set_joint_position(self.hinge, angle(rng));
        world.forward();
    }

    fn facts(&self, world: &World) -> Vec<Fact> {
        let mut facts = rod(world.joint_position(self.hinge));
        facts.push(match world.joint_position(self.slider) {
            ..-0.6 => Fact::new("cart-left", &["with the cart on the left"]),
            ..=0.6 => {
                Fact::new("cart-middle", &["with the cart in the middle", "near the middle of the rail"])
            }
            _ => Fact::new("cart-right", &["with the cart on the right"]),
        });
        facts
    }

    fn paint(&self) -> Paint {
        Paint::Robot(&[])
    }
}

pub(super) struct Acrobot {
    shoulder: JointId,
    elbow: JointId,
}

impl Acrobot {
    pub(super) fn of(model: &Model) -> Option<Self> {
        Some(Self { shoulder: model.joint("shoulder").ok()?, elbow: model.joint("elbow").ok()? })
    }
}

impl Captioner for Acrobot {
    fn nouns(&self) -> &'static [Fact] {
        const { &[Fact::new("acrobot", &["acrobot", "acrobot with two links", "chain of two links"])] }
    }

    fn scatter(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        world.set_joint_position(self.shoulder, angle(rng));
        world.set_joint_position(self.elbow, angle(rng));
        world.forward();
    }

    fn facts(&self, world: &World) -> Vec<Fact> {
        let (upper, bend) = (world.joint_position(self.shoulder), world.joint_position(self.elbow));
        let degrees = bend.cos().clamp(-1.0, 1.0).acos().to_degrees();
        let mut facts = vec![match degrees {
            ..30.0 => Fact::new("straight", &["stretched out", "with straight links"]),
            ..120.0 => Fact::new("bent", &["bent", "with a bent elbow"]),
            _ => Fact::new("folded", &["folded", "folded up"]),
        }];
        if degrees < 30.0 {
            facts.extend(rod(upper + bend / 2.0));
        } else {
            let height = upper.cos() + (upper + bend).cos();
            facts.push(match height {
                0.7.. => Fact::new("tip-high", &["with its tip high", "with its tip raised"]),
                ..-0.7 => Fact::new("tip-low", &["with its tip low", "with its tip lowered"]),
                _ => Fact::new("tip-level", &["with its tip at half height"]),
            });
        }
        facts
    }

    fn paint(&self) -> Paint {
        Paint::Robot(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_follow_the_angle() {
        let keys = |angle: f32| rod(angle).iter().map(|fact| fact.key).collect::<Vec<_>>();
        assert_eq!(keys(0.05), ["upright", "raised"]);
        assert_eq!(keys(0.5), ["nearly-upright", "raised", "right"]);
        assert_eq!(keys(-1.0), ["leaning", "raised", "left"]);
        assert_eq!(keys(-PI / 2.0), ["horizontal", "left"]);
        assert_eq!(keys(2.2), ["below", "right"]);
        assert_eq!(keys(PI), ["hanging"]);
        assert_eq!(keys(2.0 * PI), ["upright", "raised"]);
    }
}
