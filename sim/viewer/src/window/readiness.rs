//! Whether everything can be drawn. Bevy reads its shaders in the background, and leaves out of a picture what
//! needs one that is not there yet.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use bevy::{
    prelude::*,
    render::{Render, RenderApp, RenderSystems, render_resource::PipelineCache},
};

/// Frames in a row without a pipeline that waits, before everything counts as drawn: some pipelines are asked for
/// only once others are there.
const CALM: u32 = 2;

/// How many frames in a row were drawn whole.
#[derive(Resource, Clone, Default, Debug)]
pub struct Readiness(Arc<AtomicU32>);

impl Readiness {
    /// Whether pictures show all there is.
    pub fn is_complete(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= CALM
    }
}

/// Keeps time and pictures back until frames are drawn whole.
pub(super) struct Patience;

impl Plugin for Patience {
    fn build(&self, app: &mut App) {
        let readiness = Readiness::default();
        app.insert_resource(readiness.clone());
        app.sub_app_mut(RenderApp)
            .insert_resource(readiness)
            .add_systems(Render, watch.in_set(RenderSystems::Cleanup));
    }
}

fn watch(pipelines: Res<PipelineCache>, readiness: Res<Readiness>) {
    let whole = pipelines.pipelines().next().is_some() && pipelines.waiting_pipelines().next().is_none();
    let frames = if whole { readiness.0.load(Ordering::Relaxed).saturating_add(1) } else { 0 };
    readiness.0.store(frames, Ordering::Relaxed);
}

/// A condition of systems; always met in a window, where nobody misses a frame.
pub(super) fn complete(readiness: Option<Res<Readiness>>) -> bool {
    readiness.is_none_or(|readiness| readiness.is_complete())
}
