//! The labelling page: `telos label serve RUN`.
//!
//! A training with `preferences.teacher.kind = "people"` writes its questions to the run directory; this
//! server shows them as pairs of clips and writes what people answer. The two are processes of their own
//! that meet in files alone (see [`people`](telos_rewards::teacher::people)), so either may be absent.
//!
//! Inside the server, the `clerk` is a thread that owns the answer log and all that is known about who
//! has been asked what; the `studio` is a thread that owns an environment and a renderer and draws
//! clips before they are asked for. The `routes` translate between them and browsers.

mod agreement;
mod annotator;
mod body;
mod clerk;
mod clip;
mod desk;
mod export;
mod guard;
mod rate_limit;
mod refusal;
mod routes;
mod server;
mod studio;

pub use annotator::{Annotator, LabelProgress, Pair};
pub use export::{ExportFormat, export};
pub use server::{LabelServer, ServerOptions};
