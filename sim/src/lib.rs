//! Rigid-body robots: MJCF and URDF import, rapier3d worlds, actuators, sensors and scenes.
//!
//! A [`Model`] is a robot compiled once; a [`World`] is one copy of it in motion. Robots move in
//! reduced coordinates (rapier's multibody joints), one rapier world each. z points up; lengths are
//! metres, angles radians, masses kilograms.

mod actuation;
pub mod assets;
mod collider;
mod compile;
mod contact;
mod contact_mask;
mod description;
mod drive;
mod dynamics;
mod error;
mod fluid;
mod free_body;
mod health;
mod inertia;
mod limit;
mod links;
mod masses;
mod mesh;
mod mjcf;
mod model;
mod overlap;
mod physics;
mod planar;
pub mod render;
mod role;
mod scene;
mod sensors;
mod springs;
mod state_hash;
mod urdf;
mod world;
mod xml;

pub use error::SimError;
pub use health::Health;
pub use mesh::Mesh;
pub use model::{BodyId, GeomId, JointId, Model};
pub use role::Role;
pub use scene::{Camera, Scene, SceneGeom, Shape};
pub use sensors::Contact;
pub use world::World;
