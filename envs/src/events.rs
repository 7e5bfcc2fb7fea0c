//! Incidents of an episode, counted.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How often something happened since the episode began. Contacts are looked at once per environment
/// step, so a touch shorter than that may go unseen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// A part of a robot began to touch another part of it.
    pub self_collisions: u32,
    /// A part of a robot began to touch something fixed that is not the ground.
    pub scene_collisions: u32,
    /// A part of a robot began to touch the ground, as feet do and, in a fall, the rest.
    pub ground_contacts: u32,
    /// A part of a robot began to touch something that can be moved: an object, or another robot.
    pub object_contacts: u32,
    /// A joint came to one of its limits.
    pub limit_hits: u32,
    /// An object fell freely: nothing touched it, and it was faster than 1 m/s downwards, as after 5 cm.
    pub drops: u32,
}

/// In words, without what did not happen.
impl fmt::Display for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.self_collisions, "collision with itself", "collisions with itself"),
            (self.scene_collisions, "collision with the scene", "collisions with the scene"),
            (self.ground_contacts, "contact with the ground", "contacts with the ground"),
            (self.object_contacts, "contact with objects", "contacts with objects"),
            (self.limit_hits, "joint limit hit", "joint limits hit"),
            (self.drops, "drop", "drops"),
        ];
        let mut separator = "";
        for (count, one, many) in counts.into_iter().filter(|(count, ..)| *count > 0) {
            write!(f, "{separator}{count} {}", if count == 1 { one } else { many })?;
            separator = ", ";
        }
        if separator.is_empty() { f.write_str("no incidents") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_only_what_happened() {
        assert_eq!(Events::default().to_string(), "no incidents");
        let events = Events { self_collisions: 1, drops: 3, ..Events::default() };
        assert_eq!(events.to_string(), "1 collision with itself, 3 drops");
    }
}
