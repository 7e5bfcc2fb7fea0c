//! The page: one HTML file that needs nothing beside it.

use std::fmt::Write as _;

use super::{
    across_tasks::AcrossTasks,
    clip::Clip,
    comparison::Comparison,
    diagnostics::Diagnostics,
    figure::{Figure, IntervalChart, IntervalRow, LineChart, STYLE},
    fine_tuning::FineTuning,
    improvement,
    markup::{escape, slug},
    profile, result_tables,
};

/// Everything about one task.
#[derive(Clone, Debug)]
pub(super) struct TaskSection {
    pub(super) comparison: Comparison,
    pub(super) diagnostics: Option<Diagnostics>,
    /// Before and after going online, where runs did.
    pub(super) fine_tuning: Option<FineTuning>,
    pub(super) clips: Vec<Clip>,
}

/// What the page says beside its tasks.
#[derive(Clone, Debug)]
pub(super) struct Page<'a> {
    /// The paths as given.
    pub(super) sources: &'a [String],
    pub(super) warnings: &'a [String],
    pub(super) tasks: &'a [TaskSection],
    /// The tasks together, where that was asked for.
    pub(super) across_tasks: Option<&'a AcrossTasks>,
    /// How to make the page again.
    pub(super) command: &'a str,
}

impl TaskSection {
    /// Return over training.
    fn curve_figure(&self) -> Figure {
        let Comparison { env, random, .. } = &self.comparison;
        let groups = self.comparison.shown().iter().enumerate();
        let lines: Vec<_> = groups.map(|(series, one)| one.curve.line(&one.group.label, series)).collect();
        let marks: Vec<(String, f64)> =
            random.iter().map(|mean| ("random actions".to_owned(), *mean)).collect();
        LineChart {
            name: &format!("{}-learning-curve", slug(env)),
            title: &format!("{env}: gold return over training"),
            description: "Interquartile mean over seeds (thick) with its 95% stratified bootstrap interval (band), \
                          and every seed (thin).",
            x: "environment steps",
            y: "gold return",
            wide: true,
            zero: true,
            lines: &lines,
            marks: &marks,
        }
        .draw()
    }

    /// Last return of every run.
    fn result_figure(&self) -> Option<Figure> {
        let groups = self.comparison.shown().iter().enumerate();
        let row = |(series, one): (usize, &super::comparison::GroupResult)| {
            let reached = one.reached.as_ref()?;
            let runs = one.group.finished().zip(reached.last.pooled());
            Some(IntervalRow {
                label: one.group.label.clone(),
                series,
                value: reached.iqm,
                interval: (reached.last.count() > 1).then_some(reached.iqm_interval),
                runs: runs.map(|(run, score)| (run.name.clone(), score)).collect(),
            })
        };
        let rows: Vec<IntervalRow> = groups.filter_map(row).collect();
        (!rows.is_empty()).then(|| {
            IntervalChart {
                name: &format!("{}-results", slug(&self.comparison.env)),
                title: "Return of the last evaluation",
                description: "Every finished run (dots), interquartile mean (bar) and its 95% stratified bootstrap \
                              interval (box).",
                x: "gold return",
                rows: &rows,
            }
            .draw()
        })
    }

    /// Share of runs above each return.
    fn profile_figure(&self) -> Option<Figure> {
        let groups = self.comparison.shown().iter().enumerate();
        let scored = groups.filter_map(|(series, one)| Some((series, one.group.label.as_str(), one.last()?)));
        let name = format!("{}-profile", slug(&self.comparison.env));
        profile::figure(&name, "gold return", &scored.collect::<Vec<_>>())
    }

    /// All drawings, in the order of the page.
    pub(super) fn figures(&self) -> Vec<Figure> {
        let mut figures = vec![self.curve_figure()];
        figures.extend(self.result_figure());
        figures.extend(self.profile_figure());
        figures.extend(self.diagnostics.iter().flat_map(|found| found.figures.clone()));
        figures
    }

