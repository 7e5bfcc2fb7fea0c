//! A robot in the physics simulator as an environment.

use std::{any::Any, sync::Arc};

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_sim::{BodyId, Camera, Health, Model, Scene, World};

use super::event_counter::EventCounter;
use crate::{BoxSpace, Env, EnvError, EnvSpec, Events, GoalSpec, Privileges, Transition, branch};

/// What a task adds to its robot. The world holds all state, so a task is immutable.
pub trait RobotTask: Send + 'static {
    /// Number of components of an action; one per actuator unless the task says otherwise.
    fn action_size(&self, model: &Model) -> usize {
        model.actuator_count()
    }

    /// Turns an action, clamped to [-1, 1], into the controls that are held until the next action.
    /// Unless the task says otherwise, each component covers the control range of one actuator.
    fn control(&self, world: &World, action: &[f32], ctrl: &mut [f32]) {
        let model = world.model();
        for (i, (control, action)) in ctrl.iter_mut().zip(action).enumerate() {
            let [low, high] = model.ctrl_range(i);
            *control = low + 0.5 * (action + 1.0) * (high - low);
        }
    }

    /// Puts the robot, which is in the model's initial state, in a random one.
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus);

    /// Writes the observation.
    fn observe(&self, world: &World, obs: &mut [f32]);

    /// Writes the named factors of a transition that led to this state and returns its gold reward,
    /// all in [0, 1]. `action` is clamped to [-1, 1].
    fn judge(&self, world: &World, action: &[f32], factors: &mut [f32]) -> f32;

    /// Whether the state solves the task, where it has such a notion.
    fn success(&self, world: &World) -> Option<bool>;

    /// Where the observation holds goals, for tasks whose goal varies.
    fn goal(&self) -> Option<GoalSpec> {
        None
    }

    /// The gold reward of reaching `achieved` when `desired` is asked for, if it follows from the two.
    fn goal_reward(&self, _achieved: &[f32], _desired: &[f32]) -> Option<f32> {
        None
    }

    /// The state in words.
    fn caption(&self, world: &World) -> String;

    /// The view that shows the task.
    fn camera(&self, world: &World) -> Camera;
}

/// The parts of an [`EnvSpec`] that do not follow from the model.
pub struct TaskSpec {
    /// The id that configurations name.
    pub id: &'static str,
    /// The task in one sentence.
    pub task: &'static str,
    /// Components of the observation.
    pub observations: usize,
    /// Seconds per environment step, a multiple of the model's timestep.
    pub dt: f32,
    /// Steps per episode.
    pub horizon: usize,
    /// Names of the factors.
    pub factors: &'static [&'static str],
}

/// A [`World`] under a [`RobotTask`].
///
/// Actions are in [-1, 1] and become controls by [`RobotTask::control`]; NaN counts as 0. Each is held
/// for `dt / timestep` physics steps, which is what others call frame skip. A failed simulation ends the
/// episode with `terminated` and `fault`, no reward, and the last sound observation.
pub struct RobotEnv<T> {
    spec: EnvSpec,
    task: T,
    world: World,
    frame_skip: usize,
    action: Vec<f32>,
    ctrl: Vec<f32>,
    sound_obs: Vec<f32>,
    factors: Vec<f32>,
    fault: bool,
    counter: EventCounter,
    /// By body: force and torque during the next step.
    pushes: Vec<[f32; 6]>,
    pushed: bool,
}

