//! The HTTP side: what browsers ask, as JSON, and the page that asks it.

use std::{
    future::IntoFuture, net::SocketAddr, path::PathBuf, pin::pin, sync::Arc, thread::JoinHandle,
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, Path as UrlPath, Request, State},
    http::header,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use telos_rewards::{
    feedback::{Choice, QueryId},
    teacher::people,
};
use tokio::net::TcpListener;

use super::{
    clerk::{Ask, Clerk, ClerkLine, Reply},
    clip::{ClipArtist, Layout},
    desk::{Progress, Question, Who},
    guard::{Guard, guard},
    refusal::Refusal,
    studio::{Studio, StudioLine},
};
use crate::{Interrupt, RunDirectory, TelosError};

/// Bytes of a request, at most.
const BODY_LIMIT: usize = 4096;
/// Letters of a name.
const NAME_LIMIT: usize = 40;
/// Questions that a page may hold at once: the one it shows and those it has loaded ahead.
const HELD: usize = 16;
/// How often an interrupt is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Characters of a token.
const TOKEN_LENGTH: usize = 16;

/// How to serve.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Where to listen. Default 127.0.0.1:7878.
    pub address: SocketAddr,
    /// What every request must bring; required unless the address is a loopback one. Default none.
    pub token: Option<String>,
    /// People who are to answer each query. Default 1.
    pub agreement: u32,
    /// How long a page keeps questions that it does not answer. Default 2 minutes.
    pub lease: Duration,
    /// Requests per second and address, twice as many at once. Default 200.
    pub requests_per_second: f64,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 7878)),
            token: None,
            agreement: 1,
            lease: Duration::from_secs(120),
            requests_per_second: 200.0,
        }
    }
}

impl ServerOptions {
    fn check(&self) -> Result<(), TelosError> {
        let refuse = |reason: String| Err(TelosError::Usage(reason));
        match &self.token {
            None if !self.address.ip().is_loopback() => refuse(format!(
                "--bind {}: whoever reaches this address could answer; give a --token of at least {TOKEN_LENGTH} \
                 characters",
                self.address
            )),
            Some(token)
                if token.len() < TOKEN_LENGTH || !token.bytes().all(|byte| byte.is_ascii_graphic()) =>
            {
                refuse(format!(
                    "--token: must have at least {TOKEN_LENGTH} characters, all of them ASCII letters, digits or \
                     signs"
                ))
            }
            _ if self.agreement == 0 => refuse("--annotator-agreement: must be at least 1 person".into()),
            _ => Ok(()),
        }
    }
}

/// What a page is told once.
#[derive(Debug)]
struct RunFacts {
    env: String,
    task: String,
    dt: f32,
    budget: usize,
    agreement: u32,
}

/// What every request may use.
#[derive(Clone)]
pub(super) struct App {
    pub(super) guard: Arc<Guard>,
    clerk: ClerkLine,
    studio: StudioLine,
    facts: Arc<RunFacts>,
}

/// A server that listens and has not begun to serve.
pub struct LabelServer {
    listener: std::net::TcpListener,
    app: App,
    threads: [JoinHandle<()>; 2],
}

impl LabelServer {
    /// Takes the labelling of `run` and the address.
    ///
    /// # Errors
    /// When the options contradict each other, the run asks nobody or cannot be drawn, another server has
    /// it already, a file is damaged, or the address is taken.
    pub fn bind(run: &RunDirectory, options: &ServerOptions) -> Result<Self, TelosError> {
        options.check()?;
        let people = people_of(run)?;
        let config = run.config();
        let env = config.env.make()?;
        let facts = RunFacts {
            env: env.spec().id.clone(),
            task: env.spec().task.clone(),
            dt: env.spec().dt,
            budget: config.preferences.budget,
            agreement: options.agreement,
        };
        let artist = ClipArtist::new(env, config.seed)?;
        let (clerk, clerk_thread) = Clerk::start(&people, options.agreement, options.lease)?;
        let (studio, studio_thread) = Studio::start(&people, artist)?;
        let taken = |source| TelosError::Usage(format!("--bind {}: {source}", options.address));
        let listener = std::net::TcpListener::bind(options.address).map_err(taken)?;
        let address = listener.local_addr().map_err(taken)?;
        let guard = Guard::new(options.token.as_deref(), address, options.requests_per_second);
        let app = App { guard: Arc::new(guard), clerk, studio, facts: Arc::new(facts) };
        Ok(Self { listener, app, threads: [clerk_thread, studio_thread] })
    }

