//! The binary `telos-viewer`.

use std::process::ExitCode;

use clap::Parser;
use telos_viewer::{Options, run};

fn main() -> ExitCode {
    let level = tracing_subscriber::EnvFilter::try_from_env("TELOS_LOG")
        .unwrap_or_else(|_| "error,telos=warn,telos_viewer=info".into());
    tracing_subscriber::fmt().with_env_filter(level).with_target(false).with_writer(std::io::stderr).init();
    ExitCode::from(run(&Options::parse()) as u8)
}