impl<T: RobotTask> RobotEnv<T> {
    /// Builds the environment, in the model's initial state until the first reset. Wrap it in
    /// [`TimeLimit`](crate::TimeLimit).
    ///
    /// # Errors
    /// When `dt` is not a multiple of the model's timestep, or an actuator has no control range.
    pub fn new(model: Arc<Model>, task: T, about: &TaskSpec) -> Result<Self, EnvError> {
        let bad = |reason: String| EnvError::BadSpec { id: about.id.into(), reason };
        let ratio = about.dt / model.timestep();
        let frame_skip = ratio.round();
        if frame_skip < 1.0 || (ratio - frame_skip).abs() > 1e-3 {
            let (dt, timestep) = (about.dt, model.timestep());
            return Err(bad(format!("dt {dt} s is no multiple of the model's timestep {timestep} s")));
        }
        let actuators = model.actuator_count();
        if let Some(i) = (0..actuators).find(|&i| model.ctrl_range(i).iter().any(|bound| bound.is_infinite()))
        {
            let name = model.actuator_name(i);
            return Err(bad(format!("actuator `{name}` of the model has no ctrlrange; give it one")));
        }
        let actions = task.action_size(&model);
        let spec = EnvSpec {
            id: about.id.into(),
            task: about.task.into(),
            observation: BoxSpace::unbounded(about.observations),
            action: BoxSpace::uniform(actions, -1.0, 1.0),
            dt: about.dt,
            horizon: about.horizon,
            factors: about.factors.iter().map(|&name| name.into()).collect(),
            can_terminate: false,
            goal: task.goal(),
        };
        Ok(Self {
            spec,
            task,
            counter: EventCounter::new(&model),
            pushes: vec![[0.0; 6]; model.bodies().len()],
            pushed: false,
            world: World::new(model),
            frame_skip: frame_skip as usize,
            action: vec![0.0; actions],
            ctrl: vec![0.0; actuators],
            sound_obs: vec![0.0; about.observations],
            factors: vec![0.0; about.factors.len()],
            fault: false,
        })
    }

    /// The simulated world.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The simulated world, to put the robot in a state of one's own choice. Call
    /// [`World::forward`] afterwards.
    pub fn world_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl<T> RobotEnv<T> {
    fn apply_pushes(&mut self) {
        let bodies = self.world.model().bodies();
        for (body, [fx, fy, fz, tx, ty, tz]) in bodies.zip(self.pushes.iter().copied()) {
            self.world.apply_wrench(body, [fx, fy, fz], [tx, ty, tz]);
        }
    }
}

impl<T> Privileges for RobotEnv<T> {
    fn world(&self) -> &World {
        &self.world
    }

    fn world_mut(&mut self) -> &mut World {
        &mut self.world
    }

    fn push(&mut self, body: BodyId, force: [f32; 3], torque: [f32; 3]) {
        let wrench = &mut self.pushes[body.index()];
        wrench.iter_mut().zip(force.into_iter().chain(torque)).for_each(|(sum, added)| *sum += added);
        self.pushed = true;
    }
}

impl<T: RobotTask> Env for RobotEnv<T> {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        self.world.reset();
        self.task.place(&mut self.world, &mut Xoshiro256PlusPlus::seed_from_u64(seed));
        self.task.observe(&self.world, &mut self.sound_obs);
        self.factors.fill(0.0);
        self.fault = false;
        self.counter.reset(&self.world);
        self.pushes.fill([0.0; 6]);
        self.pushed = false;
        obs.copy_from_slice(&self.sound_obs);
    }

    fn step(&mut self, action: &[f32], obs: &mut [f32]) -> Transition {
        assert_eq!(action.len(), self.action.len(), "components of an action");
        for (held, wanted) in self.action.iter_mut().zip(action) {
            *held = if wanted.is_nan() { 0.0 } else { wanted.clamp(-1.0, 1.0) };
        }
        self.task.control(&self.world, &self.action, &mut self.ctrl);
        self.world.set_ctrl(&self.ctrl);
        for _ in 0..self.frame_skip {
            if self.pushed {
                self.apply_pushes();
            }
            self.world.step();
        }
        if std::mem::take(&mut self.pushed) {
            self.pushes.fill([0.0; 6]);
        }
        self.fault = self.world.health() != Health::Sound;
        let mut transition =
            Transition { terminated: self.fault, fault: self.fault, ..Transition::default() };
        if self.fault {
            self.factors.fill(0.0);
        } else {
            self.task.observe(&self.world, &mut self.sound_obs);
            transition.reward = self.task.judge(&self.world, &self.action, &mut self.factors);
            self.counter.look(&self.world);
        }
        obs.copy_from_slice(&self.sound_obs);
        transition
    }

    fn factors(&self, out: &mut [f32]) {
        out.copy_from_slice(&self.factors);
    }

    fn success(&self) -> Option<bool> {
        self.task.success(&self.world).map(|success| success && !self.fault)
    }

    fn caption(&self) -> String {
        if self.fault { "the simulation has failed".into() } else { self.task.caption(&self.world) }
    }

