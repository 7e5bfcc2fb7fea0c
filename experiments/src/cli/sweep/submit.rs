//! `telos sweep submit`.

use std::{fs, path::PathBuf, process::Command};

use clap::{Args, ValueEnum};
use telos_checkpoint::atomic_write;

use super::{cap, open_or_create};
use crate::{
    TelosError,
    cli::print,
    error::exit_code,
    sweep::{
        Store,
        advance::{Next, advance},
        launcher::{Batch, kubernetes, slurm::Job},
        status::Status,
        store::make_directory,
    },
};

/// Submits what is missing to a cluster.
#[derive(Debug, Args)]
pub(super) struct Submit {
    /// The sweep file, or the sweep directory.
    sweep: PathBuf,
    /// The sweep directory of a sweep file [default: sweeps/<name of the file>].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The kind of cluster.
    #[arg(long, value_enum)]
    to: Cluster,
    /// Attempts without a new checkpoint after which a trial is given up [default: the file's].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    attempts: Option<u32>,
    /// Show the jobs or manifests and submit nothing.
    #[arg(long)]
    dry_run: bool,
    /// Attempts at the submission before: when there are no more now, the cluster runs nothing.
    #[arg(long, hide = true)]
    tried: Option<usize>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Cluster {
    Slurm,
    Kubernetes,
}

impl Submit {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        let store = open_or_create(&self.sweep, self.out.as_deref())?;
        // Jobs start in other directories.
        let path = fs::canonicalize(store.path()).map_err(|source| TelosError::io(store.path(), source))?;
        let store = Store::open(&path)?;
        let cap = cap(self.attempts, &store);
        let batch = match advance(&store, cap)? {
            Next::Run(batch) => batch,
            Next::Finished => {
                print(&format!("finished: see {}\n", path.join("summary.json").display()))?;
                return Ok(exit_code::DONE);
            }
        };
        let tried = Status::of(&store, cap)?.generations.iter().map(|count| count.attempts).sum();
        if self.tried == Some(tried) {
            let logs = path.join("slurm");
            let reason = format!(
                "the jobs of the last submission began no trial; see their logs in {}",
                logs.display()
            );
            return Err(TelosError::run(&path, reason));
        }
        match self.to {
            Cluster::Slurm => self.slurm(&store, &batch, cap, tried),
            Cluster::Kubernetes => self.kubernetes(&store, &batch, cap, tried),
        }
    }

    fn slurm(&self, store: &Store, batch: &Batch, cap: usize, tried: usize) -> Result<i32, TelosError> {
        let program = std::env::current_exe()
            .map_err(|source| TelosError::Io { doing: "finding the running program".into(), source })?;
        let throttled = store.specification().slurm.throttle > 0;
        let mut ids: Vec<String> = Vec::new();
        for mut job in Job::arrays(store, &program, batch) {
            if let (true, Some(before)) = (throttled, ids.last()) {
                job.options.push(format!("--dependency=afterany:{before}"));
            }
            ids.push(self.submit(store, &job, &format!("ARRAY{}", ids.len() + 1))?);
        }
        let successor = Job::successor(store, &program, &ids, cap, tried);
        let next = self.submit(store, &successor, "NEXT")?;
        print(&format!(
            "{} trials of generation {} in jobs {}; then job {next} goes on\n",
            batch.missing.len(),
            batch.generation,
            ids.join(", ")
        ))?;
        Ok(exit_code::DONE)
    }

    /// Submits a job, or shows it and answers `stand_in`.
    fn submit(&self, store: &Store, job: &Job, stand_in: &str) -> Result<String, TelosError> {
        if !self.dry_run {
            return job.submit(store);
        }
        print(&format!("sbatch {} <<'END'\n{}END\n", job.options.join(" "), job.script))?;
        Ok(stand_in.to_owned())
    }

    fn kubernetes(&self, store: &Store, batch: &Batch, cap: usize, tried: usize) -> Result<i32, TelosError> {
        for (number, manifest) in kubernetes::manifests(store, batch, cap, tried)?.iter().enumerate() {
            let text = kubernetes::yaml(manifest);
            if self.dry_run {
                print(&format!("---\n{text}"))?;
                continue;
            }
            let name = format!("generation-{:04}-{number}-{tried}.yaml", batch.generation);
            let path = store.path().join("kubernetes").join(name);
            make_directory(path.parent().expect("the path has a directory"))?;
            atomic_write(&path, text.as_bytes())?;
            let status =
                Command::new("kubectl").args(["create", "-f"]).arg(&path).status().map_err(|error| {
                    TelosError::Usage(format!("kubectl: {error}; the manifest is {}", path.display()))
                })?;
            if !status.success() {
                let reason = "kubectl did not accept this manifest; its own message stands above";
                return Err(TelosError::run(&path, reason));
            }
        }
        Ok(exit_code::DONE)
    }
}
