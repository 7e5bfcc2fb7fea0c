//! What is shown: robots that move, or recordings of them, always as one [`Scene`] such as the renderer on the
//! processor draws.

mod live;
mod opening;
mod pilot;
mod placement;
mod player;
mod recording;
mod run_pilot;
mod troupe;

pub use live::Live;
pub use opening::open;
pub use pilot::Pilot;
pub use placement::{Exhibit, grid, merge, overview};
pub use player::Player;
pub use recording::Recording;
pub use run_pilot::RunPilot;
pub use troupe::Troupe;

use telos::sim::{Camera, Scene};

use crate::{ViewerError, labelling::Labelling};

/// What is shown.
pub enum Stage {
    /// Robots that move now.
    Live(Box<Live>),
    /// A dataset.
    Recording(Box<Recording>),
    /// Pairs of clips to be compared.
    Labelling(Box<Labelling>),
}

impl Stage {
    /// Seconds per step.
    pub fn dt(&self) -> f32 {
        match self {
            Self::Live(live) => live.dt(),
            Self::Recording(recording) => recording.dt(),
            Self::Labelling(labelling) => labelling.dt(),
        }
    }

    /// One step.
    ///
    /// # Errors
    /// When a policy or an environment fails.
    pub fn step(&mut self) -> Result<(), ViewerError> {
        match self {
            Self::Live(live) => live.step()?,
            Self::Recording(recording) => recording.step(),
            Self::Labelling(labelling) => labelling.step(),
        }
        Ok(())
    }

    /// The view that shows everything, and everything; with the places of each exhibit's geoms in it.
    pub fn scene(&self) -> Option<(Scene, Vec<std::ops::Range<usize>>)> {
        let (exhibits, camera): (Vec<Exhibit>, Option<Camera>) = match self {
            Self::Live(live) => (live.exhibits(), live.camera()),
            Self::Recording(recording) => {
                let scene = recording.scene();
                let camera = scene.camera.clone();
                (vec![Exhibit { scene, place: [0.0; 3], opacity: 1.0 }], Some(camera))
            }
            Self::Labelling(labelling) => labelling.exhibits(),
        };
        camera.map(|camera| merge(exhibits, camera))
    }

    /// Number of the state that is shown and of the last one, where any state can be shown.
    pub fn position(&self) -> Option<(usize, usize)> {
        match self {
            Self::Live(_) => None,
            Self::Recording(recording) => Some(recording.position()),
            Self::Labelling(labelling) => Some(labelling.position()),
        }
    }

    /// Shows another state, where that is possible.
    pub fn seek(&mut self, state: usize) {
        match self {
            Self::Live(_) => {}
            Self::Recording(recording) => recording.seek(state),
            Self::Labelling(labelling) => labelling.seek(state),
        }
    }
}
