//! The order of a ranking.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Positions of the shown segments, from 0, the best first; at most [`Order::MOST`] of them, which is more
/// than anybody ranks with care.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct Order {
    places: [u8; Self::MOST],
    len: u8,
}

impl Order {
    /// Segments that one ranking can hold.
    pub const MOST: usize = 8;

    /// The positions.
    pub fn places(&self) -> &[u8] {
        &self.places[..usize::from(self.len)]
    }

    /// Whether each of `shown` segments is named once.
    pub(super) fn is_of(&self, shown: usize) -> bool {
        let mut places = self.places().to_vec();
        places.sort_unstable();
        places.into_iter().map(usize::from).eq(0..shown)
    }
}

impl TryFrom<Vec<u8>> for Order {
    type Error = String;

    fn try_from(found: Vec<u8>) -> Result<Self, String> {
        let mut order = Self { len: found.len() as u8, ..Self::default() };
        match order.places.get_mut(..found.len()) {
            Some(places) => places.copy_from_slice(&found),
            None => {
                return Err(format!("a ranking has at most {} segments, found {}", Self::MOST, found.len()));
            }
        }
        Ok(order)
    }
}

impl From<Order> for Vec<u8> {
    fn from(order: Order) -> Self {
        order.places().to_vec()
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.places().fmt(f)
    }
}
