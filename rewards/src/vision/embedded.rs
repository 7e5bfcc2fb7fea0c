//! The model that comes with telos: two small towers, trained by `telos vision train` on pictures that
//! telos drew and captions that it wrote. It knows the robots of this simulator and some 200 words, and
//! nothing else of the world; `rewards/VISION.md` says how well.

use std::path::Path;

use telos_nn::Device;

use super::Clip;
use crate::RewardError;

/// What errors call the embedded model.
const NAME: &str = "the model that comes with telos";

/// The model in `directory`, in Hugging Face's layout, or the embedded one.
///
/// # Errors
/// When a file of the directory is missing, damaged or of another kind of model; the error names it.
pub fn open(directory: Option<&Path>, device: &Device) -> Result<Clip, RewardError> {
    match directory {
        Some(directory) => Clip::open(directory, device),
        None => Clip::from_contents(
            NAME,
            [
                include_str!("../../assets/vision/config.json"),
                include_str!("../../assets/vision/preprocessor_config.json"),
                include_str!("../../assets/vision/tokenizer.json"),
            ],
            include_bytes!("../../assets/vision/model.safetensors"),
            device,
        ),
    }
}
