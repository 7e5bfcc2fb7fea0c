//! Tasks by id.

use crate::{
    Env, EnvError, TimeLimit,
    experts::{self, Expert},
    tasks::{self, TableTask},
};

/// A task of telos.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The id that configurations name.
    pub id: &'static str,
    /// What the robot is and what it should do, in one line.
    pub description: &'static str,
    make: fn() -> Result<Box<dyn Env>, EnvError>,
}

/// All tasks, in the order in which they are listed to users.
const ENTRIES: &[Entry] = &[
    Entry {
        id: "pendulum-classic",
        description: "textbook pendulum with Gymnasium's constants and costs, without a physics engine",
        make: || Ok(limited(tasks::PendulumClassic::new())),
    },
    Entry {
        id: "pendulum-swingup",
        description: "swing a pendulum up with a weak motor",
        make: || Ok(limited(tasks::PendulumSwingup::env()?)),
    },
    Entry {
        id: "cartpole-balance",
        description: "keep a pole upright by moving its cart",
        make: || Ok(limited(tasks::Cartpole::balance()?)),
    },
    Entry {
        id: "cartpole-swingup",
        description: "swing a pole up by moving its cart, and balance it",
        make: || Ok(limited(tasks::Cartpole::swingup()?)),
    },
    Entry {
        id: "acrobot-swingup",
        description: "swing two links up with a motor between them only",
        make: || Ok(limited(tasks::Acrobot::swingup()?)),
    },
    Entry {
        id: "reacher",
        description: "bring the tip of a two-link arm to a target",
        make: || Ok(limited(tasks::Reacher::env()?)),
    },
    Entry {
        id: "hopper-stand",
        description: "stand on one leg",
        make: || Ok(limited(tasks::Hopper::stand()?)),
    },
    Entry {
        id: "hopper-hop",
        description: "hop forward on one leg",
        make: || Ok(limited(tasks::Hopper::hop()?)),
    },
    Entry {
        id: "cheetah-run",
        description: "run forward on two legs, as fast as possible",
        make: || Ok(limited(tasks::CheetahRun::env()?)),
    },
    Entry {
        id: "walker-stand",
        description: "a biped stands up",
        make: || Ok(limited(tasks::Walker::stand()?)),
    },
    Entry {
        id: "walker-walk",
        description: "a biped stands up and walks",
        make: || Ok(limited(tasks::Walker::walk()?)),
    },
    Entry {
        id: "walker-run",
        description: "a biped stands up and runs",
        make: || Ok(limited(tasks::Walker::run()?)),
    },
    Entry {
        id: "ant-run",
        description: "a ball on four legs runs",
        make: || Ok(limited(tasks::Ant::run()?)),
    },
    Entry {
        id: "quadruped-walk",
        description: "a robot of a dog's build walks",
        make: || Ok(limited(tasks::Quadruped::walk()?)),
    },
    Entry {
        id: "quadruped-run",
        description: "a robot of a dog's build runs",
        make: || Ok(limited(tasks::Quadruped::run()?)),
    },
    Entry {
        id: "humanoid-stand",
        description: "a humanoid stands still",
        make: || Ok(limited(tasks::humanoid::Gait::stand()?)),
    },
    Entry {
        id: "humanoid-walk",
        description: "a humanoid walks",
        make: || Ok(limited(tasks::humanoid::Gait::walk()?)),
    },
    Entry {
        id: "humanoid-kneel",
        description: "a humanoid kneels",
        make: || Ok(limited(tasks::humanoid::Posing::kneel()?)),
    },
    Entry {
        id: "humanoid-raise-arms",
        description: "a humanoid raises its arms",
        make: || Ok(limited(tasks::humanoid::Posing::raise_arms()?)),
    },
    Entry {
        id: "humanoid-splits",
        description: "a humanoid does the splits",
        make: || Ok(limited(tasks::humanoid::Posing::splits()?)),
    },
    Entry {
        id: "humanoid-lotus",
        description: "a humanoid sits in the lotus position",
        make: || Ok(limited(tasks::humanoid::Posing::lotus()?)),
    },
    Entry {
        id: "point-maze-umaze",
        description: "push a ball through a U-shaped maze to a goal; sparse reward",
        make: || Ok(limited(tasks::PointMaze::umaze()?)),
    },
    Entry {
        id: "point-maze-medium",
        description: "push a ball through a maze of 25 cells to a goal; sparse reward",
        make: || Ok(limited(tasks::PointMaze::medium()?)),
    },
    Entry {
        id: "ant-maze-umaze",
        description: "walk an ant through a U-shaped maze to a goal; sparse reward",
        make: || Ok(limited(tasks::AntMaze::umaze()?)),
    },
    Entry {
        id: "ant-maze-medium",
        description: "walk an ant through a maze of 25 cells to a goal; sparse reward",
        make: || Ok(limited(tasks::AntMaze::medium()?)),
    },
    Entry {
        id: "arm-reach",
        description: "bring the gripper of an arm to a point",
        make: || Ok(limited(tasks::ArmReach::env()?)),
    },
    Entry {
        id: "arm-push",
        description: "push a block along the table to a goal",
        make: || Ok(limited(tasks::ArmPush::env()?)),
    },
    Entry {
        id: "arm-lift",
        description: "grasp a block and lift it",
        make: || Ok(limited(tasks::ArmLift::env()?)),
    },
    Entry {
        id: "arm-pick-place",
        description: "grasp a block and carry it to a point in the air",
        make: || Ok(limited(tasks::ArmPickPlace::env()?)),
    },
    Entry {
        id: "arm-drawer-open",
        description: "pull a drawer open by its handle",
        make: || Ok(limited(tasks::ArmDrawerOpen::env()?)),
    },
    Entry {
        id: "arm-button-press",
        description: "press a button from above",
        make: || Ok(limited(tasks::ArmButtonPress::env()?)),
    },
    Entry {
        id: "push-t",
        description: "push a T-shaped block onto its outline",
        make: || Ok(limited(tasks::PushT::env()?)),
    },
];