    fn html(&self) -> String {
        let comparison = &self.comparison;
        let mut html =
            format!("<section>\n<h2 id=\"{}\">{}</h2>\n", slug(&comparison.env), escape(&comparison.env));
        html.push_str(&paragraph(&task_sentence(&comparison.env)));
        html.push_str(&figure(&self.curve_figure()));
        html.push_str(&self.result_figure().as_ref().map_or(String::new(), figure));
        html.push_str(&result_tables::results(comparison).html());
        if let Some(reference) = comparison.reference {
            html.push_str(&paragraph(&format!(
                "The last evaluation is what training left; the best of all evaluations is chosen by its own outcome \
                 and therefore optimistic. Regret is the mean distance over training to {}, the highest mean reached \
                 here.",
                crate::number::number(reference)
            )));
        }
        let labels: Vec<&str> = comparison.shown().iter().map(|one| one.group.label.as_str()).collect();
        let improvement = improvement::table(&labels, &comparison.improvements);
        html.push_str(&improvement.map_or(String::new(), |table| table.html()));
        html.push_str(&self.profile_figure().as_ref().map_or(String::new(), figure));
        html.push_str(&self.fine_tuning_html());
        html.push_str(&self.clips_html());
        html.push_str(&self.diagnostics_html());
        if let Some(table) = result_tables::configurations(comparison) {
            html.push_str("<h3>Configurations</h3>\n");
            html.push_str(&table.html());
        }
        let _ = write!(
            html,
            "<details>\n<summary>Every run</summary>\n{}</details>\n</section>\n",
            result_tables::runs(comparison).html()
        );
        html
    }

    fn fine_tuning_html(&self) -> String {
        let Some(found) = &self.fine_tuning else { return String::new() };
        let text = "Regret is the mean of 1 minus the score over the environment steps after the switch. A collapse \
                    is a fall below the score before the switch by the configured share that the configured number \
                    of later evaluations does not make good.";
        format!(
            "<h3>From recorded data to online</h3>\n{}{}<details>\n<summary>Every run</summary>\n{}</details>\n",
            paragraph(text),
            found.groups.html(),
            found.runs.html()
        )
    }

    fn clips_html(&self) -> String {
        if self.clips.is_empty() {
            return String::new();
        }
        let mut html = "<h3>What the policies do</h3>\n<div class=\"clips\">\n".to_owned();
        for clip in &self.clips {
            let caption = escape(&clip.caption);
            let _ = writeln!(
                html,
                "<figure><img src=\"{}\" alt=\"{caption}\"><figcaption>{caption}</figcaption></figure>",
                clip.data_uri()
            );
        }
        html.push_str("</div>\n");
        html
    }

    fn diagnostics_html(&self) -> String {
        let Some(found) = &self.diagnostics else { return String::new() };
        let figures: String = found.figures.iter().map(figure).collect();
        let text = "Held-out agreement is the share of pairs of segments, never asked about, that the reward model \
                    orders as the gold return does. Rank correlation is that of gold and learned return over the \
                    episodes of the last evaluation. Where the learned return rises and the gold return falls, the \
                    policy exploits the model.";
        format!(
            "<h3>The learned reward</h3>\n{}<div class=\"grid\">\n{figures}</div>\n{}",
            paragraph(text),
            found.table.html()
        )
    }
}

