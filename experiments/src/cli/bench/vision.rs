//! Pictures per second through the model of pictures and sentences that comes with telos.

use std::sync::Arc;

use telos_nn::Device;
use telos_rewards::vision::{self, Frames, VisionLanguageModel};
use telos_sim::{
    Camera, Model, World, assets,
    render::{Image, RenderOptions, Renderer},
};

use super::measurement::{Measurement, medians};
use crate::TelosError;

/// A view of a robot as large as a person.
const CAMERA: Camera = Camera { eye: [0.0, -4.0, 1.4], target: [0.0, 0.0, 0.9], fovy: 45.0 };
/// Pictures at a time: those of few environments, and of many.
const BATCHES: [usize; 3] = [1, 8, 64];

/// Pictures per second that are drawn, seen, and both, on one thread.
pub(super) fn measure(rounds: u32) -> Result<Vec<Measurement>, TelosError> {
    let model = vision::open(None, &Device::Cpu)?;
    let side = model.side();
    let world = World::new(Arc::new(Model::from_mjcf_str("walker", assets::WALKER)?));
    let mut renderer = Renderer::new(side, side, RenderOptions::default())?;
    let mut image = Image::new();
    let mut measurements = Vec::new();
    for batch in BATCHES {
        let mut rgb = Vec::new();
        let mut draw = |rgb: &mut Vec<u8>| {
            rgb.clear();
            for _ in 0..batch {
                renderer.render(&world.scene(&CAMERA), &mut image);
                rgb.extend_from_slice(image.rgb());
            }
        };
        draw(&mut rgb);
        let see = |rgb: &[u8]| {
            let frames = Frames::new(side, rgb).expect("pictures are of the model's size");
            model.embed_pictures(frames).expect("the model sees its own size");
        };
        let still = rgb.clone();
        let [seen, both] = medians(
            rounds,
            [&mut || see(&still), &mut || {
                draw(&mut rgb);
                see(&rgb);
            }],
        );
        for (what, time) in [("seen", seen), ("drawn and seen", both)] {
            let rate = batch as f64 / time.as_secs_f64();
            let name = format!("walker, {side} px, {batch} at a time: {what}");
            measurements.push(Measurement::new(name, rate, "pictures/s"));
        }
    }
    Ok(measurements)
}
