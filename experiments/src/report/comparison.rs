//! The numbers of one task: what each group reached, and which is better.

use std::collections::BTreeMap;

use crate::statistics::{
    Bootstrap, LastAndBest, Scores, cumulative_regret, interquartile_mean, mean, seed_warning,
};

use super::{
    curve::Curve,
    figure::SERIES,
    group::{Group, TaskGroups},
    improvement::{Improvement, improvements},
};

/// The metric that runs are compared by.
pub(super) const RETURN: &str = "eval/gold_return";

/// The groups of one task with their statistics.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    /// Environment id.
    pub(super) env: String,
    /// In the order in which their runs were given, or the best first when there are too many to show.
    pub(super) groups: Vec<GroupResult>,
    /// Mean return of uniformly random actions over the seeds of the first group that evaluated them.
    pub(super) random: Option<f64>,
    /// The return that regret is measured against: the highest mean of any group.
    pub(super) reference: Option<f64>,
    /// For each pair of [`shown`](Self::shown) groups with scores: how probably the first beats the second.
    pub(super) improvements: Vec<Improvement>,
}

/// One group and what it reached.
#[derive(Clone, Debug)]
pub(super) struct GroupResult {
    pub(super) group: Group,
    /// Return over training.
    pub(super) curve: Curve,
    /// Of the finished runs; `None` when there are none.
    pub(super) reached: Option<Reached>,
}

/// What the finished runs of a group reached.
#[derive(Clone, Debug)]
pub(super) struct Reached {
    /// Last return of each run.
    pub(super) last: Scores,
    pub(super) mean: f64,
    pub(super) mean_interval: [f64; 2],
    pub(super) iqm: f64,
    pub(super) iqm_interval: [f64; 2],
    /// Mean over runs of the best evaluation of each.
    pub(super) best: f64,
    /// Mean over runs of the regret per step; see [`cumulative_regret`].
    pub(super) regret: f64,
    /// Mean over runs of the share of successful episodes in the last evaluation.
    pub(super) success: Option<f64>,
}

impl GroupResult {
    /// Last returns of the finished runs; `None` when there are none.
    pub(super) fn last(&self) -> Option<&Scores> {
        self.reached.as_ref().map(|reached| &reached.last)
    }
}

impl Comparison {
    /// Compares the groups of one task; `warnings` says what the numbers cannot carry.
    pub(super) fn of(task: TaskGroups, warnings: &mut Vec<String>) -> Self {
        let TaskGroups { env, groups } = task;
        warn_of_few_seeds(&env, &groups, warnings);
        for group in &groups {
            warn(&env, group, warnings);
        }
        let last_means = groups.iter().filter_map(|group| Some(mean(&last_scores(group)?)));
        let reference = last_means.reduce(f64::max);
        let random = groups.iter().find_map(|group| {
            let returns = group.runs.iter().filter_map(|run| Some(run.random.as_ref()?.gold.mean));
            Some(mean(&Scores::of_one_task(returns.collect())?))
        });
        let result = |group: Group| {
            let curve = group.curve(RETURN);
            let reached = reference.and_then(|reference| Reached::of(&group, reference));
            GroupResult { group, curve, reached }
        };
        let mut groups: Vec<GroupResult> = groups.into_iter().map(result).collect();
        if groups.len() > SERIES {
            let mean =
                |one: &GroupResult| one.reached.as_ref().map_or(f64::NEG_INFINITY, |reached| reached.mean);
            groups.sort_by(|a, b| mean(b).total_cmp(&mean(a)));
            let count = groups.len();
            warnings.push(format!(
                "{env}: figures and comparisons show the best {SERIES} of {count} configurations, which chance \
                 favours; the table of results and groups.csv hold all"
            ));
        }
        let mut comparison = Self { env, groups, random, reference, improvements: Vec::new() };
        let last: Vec<Option<&Scores>> = comparison.shown().iter().map(GroupResult::last).collect();
        comparison.improvements = improvements(&last);
        comparison
    }

    /// The groups that figures show and that are compared in pairs.
    pub(super) fn shown(&self) -> &[GroupResult] {
        &self.groups[..self.groups.len().min(SERIES)]
    }
}

impl Reached {
    fn of(group: &Group, reference: f64) -> Option<Self> {
        let last = last_scores(group)?;
        let series = || group.finished().map(|run| run.metrics.series(RETURN));
        let best = series().filter_map(|curve| Some(LastAndBest::of(&curve)?.best)).collect();
        let regret = series().filter_map(|curve| cumulative_regret(&curve, reference)).collect();
        let success = group.scores(|run| run.metrics.latest("eval/success_rate"));
        let bootstrap = Bootstrap::default();
        Some(Self {
            mean: mean(&last),
            mean_interval: bootstrap.interval(&last, mean),
            iqm: interquartile_mean(&last),
            iqm_interval: bootstrap.interval(&last, interquartile_mean),
            best: mean(&Scores::of_one_task(best)?),
            regret: mean(&Scores::of_one_task(regret)?),
            success: success.as_ref().map(mean),
            last,
        })
    }
}

/// The last return of each finished run.
fn last_scores(group: &Group) -> Option<Scores> {
    group.scores(|run| Some(LastAndBest::of(&run.metrics.series(RETURN))?.last))
}

/// One warning for each number of seeds that is too low.
fn warn_of_few_seeds(env: &str, groups: &[Group], warnings: &mut Vec<String>) {
    let mut labels: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for group in groups {
        labels.entry(group.finished().count()).or_default().push(&group.label);
    }
    for (seeds, labels) in labels {
        let Some(warning) = seed_warning(seeds) else { continue };
        let which = if labels.len() > 3 { format!("{} groups", labels.len()) } else { labels.join("; ") };
        warnings.push(format!("{env}, {which}: {warning}"));
    }
}

fn warn(env: &str, group: &Group, warnings: &mut Vec<String>) {
    let label = format!("{env}, {}", group.label);
    for run in &group.runs {
        if let Some(reason) = &run.given_up {
            warnings.push(format!(
                "{}: was given up at step {} of {}, so it is in the curves but not in the tables: {reason}",
                run.name,
                run.step(),
                run.config.steps
            ));
        } else if run.metrics.rows().is_empty() {
            warnings.push(format!(
                "{}: has no metrics yet; `telos train {} --resume` goes on with it",
                run.name,
                run.path.display()
            ));
        } else if !run.is_finished() {
            warnings.push(format!(
                "{}: stands at step {} of {}, so it is in the curves but not in the tables",
                run.name,
                run.step(),
                run.config.steps
            ));
        }
        let missing: Vec<&str> = run.metrics.not_finite().into_iter().collect();
        if !missing.is_empty() {
            warnings.push(format!("{}: not finite at some steps: {}", run.name, missing.join(", ")));
        }
        let faults = run.metrics.latest("train/faults").unwrap_or(0.0);
        if faults > 0.0 {
            warnings.push(format!("{}: {faults:.0} training episodes ended in a simulation fault", run.name));
        }
    }
    let mut versions: Vec<&str> = group.runs.iter().map(|run| run.telos.as_str()).collect();
    versions.sort_unstable();
    versions.dedup();
    if versions.len() > 1 {
        warnings.push(format!("{label}: trained by different versions of telos: {}", versions.join(", ")));
    }
}
