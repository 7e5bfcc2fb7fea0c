//! A question about segments.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use telos_envs::{Origin, Segment};

use super::{Ask, Order};
use crate::RewardError;

/// Identifies a query by what it shows: two queries with bit-equal segments in the same order have
/// the same id, in this process and in the one that resumes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryId(pub u64);

impl fmt::Display for QueryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// As sixteen hexadecimal digits: JSON readers round larger integers than 2^53.
impl Serialize for QueryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for QueryId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        u64::from_str_radix(&digits, 16).map(Self).map_err(D::Error::custom)
    }
}

/// Segments, and what is asked about them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Query {
    id: QueryId,
    ask: Ask,
    segments: Vec<Segment>,
    model_version: u64,
    origins: Option<Vec<Origin>>,
}

impl Query {
    /// Which of `first` and `second` is better? Chosen under version `model_version` of a reward model.
    pub fn new(first: Segment, second: Segment, model_version: u64) -> Self {
        Self::of(Ask::Comparison, vec![first, second], model_version)
    }

    /// In which order, the best first? Chosen under version `model_version` of a reward model.
    ///
    /// # Panics
    /// When there are more segments than an [`Order`] holds.
    pub fn ranking(segments: Vec<Segment>, model_version: u64) -> Self {
        assert!(segments.len() <= Order::MOST, "a ranking has at most {} segments", Order::MOST);
        Self::of(Ask::Ranking, segments, model_version)
    }

    /// How good, from 1 to `bins`? Chosen under version `model_version` of a reward model.
    pub fn rating(segment: Segment, bins: u8, model_version: u64) -> Self {
        Self::of(Ask::Rating { bins }, vec![segment], model_version)
    }

    pub(super) fn of(ask: Ask, segments: Vec<Segment>, model_version: u64) -> Self {
        Self { id: fingerprint(ask, &segments), ask, segments, model_version, origins: None }
    }

    /// The same query, whose segments can also be looked at: one origin for each.
    pub fn with_origins(self, origins: Option<impl Into<Vec<Origin>>>) -> Self {
        Self { origins: origins.map(Into::into), ..self }
    }

    /// The query's identity; see [`QueryId`].
    pub fn id(&self) -> QueryId {
        self.id
    }

    /// What is asked.
    pub fn ask(&self) -> Ask {
        self.ask
    }

    /// The segments, in the order in which they are shown: two of a comparison, one of a rating.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The two segments of a comparison.
    ///
    /// # Errors
    /// When something else is asked.
    pub fn pair(&self) -> Result<[&Segment; 2], RewardError> {
        match (self.ask, self.segments.as_slice()) {
            (Ask::Comparison, [first, second]) => Ok([first, second]),
            _ => Err(RewardError::Ask { expected: Ask::Comparison, found: self.ask }),
        }
    }

    /// Version of the reward model that chose these segments; 0 before any training.
    pub fn model_version(&self) -> u64 {
        self.model_version
    }

    /// Where the segments come from; `None` when that was not recorded.
    pub fn origins(&self) -> Option<&[Origin]> {
        self.origins.as_deref()
    }
}

/// FNV-1a over every stored column of the segments and over what is asked. A collision among a million
/// queries has probability below 1e-7.
pub(crate) fn fingerprint(ask: Ask, segments: &[Segment]) -> QueryId {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut take = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    match ask {
        Ask::Comparison => {}
        Ask::Ranking => take(1),
        Ask::Rating { bins } => [2, bins].into_iter().for_each(&mut take),
    }
    for segment in segments {
        for column in [&segment.obs, &segment.actions, &segment.gold] {
            let length = (column.len() as u64).to_le_bytes();
            let values = column.iter().flat_map(|value| value.to_le_bytes());
            length.into_iter().chain(values).for_each(&mut take);
        }
    }
    QueryId(hash)
}
