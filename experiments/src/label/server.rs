//! A server: how it is asked for, what it needs of a run, how it starts and stops.

use std::{
    future::IntoFuture, net::SocketAddr, path::PathBuf, pin::pin, sync::Arc, thread::JoinHandle,
    time::Duration,
};

use telos_rewards::teacher::people;
use tokio::net::TcpListener;

use super::{
    clerk::Clerk,
    clip::ClipArtist,
    guard::Guard,
    routes::{App, RunFacts, router},
    studio::Studio,
};
use crate::{Interrupt, RunDirectory, TelosError};

/// How often an interrupt is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Characters of a token, at least.
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