    fn scene(&self) -> Option<Scene> {
        Some(self.world.scene(&self.task.camera(&self.world)))
    }

    fn goal_reward(&self, achieved: &[f32], desired: &[f32]) -> Option<f32> {
        self.task.goal_reward(achieved, desired)
    }

    fn branch_from(&mut self, other: &dyn Env) -> Result<(), EnvError> {
        let other = match (other as &dyn Any).downcast_ref::<Self>() {
            Some(other) if self.spec == other.spec && self.world.is_twin_of(&other.world) => other,
            _ => return branch::through_bytes(self, other),
        };
        self.world.copy_from(&other.world);
        self.sound_obs.copy_from_slice(&other.sound_obs);
        self.factors.copy_from_slice(&other.factors);
        self.fault = other.fault;
        self.counter.copy_from(&other.counter);
        self.pushes.copy_from_slice(&other.pushes);
        self.pushed = other.pushed;
        Ok(())
    }

    fn events(&self) -> Events {
        self.counter.events()
    }

    fn diagnosis(&self) -> String {
        if self.fault { "the simulation has failed".into() } else { self.counter.diagnosis(&self.world) }
    }

    fn privileges(&mut self) -> Option<&mut dyn Privileges> {
        Some(self)
    }
}

impl<T: RobotTask> Checkpoint for RobotEnv<T> {
    fn save(&self, out: &mut Writer) {
        out.part("world", &self.world);
        out.f32s("sound_obs", &self.sound_obs);
        out.f32s("factors", &self.factors);
        out.value("fault", &self.fault);
        out.part("counter", &self.counter);
        out.value("pushed", &self.pushed);
        out.f32s("pushes", self.pushes.as_flattened());
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("world", &mut self.world)?;
        from.f32s("sound_obs", &mut self.sound_obs)?;
        from.f32s("factors", &mut self.factors)?;
        self.fault = from.value("fault")?;
        from.part("counter", &mut self.counter)?;
        self.pushed = from.value("pushed")?;
        from.f32s("pushes", self.pushes.as_flattened_mut())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::{PendulumSwingup, Walker};

    #[test]
    fn a_failed_simulation_ends_the_episode_with_the_last_sound_observation() {
        for wrong in [f32::NAN, f32::INFINITY, 2e3] {
            let mut env = Walker::walk().unwrap();
            let size = env.spec().observation.size();
            let (mut obs, mut sound, mut first) = (vec![0.0; size], vec![0.0; size], vec![0.0; size]);
            env.reset(4, &mut first);
            env.step(&[0.3; 6], &mut sound);
            let joint = env.world().model().joint("root_x").unwrap();
            env.world_mut().set_joint_velocity(joint, wrong);
            let transition = env.step(&[0.3; 6], &mut obs);
            assert!(transition.fault && transition.terminated && !transition.truncated, "{wrong}");
            assert_eq!((transition.reward, &obs), (0.0, &sound));
            assert_eq!((env.success(), env.caption().as_str()), (Some(false), "the simulation has failed"));
            env.reset(4, &mut obs);
            assert_eq!(obs, first, "the reset leaves nothing of the failure");
            assert!(!env.step(&[0.3; 6], &mut obs).fault);
            assert_eq!(obs, sound);
        }
    }

    #[test]
    fn actions_are_clamped_and_nan_counts_as_zero() {
        let observe = |action: f32| {
            let mut env = PendulumSwingup::env().unwrap();
            let mut obs = [0.0; 3];
            env.reset(1, &mut obs);
            env.step(&[action], &mut obs);
            obs
        };
        assert_eq!(observe(7.0), observe(1.0));
        assert_eq!(observe(f32::NAN), observe(0.0));
        assert_ne!(observe(1.0), observe(0.5));
    }

    #[test]
    fn a_control_step_that_is_no_multiple_of_the_timestep_is_refused() {
        let env = PendulumSwingup::env().unwrap();
        let model = env.world().model().clone();
        let about = TaskSpec {
            id: "odd",
            task: "",
            observations: 3,
            dt: 0.015,
            horizon: 1,
            factors: &["upright", "slow", "gentle"],
        };
        let error = RobotEnv::new(model, env.task, &about).err().unwrap().to_string();
        assert!(error.contains("`odd`") && error.contains("0.015") && error.contains("0.01 s"), "{error}");
    }
}
