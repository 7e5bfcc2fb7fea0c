//! Every task can be looked at: its picture is not blank and its robot can be seen in it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use telos_envs::registry;
use telos_sim::render::{Image, RenderOptions, Renderer};

#[test]
fn the_robot_can_be_seen_from_the_first_step_to_the_last() {
    let mut image = Image::new();
    let mut renderer = Renderer::new(224, 224, RenderOptions::default()).unwrap();
    for id in registry::ids() {
        let mut env = registry::make(id).unwrap();
        let mut obs = vec![0.0; env.spec().observation.size()];
        env.reset(0, &mut obs);
        if env.scene().is_none() {
            continue;
        }
        let action = vec![0.3; env.spec().action.size()];
        for step in 0..100 {
            if step % 33 == 0 {
                let scene = env.scene().unwrap();
                renderer.render(&scene, &mut image);
                let moving = |geom: usize| &*scene.geoms[geom].body != "world";
                let robot = renderer.segmentation().flatten().filter(|geom| moving(*geom)).count();
                assert!(robot >= 12, "{id}: {robot} pixels show the robot at step {step}");
                let pixels = image.rgb().as_chunks::<3>().0;
                let (darkest, brightest) = (pixels.iter().min(), pixels.iter().max());
                assert!(darkest.unwrap()[0] + 40 < brightest.unwrap()[0], "{id}: blank");
            }
            env.step(&action, &mut obs);
        }
    }
}
