//! Datasets of other programs: the same numbers back, every mistake named, damage never a panic. That those
//! programs agree is checked with their own Python packages by `tests/python_datasets.sh`.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use hdf5_pure::FileBuilder;
use proptest::prelude::*;
use telos_envs::{
    BoxSpace,
    dataset::{
        Dataset, DatasetInfo, DatasetWriter, Episode, Format, ImportOptions, export_lerobot, export_minari,
        import,
    },
    registry,
};

const LENGTHS: [usize; 3] = [6, 1, 9];

/// Episode `number`, whose numbers say where they come from.
fn episode(number: usize) -> Episode {
    let steps = LENGTHS[number];
    let at = |step: usize| (number * 100 + step) as f32;
    Episode {
        obs: (0..=steps).flat_map(|step| [at(step), -at(step)]).collect(),
        actions: (0..steps).map(|step| at(step) / 1000.0).collect(),
        rewards: (0..steps).map(|step| at(step) / 10.0).collect(),
        factors: (0..steps).map(|step| at(step) / 1000.0).collect(),
        success: (0..steps).map(|step| step % 2 == 1).collect(),
        terminated: number == 1,
    }
}

fn stored(path: &Path) -> Dataset {
    let info = DatasetInfo {
        env: "tape".into(),
        obs_size: 2,
        action: BoxSpace::uniform(1, -1.0, 1.0),
        factors: vec!["near".into()],
        success: true,
        picture_side: None,
        dt: 0.02,
        reference: None,
        origin: "test".into(),
    };
    let mut writer = DatasetWriter::create(path, info).unwrap();
    (0..LENGTHS.len()).for_each(|number| writer.push(episode(number).view()).unwrap());
    writer.finish().unwrap()
}

/// Columns of a D4RL file, to be changed before it is written.
struct D4rl {
    obs: Vec<f32>,
    actions: Vec<f32>,
    rewards: Vec<f64>,
    terminals: Vec<u8>,
    timeouts: Vec<u8>,
}

impl D4rl {
    fn new() -> Self {
        let mut file = Self {
            obs: Vec::new(),
            actions: Vec::new(),
            rewards: Vec::new(),
            terminals: Vec::new(),
            timeouts: Vec::new(),
        };
        for number in 0..LENGTHS.len() {
            let Episode { obs, actions, rewards, terminated, .. } = episode(number);
            file.obs.extend_from_slice(&obs[..obs.len() - 2]);
            file.actions.extend(actions);
            file.rewards.extend(rewards.iter().map(|reward| f64::from(*reward)));
            let end = file.rewards.len();
            file.terminals.resize(end, 0);
            file.timeouts.resize(end, 0);
            file.terminals[end - 1] = u8::from(terminated);
            file.timeouts[end - 1] = u8::from(!terminated);
        }
        file
    }

    fn write(&self, path: &Path) {
        let mut file = FileBuilder::new();
        file.create_dataset("observations")
            .with_f32_data(&self.obs)
            .with_shape(&[self.obs.len() as u64 / 2, 2]);
        file.create_dataset("actions")
            .with_f32_data(&self.actions)
            .with_shape(&[self.actions.len() as u64, 1]);
        file.create_dataset("rewards").with_f64_data(&self.rewards);
        file.create_dataset("terminals").with_u8_data(&self.terminals);
        file.create_dataset("timeouts").with_u8_data(&self.timeouts);
        file.write(path).unwrap();
    }
}

fn write_robomimic(path: &Path) {
    let mut file = FileBuilder::new();
    let mut data = file.create_group("data");
    for number in 0..LENGTHS.len() {
        let Episode { obs, actions, rewards, terminated, .. } = episode(number);
        let rows = LENGTHS[number] as u64;
        let mut demo = data.create_group(&format!("demo_{number}"));
        demo.create_dataset("actions").with_f32_data(&actions).with_shape(&[rows, 1]);
        demo.create_dataset("rewards").with_f32_data(&rewards);
        let mut dones = vec![0; LENGTHS[number]];
        dones[LENGTHS[number] - 1] = i64::from(terminated);
        demo.create_dataset("dones").with_i64_data(&dones);
        for (name, part) in [("obs", &obs[..obs.len() - 2]), ("next_obs", &obs[2..])] {
            let mut group = demo.create_group(name);
            group.create_dataset("state").with_f32_data(part).with_shape(&[rows, 2]);
            demo.add_group(group.finish());
        }
        data.add_group(demo.finish());
    }
    file.add_group(data.finish());
    file.write(path).unwrap();
}

fn options() -> ImportOptions {
    ImportOptions { dt: Some(0.02), ..ImportOptions::default() }
}

/// What importing the dataset at `path` says; there is a result, or nothing.
fn read(path: &Path, options: &ImportOptions) -> Result<Vec<Episode>, String> {
    let out = path.with_extension("out");
    let _ = fs::remove_dir_all(&out);
    let result = Format::detect(path).and_then(|format| import(path, format, options, &out));
    let result = result.map_err(|error| error.to_string());
    assert_eq!(result.is_ok(), out.exists());
    result.map(|dataset| dataset.episodes().map(|episode| episode.to_episode()).collect())
}

/// One dataset of every format.
fn all_formats(directory: &Path) -> Vec<PathBuf> {
    let dataset = stored(&directory.join("telos"));
    let paths: Vec<PathBuf> = ["minari", "lerobot", "d4rl.hdf5", "robomimic.hdf5"]
        .iter()
        .map(|name| directory.join(name))
        .collect();
    export_minari(&dataset, "telos/tape-v0", &paths[0]).unwrap();
    export_lerobot(&dataset, None, &paths[1]).unwrap();
    D4rl::new().write(&paths[2]);
    write_robomimic(&paths[3]);
    paths
}

