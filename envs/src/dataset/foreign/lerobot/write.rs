//! Writing LeRobot.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{ACTION, CAMERA, FACTORS, FINAL_STATE, REWARD, STATE, SUCCESS, TERMINATED};
use crate::{
    dataset::{
        Dataset, DatasetError, EpisodeView,
        foreign::parquet::{Column, Values, encode},
        scratch::Scratch,
    },
    registry,
};

/// Bytes of the numbers in one file, of LeRobot's 100 MB.
const FILE_BYTES: usize = 100 << 20;
/// Files in one directory, as LeRobot has them.
const CHUNK: usize = 1000;

/// Where to get the pictures of a camera from.
pub struct Film<'a> {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// The film of an episode, by its number: H.264 in MP4, one picture before each action.
    pub episode: &'a mut dyn FnMut(usize) -> Result<Vec<u8>, DatasetError>,
}

/// Writes `dataset` as a LeRobot dataset in the directory `out`, which appears when it is complete; with
/// `film`, the camera `observation.images.camera` has one video for each episode.
///
/// # Errors
/// When `out` exists, an episode cannot be filmed, or the system refuses.
pub fn export(dataset: &Dataset, mut film: Option<Film<'_>>, out: &Path) -> Result<(), DatasetError> {
    let scratch = Scratch::beside(out)?;
    let failed =
        |error: parquet::errors::ParquetError| DatasetError::file(out, format!("cannot be encoded: {error}"));
    let info = dataset.info();
    let rate = frames_per_second(info.dt);
    let per_step = 4 * (info.obs_size + info.action_size() + info.factors.len() + 12);
    let mut table = EpisodeTable::default();
    let mut frames = Frames::default();
    let (mut file, mut first) = (0, 0);
    for (number, episode) in dataset.episodes().enumerate() {
        frames.push(number, first, episode, rate);
        table.push(number, first, file, episode);
        if let Some(film) = &mut film {
            let name = format!("videos/{CAMERA}/chunk-{:03}/file-{:03}.mp4", number / CHUNK, number % CHUNK);
            scratch.write(&name, &(film.episode)(number)?)?;
        }
        first += episode.steps;
        if frames.episode.len() * per_step >= FILE_BYTES || first == dataset.steps() {
            let columns = std::mem::take(&mut frames).columns(dataset);
            let bytes = encode(&columns, &[]).map_err(failed)?;
            scratch.write(&format!("data/{}", file_name(file)), &bytes)?;
            file += 1;
        }
    }
    let task = registry::make(&info.env).map_or_else(|_| info.env.clone(), |env| env.spec().task.clone());
    let episodes =
        encode(&table.columns(&task, info.obs_size, film.is_some().then_some(rate)), &[]).map_err(failed)?;
    scratch.write(&format!("meta/episodes/{}", file_name(0)), &episodes)?;
    let tasks =
        [Column::scalar("task_index", Values::I64(vec![0])), Column::scalar(INDEX, Values::Text(vec![task]))];
    let tasks = encode(&tasks, &[("pandas", pandas_index())]).map_err(failed)?;
    scratch.write("meta/tasks.parquet", &tasks)?;
    scratch.write("meta/stats.json", statistics(dataset).to_string().as_bytes())?;
    scratch
        .write("meta/info.json", format!("{:#}\n", description(dataset, rate, film.as_ref())).as_bytes())?;
    scratch.persist()
}

/// Of the `index`th file of a directory of chunks.
fn file_name(index: usize) -> String {
    format!("chunk-{:03}/file-{:03}.parquet", index / CHUNK, index % CHUNK)
}

/// Whole where it is nearly whole: steps are single-precision numbers.
fn frames_per_second(dt: f32) -> f64 {
    let rate = 1.0 / f64::from(dt);
    if (rate - rate.round()).abs() < 1e-4 * rate { rate.round() } else { rate }
}

/// The frames of one file, column by column.
#[derive(Default)]
struct Frames {
    obs: Vec<f32>,
    actions: Vec<f32>,
    rewards: Vec<f32>,
    factors: Vec<f32>,
    success: Vec<bool>,
    done: Vec<bool>,
    timestamp: Vec<f32>,
    frame: Vec<i64>,
    episode: Vec<i64>,
    index: Vec<i64>,
}

impl Frames {
    fn push(&mut self, number: usize, first: usize, episode: EpisodeView<'_>, rate: f64) {
        let EpisodeView { steps, obs, actions, rewards, factors, success, .. } = episode;
        self.obs.extend_from_slice(&obs[..obs.len() / (steps + 1) * steps]);
        self.actions.extend_from_slice(actions);
        self.rewards.extend_from_slice(rewards);
        self.factors.extend_from_slice(factors);
        self.success.extend_from_slice(success);
        for step in 0..steps {
            self.done.push(step + 1 == steps);
            self.timestamp.push((step as f64 / rate) as f32);
            self.frame.push(step as i64);
            self.episode.push(number as i64);
            self.index.push((first + step) as i64);
        }
    }

