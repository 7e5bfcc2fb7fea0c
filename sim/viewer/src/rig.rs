//! The camera: the task's own view, around a point, along with the robot, or free.

use telos::sim::Camera;

/// How the camera moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The view that the task itself has.
    #[default]
    Task,
    /// Around a fixed point.
    Orbit,
    /// Around the robot.
    Follow,
    /// Free, by keys.
    Fly,
}

impl Mode {
    /// All, in the order in which a key goes through them.
    pub const ALL: [Self; 4] = [Self::Task, Self::Orbit, Self::Follow, Self::Fly];

    /// What people read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Orbit => "orbit",
            Self::Follow => "follow",
            Self::Fly => "fly",
        }
    }

    /// The one after it.
    pub fn next(self) -> Self {
        let place = Self::ALL.iter().position(|mode| *mode == self).unwrap_or(0);
        Self::ALL[(place + 1) % Self::ALL.len()]
    }
}

/// Closest and farthest distance from the target, metres.
const DISTANCES: [f32; 2] = [0.05, 200.0];
/// Largest angle above and below the horizon, radians: at the zenith the picture would turn over.
const STEEPEST: f32 = 1.53;
/// Radians of a turn per pixel of the pointer.
const TURN: f32 = 0.006;

/// A camera on an arm: it looks from a distance at a target. z is up.
#[derive(Clone, Debug, PartialEq)]
pub struct Rig {
    mode: Mode,
    /// The point that is looked at, metres.
    target: [f32; 3],
    distance: f32,
    /// Direction from the target to the eye: about z from x, and above the horizon; radians.
    yaw: f32,
    pitch: f32,
    fovy: f32,
    /// The target of the task's view when it was last seen.
    robot: [f32; 3],
}

impl Default for Rig {
    fn default() -> Self {
        let (target, robot) = ([0.0; 3], [0.0; 3]);
        Self { mode: Mode::Task, target, distance: 4.0, yaw: -1.57, pitch: 0.3, fovy: 45.0, robot }
    }
}

