//! What is true of a robot's state and can be seen in one picture of it, for models of pictures and
//! sentences.
//!
//! Where [`Env::caption`](crate::Env::caption) measures for readers, a [`Captioner`] names: every fact
//! of a state has a key, by which it is known whether a sentence is true of another state too, and
//! several wordings. Motion is left out: one picture does not show it.
//!
//! ```
//! use telos_envs::{captions, registry};
//!
//! let mut env = registry::make("cartpole-balance")?;
//! env.reset(0, &mut [0.0; 5]);
//! let world = env.privileges().expect("the cart is simulated").world();
//! let captioner = captions::of("cartpole-balance", world.model()).expect("it has captions");
//! let facts = captioner.facts(world);
//! assert!(facts.iter().any(|fact| fact.key == "upright"));
//! assert!(facts.iter().all(|fact| fact.key != "hanging"));
//! # Ok::<(), telos_envs::EnvError>(())
//! ```

mod arm;
mod humanoid;
mod legged;
mod planar;
mod reach;
mod rods;

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{Model, World};

/// Something that is true of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Its name; states with the same key share the fact, whatever the robot.
    pub key: &'static str,
    /// Ways to say it, to be put behind a noun; `{object}` stands for what the robot handles. Of a noun:
    /// ways to name it, without an article.
    pub wordings: &'static [&'static str],
}

impl Fact {
    const fn new(key: &'static str, wordings: &'static [&'static str]) -> Self {
        Self { key, wordings }
    }
}

/// What may be painted in any colour without changing the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// All moving bodies but these.
    Robot(&'static [&'static str]),
    /// One body, which facts call `{object}`.
    Object(&'static str),
    /// Nothing.
    Nothing,
}

/// Knows the facts of one robot.
pub trait Captioner: Send {
    /// What it is, in nouns that are all true, the most specific first.
    fn nouns(&self) -> &'static [Fact];

    /// Puts the robot, which is in an initial state of its task, into a random state such that all facts
    /// occur.
    fn scatter(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus);

    /// Everything that is true of the state, beside the nouns.
    fn facts(&self, world: &World) -> Vec<Fact>;

    /// What may be painted.
    fn paint(&self) -> Paint;
}

/// The captioner of the task of this id, whose robot is `model`; `None` for tasks without one.
pub fn of(id: &str, model: &Model) -> Option<Box<dyn Captioner>> {
    Some(match id {
        "pendulum-swingup" => Box::new(rods::Pendulum::of(model)?),
        "cartpole-balance" | "cartpole-swingup" => Box::new(rods::Cartpole::of(model)?),
        "acrobot-swingup" => Box::new(rods::Acrobot::of(model)?),
        "reacher" => Box::new(reach::Reacher::of(model)?),
        "point-maze-umaze" | "point-maze-medium" => Box::new(reach::Maze::of(model)?),
        "hopper-stand" | "hopper-hop" => Box::new(planar::Planar::hopper(model)?),
        "walker-stand" | "walker-walk" | "walker-run" => Box::new(planar::Planar::walker(model)?),
        "cheetah-run" => Box::new(planar::Planar::cheetah(model)?),
        "ant-run" => Box::new(legged::Legged::ant(model)?),
        "quadruped-walk" | "quadruped-run" => Box::new(legged::Legged::quadruped(model)?),
        "humanoid-stand"
        | "humanoid-walk"
        | "humanoid-kneel"
        | "humanoid-raise-arms"
        | "humanoid-splits"
        | "humanoid-lotus" => Box::new(humanoid::Humanoid::of(model)?),
        "arm-reach" | "arm-push" | "arm-lift" | "arm-pick-place" | "arm-drawer-open" => {
            Box::new(arm::Table::of(id, model)?)
        }
        _ => return None,
    })
}

/// A robot of any kind that stands on legs.
const ROBOT: Fact = Fact::new("robot", &["robot", "legged robot"]);

const STANDING: Fact = Fact::new("standing", &["standing", "standing up", "standing upright", "on its feet"]);
const CROUCHING: Fact = Fact::new("crouching", &["crouching", "squatting"]);
const LYING: Fact = Fact::new("lying", &["lying on the ground", "lying down", "fallen over", "fallen"]);
const ON_BACK: Fact = Fact::new("on-back", &["lying on its back", "on its back"]);
const ON_FRONT: Fact = Fact::new("on-front", &["lying face down", "lying on its belly", "lying prone"]);
const ON_SIDE: Fact = Fact::new("on-side", &["on its side", "lying on its side", "tipped over"]);
const UPSIDE_DOWN: Fact = Fact::new("upside-down", &["upside down", "turned over"]);
const LEANING_FORWARD: Fact = Fact::new("leaning-forward", &["leaning forward", "bending forward"]);
const LEANING_BACK: Fact = Fact::new("leaning-back", &["leaning back", "leaning backward"]);
const IN_AIR: Fact = Fact::new("in-air", &["in the air", "jumping", "off the ground"]);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng;

    use super::*;
    use crate::registry;

    /// Keys that occur in `count` scattered states.
    fn keys(id: &str, count: usize) -> BTreeSet<&'static str> {
        let mut env = registry::make(id).unwrap();
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let mut obs = vec![0.0; env.spec().observation.size()];
        let mut keys = BTreeSet::new();
        for seed in 0..count {
            env.reset(seed as u64, &mut obs);
            let world = env.privileges().unwrap().world_mut();
            let captioner = of(id, world.model()).unwrap();
            captioner.scatter(world, &mut rng);
            let facts = captioner.facts(world);
            let distinct: BTreeSet<_> = facts.iter().map(|fact| fact.key).collect();
            assert_eq!(distinct.len(), facts.len(), "{id}: {facts:?}");
            keys.extend(distinct);
        }
        keys
    }

    #[test]
    fn scattered_states_show_every_pose_that_sentences_ask_for() {
        let asked: [(&str, &[&str]); 9] = [
            ("pendulum-swingup", &["upright", "leaning", "horizontal", "hanging"]),
            ("cartpole-swingup", &["upright", "hanging", "cart-left", "cart-middle", "cart-right"]),
            ("acrobot-swingup", &["upright", "hanging", "bent", "straight"]),
            ("reacher", &["at-target", "near-target", "away-from-target", "straight", "folded"]),
            ("walker-stand", &["standing", "crouching", "lying", "on-back", "on-front"]),
            ("hopper-stand", &["standing", "lying", "upside-down"]),
            ("quadruped-walk", &["standing", "on-side", "upside-down"]),
            ("humanoid-kneel", &["standing", "kneeling", "arms-raised", "splits", "lotus", "lying"]),
            ("arm-lift", &["above-object", "away-from-object", "object-on-table"]),
        ];
        for (id, expected) in asked {
            let keys = keys(id, 150);
            for key in expected {
                assert!(keys.contains(key), "{id} never shows {key}: {keys:?}");
            }
        }
    }

    #[test]
    fn tasks_without_bodies_have_no_captions() {
        let mut env = registry::make("push-t").unwrap();
        let model = env.privileges().unwrap().world().model().clone();
        assert!(of("push-t", &model).is_none());
        assert!(of("no-such-task", &model).is_none());
        // A captioner refuses a robot that lacks its parts.
        assert!(of("reacher", &model).is_none());
    }
}
