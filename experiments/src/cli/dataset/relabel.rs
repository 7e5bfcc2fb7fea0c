//! `telos dataset relabel`: the same episodes with another reward.

use std::path::{Path, PathBuf};

use clap::Args;
use telos_envs::dataset::{Dataset, DatasetInfo, DatasetWriter, EpisodeView};

use super::describe;
use crate::{RunDirectory, TelosError, cli::print, error::exit_code, loops::RunPolicy};

/// Writes the same episodes with other rewards: those that a run learned, or a weighted sum of the recorded
/// reward factors. Reference scores, which are of the old reward, stay behind.
#[derive(Debug, Args)]
pub(super) struct Relabel {
    /// The dataset.
    dataset: PathBuf,
    /// Where the result will be.
    #[arg(long, value_name = "DATASET")]
    out: PathBuf,
    /// The run whose learned reward to use, at its latest checkpoint.
    #[arg(long, value_name = "RUN", required_unless_present = "factor", conflicts_with = "factor")]
    reward_of: Option<PathBuf>,
    /// A reward factor and its weight; repeatable.
    #[arg(long, value_name = "NAME=WEIGHT")]
    factor: Vec<String>,
}

impl Relabel {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        let dataset = Dataset::open(&self.dataset)?;
        let relabelled = match &self.reward_of {
            Some(run) => self.by_model(&dataset, run)?,
            None => self.by_factors(&dataset)?,
        };
        print(&describe(&relabelled))?;
        Ok(exit_code::DONE)
    }

    fn by_model(&self, dataset: &Dataset, path: &Path) -> Result<Dataset, TelosError> {
        let run = RunDirectory::open(path)?;
        let spec = run.config().env.make()?.spec().clone();
        if let Some(reason) = dataset.info().mismatch(&spec) {
            return Err(TelosError::run(&self.dataset, reason));
        }
        let mut learned = RunPolicy::read(&run, None)?;
        let origin =
            format!("learned reward of a run of seed {} after {} steps", run.config().seed, learned.step());
        let model = learned.reward_model().ok_or_else(|| {
            TelosError::run(path, "has learned no reward; choose a run of loop = \"preferences\"")
        })?;
        let size = dataset.info().obs_size;
        self.write(dataset, &origin, |episode, rewards| {
            let obs = &episode.obs[..episode.steps * size];
            Ok(model.predict(obs, episode.actions, episode.steps, rewards)?)
        })
    }

    fn by_factors(&self, dataset: &Dataset) -> Result<Dataset, TelosError> {
        let names = &dataset.info().factors;
        let mut weights = vec![0.0; names.len()];
        for flag in &self.factor {
            let wrong = |reason: String| TelosError::Usage(format!("--factor {flag}: {reason}"));
            let (name, weight) = flag.split_once('=').ok_or_else(|| wrong("write NAME=WEIGHT".into()))?;
            let place = names
                .iter()
                .position(|known| known == name)
                .ok_or_else(|| wrong(format!("the dataset has the factors {}", names.join(", "))))?;
            let weight = weight.parse().ok().filter(|weight: &f32| weight.is_finite());
            weights[place] = weight.ok_or_else(|| wrong("the weight is no number".into()))?;
        }
        let origin = format!("reward {}", self.factor.join(" + "));
        self.write(dataset, &origin, |episode, rewards| {
            for (reward, terms) in rewards.iter_mut().zip(episode.factors.chunks_exact(weights.len())) {
                *reward = terms.iter().zip(&weights).map(|(term, weight)| term * weight).sum();
            }
            Ok(())
        })
    }

    fn write(
        &self,
        dataset: &Dataset,
        origin: &str,
        mut reward: impl FnMut(EpisodeView<'_>, &mut [f32]) -> Result<(), TelosError>,
    ) -> Result<Dataset, TelosError> {
        let info = dataset.info().clone();
        let origin = format!("{}; {origin}", info.origin);
        let mut writer = DatasetWriter::create(&self.out, DatasetInfo { reference: None, origin, ..info })?;
        let mut rewards = Vec::new();
        for (index, episode) in dataset.episodes().enumerate() {
            rewards.resize(episode.steps, 0.0);
            reward(episode, &mut rewards)?;
            dataset.pictures(index).map_or(Ok(()), |pictures| writer.push_pictures(pictures))?;
            let relabelled = EpisodeView { rewards: &rewards, ..episode };
            match dataset.seed(index) {
                Some(seed) => writer.push_seeded(relabelled, seed)?,
                None => writer.push(relabelled)?,
            }
        }
        Ok(writer.finish()?)
    }
}