fn limited(env: impl Env + 'static) -> Box<dyn Env> {
    Box::new(TimeLimit::new(env))
}

/// All tasks with their descriptions.
pub fn entries() -> &'static [Entry] {
    ENTRIES
}

/// All ids.
pub fn ids() -> impl Iterator<Item = &'static str> {
    ENTRIES.iter().map(|entry| entry.id)
}

/// Builds the task of this id, truncated at its horizon.
///
/// # Errors
/// When there is no such id; the message names the nearest one.
///
/// ```
/// let error = telos_envs::registry::make("pendulum-clasic").err().map(|error| error.to_string());
/// assert!(error.is_some_and(|text| text.contains("did you mean `pendulum-classic`?")));
/// ```
pub fn make(id: &str) -> Result<Box<dyn Env>, EnvError> {
    match ENTRIES.iter().find(|entry| entry.id == id) {
        Some(entry) => (entry.make)(),
        None => Err(EnvError::UnknownId {
            id: id.into(),
            nearest: nearest(id).map(str::to_owned),
            known: ids().collect::<Vec<_>>().join(", "),
        }),
    }
}

/// The scripted expert of the task of this id, where it has one.
pub fn expert(id: &str) -> Option<Box<dyn Expert>> {
    experts::of(id)
}

/// The most similar id, if it is similar enough to have been meant.
fn nearest(id: &str) -> Option<&'static str> {
    let similarity = |known: &str| strsim::jaro_winkler(&id.to_lowercase(), known);
    ids().max_by(|a, b| similarity(a).total_cmp(&similarity(b))).filter(|best| similarity(best) > 0.7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_match_the_specs_that_they_build() {
        for entry in entries() {
            assert_eq!(make(entry.id).unwrap().spec().id, entry.id);
            assert!(!entry.description.is_empty());
        }
    }

    #[test]
    fn absurd_ids_get_the_list_but_no_suggestion() {
        let error = make("zzz").err().unwrap().to_string();
        assert!(error.contains("pendulum-classic") && !error.contains("did you mean"), "{error}");
    }
}
