//! A boxed environment is one, so that wrappers fit around what the registry makes.

use std::any::Any;

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_sim::Scene;

use crate::{Env, EnvError, EnvSpec, Events, HiddenParameters, Privileges, Transition};

impl Env for Box<dyn Env> {
    fn spec(&self) -> &EnvSpec {
        self.as_ref().spec()
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        self.as_mut().reset(seed, obs);
    }

    fn step(&mut self, action: &[f32], obs: &mut [f32]) -> Transition {
        self.as_mut().step(action, obs)
    }

    fn factors(&self, out: &mut [f32]) {
        self.as_ref().factors(out);
    }

    fn success(&self) -> Option<bool> {
        self.as_ref().success()
    }

    fn caption(&self) -> String {
        self.as_ref().caption()
    }

    fn scene(&self) -> Option<Scene> {
        self.as_ref().scene()
    }

    fn goal_reward(&self, achieved: &[f32], desired: &[f32]) -> Option<f32> {
        self.as_ref().goal_reward(achieved, desired)
    }

    fn branch_from(&mut self, other: &dyn Env) -> Result<(), EnvError> {
        match (other as &dyn Any).downcast_ref::<Self>() {
            Some(other) => self.as_mut().branch_from(other.as_ref()),
            None => self.as_mut().branch_from(other),
        }
    }

    fn events(&self) -> Events {
        self.as_ref().events()
    }

    fn diagnosis(&self) -> String {
        self.as_ref().diagnosis()
    }

    fn privileges(&mut self) -> Option<&mut dyn Privileges> {
        self.as_mut().privileges()
    }

    fn hidden(&self) -> Option<HiddenParameters> {
        self.as_ref().hidden()
    }
}

impl Checkpoint for Box<dyn Env> {
    fn save(&self, out: &mut Writer) {
        self.as_ref().save(out);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.as_mut().load(from)
    }
}
