//! Pictures per second.

use std::sync::Arc;

use telos_sim::{
    Camera, Model, Scene, SimError, World, assets,
    render::{Image, RenderOptions, Renderer, render_batch},
};

use super::measurement::{Measurement, medians};
use crate::{TelosError, host::Host};

/// Robots that are drawn; `experiments/peers/render.py` has MuJoCo draw the same from the same place.
const ROBOTS: [&str; 3] = ["walker", "cheetah", "humanoid"];
/// A view of a robot as large as a person.
const CAMERA: Camera = Camera { eye: [0.0, -4.0, 1.4], target: [0.0, 0.0, 0.9], fovy: 45.0 };
/// Sides of the pictures, pixels.
const SIDES: [usize; 3] = [64, 84, 224];
/// Pictures per round.
const PICTURES: usize = 64;

/// Pictures per second of every robot in every size, with and without shadows, on one thread and on all.
pub(super) fn measure(rounds: u32) -> Result<Vec<Measurement>, TelosError> {
    let mut measurements = Vec::new();
    for robot in ROBOTS {
        let (name, xml) =
            assets::ALL.iter().find(|(name, _)| *name == robot).expect("robots of telos are drawn");
        let world = World::new(Arc::new(Model::from_mjcf_str(name, xml)?));
        for side in SIDES {
            for shadows in [false, true] {
                measure_size(&world, side, shadows, rounds, &mut measurements)?;
            }
        }
    }
    Ok(measurements)
}

fn measure_size(
    world: &World,
    side: usize,
    shadows: bool,
    rounds: u32,
    out: &mut Vec<Measurement>,
) -> Result<(), TelosError> {
    let options = RenderOptions { shadows, supersampling: 1 };
    let renderers = |count: usize| -> Result<Vec<Renderer>, SimError> {
        (0..count).map(|_| Renderer::new(side, side, options)).collect()
    };
    let (mut one, mut all) = (renderers(1)?, renderers(Host::detect().cores)?);
    let mut scenes: Vec<Scene> = vec![world.scene(&CAMERA); PICTURES];
    let mut other_scenes = scenes.clone();
    let mut images = vec![Image::new(); PICTURES];
    let mut other_images = images.clone();
    // Pictures are taken of worlds that move, so that filling the scene counts.
    let draw = |renderers: &mut [Renderer], scenes: &mut [Scene], images: &mut [Image]| {
        scenes.iter_mut().for_each(|scene| world.fill_scene(&CAMERA, scene));
        render_batch(renderers, scenes, images);
    };
    let [one, all] = medians(
        rounds,
        [&mut || draw(&mut one, &mut scenes, &mut images), &mut || {
            draw(&mut all, &mut other_scenes, &mut other_images)
        }],
    );
    let what = format!("{}, {side} px{}", world.model().name(), if shadows { ", shadows" } else { "" });
    for (threads, time) in [("1 thread", one), ("all threads", all)] {
        let rate = PICTURES as f64 / time.as_secs_f64();
        out.push(Measurement::new(format!("{what}: {threads}"), rate, "pictures/s"));
    }
    Ok(())
}
