//! What browsers send, read from JSON and checked.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use serde::{Deserialize, de::DeserializeOwned};
use telos_rewards::feedback::{Choice, QueryId};

use super::{desk::Who, refusal::Refusal, routes::App};

/// Bytes of a request, at most.
pub(super) const BODY_LIMIT: usize = 4096;
/// Letters of a name.
const NAME_LIMIT: usize = 40;

/// A request's body, read from JSON.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refusal> {
        let patience = Duration::from_secs(10);
        let bytes = tokio::time::timeout(patience, Bytes::from_request(request, app))
            .await
            .map_err(|_| Refusal::Malformed("the request did not arrive in time".into()))?
            .map_err(|_| Refusal::TooLarge(BODY_LIMIT))?;
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| Refusal::Malformed(error.to_string()))?;
        T::deserialize(value).map(Body).map_err(|error| Refusal::OutOfRange(error.to_string()))
    }
}

/// Who asks: a person's name, and a number that the page has made up for itself.
#[derive(Deserialize)]
pub(super) struct WhoAsks {
    annotator: String,
    client: String,
}

impl WhoAsks {
    pub(super) fn check(self) -> Result<Who, Refusal> {
        let annotator = self.annotator.trim().to_owned();
        let letters = annotator.chars().count();
        if letters == 0 || letters > NAME_LIMIT || annotator.chars().any(char::is_control) {
            return Err(Refusal::OutOfRange(format!("annotator: a name has 1 to {NAME_LIMIT} letters")));
        }
        token_like("client", &self.client)?;
        Ok(Who { annotator, client: self.client })
    }
}

/// Checks a short string that a page has made up.
pub(super) fn token_like(name: &str, text: &str) -> Result<(), Refusal> {
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(()) } else { Err(Refusal::OutOfRange(format!("{name}: 1 to 64 ASCII signs"))) }
}

/// A query's id, as it stands in addresses and bodies.
pub(super) fn query_id(text: &str) -> Result<QueryId, Refusal> {
    let known = (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok()).flatten();
    known.map(QueryId).ok_or_else(|| Refusal::UnknownQuery(text.chars().take(32).collect()))
}

/// A wish for questions.
#[derive(Deserialize)]
pub(super) struct NextBody {
    #[serde(flatten)]
    pub(super) who: WhoAsks,
    pub(super) count: usize,
}

/// What can be said about a pair.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PairChoice {
    First,
    Second,
    Equal,
    Skip,
}

impl From<PairChoice> for Choice {
    fn from(choice: PairChoice) -> Self {
        match choice {
            PairChoice::First => Self::First,
            PairChoice::Second => Self::Second,
            PairChoice::Equal => Self::Equal,
            PairChoice::Skip => Self::Skip,
        }
    }
}

/// An answer.
#[derive(Deserialize)]
pub(super) struct AnswerBody {
    #[serde(flatten)]
    pub(super) who: WhoAsks,
    pub(super) query: String,
    pub(super) choice: PairChoice,
    /// Milliseconds since the question was shown.
    pub(super) latency_ms: u64,
    pub(super) key: String,
}

/// A change of mind.
#[derive(Deserialize)]
pub(super) struct UndoBody {
    #[serde(flatten)]
    pub(super) who: WhoAsks,
    pub(super) query: Option<String>,
}
