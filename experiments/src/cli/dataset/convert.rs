//! `telos dataset convert`: from other programs, and to them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use telos_envs::{
    dataset::{
        Dataset, Film, Footage, Format, ImportOptions, PICTURE_SIDES, export_lerobot, export_minari, import,
        import_lerobot,
    },
    registry,
};

use super::describe;
use crate::{
    TelosError,
    cli::print,
    error::exit_code,
    video::{REPLAY_SIZE, film_episode, open_reel},
};

/// Converts a dataset of Minari, LeRobot, D4RL or robomimic into one of telos, or one of telos for Minari or
/// LeRobot. The format that is read is told by the files; the result appears whole or not at all.
#[derive(Debug, Args)]
pub(super) struct Convert {
    /// The dataset: a directory, or an HDF5 file.
    input: PathBuf,
    /// Where the result will be.
    #[arg(long, value_name = "DATASET")]
    out: PathBuf,
    /// The format to write.
    #[arg(long, value_enum, default_value = "telos")]
    to: Target,
    /// The environment of telos that foreign data is for; its sizes must agree.
    #[arg(long, value_name = "ID")]
    env: Option<String>,
    /// Seconds per step, where foreign data does not say.
    #[arg(long, value_name = "SECONDS")]
    dt: Option<f32>,
    /// Observations to put one after the other, where foreign data has several.
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    observations: Vec<String>,
    /// Take an episode that foreign data stops in the middle of as cut off there.
    #[arg(long)]
    truncate_last: bool,
    /// Of LeRobot: keep the pictures of this camera, such as `observation.images.top`, for policies that see.
    #[arg(long, value_name = "FEATURE")]
    camera: Option<String>,
    /// With --camera: pixels per side of the squares that its pictures are squeezed into; `env.pixels.size` of who
    /// learns from them.
    #[arg(long, value_name = "PIXELS", default_value_t = 64, requires = "camera",
          value_parser = clap::value_parser!(u16).range(*PICTURE_SIDES.start() as i64..=*PICTURE_SIDES.end() as i64))]
    size: u16,
    /// With --to minari: the id of the dataset [default: telos/<env>-v0].
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// With --to lerobot: play the episodes again and film them, as `observation.images.camera`.
    #[arg(long)]
    film: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Target {
    Telos,
    Minari,
    Lerobot,
}

impl Convert {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        let format = Format::detect(&self.input)?;
        if self.film && !matches!(self.to, Target::Lerobot) {
            return Err(TelosError::Usage("--film: only with --to lerobot".into()));
        }
        if self.camera.is_some() && (format == Format::Telos || !matches!(self.to, Target::Telos)) {
            return Err(TelosError::Usage("--camera: only from LeRobot, and not with --to".into()));
        }
        match (format, self.to) {
            (Format::Telos, Target::Minari) => {
                let dataset = Dataset::open(&self.input)?;
                let id = self.id.unwrap_or_else(|| format!("telos/{}-v0", dataset.info().env));
                export_minari(&dataset, &id, &self.out)?;
            }
            (Format::Telos, Target::Lerobot) => {
                let dataset = Dataset::open(&self.input)?;
                let mut episode = |index| film_episode(&dataset, index);
                let (width, height) = REPLAY_SIZE;
                let film = self.film.then_some(Film { width, height, episode: &mut episode });
                export_lerobot(&dataset, film, &self.out)?;
            }
            (Format::Telos, Target::Telos) => {
                let reason = "is a dataset of telos already; choose --to minari or lerobot";
                return Err(TelosError::Usage(format!("{}: {reason}", self.input.display())));
            }
            (foreign, Target::Telos) => {
                let spec = match &self.env {
                    Some(id) => Some(registry::make(id)?.spec().clone()),
                    None => None,
                };
                let options = ImportOptions {
                    spec,
                    dt: self.dt,
                    observations: self.observations,
                    truncate_last: self.truncate_last,
                };
                let side = usize::from(self.size);
                let dataset = match (self.camera, foreign) {
                    (None, _) => import(&self.input, foreign, &options, &self.out)?,
                    (Some(camera), Format::Lerobot) => {
                        let footage = Footage { camera, side, open: &|video| open_reel(video, side) };
                        import_lerobot(&self.input, &options, Some(&footage), &self.out)?
                    }
                    (Some(_), _) => {
                        let reason = format!("--camera: only LeRobot has videos, and this is of {foreign}");
                        return Err(TelosError::Usage(reason));
                    }
                };
                print(&describe(&dataset))?;
            }
            (foreign, _) => {
                let reason = format!("is of {foreign}; convert it to telos first, then from there");
                return Err(TelosError::Usage(format!("{}: {reason}", self.input.display())));
            }
        }
        print(&format!("written: {}\n", self.out.display()))?;
        Ok(exit_code::DONE)
    }
}