impl Rig {
    /// How it moves.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Goes on from the present view in another mode.
    pub fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
    }

    /// Takes in the view that the task has now. In the task's mode it is this view; one that is not finite,
    /// as of a robot whose simulation has failed, changes nothing.
    pub fn see(&mut self, task: &Camera) {
        let sound = task.eye.iter().chain(&task.target).all(|x| x.is_finite());
        if !sound {
            return;
        }
        match self.mode {
            Mode::Task => self.look_from(task),
            Mode::Follow => {
                let moved: [f32; 3] = std::array::from_fn(|axis| task.target[axis] - self.robot[axis]);
                (0..3).for_each(|axis| self.target[axis] += moved[axis]);
            }
            Mode::Orbit | Mode::Fly => {}
        }
        self.robot = task.target;
    }

    /// Takes over a view.
    pub fn look_from(&mut self, camera: &Camera) {
        let arm: [f32; 3] = std::array::from_fn(|axis| camera.eye[axis] - camera.target[axis]);
        let length = arm.iter().map(|x| x * x).sum::<f32>().sqrt();
        if length > 1e-6 {
            self.distance = length.clamp(DISTANCES[0], DISTANCES[1]);
            self.pitch = (arm[2] / length).clamp(-1.0, 1.0).asin().clamp(-STEEPEST, STEEPEST);
            if arm[0].hypot(arm[1]) > 1e-6 * length {
                self.yaw = arm[1].atan2(arm[0]);
            }
        }
        (self.target, self.fovy) = (camera.target, camera.fovy);
    }

    /// Turns by a movement of the pointer, in pixels. The task's view becomes one around the robot.
    pub fn turn(&mut self, across: f32, down: f32) {
        if self.mode == Mode::Task {
            self.mode = Mode::Follow;
        }
        let eye = self.camera().eye;
        self.yaw -= TURN * across;
        self.pitch = (self.pitch + TURN * down).clamp(-STEEPEST, STEEPEST);
        if self.mode == Mode::Fly {
            let arm = self.arm();
            self.target = std::array::from_fn(|axis| eye[axis] - arm[axis]);
        }
    }

    /// Comes closer (positive) or goes away, in notches of the wheel.
    pub fn zoom(&mut self, notches: f32) {
        if self.mode == Mode::Task {
            self.mode = Mode::Follow;
        }
        let factor = 0.9f32.powf(notches.clamp(-20.0, 20.0));
        self.distance = (self.distance * factor).clamp(DISTANCES[0], DISTANCES[1]);
    }

    /// Shifts the target by a movement of the pointer, in shares of the picture's height.
    pub fn pan(&mut self, across: f32, down: f32) {
        if self.mode == Mode::Task {
            self.mode = Mode::Orbit;
        }
        let height = 2.0 * self.distance * (0.5 * self.fovy.to_radians()).tan();
        self.shift([-across * height, down * height, 0.0]);
    }

    /// Moves eye and target, metres: to the right, upwards and along the view.
    pub fn shift(&mut self, [right, up, forward]: [f32; 3]) {
        let (sin_yaw, cos_yaw) = self.yaw.sin_cos();
        let (sin_pitch, cos_pitch) = self.pitch.sin_cos();
        let ahead = [-cos_pitch * cos_yaw, -cos_pitch * sin_yaw, -sin_pitch];
        let across = [-sin_yaw, cos_yaw, 0.0];
        let above = [-sin_pitch * cos_yaw, -sin_pitch * sin_yaw, cos_pitch];
        for axis in 0..3 {
            self.target[axis] += right * across[axis] + up * above[axis] + forward * ahead[axis];
        }
    }

    /// The view.
    pub fn camera(&self) -> Camera {
        let arm = self.arm();
        let eye = std::array::from_fn(|axis| self.target[axis] + arm[axis]);
        Camera { eye, target: self.target, fovy: self.fovy }
    }

    /// From the target to the eye.
    fn arm(&self) -> [f32; 3] {
        let (sin_yaw, cos_yaw) = self.yaw.sin_cos();
        let (sin_pitch, cos_pitch) = self.pitch.sin_cos();
        [cos_pitch * cos_yaw, cos_pitch * sin_yaw, sin_pitch].map(|x| self.distance * x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: [f32; 3], b: [f32; 3]) -> bool {
        a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-4)
    }

    const TASK: Camera = Camera { eye: [1.0, -3.0, 2.0], target: [1.0, 0.5, 0.8], fovy: 50.0 };

    #[test]
    fn the_task_s_view_is_taken_over_exactly() {
        let mut rig = Rig::default();
        rig.see(&TASK);
        let camera = rig.camera();
        assert!(near(camera.eye, TASK.eye) && near(camera.target, TASK.target) && camera.fovy == 50.0);
        rig.see(&Camera { eye: [f32::NAN; 3], ..TASK.clone() });
        assert!(near(rig.camera().eye, TASK.eye), "a failed simulation moves nothing");
    }

    #[test]
    fn following_keeps_the_arm_and_orbiting_the_target() {
        let moved = Camera { eye: [3.0, -3.0, 2.0], target: [3.0, 0.5, 0.8], fovy: 50.0 };
        let mut rig = Rig::default();
        rig.see(&TASK);
        rig.set_mode(Mode::Follow);
        rig.see(&moved);
        assert!(near(rig.camera().eye, moved.eye) && near(rig.camera().target, moved.target));
        rig.set_mode(Mode::Orbit);
        rig.see(&TASK);
        assert!(near(rig.camera().target, moved.target));
    }

    #[test]
    fn a_turn_in_flight_keeps_the_eye_and_flying_goes_where_it_looks() {
        let mut rig = Rig::default();
        rig.see(&TASK);
        rig.set_mode(Mode::Fly);
        rig.turn(100.0, -40.0);
        assert!(near(rig.camera().eye, TASK.eye));
        let before = rig.camera();
        rig.shift([0.0, 0.0, 2.0]);
        let ahead: Vec<f32> = (0..3).map(|axis| before.target[axis] - before.eye[axis]).collect();
        let length = ahead.iter().map(|x| x * x).sum::<f32>().sqrt();
        let expected = std::array::from_fn(|axis| before.eye[axis] + 2.0 * ahead[axis] / length);
        assert!(near(rig.camera().eye, expected));
    }

    #[test]
    fn the_picture_never_turns_over_and_zoom_is_bounded() {
        let mut rig = Rig::default();
        rig.turn(0.0, 1e6);
        assert!(rig.camera().eye[2] < 4.0);
        rig.zoom(1e6);
        rig.zoom(1e6);
        (0..100).for_each(|_| rig.zoom(20.0));
        let camera = rig.camera();
        assert!(camera.eye != camera.target);
        assert_eq!(Mode::Fly.next(), Mode::Task);
    }
}