    fn columns(self, dataset: &Dataset) -> Vec<Column> {
        let info = dataset.info();
        let rows = self.episode.len();
        let mut columns = vec![
            vector(STATE, info.obs_size, self.obs),
            vector(ACTION, info.action_size(), self.actions),
            Column::scalar(REWARD, Values::F32(self.rewards)),
            Column::scalar("next.done", Values::Bool(self.done)),
        ];
        if info.success {
            columns.push(Column::scalar(SUCCESS, Values::Bool(self.success)));
        }
        if !info.factors.is_empty() {
            columns.push(vector(FACTORS, info.factors.len(), self.factors));
        }
        columns.extend([
            Column::scalar("timestamp", Values::F32(self.timestamp)),
            Column::scalar("frame_index", Values::I64(self.frame)),
            Column::scalar("episode_index", Values::I64(self.episode)),
            Column::scalar("index", Values::I64(self.index)),
            Column::scalar("task_index", Values::I64(vec![0; rows])),
        ]);
        columns
    }
}

/// LeRobot stores vectors of one component as plain numbers.
fn vector(name: &str, width: usize, values: Vec<f32>) -> Column {
    match width {
        1 => Column::scalar(name, Values::F32(values)),
        _ => Column::list(name, width, Values::F32(values)),
    }
}

/// `meta/episodes`, column by column.
#[derive(Default)]
struct EpisodeTable {
    episode: Vec<i64>,
    length: Vec<i64>,
    file: Vec<usize>,
    from: Vec<i64>,
    to: Vec<i64>,
    final_state: Vec<f32>,
    terminated: Vec<bool>,
}

impl EpisodeTable {
    fn push(&mut self, number: usize, first: usize, file: usize, episode: EpisodeView<'_>) {
        self.episode.push(number as i64);
        self.length.push(episode.steps as i64);
        self.file.push(file);
        self.from.push(first as i64);
        self.to.push((first + episode.steps) as i64);
        let width = episode.obs.len() / (episode.steps + 1);
        self.final_state.extend_from_slice(&episode.obs[episode.steps * width..]);
        self.terminated.push(episode.terminated);
    }

    /// With `filmed`, at that many pictures per second, also where the videos are.
    fn columns(self, task: &str, obs_size: usize, filmed: Option<f64>) -> Vec<Column> {
        let rows = self.episode.len();
        let of_file =
            |part: fn(usize) -> usize| Values::I64(self.file.iter().map(|file| part(*file) as i64).collect());
        let mut videos = Vec::new();
        if let Some(rate) = filmed {
            let column = |name: &str, values| Column::scalar(format!("videos/{CAMERA}/{name}"), values);
            let number = |part: fn(i64) -> i64| Values::I64((0..rows as i64).map(part).collect());
            let seconds = self.length.iter().map(|length| (*length as f64 / rate) as f32);
            videos.push(column("chunk_index", number(|episode| episode / CHUNK as i64)));
            videos.push(column("file_index", number(|episode| episode % CHUNK as i64)));
            videos.push(column("to_timestamp", Values::F32(seconds.collect())));
            videos.push(column("from_timestamp", Values::F32(vec![0.0; rows])));
        }
        let mut columns = vec![
            Column::scalar("episode_index", Values::I64(self.episode)),
            Column::list("tasks", 1, Values::Text(vec![task.to_owned(); rows])),
            Column::scalar("length", Values::I64(self.length)),
            Column::scalar("data/chunk_index", of_file(|file| file / CHUNK)),
            Column::scalar("data/file_index", of_file(|file| file % CHUNK)),
            Column::scalar("dataset_from_index", Values::I64(self.from)),
            Column::scalar("dataset_to_index", Values::I64(self.to)),
            Column::scalar("meta/episodes/chunk_index", Values::I64(vec![0; rows])),
            Column::scalar("meta/episodes/file_index", Values::I64(vec![0; rows])),
            Column::list(FINAL_STATE, obs_size, Values::F32(self.final_state)),
            Column::scalar(TERMINATED, Values::Bool(self.terminated)),
        ];
        columns.extend(videos);
        columns
    }
}

/// Name of the column that pandas makes the index.
const INDEX: &str = "__index_level_0__";

/// What pandas reads to find the index.
fn pandas_index() -> String {
    let column = |name: Value, field: &str, pandas: &str, numpy: &str| json!({"name": name, "field_name": field, "pandas_type": pandas, "numpy_type": numpy, "metadata": null});
    json!({
        "index_columns": [INDEX],
        "column_indexes": [],
        "columns": [
            column("task_index".into(), "task_index", "int64", "int64"),
            column(Value::Null, INDEX, "unicode", "object"),
        ],
        "creator": {"library": "telos", "version": env!("CARGO_PKG_VERSION")},
        "pandas_version": "2.2.0",
    })
    .to_string()
}

