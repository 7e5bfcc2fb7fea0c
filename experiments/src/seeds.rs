//! One experiment with several seeds, side by side.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{
    Interrupt, Progress, RunDirectory, TelosError,
    config::Config,
    loops::{self, Outcome, Report},
};

/// Trains `config` once for each of its seeds, in `seed-<n>` directories inside `run`, as many at a
/// time as there are cores; then writes the combined `result.json`.
///
/// # Errors
/// The error of the first seed, in their order, that failed; the others are interrupted, and go on
/// from their checkpoints when the run is resumed.
pub fn train(
    config: &Config,
    run: &RunDirectory,
    interrupt: &Interrupt,
    progress: &Progress,
) -> Result<Outcome, TelosError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = cores.min(config.seeds.len());
    let next = AtomicUsize::new(0);
    let train_next = || {
        let mut finished = Vec::new();
        while let Some((index, &seed)) = take_next(&next, &config.seeds) {
            let outcome = train_seed(config, seed, cores / workers, run, interrupt, progress);
            if outcome.is_err() {
                interrupt.request();
            }
            finished.push((index, outcome));
        }
        finished
    };
    let mut outcomes = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(train_next)).collect();
        let joined = handles.into_iter().map(|handle| handle.join());
        // A panic of one seed is a panic of the command.
        joined
            .flat_map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Vec<_>>()
    });
    outcomes.sort_by_key(|(index, _)| *index);

    let mut reports = Vec::new();
    for (_, outcome) in outcomes {
        match outcome? {
            Outcome::Finished(report) => reports.push(*report),
            Outcome::Interrupted => return Ok(Outcome::Interrupted),
        }
    }
    let report = Report::combine(reports);
    run.write_result(&report)?;
    Ok(Outcome::Finished(Box::new(report)))
}

fn take_next<'a>(next: &AtomicUsize, seeds: &'a [u64]) -> Option<(usize, &'a u64)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    seeds.get(index).map(|seed| (index, seed))
}

fn train_seed(
    config: &Config,
    seed: u64,
    threads: usize,
    run: &RunDirectory,
    interrupt: &Interrupt,
    progress: &Progress,
) -> Result<Outcome, TelosError> {
    let mut one = Config { seed, seeds: Vec::new(), ..config.clone() };
    let nested = run.nested(&format!("seed-{seed}"), &one)?;
    // Side by side, each has its share of the cores; no result depends on it.
    one.env.threads = if config.env.threads == 0 { threads } else { config.env.threads };
    loops::train(&one, &nested, interrupt, &progress.labelled(&format!("seed {seed}")))
}
