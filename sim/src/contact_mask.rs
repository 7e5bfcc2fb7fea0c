//! Pairs of geoms that pass through each other in one world.

use rapier3d::prelude::ActiveHooks;
use serde::{Deserialize, Serialize};

use crate::{BodyId, GeomId, Model, World, physics::Physics};

/// Pairs of places among the geoms, each in order, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ContactMask {
    pairs: Vec<(u32, u32)>,
}

impl ContactMask {
    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    pub(crate) fn contains(&self, geom1: GeomId, geom2: GeomId) -> bool {
        self.pairs.binary_search(&ordered(geom1, geom2)).is_ok()
    }

    fn set(&mut self, geom1: GeomId, geom2: GeomId, masked: bool) {
        let pair = ordered(geom1, geom2);
        match (self.pairs.binary_search(&pair), masked) {
            (Err(place), true) => self.pairs.insert(place, pair),
            (Ok(place), false) => _ = self.pairs.remove(place),
            _ => {}
        }
    }

    /// Whether all pairs are of geoms of the model.
    pub(crate) fn fits(&self, model: &Model) -> bool {
        self.pairs.iter().all(|(_, last)| (*last as usize) < model.geoms.len())
    }

    /// Has rapier ask about the colliders of the masked pairs. Asking about others changes nothing, so
    /// it is never revoked.
    pub(crate) fn watch(&self, model: &Model, physics: &mut Physics) {
        for geom in self.pairs.iter().flat_map(|(geom1, geom2)| [*geom1, *geom2]) {
            if let Some(collider) = model.geoms[geom as usize].collider {
                let collider = &mut physics.colliders[collider];
                if !collider.active_hooks().contains(ActiveHooks::FILTER_CONTACT_PAIRS) {
                    collider.set_active_hooks(ActiveHooks::FILTER_CONTACT_PAIRS);
                }
            }
        }
    }
}

fn ordered(geom1: GeomId, geom2: GeomId) -> (u32, u32) {
    let (geom1, geom2) = (geom1.0 as u32, geom2.0 as u32);
    (geom1.min(geom2), geom1.max(geom2))
}

impl World {
    /// Lets two geoms touch or pass through each other, from the next step on and also after
    /// [`reset`](Self::reset). Pairs that the model excludes never touch.
    pub fn set_contact(&mut self, geom1: GeomId, geom2: GeomId, enabled: bool) {
        self.mask.set(geom1, geom2, !enabled);
        self.mask.watch(&self.model, &mut self.physics);
    }

    /// As [`set_contact`](Self::set_contact), for every geom of one body and every geom of the other.
    pub fn set_body_contact(&mut self, body1: BodyId, body2: BodyId, enabled: bool) {
        let model = &self.model.clone();
        let of = |body| model.geoms().filter(move |geom| model.geom_body(*geom) == body);
        for geom1 in of(body1) {
            for geom2 in of(body2) {
                self.set_contact(geom1, geom2, enabled);
            }
        }
    }

    /// Whether [`set_contact`](Self::set_contact) allows two geoms to touch; true unless told otherwise.
    pub fn contact_enabled(&self, geom1: GeomId, geom2: GeomId) -> bool {
        !self.mask.contains(geom1, geom2)
    }
}
