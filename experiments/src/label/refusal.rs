//! Why a request was refused, as a status and a reason.

use axum::{
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use telos_rewards::feedback::{Choice, QueryId};

/// A refused request. Nothing was changed by it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("this run never asked query {0}")]
    UnknownQuery(String),
    #[error("query {0} has been answered already")]
    Answered(QueryId),
    #[error("you have answered query {0} already, with {1:?}")]
    AnsweredByYou(QueryId, Choice),
    #[error("somebody else is looking at query {0} just now")]
    Leased(QueryId),
    #[error("query {0} was answered by somebody else; only they can undo that")]
    NotYours(QueryId),
    #[error("there is no answer of yours to undo")]
    NothingToUndo,
    #[error("the robot has learned from your answer to query {0} already")]
    Learned(QueryId),
    #[error("the clips of query {0} cannot be drawn: {1}")]
    NotDrawable(QueryId, String),
    #[error("{0}")]
    Malformed(String),
    #[error("{0}")]
    OutOfRange(String),
    #[error("a request is JSON: send it with Content-Type: application/json")]
    NotJson,
    #[error("the request is larger than {0} bytes")]
    TooLarge(usize),
    #[error("too many requests; wait a second")]
    TooFast,
    #[error("this page answers only its own requests, not those of another site")]
    CrossSite,
    #[error("the token is missing or wrong; open the address that `telos label serve` printed")]
    Token,
    #[error("there is nothing at this address")]
    NotFound,
    #[error("the answer could not be stored: {0}")]
    Storage(String),
    #[error("the server is stopping")]
    Stopping,
}

impl Refusal {
    /// The HTTP status, and a word for programs.
    fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::UnknownQuery(_) => (StatusCode::NOT_FOUND, "unknown_query"),
            Self::Answered(_) => (StatusCode::CONFLICT, "answered"),
            Self::AnsweredByYou(..) => (StatusCode::CONFLICT, "answered_by_you"),
            Self::Leased(_) => (StatusCode::CONFLICT, "leased"),
            Self::NotYours(_) => (StatusCode::FORBIDDEN, "not_yours"),
            Self::NothingToUndo => (StatusCode::CONFLICT, "nothing_to_undo"),
            Self::Learned(_) => (StatusCode::CONFLICT, "learned"),
            Self::NotDrawable(..) => (StatusCode::INTERNAL_SERVER_ERROR, "not_drawable"),
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed"),
            Self::OutOfRange(_) => (StatusCode::UNPROCESSABLE_ENTITY, "out_of_range"),
            Self::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::TooFast => (StatusCode::TOO_MANY_REQUESTS, "too_fast"),
            Self::CrossSite => (StatusCode::FORBIDDEN, "cross_site"),
            Self::Token => (StatusCode::UNAUTHORIZED, "token"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::Storage(_) => (StatusCode::INSUFFICIENT_STORAGE, "storage"),
            Self::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, reason) = self.status();
        let body = serde_json::json!({ "error": reason, "message": self.to_string() });
        (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    }
}
