//! The numbers behind the page, for other programs: full precision, one row per number or run.

use std::fmt::Write as _;

use crate::statistics::LastAndBest;

use super::{
    comparison::{Comparison, RETURN},
    fine_tuning::{CSV_HEAD, csv_fields},
    markup::csv_field,
};

/// `curves.csv`: every metric of every run at every step.
pub(super) fn curves(comparisons: &[Comparison]) -> String {
    let mut csv = "task,group,seed,step,metric,value\n".to_owned();
    for comparison in comparisons {
        for one in &comparison.groups {
            for run in &one.group.runs {
                let start = format!(
                    "{},{},{}",
                    csv_field(&comparison.env),
                    csv_field(&one.group.label),
                    run.config.seed
                );
                for row in run.metrics.rows() {
                    for (metric, value) in &row.values {
                        let value = value.map_or(String::new(), |value| value.to_string());
                        // Writing to a string cannot fail.
                        let _ = writeln!(csv, "{start},{},{},{value}", row.step, csv_field(metric));
                    }
                }
            }
        }
    }
    csv
}

/// `runs.csv`: the last and the best return of every run, and what going online did to it.
pub(super) fn runs(comparisons: &[Comparison]) -> String {
    let mut csv = format!("task,group,run,seed,telos,steps,finished,last,best,best_step,{CSV_HEAD}\n");
    for comparison in comparisons {
        for one in &comparison.groups {
            for run in &one.group.runs {
                let found = LastAndBest::of(&run.metrics.series(RETURN));
                let found = found.map_or(",,".to_owned(), |found| {
                    format!("{},{},{}", found.last, found.best, found.best_step)
                });
                let names =
                    [&comparison.env, &one.group.label, &run.name].map(|name| csv_field(name)).join(",");
                let (seed, telos, step) = (run.config.seed, &run.telos, run.step());
                let finished = match &run.given_up {
                    Some(_) => "given-up".to_owned(),
                    None => run.is_finished().to_string(),
                };
                let online = csv_fields(run.fine_tuning.as_ref());
                let _ = writeln!(csv, "{names},{seed},{telos},{step},{finished},{found},{online}");
            }
        }
    }
    csv
}

/// `groups.csv`: what every group with finished runs reached.
pub(super) fn groups(comparisons: &[Comparison]) -> String {
    let mut csv = "task,group,seeds,iqm,iqm_low,iqm_high,mean,mean_low,mean_high,best_mean,regret_per_step,\
                   success_rate\n"
        .to_owned();
    for comparison in comparisons {
        for one in &comparison.groups {
            let Some(reached) = &one.reached else { continue };
            let names = [&comparison.env, &one.group.label].map(|name| csv_field(name)).join(",");
            let ([iqm_low, iqm_high], [mean_low, mean_high]) = (reached.iqm_interval, reached.mean_interval);
            let success = reached.success.map_or(String::new(), |success| success.to_string());
            let _ = writeln!(
                csv,
                "{names},{},{},{iqm_low},{iqm_high},{},{mean_low},{mean_high},{},{},{success}",
                reached.last.count(),
                reached.iqm,
                reached.mean,
                reached.best,
                reached.regret
            );
        }
    }
    csv
}
