//! Short animations of policies, inside the page.

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{
    RunDirectory,
    loops::{EvaluationPlan, preview_run},
    number::number,
    run_record::RunRecord,
};

use super::comparison::{Comparison, GroupResult, RETURN};

/// An animated picture with what it shows.
#[derive(Clone, Debug)]
pub(super) struct Clip {
    /// What it shows.
    pub(super) caption: String,
    /// A GIF file.
    pub(super) gif: Vec<u8>,
}

/// The policy of a typical run of each group, at its latest checkpoint; `warnings` says which could
/// not be filmed.
pub(super) fn clips(comparison: &Comparison, warnings: &mut Vec<String>) -> Vec<Clip> {
    let mut clips = Vec::new();
    for one in comparison.shown() {
        let Some((run, last)) = typical(one) else { continue };
        let film = RunDirectory::open(&run.path)
            .and_then(|directory| preview_run(&directory, EvaluationPlan::of(directory.config())));
        match film {
            Ok(gif) => {
                let (label, seed) = (&one.group.label, run.config.seed);
                let caption = format!("{label}, seed {seed}, whose last return was {}", number(last));
                clips.push(Clip { caption, gif });
            }
            Err(error) => warnings.push(format!("{}: not filmed: {error}", run.name)),
        }
    }
    clips
}

/// The finished run whose last return is nearest to the interquartile mean.
fn typical(one: &GroupResult) -> Option<(&RunRecord, f64)> {
    let iqm = one.reached.as_ref()?.iqm;
    let last = |run: &RunRecord| run.metrics.latest(RETURN);
    let runs = one.group.finished();
    let runs = runs.filter_map(|run| Some((run, last(run)?)));
    runs.min_by(|a, b| (a.1 - iqm).abs().total_cmp(&(b.1 - iqm).abs()))
}

impl Clip {
    /// The picture as an address that holds it.
    pub(super) fn data_uri(&self) -> String {
        data_uri("image/gif", &self.gif)
    }
}

/// A file of this media type as an address that holds it.
pub(crate) fn data_uri(media_type: &str, bytes: &[u8]) -> String {
    format!("data:{media_type};base64,{}", BASE64_STANDARD.encode(bytes))
}
