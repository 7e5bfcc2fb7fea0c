//! Shapes of a scene as meshes of triangles, made once for all geoms of the same shape.

use std::{collections::HashMap, f32::consts::FRAC_PI_2};

use bevy::{
    asset::RenderAssetUsages,
    mesh::{Indices, PrimitiveTopology},
    prelude::*,
};
use telos::sim::{self, Shape};

use super::ground;

/// What tells meshes apart; lengths by their bits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Form {
    Ball,
    Block,
    Rod,
    Capsule(u32, u32),
    Ground,
    /// By where the triangles lie: clones of a mesh share them.
    Surface(usize),
}

/// Which mesh shows a shape, and how it is stretched.
pub(super) fn form(shape: &Shape) -> (Form, Vec3) {
    match shape {
        Shape::Sphere(radius) => (Form::Ball, Vec3::splat(*radius)),
        Shape::Ellipsoid(axes) => (Form::Ball, Vec3::from(*axes)),
        Shape::Box(half) => (Form::Block, Vec3::from(*half)),
        Shape::Cylinder(radius, half) => (Form::Rod, Vec3::new(*radius, *radius, *half)),
        Shape::Capsule(radius, half) => (Form::Capsule(radius.to_bits(), half.to_bits()), Vec3::ONE),
        Shape::Plane => (Form::Ground, Vec3::ONE),
        Shape::Mesh(mesh) => (Form::Surface(mesh.triangles().as_ptr() as usize), Vec3::ONE),
    }
}

/// Meshes that were made.
#[derive(Resource, Default)]
pub(super) struct MeshShelf(HashMap<Form, (Handle<Mesh>, Option<sim::Mesh>)>);

impl MeshShelf {
    /// The mesh of a shape.
    pub(super) fn get(&mut self, form: &Form, shape: &Shape, meshes: &mut Assets<Mesh>) -> Handle<Mesh> {
        if let Some((handle, _)) = self.0.get(form) {
            return handle.clone();
        }
        let handle = meshes.add(build(shape));
        // A mesh that is kept alive keeps its place in memory, which is its name here.
        let kept = if let Shape::Mesh(mesh) = shape { Some(mesh.clone()) } else { None };
        self.0.insert(form.clone(), (handle.clone(), kept));
        handle
    }
}

/// A mesh in the frame of its shape: unit size where it is stretched, and along z where Bevy's is along y.
fn build(shape: &Shape) -> Mesh {
    let upright = Quat::from_rotation_x(FRAC_PI_2);
    match shape {
        Shape::Sphere(_) | Shape::Ellipsoid(_) => Sphere::new(1.0).mesh().uv(40, 24),
        Shape::Box(_) => Cuboid::new(2.0, 2.0, 2.0).into(),
        Shape::Cylinder(..) => Mesh::from(Cylinder::new(1.0, 2.0)).rotated_by(upright),
        Shape::Capsule(radius, half) => Mesh::from(Capsule3d::new(*radius, 2.0 * half)).rotated_by(upright),
        Shape::Plane => ground::mesh(),
        Shape::Mesh(mesh) => surface(mesh),
    }
}

fn surface(mesh: &sim::Mesh) -> Mesh {
    let indices = mesh.triangles().iter().flatten().copied().collect();
    let triangles = Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::default())
        .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, mesh.vertices().to_vec())
        .with_inserted_indices(Indices::U32(indices));
    triangles.with_duplicated_vertices().with_computed_flat_normals()
}
