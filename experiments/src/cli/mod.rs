//! The command line: `telos train|eval|collect|dataset|sweep|watch|label|report|audit|envs|expert|render|vision|bench`.

mod audit;
mod bench;
mod collect;
mod dataset;
mod envs;
mod eval;
mod expert;
mod label;
mod render;
mod report;
mod sweep;
mod train;
mod vision;
mod watch;

use std::{
    io::{IsTerminal, Write},
    panic,
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::{TelosError, error::exit_code};

/// Trains robots from preferences.
///
/// Exit codes: 0 done, 1 a fault of telos, 2 wrong input, 3 interrupted and resumable.
#[derive(Debug, Parser)]
#[command(name = "telos", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs an experiment.
    Train(train::Train),
    /// Evaluates the policy of a run.
    Eval(eval::Eval),
    /// Records what a policy does.
    Collect(collect::Collect),
    /// Looks at recorded data, converts and relabels it.
    Dataset(dataset::Dataset),
    /// Runs many trainings from one file, here or on a cluster.
    Sweep(sweep::Sweep),
    /// Follows runs on the terminal.
    Watch(watch::Watch),
    /// Asks people, on a page in their browser, what a run wants to know.
    Label(label::Label),
    /// Compares runs in one HTML page.
    Report(report::Report),
    /// Measures what a learned reward is worth once it is optimised.
    Audit(audit::Audit),
    /// Lists the environments.
    Envs(envs::Envs),
    /// Plays a task with a scripted expert or a planner.
    Expert(expert::Expert),
    /// Draws an environment.
    Render(render::Render),
    /// Rewards from pictures and sentences.
    Vision(vision::Vision),
    /// Measures speed.
    Bench(bench::Bench),
}

/// Runs the command that the process was started with, and says how to exit.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("TELOS_LOG").unwrap_or_else(|_| "warn".into()),
        )
        .init();
    let outcome = panic::catch_unwind(|| match cli.command {
        Command::Train(train) => train.run(),
        Command::Collect(collect) => collect.run(),
        Command::Dataset(dataset) => dataset.run(),
        Command::Sweep(sweep) => sweep.run(),
        Command::Eval(eval) => eval.run(),
        Command::Watch(watch) => watch.run(),
        Command::Label(label) => label.run(),
        Command::Report(report) => report.run(),
        Command::Audit(audit) => audit.run(),
        Command::Envs(envs) => envs.run(),
        Command::Expert(expert) => expert.run(),
        Command::Render(render) => render.run(),
        Command::Vision(vision) => vision.run(),
        Command::Bench(bench) => bench.run(),
    });
    let code = match outcome {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            let advice = error.advice().map_or(String::new(), |advice| format!("; {advice}"));
            print_note(&format!("error: {error}{advice}"));
            error.exit_code()
        }
        // The panic hook has printed the message and the place.
        Err(_) => {
            print_note(
                "error: this is a fault of telos; please report the message above with your configuration",
            );
            exit_code::FAULT
        }
    };
    ExitCode::from(u8::try_from(code).expect("exit codes are small"))
}

/// Writes to standard error, the place of everything that is not a result.
fn print_note(text: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Writes to standard output, the place of results.
fn print(text: &str) -> Result<(), TelosError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // `telos envs | head` is not an error.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(source) => Err(TelosError::Io { doing: "writing to standard output".into(), source }),
        Ok(()) => Ok(()),
    }
}

/// Writes a value as JSON to standard output.
fn print_json(value: &impl serde::Serialize) -> Result<(), TelosError> {
    let text = serde_json::to_string_pretty(value).expect("what commands print has string keys");
    print(&format!("{text}\n"))
}