    /// Where the server listens: with port 0 in the options, the system has chosen one.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> Result<SocketAddr, TelosError> {
        self.listener.local_addr().map_err(listening)
    }

    /// Serves until `interrupt` is requested.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn run(self, interrupt: &Interrupt) -> Result<(), TelosError> {
        let Self { listener, app, threads } = self;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(listening)?;
        let interrupt = interrupt.clone();
        let served = runtime.block_on(async move {
            listener.set_nonblocking(true)?;
            let listener = TcpListener::from_std(listener)?;
            let service = router(app).into_make_service_with_connect_info::<SocketAddr>();
            let mut server = pin!(axum::serve(listener, service).into_future());
            // Whatever was acknowledged is durable, so open connections need not be waited for.
            while !interrupt.is_requested() {
                if let Ok(ended) = tokio::time::timeout(LOOK_EVERY, &mut server).await {
                    return ended;
                }
            }
            Ok(())
        });
        drop(runtime);
        for thread in threads {
            // A panic of either thread is a panic of the command.
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        served.map_err(listening)
    }
}

fn listening(source: std::io::Error) -> TelosError {
    TelosError::Io { doing: "serving the labelling page".into(), source }
}

/// The directory of people's questions and answers in a run.
pub(super) fn people_of(run: &RunDirectory) -> Result<PathBuf, TelosError> {
    if let [seed, ..] = run.config().seeds[..] {
        let reason = format!("holds a run for each of several seeds; name one, such as seed-{seed}");
        return Err(TelosError::run(run.path(), reason));
    }
    let people = people::directory(&run.feedback());
    if people.is_dir() {
        return Ok(people);
    }
    let reason = "asks nobody: give its configuration preferences.teacher = { kind = \"people\" } and start the \
                  training first";
    Err(TelosError::run(run.path(), reason))
}

fn router(app: App) -> Router {
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

/// A request's body, read from JSON.
struct Body<T>(T);

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
struct WhoAsks {
    annotator: String,
    client: String,
}

impl WhoAsks {
    fn check(self) -> Result<Who, Refusal> {
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
fn token_like(name: &str, text: &str) -> Result<(), Refusal> {
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(()) } else { Err(Refusal::OutOfRange(format!("{name}: 1 to 64 ASCII signs"))) }
}

fn query_id(text: &str) -> Result<QueryId, Refusal> {
    let known = (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok()).flatten();
    known.map(QueryId).ok_or_else(|| Refusal::UnknownQuery(text.chars().take(32).collect()))
}

#[derive(Deserialize)]
struct NextBody {
    #[serde(flatten)]
    who: WhoAsks,
    count: usize,
}

#[derive(Deserialize)]
struct AnswerBody {
    #[serde(flatten)]
    who: WhoAsks,
    query: String,
    choice: Choice,
    /// Milliseconds since the question was shown.
    latency_ms: u64,
    key: String,
}

#[derive(Deserialize)]
struct UndoBody {
    #[serde(flatten)]
    who: WhoAsks,
    query: Option<String>,
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
    if matches!(choice, Choice::Ranking(_) | Choice::Rating(_)) {
        return Err(Refusal::OutOfRange(format!("{choice:?} is no answer to a question about two clips")));
    }
    // A page that was left open over night says nothing about how hard a question was.
    let latency_ms = latency_ms.min(86_400_000);
    match app.clerk.ask(Ask::Answer { who, query, choice, latency_ms, key }).await? {
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
