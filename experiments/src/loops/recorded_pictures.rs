//! What recorded episodes looked like. Where a dataset holds no pictures, its episodes are played again from their
//! seeds and have to come out as they were recorded.

use std::thread;

use telos_envs::{
    Env, Pixels, PixelsConfig, StackShape,
    dataset::{ChunkBatch, Dataset, DatasetError},
};

use crate::{TelosError, config::EnvConfig};

/// The picture before every recorded action, each stored once: `3 side^2` bytes.
pub(super) struct RecordedPictures {
    shape: StackShape,
    /// `[steps, side, side, 3]`
    frames: Vec<u8>,
    /// `[episodes]`: first step of each episode.
    starts: Vec<usize>,
}

impl RecordedPictures {
    /// The pictures that `dataset` holds, or all its episodes played again, on every core.
    ///
    /// # Errors
    /// When its pictures have another size than `pixels` asks for; when it has none and no seeds, or an episode
    /// comes out otherwise in the environment of `config`.
    pub(super) fn take(
        dataset: &Dataset,
        config: &EnvConfig,
        pixels: &PixelsConfig,
    ) -> Result<Self, TelosError> {
        let shape = pixels.shape();
        let mut start = 0;
        let starts = dataset.episodes().map(|episode| {
            start += episode.steps;
            start - episode.steps
        });
        let starts: Vec<usize> = starts.collect();
        let mut frames = vec![0; dataset.steps() * shape.frame()];
        let mut each = Vec::with_capacity(starts.len());
        let mut rest = &mut frames[..];
        for (number, episode) in dataset.episodes().enumerate() {
            let (film, more) = rest.split_at_mut(episode.steps * shape.frame());
            each.push((number, film));
            rest = more;
        }
        if let Some(side) = dataset.info().picture_side {
            if side != pixels.size {
                let reason = format!(
                    "has pictures of {side} pixels per side, where `env.pixels.size` is {}; make them equal",
                    pixels.size
                );
                return Err(DatasetError::File { path: dataset.path().to_owned(), reason }.into());
            }
            let held = each.into_iter().filter_map(|(number, film)| Some((dataset.pictures(number)?, film)));
            held.for_each(|(pictures, film)| film.copy_from_slice(pictures));
            return Ok(Self { shape, frames, starts });
        }
        let workers = thread::available_parallelism().map_or(1, usize::from).min(each.len()).max(1);
        // Dealt out in turn: episodes of one part of the data are often of similar length.
        let mut hands: Vec<Vec<(usize, &mut [u8])>> = (0..workers).map(|_| Vec::new()).collect();
        each.into_iter().for_each(|(number, film)| hands[number % workers].push((number, film)));
        let bare = config.without_pixels();
        let play = |hand: Vec<(usize, &mut [u8])>| -> Result<(), TelosError> {
            let mut env = Pixels::new(bare.make()?, pixels)?;
            hand.into_iter().try_for_each(|(number, film)| replay(&mut env, dataset, number, film))
        };
        thread::scope(|scope| {
            let play = &play;
            let hands: Vec<_> = hands.into_iter().map(|hand| scope.spawn(move || play(hand))).collect();
            hands.into_iter().try_for_each(|hand| hand.join().expect("a replay does not panic"))
        })?;
        Ok(Self { shape, frames, starts })
    }

    /// The stacks before the chunks of `batch`, `[rows, frames, side, side, 3]`, as
    /// [`Pixels`] shows them: an episode's first picture fills the stack.
    pub(super) fn stacks(&self, batch: &ChunkBatch, out: &mut Vec<u8>) {
        let (frame, count) = (self.shape.frame(), self.shape.frames);
        out.clear();
        for (&episode, &step) in batch.episode.iter().zip(&batch.start) {
            for back in (0..count).rev() {
                let row = self.starts[episode] + step.saturating_sub(back);
                out.extend_from_slice(&self.frames[row * frame..][..frame]);
            }
        }
    }
}

/// Plays episode `number` again and writes the picture before each action.
fn replay<E: Env>(
    env: &mut Pixels<E>,
    dataset: &Dataset,
    number: usize,
    film: &mut [u8],
) -> Result<(), TelosError> {
    let wrong = |reason: &str| {
        let reason = format!("episode {number} cannot be seen by `env.pixels`: {reason}");
        DatasetError::File { path: dataset.path().to_owned(), reason }
    };
    let no_seed = "the data has no seeds to play it again from; record it with `telos collect`";
    let seed = dataset.seed(number).ok_or_else(|| wrong(no_seed))?;
    let (episode, info) = (dataset.episode(number), dataset.info());
    let mut stack = vec![0.0; env.spec().observation.size()];
    env.reset(seed, &mut stack);
    let recorded = episode.obs.chunks_exact(info.obs_size);
    let actions = episode.actions.chunks_exact(info.action_size());
    for ((recorded, action), picture) in recorded.zip(actions).zip(film.chunks_exact_mut(env.picture().len()))
    {
        if env.state() != recorded {
            let reason =
                "played again it comes out otherwise; record it with this telos and the same keys of [env]";
            return Err(wrong(reason).into());
        }
        picture.copy_from_slice(env.picture());
        env.step(action, &mut stack);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use telos_agents::{ActMode, RandomPolicy};

    use super::*;
    use crate::loops::collection::{CollectionPlan, collect};

    #[test]
    fn stacks_are_what_the_environment_shows_step_by_step() {
        let scratch = tempfile::tempdir().unwrap();
        let env = EnvConfig { id: "reacher".into(), ..EnvConfig::default() };
        let mut policy = RandomPolicy::new(env.make().unwrap().spec(), 1).unwrap();
        let plan = CollectionPlan {
            env: &env,
            steps: 24,
            seed: 5,
            threads: 1,
            mode: ActMode::Sample,
            until_success: false,
            intended: false,
        };
        let data = collect(plan, &mut policy, &scratch.path().join("data"), None, "random", |_| {}).unwrap();
        let pixels = PixelsConfig { size: 16, ..PixelsConfig::default() };
        let pictures = RecordedPictures::take(&data, &env, &pixels).unwrap();

        let mut seeing = Pixels::new(env.make().unwrap(), &pixels).unwrap();
        let mut obs = vec![0.0; pixels.shape().size()];
        let mut stacks = Vec::new();
        for (number, episode) in data.episodes().enumerate() {
            seeing.reset(data.seed(number).unwrap(), &mut obs);
            for (step, action) in episode.actions.chunks_exact(2).enumerate() {
                let batch = ChunkBatch { episode: vec![number], start: vec![step], ..ChunkBatch::default() };
                pictures.stacks(&batch, &mut stacks);
                assert!(
                    stacks.iter().zip(&obs).all(|(level, seen)| f32::from(*level) == *seen),
                    "step {step}"
                );
                seeing.step(action, &mut obs);
            }
        }
        assert_eq!(stacks.len(), obs.len());
    }
}
