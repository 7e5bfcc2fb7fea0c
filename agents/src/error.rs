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
