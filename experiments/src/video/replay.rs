//! Films of recorded episodes, which are played again.

use telos_envs::{
    dataset::{Dataset, DatasetError},
    registry,
};
use telos_sim::render::{Image, Renderer};

use super::{Encoder, SMOOTH, mp4::Mp4};

/// Pixels of the films.
pub const REPLAY_SIZE: (usize, usize) = (320, 240);

/// The film of episode number `index`: H.264 in MP4, one picture before each action, at the rate of the steps.
/// The episode is played again from its seed, in the environment that the dataset names.
///
/// # Errors
/// When the dataset has no seeds, its environment is not one of telos or has nothing to be drawn, or the episode
/// does not come out as it was recorded.
pub fn film_episode(dataset: &Dataset, index: usize) -> Result<Vec<u8>, DatasetError> {
    let wrong = |reason: String| DatasetError::File { path: dataset.path().to_owned(), reason };
    let cannot = |error: &dyn std::fmt::Display| wrong(format!("episode {index} cannot be filmed: {error}"));
    let seed = dataset.seed(index).ok_or_else(|| {
        wrong(
            "has no seeds, so its episodes cannot be played again to be filmed; convert it without --film"
                .into(),
        )
    })?;
    let mut env = registry::make(&dataset.info().env).map_err(|error| cannot(&error))?;
    let episode = dataset.episode(index);
    let (o, a) = (dataset.info().obs_size, dataset.info().action_size());
    let (width, height) = REPLAY_SIZE;
    let mut renderer = Renderer::new(width, height, SMOOTH).map_err(|error| cannot(&error))?;
    let mut film = Mp4::new(width, height, dataset.info().dt).map_err(|reason| cannot(&reason))?;
    let (mut image, mut obs) = (Image::new(), vec![0.0; o]);
    if env.spec().observation.size() != o || env.spec().action.size() != a {
        return Err(cannot(&"the environment of this telos has other sizes"));
    }
    env.reset(seed, &mut obs);
    for (action, recorded) in episode.actions.chunks_exact(a).zip(episode.obs.chunks_exact(o)) {
        if obs != recorded {
            return Err(cannot(
                &"played again it comes out otherwise; it was recorded in a wrapped environment, or by another telos",
            ));
        }
        let scene = env.scene().ok_or_else(|| cannot(&"its environment has no bodies to be drawn"))?;
        renderer.render(&scene, &mut image);
        film.push(&image).map_err(|reason| cannot(&reason))?;
        env.step(action, &mut obs);
    }
    Box::new(film).finish().map_err(|reason| cannot(&reason))
}