impl Page<'_> {
    /// The whole file.
    pub(super) fn html(&self) -> String {
        let envs: Vec<&str> = self.tasks.iter().map(|task| task.comparison.env.as_str()).collect();
        let title = escape(&envs.join(", "));
        let groups = || self.tasks.iter().flat_map(|task| &task.comparison.groups);
        let runs: usize = groups().map(|one| one.group.runs.len()).sum();
        let heading = match (runs, groups().count()) {
            (1, _) => "One run".to_owned(),
            (runs, 1) => format!("{runs} runs of one configuration"),
            (runs, groups) => format!("{runs} runs of {groups} configurations"),
        };
        let sections: String = self.tasks.iter().map(TaskSection::html).collect();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <link rel=\"icon\" href=\"data:,\">\n<title>{title}: report of telos</title>\n\
             <style>\n{}{STYLE}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{heading}</h1>\n\
             <button id=\"theme\" type=\"button\" hidden>Light or dark</button>\n</header>\n\
             <p class=\"faint\">Report of telos {} on {}.</p>\n{}{sections}{}{}</main>\n<script>\n{}</script>\n</body>\n\
             </html>\n",
            include_str!("page.css"),
            env!("CARGO_PKG_VERSION"),
            escape(&self.sources.join(", ")),
            self.warnings_html(),
            self.across_tasks_html(),
            self.commands_html(),
            include_str!("page.js"),
        )
    }

    fn warnings_html(&self) -> String {
        if self.warnings.is_empty() {
            return String::new();
        }
        let items: String = self.warnings.iter().map(|text| format!("<li>{}</li>\n", escape(text))).collect();
        format!("<aside class=\"warnings\">\n<h2>To keep in mind</h2>\n<ul>\n{items}</ul>\n</aside>\n")
    }

    fn across_tasks_html(&self) -> String {
        let Some(across_tasks) = self.across_tasks else { return String::new() };
        let text = "A score of 0 is the mean return of random actions on a task, a score of 1 the highest mean that \
                    a group of this report reached there. The optimality gap is the mean distance of the runs to 1, \
                    where runs beyond it count as 1.";
        let tables: String = across_tasks.tables().iter().map(|table| table.html()).collect();
        let figure = across_tasks.figure().as_ref().map_or(String::new(), figure);
        format!("<section>\n<h2>All tasks together</h2>\n{}{tables}{figure}</section>\n", paragraph(text))
    }

    fn commands_html(&self) -> String {
        let mut html = "<section>\n<h2>How to repeat this</h2>\n".to_owned();
        html.push_str(&paragraph(
            "In the directory of this page, which holds the configurations; one machine and build repeats every \
             number byte for byte.",
        ));
        let groups = || self.tasks.iter().flat_map(|task| &task.comparison.groups);
        let names: Vec<String> = config_names(self.tasks);
        let mut commands: String =
            names.iter().map(|name| format!("telos train configs/{name}.toml --out {name}\n")).collect();
        let _ = writeln!(commands, "telos report {} --out report", names.join(" "));
        let _ = writeln!(html, "<pre>{}</pre>", escape(&commands));
        html.push_str(&paragraph("This page itself was made by"));
        let _ = writeln!(html, "<pre>{}</pre>", escape(self.command));
        for (one, name) in groups().zip(&names) {
            let _ = write!(
                html,
                "<details>\n<summary>configs/{name}.toml: {}</summary>\n<pre>{}</pre>\n</details>\n",
                escape(&one.group.label),
                escape(&one.group.config().to_toml())
            );
        }
        html.push_str("</section>\n");
        html
    }
}

/// A file name for the configuration of each group, tasks one after another.
pub(super) fn config_names(tasks: &[TaskSection]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for task in tasks {
        for one in &task.comparison.groups {
            let name = slug(&format!("{} {}", task.comparison.env, one.group.label));
            // Labels that differ in punctuation only would otherwise share a file.
            let taken = names.iter().filter(|other| **other == name).count();
            names.push(if taken == 0 { name } else { format!("{name}-{}", names.len()) });
        }
    }
    names
}

/// What is to be done, for a task that this telos knows.
fn task_sentence(env: &str) -> String {
    telos_envs::registry::make(env).map_or(String::new(), |env| env.spec().task.clone())
}

fn paragraph(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<p>{}</p>\n", escape(text)) }
}

fn figure(figure: &Figure) -> String {
    format!(
        "<figure>\n{}<figcaption>{}</figcaption>\n</figure>\n",
        figure.inline(),
        escape(&figure.description)
    )
}
