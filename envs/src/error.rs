//! What can go wrong when environments are built.

/// Errors of this crate; the messages say what to change.
#[derive(Debug, thiserror::Error)]
pub enum EnvError {
    /// No task has this id.
    #[error("unknown environment `{id}`{}; known: {known}", suggestion(.nearest))]
    UnknownId {
        /// The id that was asked for.
        id: String,
        /// The most similar id, if one is similar enough to have been meant.
        nearest: Option<String>,
        /// All ids, separated by commas.
        known: String,
    },
    /// A count that must be positive is zero.
    #[error("the number of {what} is 0; use at least 1")]
    Zero {
        /// What is counted.
        what: &'static str,
    },
    /// A store of trajectories has no such segment.
    #[error("episode {episode} {reason}")]
    NoSegment {
        /// Number of the episode, from 0 in the order in which episodes began.
        episode: u64,
        /// What became of it.
        reason: String,
    },
    /// The environments of one vector do not agree about their spaces or names.
    #[error(
        "environment {index} (`{id}`) has another spec than environment 0 (`{expected}`); build all from one constructor"
    )]
    MixedSpecs {
        /// Place in the vector.
        index: usize,
        /// Id of the one that differs.
        id: String,
        /// Id of the first.
        expected: String,
    },
    /// A spec contradicts itself.
    #[error("the spec of `{id}` is wrong: {reason}")]
    BadSpec {
        /// Id of the environment.
        id: String,
        /// What is wrong and how to put it right.
        reason: String,
    },
    /// Actions have another size than the environments ask for.
    #[error("`{id}` was given {found} numbers as actions, but takes {expected}")]
    ActionSize {
        /// Id of the environment.
        id: String,
        /// Numbers given.
        found: usize,
        /// Numbers needed: the size of the action space, times the number of environments.
        expected: usize,
    },
    /// A setting of a wrapper is outside of its range.
    #[error("`{key}` is {value}, but {reason}")]
    Config {
        /// Name of the setting.
        key: &'static str,
        /// Its value.
        value: String,
        /// What would be right.
        reason: String,
    },
    /// Physics of an environment that has none should change.
    #[error("`{id}` has no simulated robot; only `latency` and `observation_noise` can be randomised")]
    NotSimulated {
        /// Id of the environment.
        id: String,
    },
    /// An environment cannot take over the state of another one.
    #[error("`{id}` cannot branch from `{other}`: {reason}")]
    Branch {
        /// Id of the environment that should change.
        id: String,
        /// Id of the environment that it should become.
        other: String,
        /// What does not fit.
        reason: String,
    },
    /// A robot could not be built.
    #[error(transparent)]
    Sim(#[from] telos_sim::SimError),
    /// The operating system refused a thread.
    #[error("cannot start rollout thread {index}: {source}; use fewer threads")]
    Thread {
        /// Number of the thread.
        index: usize,
        /// What the system said.
        source: std::io::Error,
    },
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |id| format!("; did you mean `{id}`?"))
}
