//! Counts the incidents of a simulated robot's episode from one look per environment step.

use std::fmt::Write as _;

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_sim::{BodyId, GeomId, JointId, Model, Role, World};

use crate::Events;

/// Kinds of contact, one bit each.
const ITSELF: u8 = 1;
const SCENE: u8 = 2;
const GROUND: u8 = 4;
const OBJECT: u8 = 8;

/// Downward speed of an object that nothing holds, m/s.
const FALLING_SPEED: f32 = 1.0;

/// Counts beginnings: what goes on is one event.
pub(super) struct EventCounter {
    /// By geom.
    roles: Vec<Role>,
    /// Those with limits.
    joints: Vec<JointId>,
    /// Free bodies that no actuator moves.
    objects: Vec<BodyId>,
    /// By geom: the kinds of contact it has.
    touching: Vec<u8>,
    /// As `touching`, one look earlier.
    touched: Vec<u8>,
    at_limit: Vec<bool>,
    falling: Vec<bool>,
    events: Events,
}

impl EventCounter {
    pub(super) fn new(model: &Model) -> Self {
        let roles: Vec<Role> = model.geoms().map(|geom| model.role(model.geom_body(geom))).collect();
        let is_object = |body: &BodyId| model.role(*body) == Role::Object;
        let objects: Vec<BodyId> = model.free_bodies().iter().copied().filter(is_object).collect();
        let is_limited = |joint: &JointId| model.joint_range(*joint).is_some();
        let joints: Vec<JointId> = model.joints().filter(is_limited).collect();
        Self {
            touching: vec![0; roles.len()],
            touched: vec![0; roles.len()],
            at_limit: vec![false; joints.len()],
            falling: vec![false; objects.len()],
            joints,
            roles,
            objects,
            events: Events::default(),
        }
    }

    pub(super) fn events(&self) -> Events {
        self.events
    }

    /// Starts an episode.
    pub(super) fn reset(&mut self, world: &World) {
        self.look(world);
        self.events = Events::default();
    }

    /// Counts what has begun since the last look.
    pub(super) fn look(&mut self, world: &World) {
        std::mem::swap(&mut self.touching, &mut self.touched);
        self.touching.fill(0);
        for (geom1, geom2) in world.touching() {
            if let Some((geom, kind)) = self.encounter(world.model(), geom1, geom2) {
                self.touching[geom.index()] |= kind;
            }
        }
        for (now, before) in self.touching.iter().zip(&self.touched) {
            let begun = now & !before;
            let count = |kind: u8| u32::from(begun & kind != 0);
            self.events.self_collisions += count(ITSELF);
            self.events.scene_collisions += count(SCENE);
            self.events.ground_contacts += count(GROUND);
            self.events.object_contacts += count(OBJECT);
        }
        for (joint, was) in self.joints.iter().zip(&mut self.at_limit) {
            let is = world.at_limit(*joint);
            self.events.limit_hits += u32::from(is && !*was);
            *was = is;
        }
        for (object, was) in self.objects.iter().zip(&mut self.falling) {
            let fast = world.body_linear_velocity(*object)[2] < -FALLING_SPEED;
            let is = fast && !is_held(world, *object);
            self.events.drops += u32::from(is && !*was);
            *was = is;
        }
    }

    /// The robot's geom of a pair, and what it meets. In a collision with itself, the first.
    fn encounter(&self, model: &Model, geom1: GeomId, geom2: GeomId) -> Option<(GeomId, u8)> {
        let role = |geom: GeomId| self.roles[geom.index()];
        let (own, other) = match (role(geom1), role(geom2)) {
            (Role::Robot(tree1), Role::Robot(tree2)) if tree1 == tree2 => {
                return Some((geom1.min(geom2), ITSELF));
            }
            (Role::Robot(_), _) => (geom1, geom2),
            (_, Role::Robot(_)) => (geom2, geom1),
            _ => return None,
        };
        let kind = match role(other) {
            Role::Scene if model.is_ground(other) => GROUND,
            Role::Scene => SCENE,
            Role::Object | Role::Robot(_) => OBJECT,
        };
        Some((own, kind))
    }

    /// The counts, and what is going on now.
    pub(super) fn diagnosis(&self, world: &World) -> String {
        let model = world.model();
        let mut text = format!("so far {}", self.events);
        // Writing to a string cannot fail.
        for (geom1, geom2) in world.touching() {
            if self.encounter(model, geom1, geom2).is_some() {
                let [one, other] = [geom1, geom2].map(|geom| self.name(model, geom));
                let _ = write!(text, "; `{one}` touches `{other}`");
            }
        }
        for (joint, _) in self.joints.iter().zip(&self.at_limit).filter(|(_, at_limit)| **at_limit) {
            let _ = write!(text, "; joint `{}` is at its limit", model.joint_name(*joint));
        }
        for (object, _) in self.objects.iter().zip(&self.falling).filter(|(_, falling)| **falling) {
            let _ = write!(text, "; `{}` is falling", model.body_name(*object));
        }
        text
    }

    /// The name of a body, or, of the scene, of the geom itself.
    fn name<'m>(&self, model: &'m Model, geom: GeomId) -> &'m str {
        match self.roles[geom.index()] {
            Role::Scene => model.geom_name(geom),
            Role::Robot(_) | Role::Object => model.body_name(model.geom_body(geom)),
        }
    }

    /// Takes over the counts of another counter of the same model.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.touching.copy_from_slice(&other.touching);
        self.at_limit.copy_from_slice(&other.at_limit);
        self.falling.copy_from_slice(&other.falling);
        self.events = other.events;
    }
}

/// Whether anything touches a body.
fn is_held(world: &World, body: BodyId) -> bool {
    let model = world.model();
    world.touching().any(|(geom1, geom2)| model.geom_body(geom1) == body || model.geom_body(geom2) == body)
}

impl Checkpoint for EventCounter {
    fn save(&self, out: &mut Writer) {
        out.value("events", &self.events);
        out.value("touching", &self.touching);
        out.value("at_limit", &self.at_limit);
        out.value("falling", &self.falling);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.events = from.value("events")?;
        column(from, "touching", &mut self.touching)?;
        column(from, "at_limit", &mut self.at_limit)?;
        column(from, "falling", &mut self.falling)
    }
}

fn column<T: serde::de::DeserializeOwned + Copy>(
    from: &mut Reader<'_>,
    name: &str,
    column: &mut [T],
) -> Result<(), CheckpointError> {
    let values: Vec<T> = from.value(name)?;
    if values.len() != column.len() {
        return Err(from.wrong(name, "is of another robot"));
    }
    column.copy_from_slice(&values);
    Ok(())
}
