//! Where tensors live.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use telos_nn::Device;

use crate::TelosError;

/// The `--device` of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DeviceChoice {
    /// This machine's processor.
    #[default]
    Cpu,
    /// The CUDA device of this index.
    Cuda(usize),
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => write!(f, "cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no device; expected cpu or cuda:N, such as cuda:0");
        match text {
            "cpu" => Ok(Self::Cpu),
            _ => {
                let index = text.strip_prefix("cuda:").ok_or_else(wrong)?;
                index.parse().map(Self::Cuda).map_err(|_| wrong())
            }
        }
    }
}

impl TryFrom<String> for DeviceChoice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<DeviceChoice> for String {
    fn from(choice: DeviceChoice) -> Self {
        choice.to_string()
    }
}

impl DeviceChoice {
    /// The device itself.
    ///
    /// # Errors
    /// When this build has no CUDA.
    pub fn open(self) -> Result<Device, TelosError> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Cuda(index) => Err(TelosError::Usage(format!(
                "--device cuda:{index}: this telos was built without CUDA; use --device cpu"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_nonsense_is_refused() {
        for text in ["cpu", "cuda:0", "cuda:12"] {
            assert_eq!(text.parse::<DeviceChoice>().unwrap().to_string(), text);
        }
        for text in ["gpu", "cuda", "cuda:", "cuda:-1", "CPU", ""] {
            assert!(text.parse::<DeviceChoice>().is_err(), "{text}");
        }
    }
}