#[test]
fn every_format_gives_the_same_numbers_back() {
    let scratch = tempfile::tempdir().unwrap();
    let paths = all_formats(scratch.path());
    let whole: Vec<Episode> = (0..LENGTHS.len()).map(episode).collect();
    let bare = |keep_success: bool| {
        let strip = |episode: &Episode| Episode {
            factors: Vec::new(),
            success: if keep_success { episode.success.clone() } else { Vec::new() },
            ..episode.clone()
        };
        whole.iter().map(strip).collect::<Vec<_>>()
    };
    assert_eq!(read(&paths[0], &options()).unwrap(), bare(true));
    assert_eq!(read(&paths[1], &options()).unwrap(), whole);
    assert_eq!(read(&paths[3], &options()).unwrap(), bare(false));
    // D4RL does not say what truncated episodes would have led to; their last step goes.
    let mut expected = bare(false);
    for episode in expected.iter_mut().filter(|episode| !episode.terminated) {
        episode.obs.truncate(episode.obs.len() - 2);
        episode.actions.pop();
        episode.rewards.pop();
    }
    expected[1].obs = [100.0, -100.0, 100.0, -100.0].into();
    assert_eq!(read(&paths[2], &options()).unwrap(), expected);
}

#[test]
fn mistakes_are_named_by_file_column_and_row() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("bad.hdf5");
    let refused = |change: &dyn Fn(&mut D4rl), options: &ImportOptions, expected: &str| {
        let mut file = D4rl::new();
        change(&mut file);
        file.write(&path);
        let error = read(&path, options).unwrap_err();
        assert!(error.contains("bad.hdf5") && error.contains(expected), "{error}");
    };
    refused(&|file| file.rewards[7] = f64::NAN, &options(), "column `rewards`, row 7: is NaN");
    refused(&|file| file.obs[5] = f32::INFINITY, &options(), "column `observations`, row 2: is inf");
    let short = "column `actions`: has 15 rows, but 16 belong to `observations`";
    refused(&|file| file.actions.truncate(15), &options(), short);
    refused(&|file| file.timeouts.truncate(15), &options(), "column `timeouts`: has 15 rows");
    refused(&|file| file.terminals[2] = 3, &options(), "column `terminals`, row 2: is 3");
    refused(&|file| file.timeouts[15] = 0, &options(), "column `timeouts`, row 7: begins an episode");
    refused(&|_| {}, &ImportOptions::default(), "pass --dt");
    let walker = registry::make("walker-walk").unwrap().spec().clone();
    refused(&|_| {}, &ImportOptions { spec: Some(walker), ..options() }, "data of another robot");
    // The same file, taken as it is.
    let mut file = D4rl::new();
    file.timeouts[15] = 0;
    file.write(&path);
    let cut = read(&path, &ImportOptions { truncate_last: true, ..options() }).unwrap();
    assert_eq!(cut.last().unwrap().rewards.len(), 8);
    for (name, content) in [("empty.hdf5", &b""[..]), ("text.hdf5", b"time,reward\n0,1\n")] {
        let path = scratch.path().join(name);
        fs::write(&path, content).unwrap();
        let error = read(&path, &options()).unwrap_err();
        assert!(error.contains(name) && error.contains("is no HDF5 file"), "{error}");
    }
    let error = read(&scratch.path().join("absent"), &options()).unwrap_err();
    assert!(error.contains("does not exist"), "{error}");
}

#[test]
fn a_directory_that_contradicts_itself_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let paths = all_formats(scratch.path());
    let changed = |file: PathBuf, from: &str, to: &str, expected: &str, dataset: &Path| {
        let whole = fs::read_to_string(&file).unwrap();
        assert!(whole.contains(from), "{whole}");
        fs::write(&file, whole.replace(from, to)).unwrap();
        let error = read(dataset, &options()).unwrap_err();
        assert!(error.contains(expected), "{error}");
        fs::write(&file, whole).unwrap();
    };
    let (metadata, info) = (paths[0].join("data/metadata.json"), paths[1].join("meta/info.json"));
    changed(
        metadata.clone(),
        "\"total_episodes\":3",
        "\"total_episodes\":4",
        "`episode_3`: is missing",
        &paths[0],
    );
    changed(metadata, "hdf5", "arrow", "in the format \"arrow\"", &paths[0]);
    changed(info.clone(), "v3.0", "v2.1", "`codebase_version` is v2.1", &paths[1]);
    changed(info.clone(), "\"total_frames\": 16", "\"total_frames\": 17", "counts 17 frames", &paths[1]);
    changed(info.clone(), "\"fps\": 50", "\"fps\": 0", "`fps`", &paths[1]);
    changed(info, "\"dtype\": \"float32\"", "\"dtype\": \"video\"", "holds pictures", &paths[1]);
}

/// All files below a path, or the file itself.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let mut found: Vec<PathBuf> =
        fs::read_dir(path).unwrap().flat_map(|entry| files(&entry.unwrap().path())).collect();
    found.sort();
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn damaged_files_are_errors_or_other_numbers_but_never_panics(
        file in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..=255), 0..4),
        keep in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let scratch = tempfile::tempdir().unwrap();
        for path in all_formats(scratch.path()) {
            let files = files(&path);
            let file = file.get(&files);
            let mut bytes = fs::read(file).unwrap();
            for (at, mask) in &flips {
                let at = at.index(bytes.len());
                bytes[at] ^= mask;
            }
            if let Some(keep) = &keep {
                bytes.truncate(keep.index(bytes.len()));
            }
            fs::write(file, bytes).unwrap();
            // Whether flipped bits make an error or another number depends on where they are.
            let _ = read(&path, &options());
        }
    }
}
