//! `arm-drawer-open`: pull a drawer open by its handle.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, GeomId, JointId, Model, World};

use super::{Arm, TableTask, spatial};
use crate::{
    EnvError,
    tasks::{Sigmoid, Tolerance},
};

/// A cabinet whose front is the plane x = 0 of its frame, with a drawer that opens toward -x. The
/// handle is a bar 5.5 cm in front.
const CABINET: &str = "
    <body name='cabinet' pos='0.58 0 0' mocap='true'>
      <geom name='cabinet_floor' type='box' pos='0.1 0 0.02' size='0.1 0.12 0.02' contype='0' rgba='0.5 0.38 0.28 1'/>
      <geom name='cabinet_top' type='box' pos='0.1 0 0.14' size='0.1 0.12 0.01' contype='0' rgba='0.5 0.38 0.28 1'/>
      <geom name='cabinet_left' type='box' pos='0.1 0.11 0.085' size='0.1 0.01 0.045' contype='0' rgba='0.5 0.38 0.28 1'/>
      <geom name='cabinet_right' type='box' pos='0.1 -0.11 0.085' size='0.1 0.01 0.045' contype='0' rgba='0.5 0.38 0.28 1'/>
      <body name='drawer' pos='0 0 0.085'>
        <joint name='drawer' type='slide' axis='-1 0 0' range='0 0.18' damping='8' frictionloss='1'/>
        <geom name='drawer_front' type='box' pos='0.005 0 0' size='0.005 0.098 0.043' mass='0.2' contype='0' rgba='0.7 0.55 0.4 1'/>
        <geom name='drawer_box' type='box' pos='0.09 0 -0.033' size='0.08 0.095 0.005' mass='0.3' contype='0' rgba='0.7 0.55 0.4 1'/>
        <geom name='handle' type='box' pos='-0.055 0 0' size='0.006 0.05 0.008' mass='0.05' contype='0' rgba='0.8 0.2 0.2 1'/>
        <geom name='left_post' type='box' pos='-0.025 0.045 0' size='0.025 0.005 0.005' mass='0.02' contype='0' rgba='0.8 0.2 0.2 1'/>
        <geom name='right_post' type='box' pos='-0.025 -0.045 0' size='0.025 0.005 0.005' mass='0.02' contype='0' rgba='0.8 0.2 0.2 1'/>
      </body>
    </body>
";
/// Opening that counts as open, metres; the drawer's end stop is at 0.18 m.
const OPEN: f32 = 0.15;
const OPENED: Tolerance = Tolerance::at_least(OPEN).margin(OPEN, Sigmoid::Linear, 0.0);
const AT_HANDLE: Tolerance = Tolerance::new(0.0, 0.05).margin(0.3, Sigmoid::Gaussian, 0.1);

/// The task.
///
/// Observation: the arm (21), handle (3, m), opening (m), its velocity (m/s). Gold reward: 0.2
/// `reached` (the gripper at the handle) + 0.8 `opened` (linear up to 15 cm). Start: home posture,
/// cabinet at a random place within 4 x 24 cm, closed. Success: open by 15 cm.
pub struct ArmDrawerOpen {
    cabinet: BodyId,
    drawer: JointId,
    handle: GeomId,
}

impl TableTask for ArmDrawerOpen {
    const ID: &'static str = "arm-drawer-open";
    const TASK: &'static str = "Pull the drawer open by its red handle.";
    const OBSERVATIONS: usize = 5;
    const FACTORS: &'static [&'static str] = &["reached", "opened"];

    fn objects() -> String {
        CABINET.into()
    }

    fn find(model: &Model) -> Result<Self, EnvError> {
        let cabinet = model.body("cabinet")?;
        Ok(Self { cabinet, drawer: model.joint("drawer")?, handle: model.geom("handle")? })
    }

    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        let place = [rng.random_range(0.57..0.61), rng.random_range(-0.12..0.12), 0.0];
        world.set_body_pose(self.cabinet, place, [0.0, 0.0, 0.0, 1.0]);
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        obs[..3].copy_from_slice(&world.geom_position(self.handle));
        obs[3] = world.joint_position(self.drawer);
        obs[4] = world.joint_velocity(self.drawer);
    }

    fn judge(&self, arm: &Arm, world: &World, factors: &mut [f32]) -> f32 {
        let handle = world.geom_position(self.handle);
        let reached = AT_HANDLE.of(spatial::distance(arm.gripper(world), handle));
        let opened = OPENED.of(world.joint_position(self.drawer));
        factors.copy_from_slice(&[reached, opened]);
        0.2 * reached + 0.8 * opened
    }

    fn success(&self, _: &Arm, world: &World) -> bool {
        world.joint_position(self.drawer) >= OPEN
    }

    fn caption(&self, _: &Arm, world: &World) -> String {
        format!("the drawer is open by {:.0} cm", 100.0 * world.joint_position(self.drawer).max(0.0))
    }
}
