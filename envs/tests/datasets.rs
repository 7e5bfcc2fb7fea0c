//! Contracts of datasets: whole or not at all, equal bytes, every kind of damage named.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use proptest::prelude::*;
use telos_checkpoint::{from_bytes, to_bytes};
use telos_envs::{
    BoxSpace, GoalSpec,
    dataset::{
        Chunks, Dataset, DatasetError, DatasetInfo, DatasetWriter, Episode, Hindsight, Loader,
        ReferenceScores, Transitions,
    },
};

fn info() -> DatasetInfo {
    DatasetInfo {
        env: "tape".into(),
        obs_size: 2,
        action: BoxSpace::uniform(1, -1.0, 1.0),
        factors: vec!["near".into(), "slow".into()],
        success: true,
        picture_side: None,
        dt: 0.05,
        reference: Some(ReferenceScores {
            random: 0.1,
            expert: 1.0 / 3.0,
            expert_policy: "scripted".into(),
            episodes: 3,
        }),
        origin: "test".into(),
    }
}

/// Episode `number` of this many steps, whose numbers say where they come from.
fn episode(number: usize, steps: usize) -> Episode {
    let at = |step: usize| (number * 100 + step) as f32;
    Episode {
        obs: (0..=steps).flat_map(|step| [at(step), -at(step)]).collect(),
        actions: (0..steps).map(|step| at(step) / 1000.0).collect(),
        rewards: (0..steps).map(|step| at(step) / 10.0).collect(),
        factors: (0..steps).flat_map(|step| [at(step) / 1000.0, 0.5]).collect(),
        success: (0..steps).map(|step| step == steps - 1).collect(),
        terminated: number.is_multiple_of(2),
    }
}

const LENGTHS: [usize; 4] = [5, 1, 8, 3];

fn written(path: &Path) -> Dataset {
    let mut writer = DatasetWriter::create(path, info()).unwrap();
    for (number, steps) in LENGTHS.into_iter().enumerate() {
        writer.push(episode(number, steps).view()).unwrap();
    }
    writer.finish().unwrap()
}

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("data");
    (scratch, path)
}

/// What opening the dataset at `path` and reading all of it says.
fn read(path: &Path) -> Result<Vec<Episode>, DatasetError> {
    let dataset = Dataset::open(path)?;
    let episodes = dataset.episodes().map(|episode| episode.to_episode()).collect();
    dataset.verify()?;
    Ok(episodes)
}

#[test]
fn pictures_come_back_and_there_is_one_for_each_step() {
    let scratch = tempfile::tempdir().unwrap();
    let seen = DatasetInfo { picture_side: Some(8), ..info() };
    let size = seen.picture_size();
    let written = |name: &str, pictures: &[u8]| {
        let mut writer = DatasetWriter::create(&scratch.path().join(name), seen.clone()).unwrap();
        writer.push_pictures(pictures)?;
        for steps in [2, 3] {
            writer.push(episode(0, steps).view()).unwrap();
        }
        writer.finish()
    };
    let pictures: Vec<u8> = (0..5 * size).map(|i| (i % 251) as u8).collect();
    let dataset = written("whole", &pictures).unwrap();
    assert_eq!(dataset.pictures(0).unwrap(), &pictures[..2 * size]);
    assert_eq!(dataset.pictures(1).unwrap(), &pictures[2 * size..]);
    dataset.verify().unwrap();
    let refused = |name, pictures| written(name, pictures).err().unwrap().to_string();
    assert!(refused("few", &pictures[size..]).contains("4 pictures for 5 steps"));
    assert!(refused("cut", &pictures[1..]).contains("no pictures of the size"));
    assert!(!scratch.path().join("few").exists() && !scratch.path().join("cut").exists());
    for side in [0, 7, 257] {
        let wrong = DatasetInfo { picture_side: Some(side), ..info() };
        let error = DatasetWriter::create(&scratch.path().join("wrong"), wrong).err().unwrap().to_string();
        assert!(error.contains("8 to 256 pixels"), "{error}");
    }
}

#[test]
fn what_is_written_is_read_and_equal_data_has_equal_bytes() {
    let (scratch, path) = scratch();
    let dataset = written(&path);
    assert_eq!(dataset.info(), &info());
    assert_eq!((dataset.steps(), dataset.episodes().len()), (17, 4));
    let expected: Vec<Episode> = (0..4).map(|number| episode(number, LENGTHS[number])).collect();
    assert_eq!(read(&path).unwrap(), expected);
    let second = scratch.path().join("again");
    written(&second);
    for entry in fs::read_dir(&path).unwrap() {
        let name = entry.unwrap().file_name();
        assert_eq!(fs::read(path.join(&name)).unwrap(), fs::read(second.join(&name)).unwrap(), "{name:?}");
    }
    // Nothing else is left, such as the directory that it was built in.
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 2);
}

