//! What it costs a run to have a judge attached.

mod slow_server;

use std::{path::Path, time::Duration};

use super::measurement::{Measurement, median};
use crate::{TelosError, config::Config, loops::time_steps};

use slow_server::SlowServer;

/// A judge is slow: it thinks this long about each request.
const THINKING: Duration = Duration::from_millis(200);

/// A walker that explores, and more questions about it than the judge can answer meanwhile.
const CONFIG: &str = "
    loop = 'preferences'
    steps = 100000
    [env]
    id = 'walker-walk'
    count = 4
    threads = 1
    [training]
    learning_starts = 1000
    updates_per_step = 0.25
    [sac]
    hidden = [64, 64]
    batch_size = 64
    [preferences]
    budget = 400
    queries_per_session = 400
    unsupervised_steps = 4000
    teacher = { kind = 'judge', endpoint = { url = 'http://127.0.0.1:1/v1', model = 'slow' } }
";

/// Steps that are measured.
const STEPS: std::ops::Range<u64> = 4000..24_000;

/// Environment steps per second of a walker that learns by soft actor-critic, with a judge that looks at
/// pictures of it and without one, and the ratio of the medians. The judge has 400 questions before it and
/// takes 0.2 s for each of the four requests of one.
pub(super) fn measure(rounds: u32) -> Result<Vec<Measurement>, TelosError> {
    let server =
        SlowServer::start(THINKING).map_err(|source| TelosError::io(Path::new("127.0.0.1"), source))?;
    let attached = parse(&[format!("preferences.teacher.endpoint.url={}", server.url())])?;
    // Without a session there is no judge to wait for.
    let alone = parse(&[format!("preferences.unsupervised_steps={}", attached.steps)])?;
    let scratch = std::env::temp_dir().join(format!("telos-bench-judge-{}", std::process::id()));
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..rounds as usize {
        for turn in 0..2 {
            let judged = (round + turn) % 2 == 0;
            let config = if judged { &attached } else { &alone };
            let feedback = scratch.join(format!("{round}-{turn}"));
            times[usize::from(judged)].push(time_steps(config, &feedback, STEPS)?);
        }
    }
    // What cannot be removed lies in the system's scratch directory.
    let _ = std::fs::remove_dir_all(&scratch);
    let [alone, attached] = times.map(|times| (STEPS.end - STEPS.start) as f64 / median(times).as_secs_f64());
    Ok(vec![
        Measurement::new("without a judge", alone, "steps/s"),
        Measurement::new("with a slow judge of pictures", attached, "steps/s"),
        Measurement::new("ratio", attached / alone, ""),
        Measurement::new("requests answered", server.answered() as f64, ""),
    ])
}

fn parse(changes: &[String]) -> Result<Config, TelosError> {
    Ok(Config::parse("bench judge", CONFIG, changes)?)
}
