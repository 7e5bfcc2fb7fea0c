//! What a camera sees: coloured shapes with poses. Filled by worlds, read by renderers and viewers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Mesh;

/// A shape in its own frame; lengths in metres.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Shape {
    /// Radius.
    Sphere(f32),
    /// Radius and half length along z.
    Capsule(f32, f32),
    /// Radius and half length along z.
    Cylinder(f32, f32),
    /// Half extents.
    Box([f32; 3]),
    /// The infinite plane z = 0.
    Plane,
    /// Semi-axes.
    Ellipsoid([f32; 3]),
    /// Triangles. Drawn as they are; what collides is their convex hull.
    Mesh(Mesh),
}

/// A shape in the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SceneGeom {
    /// Name of the body it belongs to; `world` for fixed geometry. Shared with the model, as the data
    /// of a mesh are, so that a scene costs no allocation per geom.
    pub body: Arc<str>,
    /// The shape.
    pub shape: Shape,
    /// Position of its origin, metres.
    pub position: [f32; 3],
    /// Orientation quaternion, x y z w.
    pub orientation: [f32; 4],
    /// Red, green, blue, alpha in [0, 1].
    pub rgba: [f32; 4],
}

/// A camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Camera {
    /// Position, metres.
    pub eye: [f32; 3],
    /// The point it looks at, metres.
    pub target: [f32; 3],
    /// Vertical field of view, degrees.
    pub fovy: f32,
}

/// Everything that a renderer needs of one instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scene {
    /// All visible shapes.
    pub geoms: Vec<SceneGeom>,
    /// The view that shows the task.
    pub camera: Camera,
}
