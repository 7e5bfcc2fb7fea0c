//! Pictures of a camera, from videos that hold one episode after the other.

use std::path::{Path, PathBuf};

use super::read::{Description, parquet_files};
use crate::dataset::{DatasetError, PICTURE_SIDES, foreign::parquet::ParquetFile};

/// Opens the video at a path.
pub type OpenReel<'a> = dyn Fn(&Path) -> Result<Box<dyn Reel>, DatasetError> + 'a;

/// Which camera to take pictures from, and who decodes its videos.
pub struct Footage<'a> {
    /// The feature, such as `observation.images.top`.
    pub camera: String,
    /// Pixels per side of the squares that its pictures become.
    pub side: usize,
    /// Opens a video.
    pub open: &'a OpenReel<'a>,
}

/// A video that is played from its first picture to its last.
pub trait Reel {
    /// How long it lasts.
    fn seconds(&self) -> f64;

    /// Number of its pictures.
    fn pictures(&self) -> usize;

    /// Goes on to the next picture and writes it as `[side, side, 3]`, where it is wanted; false at the end.
    ///
    /// # Errors
    /// When the video is damaged.
    fn next(&mut self, picture: Option<&mut [u8]>) -> Result<bool, DatasetError>;
}

/// The camera of a dataset.
pub(super) struct Camera<'a> {
    footage: &'a Footage<'a>,
    /// The directory of the tables of episodes.
    table: PathBuf,
    /// Pictures per second.
    rate: f64,
    /// `[episodes]`
    places: Vec<Place>,
    playing: Option<Playing>,
    pictures: Vec<u8>,
}

/// Where an episode begins.
#[derive(Clone)]
struct Place {
    video: PathBuf,
    /// Pictures before its own.
    first: usize,
    /// Its own pictures.
    count: usize,
}

/// A video that is open.
struct Playing {
    video: PathBuf,
    reel: Box<dyn Reel>,
    /// Pictures that were played.
    played: usize,
}

impl<'a> Camera<'a> {
    /// The videos of the dataset at `path`, by its tables of episodes.
    pub(super) fn find(
        path: &Path,
        description: &Description,
        footage: &'a Footage<'a>,
    ) -> Result<Self, DatasetError> {
        let camera = &footage.camera;
        description.check_video(camera)?;
        let template = description.video_path.as_deref().ok_or_else(|| {
            DatasetError::file(&description.path, "`video_path` is missing, so its videos cannot be found")
        })?;
        let table = path.join("meta/episodes");
        let mut places = Vec::new();
        for file in parquet_files(&table)? {
            let file = ParquetFile::open(&file)?;
            let column = |name: &str| format!("videos/{camera}/{name}");
            let chunks = file.whole_numbers(&column("chunk_index"))?;
            let files = file.whole_numbers(&column("file_index"))?;
            let (begins, ends) = (column("from_timestamp"), column("to_timestamp"));
            let [starts, stops] = [&begins, &ends].map(|name| {
                let table = file.table(name)?;
                table.check_rows(file.path(), name, chunks.len(), &column("chunk_index"))?;
                table.check_finite(file.path(), name)?;
                Ok::<_, DatasetError>(table)
            });
            let (starts, stops) = (starts?, stops?);
            let known = file.whole_numbers("episode_index")?;
            let pictures = |seconds: f32| (f64::from(seconds) * description.rate).round();
            for (row, ((chunk, number), episode)) in chunks.iter().zip(&files).zip(&known).enumerate() {
                let wrong = |name: &str, reason| Err(DatasetError::row(file.path(), name, row, reason));
                if *episode != places.len() as i64 {
                    return wrong(
                        "episode_index",
                        format!("is {episode}, but episode {} comes next", places.len()),
                    );
                }
                let (start, stop) = (starts.row(row)[0], stops.row(row)[0]);
                let (first, count) = (pictures(start), pictures(stop - start));
                if !(first >= 0.0 && count >= 0.0 && first + count < 1e12) {
                    return wrong(&begins, format!("is {start}, and {ends} {stop}; no pictures lie between"));
                }
                let name = template
                    .replace("{video_key}", camera)
                    .replace("{chunk_index:03d}", &format!("{chunk:03}"))
                    .replace("{file_index:03d}", &format!("{number:03}"));
                places.push(Place { video: path.join(name), first: first as usize, count: count as usize });
            }
        }
        if places.len() != description.episodes {
            let reason =
                format!("counts {} episodes, but meta/episodes films {}", description.episodes, places.len());
            return Err(DatasetError::file(&description.path, reason));
        }
        if !PICTURE_SIDES.contains(&footage.side) {
            let reason = format!("cannot become squares of {} pixels per side", footage.side);
            return Err(DatasetError::column(&description.path, camera, reason));
        }
        let rate = description.rate;
        Ok(Self { footage, table, rate, places, playing: None, pictures: Vec::new() })
    }

    /// A video that has as many pictures per second as the dataset.
    fn open(&self, video: &Path) -> Result<Box<dyn Reel>, DatasetError> {
        let reel = (self.footage.open)(video)?;
        let (pictures, seconds) = (reel.pictures() as f64, reel.seconds());
        // Two pictures and a hundredth: writers differ in how long the last one lasts.
        if (seconds * self.rate - pictures).abs() > 2.0 + 0.01 * pictures {
            let reason = format!(
                "shows {pictures} pictures in {seconds:.2} s, but `fps` in meta/info.json is {}",
                self.rate
            );
            return Err(DatasetError::file(video, reason));
        }
        Ok(reel)
    }

    /// The first `steps` pictures of an episode of `frames`, `[steps, side, side, 3]`.
    pub(super) fn pictures(
        &mut self,
        episode: usize,
        frames: usize,
        steps: usize,
    ) -> Result<&[u8], DatasetError> {
        let Some(Place { video, first, count }) = self.places.get(episode).cloned() else {
            let reason = format!("has no video of episode {episode}");
            return Err(DatasetError::column(&self.table, &self.footage.camera, reason));
        };
        if count != frames {
            let reason = format!("shows {count} pictures of episode {episode}, which has {frames} frames");
            return Err(DatasetError::column(&self.table, &self.footage.camera, reason));
        }
        let mut playing = match self.playing.take() {
            Some(playing) if playing.video == video && playing.played <= first => playing,
            _ if !video.is_file() => {
                return Err(DatasetError::file(&video, format!("is missing; it holds episode {episode}")));
            }
            _ => Playing { reel: self.open(&video)?, video, played: 0 },
        };
        let size = 3 * self.footage.side * self.footage.side;
        self.pictures.resize(steps * size, 0);
        let mut wanted = self.pictures.chunks_exact_mut(size);
        while playing.played < first + steps {
            let picture = if playing.played < first { None } else { wanted.next() };
            if !playing.reel.next(picture)? {
                let reason = format!(
                    "ends after {} pictures, but episode {episode} has its own from number {first} to {}",
                    playing.played,
                    first + steps - 1
                );
                return Err(DatasetError::file(&playing.video, reason));
            }
            playing.played += 1;
        }
        self.playing = Some(playing);
        Ok(&self.pictures)
    }
}
