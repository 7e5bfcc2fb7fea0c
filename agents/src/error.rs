//! What can go wrong when policies act and learn.

/// Errors of this crate; the messages say what to change.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// A value of a learner's configuration makes no sense.
    #[error("configuration key `{key}` is {value}; {expected}")]
    Config {
        /// The key, with its section.
        key: &'static str,
        /// The value found.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// An action component has no finite bounds, so no policy knows how large its actions may be.
    #[error(
        "action component {component} of `{env}` is bounded by [{low}, {high}]; give it finite bounds with low < high"
    )]
    UnboundedAction {
        /// Id of the environment.
        env: String,
        /// Index of the component.
        component: usize,
        /// Its lower bound.
        low: f32,
        /// Its upper bound.
        high: f32,
    },
    /// A column of numbers has another length than the batch needs.
    #[error("`{column}` holds {found} numbers, expected {expected}")]
    Length {
        /// The column.
        column: &'static str,
        /// Its length.
        found: usize,
        /// The length that fits.
        expected: usize,
    },
    /// A learner was given a data set without a single transition.
    #[error("the data set holds no transitions; collect some, or keep a larger share of its episodes")]
    NoData,
    /// The reward by which actions are chosen cannot be asked.
    #[error("{0}")]
    Reward(String),
    /// A process that trains together with this one is gone.
    #[error(
        "rank {rank} of {size} ended before the others; its own message says why. Go on from the last checkpoint with --resume"
    )]
    RankLost {
        /// The one that is gone.
        rank: usize,
        /// How many there were.
        size: usize,
    },
    /// The processes of one training do not do the same.
    #[error(
        "rank {rank} sent {found} bytes where this one sent {expected}; start all ranks with one build and one configuration"
    )]
    RanksDisagree {
        /// The other one.
        rank: usize,
        /// What it sent.
        found: usize,
        /// What was expected.
        expected: usize,
    },
    /// An environment cannot be built or copied.
    #[error(transparent)]
    Environment(#[from] telos_envs::EnvError),
    /// A network or an optimiser refused.
    #[error(transparent)]
    Network(#[from] telos_nn::NnError),
}

impl AgentError {
    /// Refuses a column of another length.
    pub(crate) fn check_length(column: &'static str, found: usize, expected: usize) -> Result<(), Self> {
        if found == expected { Ok(()) } else { Err(Self::Length { column, found, expected }) }
    }
}

/// Refuses a configuration value that breaks its rule.
pub(crate) fn require(
    holds: bool,
    key: &'static str,
    value: &dyn std::fmt::Debug,
    expected: &'static str,
) -> Result<(), AgentError> {
    if holds { Ok(()) } else { Err(AgentError::Config { key, value: format!("{value:?}"), expected }) }
}

/// The number of a key that must lie in [0, 1].
pub(crate) fn unit(key: &'static str, value: f32) -> Result<(), AgentError> {
    require((0.0..=1.0).contains(&value), key, &value, "use a number in [0, 1]")
}

/// The number of a key that must be positive.
pub(crate) fn positive(key: &'static str, value: f64) -> Result<(), AgentError> {
    require(value > 0.0 && value.is_finite(), key, &value, "use a positive number")
}

/// The number of a key that must not be negative.
pub(crate) fn not_negative(key: &'static str, value: f32) -> Result<(), AgentError> {
    require(value >= 0.0 && value.is_finite(), key, &value, "use zero or a positive number")
}

/// The count of a key that must be at least 1.
pub(crate) fn at_least_one(key: &'static str, value: usize) -> Result<(), AgentError> {
    require(value > 0, key, &value, "use at least 1")
}

/// The layers of a key, none of which may be empty.
pub(crate) fn layers(key: &'static str, hidden: &[usize]) -> Result<(), AgentError> {
    require(!hidden.contains(&0), key, &hidden, "use at least 1 unit per layer")
}
