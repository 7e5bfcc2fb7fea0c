//! Environments around environments.
//!
//! All are generic over what they wrap and are checkpoints of it. [`Wrapping`] builds them from a
//! configuration, around anything that the registry makes.
//!
//! **Frame skip and action repeat.** How many physics steps an action lasts is part of a simulated task:
//! [`EnvSpec::dt`](crate::EnvSpec::dt) over the model's timestep, one observation and one reward at the
//! end. [`ActionRepeat`] is about whole environment steps: the task judges every one of them, and their
//! rewards add up.
//!
//! **Normalisation** of observations and rewards is not here but in `telos_agents`
//! (`ObservationNormalizer`, `RewardScaler`), on whole batches. An environment with running statistics
//! of its own would see its observations change when other environments of the vector are added, or
//! have statistics that differ from theirs; and a stored trajectory could not be normalised anew.

/// The simulation behind a wrapper's environment.
macro_rules! pass_on_simulation {
    ($inner:ident) => {
        fn scene(&self) -> Option<telos_sim::Scene> {
            self.$inner.scene()
        }

        fn events(&self) -> crate::Events {
            self.$inner.events()
        }

        fn diagnosis(&self) -> String {
            self.$inner.diagnosis()
        }

        fn privileges(&mut self) -> Option<&mut dyn crate::Privileges> {
            self.$inner.privileges()
        }
    };
}

/// What nobody drew anew since the environment inside did.
macro_rules! pass_on_hidden {
    ($inner:ident) => {
        fn hidden(&self) -> Option<crate::HiddenParameters> {
            self.$inner.hidden()
        }
    };
}

/// What a wrapper says about its environment without having a say in it.
macro_rules! pass_on {
    ($inner:ident) => {
        fn success(&self) -> Option<bool> {
            self.$inner.success()
        }

        fn caption(&self) -> String {
            self.$inner.caption()
        }

        pass_on_simulation!($inner);
    };
}

mod action_repeat;
mod arrival;
mod goal_region;
mod photographed;
mod pixels;
mod randomization;
mod reset_free;
mod success_fact;
mod time_limit;
mod until_success;
mod wrapping;

pub use action_repeat::ActionRepeat;
pub use goal_region::{GoalRegion, GoalRegionConfig};
pub use photographed::{Photographed, View};
pub use pixels::{Pixels, PixelsConfig, StackShape};
pub use randomization::{Randomization, RandomizationConfig};
pub use reset_free::{ResetFree, ResetFreeConfig};
pub use success_fact::SuccessFact;
pub use time_limit::TimeLimit;
pub use until_success::UntilSuccess;
pub use wrapping::Wrapping;
