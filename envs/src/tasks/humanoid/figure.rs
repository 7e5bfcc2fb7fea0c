//! The humanoid's parts and what the tasks measure on them.

use telos_sim::{BodyId, Camera, JointId, Model, SimError, World};

use super::super::{free_root, phrases};

/// The parts of the humanoid. Pairs are right, left; distances are metres, angles radians.
#[derive(Clone, Debug)]
pub struct Figure {
    pub(super) torso: BodyId,
    head: BodyId,
    pelvis: BodyId,
    /// Their origins are the hips.
    thighs: [BodyId; 2],
    /// Their origins are the knees.
    shanks: [BodyId; 2],
    /// Their origins are the ankles.
    feet: [BodyId; 2],
    hands: [BodyId; 2],
    knees: [JointId; 2],
    joints: Vec<JointId>,
}

impl Figure {
    /// The parts of a model with the bodies and joints of [`telos_sim::assets::HUMANOID`].
    ///
    /// # Errors
    /// When one is missing; the message lists those that exist.
    pub fn of(model: &Model) -> Result<Self, SimError> {
        let pair = |part: &str| -> Result<[BodyId; 2], SimError> {
            Ok([model.body(&format!("right_{part}"))?, model.body(&format!("left_{part}"))?])
        };
        Ok(Self {
            torso: model.body("torso")?,
            head: model.body("head")?,
            pelvis: model.body("pelvis")?,
            thighs: pair("thigh")?,
            shanks: pair("shank")?,
            feet: pair("foot")?,
            hands: pair("hand")?,
            knees: [model.joint("right_knee")?, model.joint("left_knee")?],
            joints: model.joints().collect(),
        })
    }

    /// Length of what [`observe`](Self::observe) writes.
    pub(super) fn observations(&self) -> usize {
        free_root::observations(self.joints.len()) + 3 * 4
    }

    /// Writes what the robots with free roots observe, then the places of the hands and the feet in the
    /// frame of the torso.
    pub(super) fn observe(&self, world: &World, obs: &mut [f32]) {
        let (own, ends) = obs.split_at_mut(free_root::observations(self.joints.len()));
        free_root::observe(world, self.torso, &self.joints, own);
        let axes = free_root::world_axes(world, self.torso);
        let origin = world.body_position(self.torso);
        for (end, body) in ends.chunks_exact_mut(3).zip(self.hands.iter().chain(&self.feet)) {
            end.copy_from_slice(&free_root::into_frame(&axes, between(origin, world.body_position(*body))));
        }
    }

    /// Vertical component of the torso's spine: 1 upright, 0 lying, -1 upside down.
    pub fn upright(&self, world: &World) -> f32 {
        free_root::up(world, self.torso)
    }

    /// Height of the middle of the head; 1.48 in an upright stand.
    pub fn head_height(&self, world: &World) -> f32 {
        world.body_position(self.head)[2]
    }

    /// Height of the pelvis; 0.9 in an upright stand.
    pub fn pelvis_height(&self, world: &World) -> f32 {
        world.body_position(self.pelvis)[2]
    }

    /// Heights of the knees; 0.45 in an upright stand.
    pub fn knee_heights(&self, world: &World) -> [f32; 2] {
        self.shanks.map(|shank| world.body_position(shank)[2])
    }

    /// Heights of the hands.
    pub fn hand_heights(&self, world: &World) -> [f32; 2] {
        self.hands.map(|hand| world.body_position(hand)[2])
    }

    /// Angles of the knees from straight.
    pub fn knee_bends(&self, world: &World) -> [f32; 2] {
        self.knees.map(|knee| world.joint_position(knee))
    }

    /// Distance between the knees.
    pub fn between_knees(&self, world: &World) -> f32 {
        let [right, left] = self.shanks.map(|shank| world.body_position(shank));
        length(between(right, left))
    }

    /// Distance between the ankles.
    pub fn between_ankles(&self, world: &World) -> f32 {
        let [right, left] = self.feet.map(|foot| world.body_position(foot));
        length(between(right, left))
    }

    /// Angle between the lines from the hips to the ankles.
    pub fn between_legs(&self, world: &World) -> f32 {
        let [right, left] = [0, 1].map(|side| {
            between(world.body_position(self.thighs[side]), world.body_position(self.feet[side]))
        });
        let cosine = dot(right, left) / (length(right) * length(left)).max(f32::MIN_POSITIVE);
        cosine.clamp(-1.0, 1.0).acos()
    }

    /// How far each shank points from the knee against the direction that the torso faces: 1 when it
    /// lies straight back, 0 when it stands or points sideways.
    pub fn shanks_back(&self, world: &World) -> [f32; 2] {
        let axes = free_root::world_axes(world, self.torso);
        // The torso's y axis points to the left at any pitch; turned right by a quarter it is ahead.
        let (x, y) = (axes[1][1], -axes[0][1]);
        let norm = x.hypot(y).max(f32::MIN_POSITIVE);
        [0, 1].map(|side| {
            let shank = between(world.body_position(self.shanks[side]), world.body_position(self.feet[side]));
            -dot(shank, [x / norm, y / norm, 0.0]) / length(shank).max(f32::MIN_POSITIVE)
        })
    }

    /// The posture in words.
    pub(super) fn caption(&self, world: &World) -> String {
        let axes = free_root::world_axes(world, self.torso);
        let posture = phrases::bearing(axes[2][2], axes[2][0]);
        let (head, pelvis) = (self.head_height(world), self.pelvis_height(world));
        let hands = match self.hand_heights(world).map(|height| height > head) {
            [true, true] => "both hands above the head",
            [false, false] => "both hands below the head",
            _ => "one hand above the head",
        };
        let motion = phrases::motion(world.com_velocity()[0]);
        format!(
            "the torso is {posture}, {motion}, with the head at {head:.2} m, the pelvis at {pelvis:.2} m and {hands}"
        )
    }

    /// A view from ahead on the right.
    pub(super) fn camera(&self, world: &World) -> Camera {
        let [x, y, _] = world.com();
        Camera { eye: [x + 2.4, y - 2.4, 1.3], target: [x, y, 0.75], fovy: 45.0 }
    }
}

fn between(from: [f32; 3], to: [f32; 3]) -> [f32; 3] {
    [to[0] - from[0], to[1] - from[1], to[2] - from[2]]
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn length(vector: [f32; 3]) -> f32 {
    dot(vector, vector).sqrt()
}
