//! How DrQ sees.

use serde::{Deserialize, Serialize};
use telos_nn::PixelEncoderConfig;

use crate::{
    AgentError,
    error::{at_least_one, require},
};

/// Settings of the encoder of [`Drq`](crate::Drq) and of the shifts before it. The source is the paper
/// (Kostrikov et al. 2020, arXiv 2004.13649, section 3.1 and appendix B), which has pictures of 84 pixels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DrqConfig {
    /// Filters, of 3 x 3 pixels, of each convolution; the first has stride 2, the others 1. Default
    /// `[32, 32, 32, 32]` (paper).
    pub channels: Vec<usize>,
    /// Numbers that stand for a stack of pictures in the end. Default 50 (paper).
    pub features: usize,
    /// Pixels, at most 64, that a picture is shifted by at most, in each direction; 0 switches the augmentation
    /// off. Default 4 (paper); smaller pictures want less.
    pub shift: u32,
}

impl Default for DrqConfig {
    fn default() -> Self {
        Self { channels: vec![32; 4], features: 50, shift: 4 }
    }
}

impl DrqConfig {
    /// Checks every value that has a range.
    ///
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        let some = !self.channels.is_empty() && !self.channels.contains(&0);
        require(
            some,
            "encoder.channels",
            &self.channels,
            "name at least one convolution, of at least 1 filter",
        )?;
        at_least_one("encoder.features", self.features)?;
        require(self.shift <= 64, "encoder.shift", &self.shift, "use at most 64")
    }

    /// The network.
    pub fn network(&self) -> PixelEncoderConfig {
        PixelEncoderConfig { channels: self.channels.clone(), features: self.features }
    }
}
