//! Rigid-body robots: MJCF import, rapier3d worlds, actuators, sensors and scenes.

mod scene;

pub use scene::{Camera, Scene, SceneGeom, Shape};
