//! Runs of one experiment with different seeds, as one group.

use std::collections::BTreeMap;

use crate::{config::Config, run_record::RunRecord, statistics::Scores};

use super::curve::Curve;

/// Keys that say nothing about what is trained: they differ within a group.
const IGNORED: [&str; 3] = ["seed", "seeds", "env.threads"];

/// Tables of which the same holds.
const IGNORED_TABLES: [&str; 2] = ["checkpoint.", "comparison."];

/// Trainings that differ in their seed only.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// What sets it apart from the other groups of its task.
    pub(super) label: String,
    /// Every key that the trainings share, with its value as TOML.
    pub(super) entries: BTreeMap<String, String>,
    /// Seeds ascending.
    pub(super) runs: Vec<RunRecord>,
}

/// The groups of one task, in the order in which their first runs were given.
#[derive(Clone, Debug)]
pub(super) struct TaskGroups {
    /// Environment id.
    pub(super) env: String,
    pub(super) groups: Vec<Group>,
}

/// Groups runs by task, then by all of their configuration but the seed. Runs of one configuration
/// and seed are one run; `warnings` says where such runs differ, which only another version of telos
/// or another machine can bring about.
pub(super) fn group(records: Vec<RunRecord>, warnings: &mut Vec<String>) -> Vec<TaskGroups> {
    let mut tasks: Vec<TaskGroups> = Vec::new();
    for record in records {
        let entries = shared_entries(&record.config);
        let env = &record.config.env.id;
        let task = match tasks.iter_mut().position(|task| task.env == *env) {
            Some(index) => &mut tasks[index],
            None => {
                tasks.push(TaskGroups { env: env.clone(), groups: Vec::new() });
                tasks.last_mut().expect("one was pushed")
            }
        };
        match task.groups.iter_mut().find(|group| group.entries == entries) {
            Some(group) => group.add(record, warnings),
            None => task.groups.push(Group { label: String::new(), entries, runs: vec![record] }),
        }
    }
    for task in &mut tasks {
        for group in &mut task.groups {
            group.runs.sort_by_key(|run| run.config.seed);
        }
        super::label::label(&mut task.groups);
    }
    tasks
}

fn shared_entries(config: &Config) -> BTreeMap<String, String> {
    let mut entries = config.entries();
    entries.retain(|key, _| {
        !IGNORED.contains(&key.as_str()) && !IGNORED_TABLES.iter().any(|table| key.starts_with(table))
    });
    entries
}

impl Group {
    fn add(&mut self, record: RunRecord, warnings: &mut Vec<String>) {
        let Some(known) = self.runs.iter_mut().find(|run| run.config.seed == record.config.seed) else {
            self.runs.push(record);
            return;
        };
        let shared = known.metrics.rows().len().min(record.metrics.rows().len());
        if known.metrics.rows()[..shared] != record.metrics.rows()[..shared] {
            warnings.push(format!(
                "{} and {} have one configuration and seed, but other numbers, as another version or machine \
                 makes them; {0} is shown",
                known.name, record.name
            ));
        } else if record.step() > known.step() {
            *known = record;
        }
    }

    /// The runs that took all their steps.
    pub(super) fn finished(&self) -> impl Iterator<Item = &RunRecord> {
        self.runs.iter().filter(|run| run.is_finished())
    }

    /// One number for each finished run that has it; `None` without any, or when one is not finite.
    pub(super) fn scores(&self, number: impl Fn(&RunRecord) -> Option<f64>) -> Option<Scores> {
        Scores::of_one_task(self.finished().filter_map(number).collect())
    }

    /// A metric over steps, over runs.
    pub(super) fn curve(&self, metric: &str) -> Curve {
        Curve::of(self.runs.iter().map(|run| run.metrics.series(metric)).collect())
    }

    /// The seeds, in the order of the runs.
    pub(super) fn seeds(&self) -> Vec<u64> {
        self.runs.iter().map(|run| run.config.seed).collect()
    }

    /// The configuration that trains the whole group and nothing beside it.
    pub(super) fn config(&self) -> Config {
        let mut config = self.runs[0].config.clone();
        config.seeds = self.seeds();
        config.comparison.gold = false;
        config
    }
}
