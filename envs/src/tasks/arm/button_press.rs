//! `arm-button-press`: press a button from above.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, GeomId, JointId, Model, World};

use super::{Arm, TableTask, spatial};
use crate::{
    EnvError,
    tasks::{Sigmoid, Tolerance},
};

/// A box with a sprung button on top.
const BUTTON: &str = "
    <body name='box' pos='0.45 0 0' mocap='true'>
      <geom name='box' type='box' pos='0 0 0.03' size='0.06 0.06 0.03' contype='0' rgba='0.85 0.75 0.3 1'/>
      <body name='button' pos='0 0 0.075'>
        <joint name='button' type='slide' axis='0 0 -1' range='0 0.03' stiffness='100' springref='-0.006' damping='3'/>
        <geom name='button' type='cylinder' size='0.03 0.02' mass='0.05' contype='0' rgba='0.8 0.2 0.2 1'/>
      </body>
    </body>
";
/// Travel that counts as pressed, metres; the button's end stop is at 0.03 m.
const TRAVEL: f32 = 0.02;
const PRESSED: Tolerance = Tolerance::at_least(TRAVEL).margin(TRAVEL, Sigmoid::Linear, 0.0);
const AT_BUTTON: Tolerance = Tolerance::new(0.0, 0.05).margin(0.3, Sigmoid::Gaussian, 0.1);

/// The task.
///
/// Observation: the arm (21), button (3, m), its travel (m). Gold reward: 0.3 `reached` (the gripper
/// at the button) + 0.7 `pressed` (linear up to 2 cm, against a spring of 100 N/m). Start: home
/// posture, button at a random place within 18 x 40 cm. Success: pressed by 2 cm, now.
pub struct ArmButtonPress {
    base: BodyId,
    travel: JointId,
    button: GeomId,
}

impl TableTask for ArmButtonPress {
    const ID: &'static str = "arm-button-press";
    const TASK: &'static str = "Press the red button down and keep it pressed.";
    const OBSERVATIONS: usize = 4;
    const FACTORS: &'static [&'static str] = &["reached", "pressed"];

    fn objects() -> String {
        BUTTON.into()
    }

    fn find(model: &Model) -> Result<Self, EnvError> {
        Ok(Self { base: model.body("box")?, travel: model.joint("button")?, button: model.geom("button")? })
    }

    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        let place = [rng.random_range(0.38..0.56), rng.random_range(-0.20..0.20), 0.0];
        world.set_body_pose(self.base, place, [0.0, 0.0, 0.0, 1.0]);
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        obs[..3].copy_from_slice(&world.geom_position(self.button));
        obs[3] = world.joint_position(self.travel);
    }

    fn judge(&self, arm: &Arm, world: &World, factors: &mut [f32]) -> f32 {
        let button = world.geom_position(self.button);
        let reached = AT_BUTTON.of(spatial::distance(arm.gripper(world), button));
        let pressed = PRESSED.of(world.joint_position(self.travel));
        factors.copy_from_slice(&[reached, pressed]);
        0.3 * reached + 0.7 * pressed
    }

    fn success(&self, _: &Arm, world: &World) -> bool {
        world.joint_position(self.travel) >= TRAVEL
    }

    fn caption(&self, _: &Arm, world: &World) -> String {
        let travel = world.joint_position(self.travel);
        let state = if travel >= TRAVEL { "pressed" } else { "not pressed" };
        format!("the button is {state}, {:.0} mm down", 1000.0 * travel.max(0.0))
    }
}
