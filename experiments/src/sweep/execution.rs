//! `exec`: train one trial of a generation, and publish its result. Everything that any engine ever
//! runs; running it again, or twice at once, changes nothing.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
};

use telos_checkpoint::publish;

use super::{
    attempt::{self, End},
    store::{Store, make_directory},
};
use crate::{
    Interrupt, Progress, TelosError,
    config::Config,
    loops::{self, Outcome},
};

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Execution {
    /// The result was there already.
    WasDone,
    /// The result is published.
    Done,
    /// Stopped on request, after a checkpoint.
    Interrupted,
}

/// Trains trial number `index` of a generation unless its result is there. No more than `threads`
/// threads step its environments; 0 is one for each core.
///
/// # Errors
/// When there is no such trial, the program is another than the one that planned the sweep, the
/// training fails (which the attempt then records), its result differs from one published before,
/// or the system refuses.
pub fn execute(
    store: &Store,
    generation: usize,
    index: usize,
    threads: usize,
    interrupt: &Interrupt,
) -> Result<Execution, TelosError> {
    let id = find(store, generation, index)?;
    if store.result_path(&id).exists() {
        return Ok(Execution::WasDone);
    }
    store.check_program()?;
    let trial = store.trial(&id)?;
    let mut config = Config::read(&store.trial_path(&id).join("config.toml"), &[])?;
    if threads > 0 {
        config.env.threads = threads;
    }
    let begun = attempt::begin(store, &trial, &config)?;
    let training = AssertUnwindSafe(|| loops::train(&config, &begun.run, interrupt, &Progress::quiet()));
    match catch_unwind(training) {
        Ok(Ok(Outcome::Finished(_))) => {}
        Ok(Ok(Outcome::Interrupted)) => {
            begun.end(&End::Interrupted)?;
            return Ok(Execution::Interrupted);
        }
        Ok(Err(error)) => {
            let message = error.to_string();
            let end = if error.refusal().is_some() {
                End::Refused { error: message }
            } else {
                End::Failed { error: message }
            };
            // On a full disk this fails too; the first error is the one to report.
            let _ = begun.end(&end);
            return Err(error);
        }
        Err(panic) => {
            let error = "a fault of telos: the training panicked; see its messages".to_owned();
            begun.end(&End::Failed { error })?;
            std::panic::resume_unwind(panic);
        }
    }
    let path = begun.run.path().join("result.json");
    let bytes = fs::read(&path).map_err(|source| TelosError::io(&path, source))?;
    let published = store.result_path(&id);
    if publish(&published, &bytes)?
        || fs::read(&published).map_err(|source| TelosError::io(&published, source))? == bytes
    {
        begun.end(&End::Done)?;
        return Ok(Execution::Done);
    }
    let duplicate = store.trial_path(&id).join("duplicates").join(format!("{:04}.json", begun.number()));
    make_directory(duplicate.parent().expect("the path has a directory"))?;
    publish(&duplicate, &bytes)?;
    begun.end(&End::Differs)?;
    let reason = format!(
        "differs from {}, which another attempt published before: the training is not deterministic between \
         the machines of these attempts; the first result stays",
        published.display()
    );
    Err(TelosError::run(&duplicate, reason))
}

/// The id of trial number `index`.
fn find(store: &Store, generation: usize, index: usize) -> Result<String, TelosError> {
    let Some(found) = store.generation(generation)? else {
        let reason = format!("has no generation {generation} yet; `telos sweep advance` decides it");
        return Err(TelosError::run(store.path(), reason));
    };
    let count = found.trials().count();
    match found.trials().nth(index) {
        Some(id) => Ok(id.to_owned()),
        None => {
            let reason = format!("generation {generation} has {count} trials, so --index {index} names none");
            Err(TelosError::run(store.path(), reason))
        }
    }
}