/// `meta/info.json`.
fn description(dataset: &Dataset, rate: f64, film: Option<&Film<'_>>) -> Value {
    let info = dataset.info();
    let feature =
        |dtype: &str, width: usize, names: Value| json!({"dtype": dtype, "shape": [width], "names": names});
    let mut features = Map::new();
    let mut add = |name: &str, value: Value| features.insert(name.into(), value);
    add(STATE, feature("float32", info.obs_size, Value::Null));
    add(ACTION, feature("float32", info.action_size(), Value::Null));
    add(REWARD, feature("float32", 1, Value::Null));
    add("next.done", feature("bool", 1, Value::Null));
    if info.success {
        add(SUCCESS, feature("bool", 1, Value::Null));
    }
    if !info.factors.is_empty() {
        add(FACTORS, feature("float32", info.factors.len(), json!(info.factors)));
    }
    add("timestamp", feature("float32", 1, Value::Null));
    for name in ["frame_index", "episode_index", "index", "task_index"] {
        add(name, feature("int64", 1, Value::Null));
    }
    // LeRobot counts in whole frames per second; a fraction stays one.
    let fps = if rate.fract() == 0.0 { json!(rate as u64) } else { json!(rate) };
    if let Some(Film { width, height, .. }) = film {
        let video = json!({
            "dtype": "video", "shape": [height, width, 3], "names": ["height", "width", "channels"],
            "info": {
                "video.height": height, "video.width": width, "video.codec": "h264", "video.pix_fmt": "yuv420p",
                "video.is_depth_map": false, "video.fps": fps, "video.channels": 3, "has_audio": false,
            },
        });
        add(CAMERA, video);
    }
    let episodes = dataset.episodes().len();
    json!({
        "codebase_version": "v3.0",
        "robot_type": info.env,
        "total_episodes": episodes,
        "total_frames": dataset.steps(),
        "total_tasks": 1,
        "chunks_size": CHUNK,
        "data_files_size_in_mb": FILE_BYTES >> 20,
        "video_files_size_in_mb": 200,
        "fps": fps,
        "splits": {"train": format!("0:{episodes}")},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": film.map(|_| "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"),
        "features": features,
    })
}

/// `meta/stats.json`: extremes, mean and deviation of every component, which LeRobot normalises by.
fn statistics(dataset: &Dataset) -> Value {
    let info = dataset.info();
    let mut features = Map::new();
    let mut add = |name: &str, width: usize, rows: &dyn Fn(&mut Moments)| {
        let mut moments = Moments::new(width);
        rows(&mut moments);
        features.insert(name.into(), moments.json());
    };
    let steps = |episode: EpisodeView<'_>| episode.steps * info.obs_size;
    add(STATE, info.obs_size, &|moments| {
        dataset.episodes().for_each(|episode| moments.add(&episode.obs[..steps(episode)]));
    });
    add(ACTION, info.action_size(), &|moments| {
        dataset.episodes().for_each(|episode| moments.add(episode.actions))
    });
    add(REWARD, 1, &|moments| dataset.episodes().for_each(|episode| moments.add(episode.rewards)));
    if !info.factors.is_empty() {
        let width = info.factors.len();
        add(FACTORS, width, &|moments| dataset.episodes().for_each(|episode| moments.add(episode.factors)));
    }
    Value::Object(features)
}

/// Sums over the rows of a column, component by component.
struct Moments {
    count: u64,
    min: Vec<f32>,
    max: Vec<f32>,
    mean: Vec<f64>,
    /// Sum of squared distances from the mean.
    spread: Vec<f64>,
}

impl Moments {
    fn new(width: usize) -> Self {
        Self {
            count: 0,
            min: vec![f32::INFINITY; width],
            max: vec![f32::NEG_INFINITY; width],
            mean: vec![0.0; width],
            spread: vec![0.0; width],
        }
    }

    /// Welford's update (1962), row by row.
    fn add(&mut self, rows: &[f32]) {
        for row in rows.chunks_exact(self.mean.len()) {
            self.count += 1;
            for (component, value) in row.iter().enumerate() {
                let before = f64::from(*value) - self.mean[component];
                self.mean[component] += before / self.count as f64;
                self.spread[component] += before * (f64::from(*value) - self.mean[component]);
                self.min[component] = self.min[component].min(*value);
                self.max[component] = self.max[component].max(*value);
            }
        }
    }

    fn json(&self) -> Value {
        let deviation = |spread: &f64| (spread / self.count as f64).sqrt();
        json!({
            "min": self.min, "max": self.max, "mean": self.mean,
            "std": self.spread.iter().map(deviation).collect::<Vec<_>>(), "count": [self.count],
        })
    }
}
