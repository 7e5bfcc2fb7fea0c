//! Reports: what one or many run directories add up to, as one HTML page with its numbers and figures
//! beside it.
//!
//! Runs are grouped by task, then by their configuration without the seed; tasks are never averaged.
//! A report depends on nothing but the runs: made twice, it is the same to the byte.

mod across_tasks;
mod clip;
mod comparison;
mod csv;
mod curve;
mod diagnostics;
mod difference;
pub(crate) mod figure;
mod fine_tuning;
mod group;
mod improvement;
mod label;
mod markup;
mod page;
mod profile;
mod result_tables;
pub(crate) mod table;

use std::{
    fs,
    path::{Path, PathBuf},
};

use telos_checkpoint::atomic_write;

use crate::{TelosError, run_record::RunRecords};

pub(crate) use markup::csv_field;

use across_tasks::AcrossTasks;
use comparison::Comparison;
use diagnostics::Diagnostics;
use fine_tuning::FineTuning;
use page::{Page, TaskSection};

pub(crate) use clip::data_uri;
pub(crate) use markup::escape;
use table::Table;

/// The page, which also marks a directory as one of a report.
const PAGE: &str = "report.html";

/// What a report found, for the terminal.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The tables of results, as text.
    pub text: String,
    /// What the numbers cannot carry.
    pub warnings: Vec<String>,
    /// Where the page is.
    pub page: PathBuf,
}

/// Reads the run directories `paths` and writes into the directory `out`:
///
/// ```text
/// report.html       everything, needs nothing beside it
/// groups.csv        what each group reached
/// runs.csv          what each run reached
/// curves.csv        every metric of every run
/// figures/*.svg     the figures of the page
/// configs/*.toml    one configuration per group, for `telos train`
/// ```
///
/// With `across_tasks`, groups are also compared over all tasks, by normalised scores.
///
/// # Errors
/// When a path is no run directory of this version, a file in it is damaged, there is nothing to
/// report on or to normalise by, `out` holds other things than a report, or the system refuses.
pub fn write(paths: &[PathBuf], out: &Path, across_tasks: bool) -> Result<Findings, TelosError> {
    check_out(out)?;
    let mut warnings = Vec::new();
    let mut records = Vec::new();
    for path in paths {
        let found = RunRecords::read(path)?;
        warnings.extend(found.missing.iter().map(|name| format!("{name}: has not begun")));
        warnings
            .extend(found.given_up.iter().map(|(name, reason)| format!("{name}: was given up: {reason}")));
        records.extend(found.records);
    }
    if records.iter().all(|record| record.metrics.rows().is_empty()) {
        let reason =
            "no run has metrics yet; wait for the first evaluation, or go on with `telos train --resume`";
        return Err(TelosError::run(&paths[0], reason));
    }
    let mut tasks = Vec::new();
    for task in group::group(records, &mut warnings) {
        let comparison = Comparison::of(task, &mut warnings);
        let diagnostics = Diagnostics::of(&comparison)?;
        let fine_tuning = FineTuning::of(&comparison, &mut warnings);
        let clips = clip::clips(&comparison, &mut warnings);
        tasks.push(TaskSection { comparison, diagnostics, fine_tuning, clips });
    }
    let sources: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let flag = if across_tasks { " --across-tasks" } else { "" };
    let command = format!("telos report {}{flag} --out {}\n", sources.join(" "), out.display());
    let comparisons: Vec<&Comparison> = tasks.iter().map(|task| &task.comparison).collect();
    let across_tasks = across_tasks.then(|| AcrossTasks::of(&comparisons)).transpose()?;
    let page = Page {
        sources: &sources,
        warnings: &warnings,
        tasks: &tasks,
        across_tasks: across_tasks.as_ref(),
        command: &command,
    };
    write_files(out, &page)?;
    let tables_of_task = |task: &TaskSection| {
        let online = task.fine_tuning.as_ref().map(|found| found.groups.clone());
        std::iter::once(result_tables::results(&task.comparison)).chain(online)
    };
    let mut tables: Vec<Table> = tasks.iter().flat_map(tables_of_task).collect();
    tables.extend(across_tasks.iter().flat_map(AcrossTasks::tables));
    let texts = tables.iter().map(|table| format!("{}\n\n{}", table.caption, table.text()));
    Ok(Findings { text: texts.collect::<Vec<_>>().join("\n"), warnings, page: out.join(PAGE) })
}

fn write_files(out: &Path, page: &Page<'_>) -> Result<(), TelosError> {
    let (figures, configs) = (out.join("figures"), out.join("configs"));
    for directory in [&figures, &configs] {
        fs::create_dir_all(directory).map_err(|source| TelosError::io(directory, source))?;
    }
    let together = page.across_tasks.and_then(AcrossTasks::figure);
    for figure in page.tasks.iter().flat_map(TaskSection::figures).chain(together) {
        atomic_write(&figures.join(format!("{}.svg", figure.name)), figure.file().as_bytes())?;
    }
    let groups = page.tasks.iter().flat_map(|task| &task.comparison.groups);
    for (one, name) in groups.zip(page::config_names(page.tasks)) {
        atomic_write(&configs.join(format!("{name}.toml")), one.group.config().to_toml().as_bytes())?;
    }
    let comparisons: Vec<Comparison> = page.tasks.iter().map(|task| task.comparison.clone()).collect();
    for (name, text) in [
        ("groups.csv", csv::groups(&comparisons)),
        ("runs.csv", csv::runs(&comparisons)),
        ("curves.csv", csv::curves(&comparisons)),
        (PAGE, page.html()),
    ] {
        atomic_write(&out.join(name), text.as_bytes())?;
    }
    Ok(())
}

/// Refuses a directory that holds other things than a report, which would be mixed up with it.
fn check_out(out: &Path) -> Result<(), TelosError> {
    if !out.exists() || out.join(PAGE).is_file() {
        return Ok(());
    }
    let mut entries = fs::read_dir(out).map_err(|error| {
        TelosError::Usage(format!("--out {}: not a directory that can be read: {error}", out.display()))
    })?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(TelosError::Usage(format!(
            "--out {}: holds other things than a report; name another directory",
            out.display()
        ))),
    }
}
