//! Writing Minari.

use std::path::Path;

use hdf5_pure::{AttrValue, Datatype, EnumTypeBuilder, FileBuilder, GroupBuilder};
use serde_json::json;

use super::{EPISODES, METADATA};
use crate::{
    BoxSpace,
    dataset::{Dataset, DatasetError, EpisodeView, scratch::Scratch},
    registry,
};

/// The version of Minari whose layout this is.
const VERSION: &str = "0.5.4";

/// Writes `dataset` as the Minari dataset `id`, such as `telos/walker-walk/medium-v0`, in the directory `out`,
/// which appears when it is complete. The success of steps, where it was recorded, becomes `infos/success`;
/// reward factors have no place in Minari and stay behind. The file is put together in memory.
///
/// # Errors
/// When `out` exists, or the system refuses.
pub fn export(dataset: &Dataset, id: &str, out: &Path) -> Result<(), DatasetError> {
    let scratch = Scratch::beside(out)?;
    let failed =
        |error: &dyn std::fmt::Display| DatasetError::file(out, format!("cannot be encoded: {error}"));
    let info = dataset.info();
    let (o, a) = (info.obs_size as u64, info.action_size() as u64);
    // As h5py writes truth values.
    let flag = EnumTypeBuilder::u8_based().u8_value("FALSE", 0).u8_value("TRUE", 1);
    let flag = flag.build().map_err(|error| failed(&error))?;
    let mut file = FileBuilder::new();
    for (number, episode) in dataset.episodes().enumerate() {
        let mut group = file.create_group(&format!("episode_{number}"));
        let EpisodeView { steps, obs, actions, rewards, success, terminated, .. } = episode;
        let rows = steps as u64;
        group.set_attr("id", AttrValue::I64(number as i64));
        group.set_attr("total_steps", AttrValue::I64(steps as i64));
        group.create_dataset("observations").with_f32_data(obs).with_shape(&[rows + 1, o]);
        group.create_dataset("actions").with_f32_data(actions).with_shape(&[rows, a]);
        group.create_dataset("rewards").with_f32_data(rewards).with_shape(&[rows]);
        let mut ends = vec![0; steps];
        ends[steps - 1] = u8::from(terminated);
        flags(&mut group, "terminations", &flag, &ends);
        ends[steps - 1] = u8::from(!terminated);
        flags(&mut group, "truncations", &flag, &ends);
        if !success.is_empty() {
            let mut infos = group.create_group("infos");
            let reached: Vec<u8> =
                [0].into_iter().chain(success.iter().map(|flag| u8::from(*flag))).collect();
            flags(&mut infos, "success", &flag, &reached);
            group.add_group(infos.finish());
        }
        file.add_group(group.finish());
    }
    let bytes = file.finish().map_err(|error| failed(&error))?;
    let spec = registry::make(&info.env).ok().map(|env| env.spec().clone());
    let observation =
        spec.as_ref().map_or_else(|| BoxSpace::unbounded(info.obs_size), |spec| spec.observation.clone());
    let mut metadata = json!({
        "total_episodes": dataset.episodes().len(),
        "total_steps": dataset.steps(),
        "data_format": "hdf5",
        "jpeg_encoding": true,
        "observation_space": space(&observation),
        "action_space": space(&info.action),
        "dataset_id": id,
        "minari_version": VERSION,
        "algorithm_name": info.origin,
        "description": spec.map_or_else(String::new, |spec| spec.task),
        "dataset_size": (bytes.len() as f64 / 1e5).round() / 10.0,
    });
    if let Some(scores) = &info.reference {
        metadata["ref_min_score"] = scores.random.into();
        metadata["ref_max_score"] = scores.expert.into();
        metadata["num_episodes_average_score"] = scores.episodes.into();
    }
    scratch.write(&format!("data/{EPISODES}"), &bytes)?;
    scratch.write(&format!("data/{METADATA}"), metadata.to_string().as_bytes())?;
    scratch.persist()
}

fn flags(group: &mut GroupBuilder, name: &str, datatype: &Datatype, values: &[u8]) {
    group.create_dataset(name).with_enum_u8_data(datatype.clone(), values).with_shape(&[values.len() as u64]);
}

/// A Box as Minari describes it: JSON with Python's infinities, as a text.
fn space(space: &BoxSpace) -> String {
    let list = |values: &[f32]| {
        let number = |value: &f32| match *value {
            f32::INFINITY => "Infinity".to_owned(),
            f32::NEG_INFINITY => "-Infinity".to_owned(),
            finite => format!("{finite:?}"),
        };
        values.iter().map(number).collect::<Vec<_>>().join(", ")
    };
    format!(
        r#"{{"type": "Box", "dtype": "float32", "shape": [{}], "low": [{}], "high": [{}]}}"#,
        space.size(),
        list(&space.low),
        list(&space.high)
    )
}
