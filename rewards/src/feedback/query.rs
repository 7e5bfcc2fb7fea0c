//! A question about two segments.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use telos_envs::{Origin, Segment};

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

/// Two segments to compare.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Query {
    id: QueryId,
    segments: [Segment; 2],
    model_version: u64,
    origins: Option<Box<[Origin; 2]>>,
}

impl Query {
    /// A query about `first` and `second`, chosen under version `model_version` of a reward model.
    pub fn new(first: Segment, second: Segment, model_version: u64) -> Self {
        let id = fingerprint([&first, &second]);
        Self { id, segments: [first, second], model_version, origins: None }
    }

    /// The same query, which can also be shown to people.
    pub fn with_origins(self, origins: Option<[Origin; 2]>) -> Self {
        Self { origins: origins.map(Box::new), ..self }
    }

    /// The query's identity; see [`QueryId`].
    pub fn id(&self) -> QueryId {
        self.id
    }

    /// The two segments, in the order in which they are shown.
    pub fn segments(&self) -> &[Segment; 2] {
        &self.segments
    }

    /// Version of the reward model that chose this pair; 0 before any training.
    pub fn model_version(&self) -> u64 {
        self.model_version
    }

    /// Where the segments come from; `None` when that was not recorded.
    pub fn origins(&self) -> Option<&[Origin; 2]> {
        self.origins.as_deref()
    }
}

/// FNV-1a over every column of both segments. A collision among a million queries has probability
/// below 1e-7.
pub(crate) fn fingerprint(segments: [&Segment; 2]) -> QueryId {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for segment in segments {
        for column in [&segment.obs, &segment.actions, &segment.gold] {
            let length = (column.len() as u64).to_le_bytes();
            let values = column.iter().flat_map(|value| value.to_le_bytes());
            for byte in length.into_iter().chain(values) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
    }
    QueryId(hash)
}
