//! What browsers can ask for, and what they are told: the page, and JSON.

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Path as UrlPath, State},
    http::header,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Serialize;
use telos_rewards::feedback::QueryId;

use super::{
    body::{AnswerBody, BODY_LIMIT, Body, NextBody, UndoBody, query_id, token_like},
    clerk::{Ask, ClerkLine, Reply},
    clip::Layout,
    desk::{Progress, Question},
    guard::{Guard, guard},
    refusal::Refusal,
    studio::StudioLine,
};

/// Questions that a page may hold at once: the one it shows and those it has loaded ahead.
const HELD: usize = 16;

/// What a page is told once.
#[derive(Debug)]
pub(super) struct RunFacts {
    pub(super) env: String,
    pub(super) task: String,
    pub(super) dt: f32,
    pub(super) budget: usize,
    pub(super) agreement: u32,
}

/// What every request may use.
#[derive(Clone)]
pub(super) struct App {
    pub(super) guard: Arc<Guard>,
    pub(super) clerk: ClerkLine,
    pub(super) studio: StudioLine,
    pub(super) facts: Arc<RunFacts>,
}

/// All addresses.
pub(super) fn router(app: App) -> Router {
    Router::new()
        .route("/", get(|| async { page("text/html; charset=utf-8", include_str!("page/label.html")) }))
        .route(
            "/label.css",
            get(|| async { page("text/css; charset=utf-8", include_str!("page/label.css")) }),
        )
        .route(
            "/label.js",
            get(|| async { page("text/javascript; charset=utf-8", include_str!("page/label.js")) }),
        )
        .route(
            "/clips.js",
            get(|| async { page("text/javascript; charset=utf-8", include_str!("page/clips.js")) }),
        )
        .route("/api/progress", get(progress))
        .route("/api/next", post(next))
        .route("/api/answer", post(answer))
        .route("/api/undo", post(undo))
        .route("/api/clip/{query}/{side}", get(clip))
        .fallback(|| async { Refusal::NotFound })
        .method_not_allowed_fallback(|| async { Refusal::NotFound })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(app.clone(), guard))
        .with_state(app)
}

fn page(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}

#[derive(Serialize)]
struct Status<'a> {
    env: &'a str,
    task: &'a str,
    /// Questions of the whole run, those asked so far, and those of them that are decided.
    budget: usize,
    asked: usize,
    answered: usize,
    annotators: Vec<Annotator>,
    /// People who are to answer each query.
    agreement: u32,
    kappa: Option<f64>,
    /// Answers that the kappa compares.
    compared: usize,
}

#[derive(Serialize)]
struct Annotator {
    name: String,
    answers: usize,
}

#[derive(Serialize)]
struct Shown {
    query: QueryId,
    clips: [Layout; 2],
}

impl App {
    fn status(&self, progress: Progress) -> Status<'_> {
        let RunFacts { env, task, budget, agreement, .. } = &*self.facts;
        let Progress { asked, answered, annotators, kappa } = progress;
        Status {
            env,
            task,
            budget: *budget,
            asked,
            answered,
            annotators: annotators.into_iter().map(|(name, answers)| Annotator { name, answers }).collect(),
            agreement: *agreement,
            kappa: kappa.map(|(kappa, _)| kappa),
            compared: kappa.map_or(0, |(_, compared)| compared),
        }
    }
}

async fn progress(State(app): State<App>) -> Result<Response, Refusal> {
    match app.clerk.ask(Ask::Progress).await? {
        Reply::Progress(progress) => Ok(json(&app.status(progress))),
        other => Err(unexpected(&other)),
    }
}

async fn next(State(app): State<App>, Body(body): Body<NextBody>) -> Result<Response, Refusal> {
    let who = body.who.check()?;
    if !(1..=HELD).contains(&body.count) {
        return Err(Refusal::OutOfRange(format!("count: 1 to {HELD}")));
    }
    match app.clerk.ask(Ask::Next { who, count: body.count }).await? {
        Reply::Next { questions, upcoming, progress } => {
            let show = |question: &Question| Shown {
                query: question.query,
                clips: question.steps.map(|steps| Layout::of(steps, app.facts.dt)),
            };
            let queries: Vec<Shown> = questions.iter().map(show).collect();
            app.studio.draw_ahead(questions.into_iter().chain(upcoming).collect());
            Ok(json(&serde_json::json!({ "queries": queries, "status": app.status(progress) })))
        }
        other => Err(unexpected(&other)),
    }
}

async fn answer(State(app): State<App>, Body(body): Body<AnswerBody>) -> Result<Response, Refusal> {
    let AnswerBody { who, query, choice, latency_ms, key } = body;
    token_like("key", &key)?;
    let (who, query) = (who.check()?, query_id(&query)?);
    // A page that was left open over night says nothing about how hard a question was.
    let latency_ms = latency_ms.min(86_400_000);
    match app.clerk.ask(Ask::Answer { who, query, choice: choice.into(), latency_ms, key }).await? {
        Reply::Answered(progress) => Ok(json(&serde_json::json!({ "status": app.status(progress) }))),
        other => Err(unexpected(&other)),
    }
}

async fn undo(State(app): State<App>, Body(body): Body<UndoBody>) -> Result<Response, Refusal> {
    let who = body.who.check()?;
    let query = body.query.as_deref().map(query_id).transpose()?;
    match app.clerk.ask(Ask::Undo { who, query }).await? {
        Reply::Undone(query, progress) => {
            Ok(json(&serde_json::json!({ "query": query, "status": app.status(progress) })))
        }
        other => Err(unexpected(&other)),
    }
}

async fn clip(
    State(app): State<App>,
    UrlPath((query, side)): UrlPath<(String, String)>,
) -> Result<Response, Refusal> {
    let query = query_id(&query)?;
    let side = match side.as_str() {
        "0" => 0,
        "1" => 1,
        _ => return Err(Refusal::NotFound),
    };
    match app.clerk.ask(Ask::Find { query }).await? {
        Reply::Found(question) => {
            let png = app.studio.draw(question, side).await?;
            // What a query shows follows from its id, so a browser may keep it for as long as it likes.
            let cache = "private, max-age=86400, immutable";
            Ok(([(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, cache)], png).into_response())
        }
        other => Err(unexpected(&other)),
    }
}

fn json(value: &impl Serialize) -> Response {
    let text = serde_json::to_string(value).expect("what pages are told has string keys");
    let kind = (header::CONTENT_TYPE, "application/json");
    ([kind, (header::CACHE_CONTROL, "no-store")], text).into_response()
}

fn unexpected(reply: &Reply) -> Refusal {
    Refusal::Malformed(format!("the clerk said {reply:?}, which nobody asked"))
}
