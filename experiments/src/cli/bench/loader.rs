//! Batches per second out of a dataset.

use std::{path::Path, sync::Arc, time::Duration};

use telos_envs::dataset::{BatchSource, Chunks, Dataset, Loader, Transitions};

use super::measurement::{Measurement, medians};
use crate::TelosError;

/// Rows of a batch of transitions, as offline learners take them.
const TRANSITIONS: usize = 256;
/// Rows and steps of a batch of chunks, as a diffusion policy takes them.
const CHUNKS: (usize, usize) = (64, 16);
/// Batches per round.
const BATCHES: u32 = 500;

/// Batches per second of transitions and of chunks, drawn on the calling thread and by one beside it.
pub(super) fn measure(path: &Path, rounds: u32) -> Result<Vec<Measurement>, TelosError> {
    let dataset = Arc::new(Dataset::open(path)?);
    let mut measurements = Vec::new();
    for depth in [0, 4] {
        let how = if depth == 0 { "when asked" } else { "ahead" };
        let transitions = Transitions::new(Arc::clone(&dataset), TRANSITIONS, 0);
        let chunks = Chunks::new(Arc::clone(&dataset), CHUNKS.0, CHUNKS.1, 0);
        for (name, time) in [
            (format!("{TRANSITIONS} transitions, {how}"), time(transitions, depth, rounds)?),
            (format!("{} chunks of {} steps, {how}", CHUNKS.0, CHUNKS.1), time(chunks, depth, rounds)?),
        ] {
            measurements.push(Measurement::new(name, f64::from(BATCHES) / time.as_secs_f64(), "batches/s"));
        }
    }
    Ok(measurements)
}

/// Median time of a round.
fn time(source: impl BatchSource, depth: usize, rounds: u32) -> Result<Duration, TelosError> {
    let mut loader = Loader::new(source, depth);
    // Starts the thread, if there will be one, so that it cannot be refused later.
    loader.next_batch()?;
    let mut failure = None;
    let [time] = medians(
        rounds,
        [&mut || {
            for _ in 0..BATCHES {
                failure = failure.take().or(loader.next_batch().err());
            }
        }],
    );
    failure.map_or(Ok(time), |error| Err(error.into()))
}
