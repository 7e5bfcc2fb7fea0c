//! `telos label`: people's preferences.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand};
use telos_checkpoint::atomic_write;

use super::print;
use crate::{
    Interrupt, RunDirectory, TelosError,
    error::exit_code,
    label::{self, ExportFormat, LabelServer, ServerOptions},
};

/// Asks people, on a page in their browser, what a run wants to know.
#[derive(Debug, Args)]
pub(super) struct Label {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Serves the labelling page of a run, whether or not it is being trained just now.
    Serve {
        /// The run directory.
        run: PathBuf,
        /// Where to listen; addresses beyond this machine need a --token.
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7878")]
        bind: SocketAddr,
        /// What a browser must bring, at least 16 characters.
        #[arg(long)]
        token: Option<String>,
        /// People who are to answer each question; with more than one, their agreement is shown.
        #[arg(long, value_name = "N", default_value_t = 1)]
        annotator_agreement: u32,
    },
    /// Writes all answers as a table.
    Export {
        /// The run directory.
        run: PathBuf,
        /// How to write it.
        #[arg(long, value_enum, default_value_t)]
        format: ExportFormat,
        /// The file to write [default: standard output].
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

impl Label {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        match self.action {
            Action::Serve { run, bind, token, annotator_agreement } => {
                let run = RunDirectory::open(&run)?;
                let options = ServerOptions {
                    address: bind,
                    token,
                    agreement: annotator_agreement,
                    ..ServerOptions::default()
                };
                let interrupt = Interrupt::listen()?;
                let server = LabelServer::bind(&run, &options)?;
                // Behind the #, a token stays in the browser: it is in no request line and no log.
                let token = options.token.map(|token| format!("#token={token}")).unwrap_or_default();
                print(&format!("labelling page: http://{}/{token}\n", server.address()?))?;
                server.run(&interrupt)?;
            }
            Action::Export { run, format, out } => {
                let table = label::export(&RunDirectory::open(&run)?, format)?;
                match out {
                    Some(out) => atomic_write(&out, table.as_bytes())?,
                    None => print(&table)?,
                }
            }
        }
        Ok(exit_code::DONE)
    }
}