#[test]
fn there_is_no_dataset_before_it_is_finished() {
    let (scratch, path) = scratch();
    let mut writer = DatasetWriter::create(&path, info()).unwrap();
    writer.push(episode(0, 3).view()).unwrap();
    assert!(!path.exists());
    drop(writer);
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
    // As after a kill: the directory stays, and has no manifest.
    let writer = DatasetWriter::create(&path, info()).unwrap();
    std::mem::forget(writer);
    let left = fs::read_dir(scratch.path()).unwrap().next().unwrap().unwrap().path();
    assert!(Dataset::open(&left).err().unwrap().to_string().contains("no manifest.json"));
    written(&path);
    let error = DatasetWriter::create(&path, info()).err().unwrap().to_string();
    assert!(error.contains("exists already"), "{error}");
}

#[test]
fn unusable_numbers_are_named_and_what_was_pushed_stays() {
    let (_scratch, path) = scratch();
    let mut writer = DatasetWriter::create(&path, info()).unwrap();
    writer.push(episode(0, 5).view()).unwrap();
    let mut refused = |damage: fn(&mut Episode), expected: &str| {
        let mut episode = episode(1, 4);
        damage(&mut episode);
        let error = writer.push(episode.view()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused(|e| e.rewards[2] = f32::NAN, "column `rewards`, row 7: is NaN");
    refused(|e| e.obs[3] = f32::INFINITY, "column `obs`, row 7: is inf");
    refused(|e| e.actions.push(0.0), "column `actions`: episode 1 brings 5 numbers, where 4 belong");
    refused(|e| e.success.clear(), "column `success`");
    refused(Episode::clear, "has no steps");
    assert_eq!(writer.finish().unwrap().episodes().len(), 1);
}

#[test]
fn empty_datasets_and_absurd_descriptions_are_refused() {
    let (_scratch, path) = scratch();
    let error = DatasetWriter::create(&path, info()).unwrap().finish().err().unwrap().to_string();
    assert!(error.contains("no episodes"), "{error}");
    for wrong in [
        DatasetInfo { obs_size: 0, ..info() },
        DatasetInfo { action: BoxSpace::unbounded(1), ..info() },
        DatasetInfo { dt: f32::NAN, ..info() },
    ] {
        assert!(DatasetWriter::create(&path, wrong).is_err());
    }
    assert!(!path.exists());
}

#[test]
fn damage_is_named() {
    let (_scratch, path) = scratch();
    written(&path);
    let refused = |file: &str, damage: &dyn Fn(&mut Vec<u8>), expected: &str| {
        let file = path.join(file);
        let whole = fs::read(&file).unwrap();
        let mut bytes = whole.clone();
        damage(&mut bytes);
        fs::write(&file, bytes).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        fs::write(&file, whole).unwrap();
    };
    refused("rewards.f32", &|bytes| bytes.truncate(66), "column `rewards`: the file has 66 bytes");
    refused("obs.f32", &|bytes| bytes[9] ^= 4, "column `obs`: its content does not match");
    refused("success.u8", &|bytes| bytes[3] = 7, "column `success`, row 3: is 7");
    refused("episode_steps.u64", &|bytes| bytes[8] = 200, "column `episode_steps`, row 1");
    refused("manifest.json", &|bytes| bytes.truncate(50), "is not JSON");
    refused(
        "manifest.json",
        &|bytes| *bytes = String::from_utf8_lossy(bytes).replace("\"format\": 1", "\"format\": 9").into(),
        "has format 9",
    );
    fs::remove_file(path.join("actions.f32")).unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("actions.f32"));
    let error = Dataset::open(Path::new("/no/such/data")).err().unwrap().to_string();
    assert!(error.contains("does not exist"), "{error}");
}

#[test]
fn transitions_are_drawn_evenly_and_with_their_own_successors() {
    let (_scratch, path) = scratch();
    let dataset = Arc::new(written(&path));
    let mut loader = Loader::new(Transitions::new(Arc::clone(&dataset), 100, 1), 0);
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..170 {
        let batch = loader.next_batch().unwrap();
        for i in 0..batch.rows {
            let at = batch.obs[2 * i] as usize;
            let (number, step) = (at / 100, at % 100);
            let source = episode(number, LENGTHS[number]);
            assert_eq!(batch.obs[2 * i..2 * i + 2], source.obs[2 * step..2 * step + 2]);
            assert_eq!(batch.next_obs[2 * i..2 * i + 2], source.obs[2 * step + 2..2 * step + 4]);
            assert_eq!((batch.actions[i], batch.rewards[i]), (source.actions[step], source.rewards[step]));
            assert_eq!(batch.terminated[i], source.terminated && step + 1 == LENGTHS[number]);
            *counts.entry(at).or_insert(0) += 1;
        }
    }
    assert_eq!(counts.len(), 17);
    // Binomial with mean 1000 and standard deviation 31.
    assert!(counts.values().all(|count| (840..1160).contains(count)), "{counts:?}");
}

#[test]
fn chunks_end_with_their_episode() {
    let (_scratch, path) = scratch();
    let dataset = Arc::new(written(&path));
    let mut loader = Loader::new(Chunks::new(Arc::clone(&dataset), 64, 4, 1), 0);
    let batch = loader.next_batch().unwrap();
    let mut padded = 0;
    for i in 0..64 {
        let (number, start) = (batch.episode[i], batch.start[i]);
        let source = episode(number, LENGTHS[number]);
        for k in 0..4 {
            let (cell, exists) = (i * 4 + k, start + k < LENGTHS[number]);
            let step = (start + k).min(LENGTHS[number] - 1);
            assert_eq!(batch.valid[cell], exists);
            assert_eq!(batch.obs[2 * cell..2 * cell + 2], source.obs[2 * step..2 * step + 2]);
            assert_eq!(batch.actions[cell], source.actions[step]);
            assert_eq!(batch.rewards[cell], if exists { source.rewards[step] } else { 0.0 });
            padded += usize::from(!exists);
        }
    }
    assert!(padded > 0);
}

/// The written data have two components: the first stands for what was reached, the second for what was wanted.
#[test]
fn goals_in_hindsight_are_what_the_episode_came_to_later() {
    let (_scratch, path) = scratch();
    let dataset = Arc::new(written(&path));
    let goal = GoalSpec { achieved: 0..1, desired: 1..2 };
    let batch = |share: f64| {
        let hindsight = Hindsight { goal: goal.clone(), share, window: 2 };
        let chunks = Chunks::new(Arc::clone(&dataset), 400, 3, 1).in_hindsight(hindsight);
        Loader::new(chunks, 0).next_batch().unwrap().clone()
    };
    let plain = Loader::new(Chunks::new(Arc::clone(&dataset), 400, 3, 1), 0).next_batch().unwrap().clone();
    assert_eq!(batch(0.0), plain, "without it nothing changes");
    let (all, some) = (batch(1.0), batch(0.5));
    let mut changed = 0;
    for i in 0..400 {
        let source = episode(all.episode[i], LENGTHS[all.episode[i]]);
        let goals: Vec<f32> = (0..3).map(|k| all.obs[2 * (3 * i + k) + 1]).collect();
        assert!(goals.iter().all(|goal| *goal == goals[0]), "one goal for a chunk: {goals:?}");
        let later: Vec<f32> = source.obs[2 * (all.start[i] + 1)..].iter().copied().take(4).collect();
        assert!(later.chunks(2).any(|obs| obs[0] == goals[0]), "{goals:?} is not among {later:?}");
        let recorded = &episode(some.episode[i], LENGTHS[some.episode[i]]).obs[2 * some.start[i]..][..2];
        assert_eq!(some.obs[6 * i], recorded[0], "what was reached stays");
        changed += usize::from(some.obs[6 * i + 1] != recorded[1]);
    }
    assert!((150..250).contains(&changed), "{changed} of 400");
}

#[test]
fn drawing_ahead_and_resuming_change_no_batch() {
    let (_scratch, path) = scratch();
    let dataset = Arc::new(written(&path));
    let loader = |depth| Loader::new(Transitions::new(Arc::clone(&dataset), 8, 3), depth);
    let (mut plain, mut ahead) = (loader(0), loader(3));
    for _ in 0..20 {
        assert_eq!(plain.next_batch().unwrap(), ahead.next_batch().unwrap());
    }
    let mut resumed = loader(2);
    from_bytes(&mut resumed, &to_bytes(&ahead)).unwrap();
    assert_eq!(plain.next_batch().unwrap(), resumed.next_batch().unwrap());
    assert_ne!(plain.next_batch().unwrap(), loader(0).next_batch().unwrap());
}

proptest! {
    #[test]
    fn damaged_files_are_errors_and_never_panics(file in 0usize..8, cut in any::<u16>(), flip in any::<u16>(), bit in 0u8..8) {
        let (_scratch, path) = scratch();
        written(&path);
        let mut files: Vec<PathBuf> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let file = &files[file % files.len()];
        let mut bytes = fs::read(file).unwrap();
        let at = usize::from(flip) % bytes.len();
        bytes[at] ^= 1 << bit;
        bytes.truncate(bytes.len() - usize::from(cut) % 2 * (usize::from(cut) % bytes.len()));
        fs::write(file, bytes).unwrap();
        let outcome = read(&path);
        // A flipped bit in a name of the manifest is no damage that a hash would show.
        prop_assert!(outcome.is_err() || file.ends_with("manifest.json"));
    }
}
