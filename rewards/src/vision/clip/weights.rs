//! The tensors of a model's directory.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use telos_nn::{
    Device, Tensor,
    weights::{parse_safetensors, read_safetensors},
};

use super::config::read_json;
use crate::RewardError;

const WHOLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

#[derive(Deserialize)]
struct Index {
    /// Tensor to file name.
    weight_map: BTreeMap<String, String>,
}

/// Named tensors, as 32-bit floats, and where they came from.
pub(super) struct WeightFiles {
    path: PathBuf,
    tensors: BTreeMap<String, Tensor>,
}

impl WeightFiles {
    pub(super) fn read(directory: &Path, device: &Device) -> Result<Self, RewardError> {
        let (whole, index) = (directory.join(WHOLE), directory.join(INDEX));
        if whole.exists() || !index.exists() {
            let tensors = read_safetensors(&whole, device).map_err(|error| {
                RewardError::vision(&whole, format!("{error}; get this file from where the model came from"))
            })?;
            return Ok(Self { path: whole, tensors });
        }
        let map: Index = read_json(&index)?;
        let mut tensors = BTreeMap::new();
        for shard in map.weight_map.values().collect::<BTreeSet<_>>() {
            let path = directory.join(shard);
            let shard = read_safetensors(&path, device).map_err(|error| {
                RewardError::vision(&path, format!("{error}; {INDEX} names this file: get it, too"))
            })?;
            tensors.extend(shard);
        }
        Ok(Self { path: index, tensors })
    }

    /// The tensors of a file with these contents, which errors name `path`.
    pub(super) fn parse(path: &Path, contents: &[u8], device: &Device) -> Result<Self, RewardError> {
        let tensors = parse_safetensors(contents, device)
            .map_err(|error| RewardError::vision(path, error.to_string()))?;
        Ok(Self { path: path.to_owned(), tensors })
    }

    /// Tensors that are no file's, such as those in training; errors name them `name`.
    pub(super) fn of(name: &str, tensors: BTreeMap<String, Tensor>) -> Self {
        Self { path: name.into(), tensors }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// A tensor of `N` axes.
    pub(super) fn get<const N: usize>(&self, name: &str) -> Result<Tensor, RewardError> {
        let tensor = self.tensors.get(name).ok_or_else(|| {
            let reason = format!("there is no tensor `{name}`; this is no whole model of the CLIP family");
            RewardError::vision(&self.path, reason)
        })?;
        if tensor.rank() != N {
            let reason = format!("`{name}` has shape {:?}, expected {N} axes", tensor.dims());
            return Err(RewardError::vision(&self.path, reason));
        }
        Ok(tensor.clone())
    }

    /// Refuses what does not fit together.
    pub(super) fn wrong(&self, reason: String) -> RewardError {
        RewardError::vision(&self.path, reason)
    }
}
