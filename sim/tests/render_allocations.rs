//! A warm renderer allocates nothing, nor does filling a scene.
//!
//! The only way to see allocations is to be the allocator, whose interface is unsafe. This one counts
//! and otherwise is the system's.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use telos_sim::{
    Camera, Mesh, Model, SceneGeom, Shape, World, assets,
    render::{Image, RenderOptions, Renderer},
};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is forwarded unchanged to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_warm_renderer_allocates_nothing() {
    let world = World::new(Arc::new(Model::from_mjcf_str("walker", assets::WALKER).unwrap()));
    let camera = Camera { eye: [0.0, -4.0, 1.4], target: [0.0, 0.0, 0.9], fovy: 45.0 };
    let mut scene = world.scene(&camera);
    let corners = vec![[0.0; 3], [0.5, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.5]];
    let mesh = Mesh::new(corners, vec![[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]).unwrap();
    let veil = SceneGeom {
        body: "veil".into(),
        shape: Shape::Mesh(mesh),
        position: [0.5, -1.0, 1.0],
        orientation: [0.0, 0.0, 0.0, 1.0],
        rgba: [1.0, 0.0, 0.0, 0.5],
    };
    let solid = SceneGeom { rgba: [1.0; 4], ..veil.clone() };
    let mut renderer = Renderer::new(64, 48, RenderOptions { shadows: true, supersampling: 2 }).unwrap();
    let mut image = Image::new();
    let mut draw = |image: &mut Image| {
        world.fill_scene(&camera, &mut scene);
        scene.geoms.extend([veil.clone(), solid.clone()]);
        renderer.render(&scene, image);
    };
    draw(&mut image);
    let first = image.clone();
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    draw(&mut image);
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - before, 0);
    assert_eq!(image, first);
}
