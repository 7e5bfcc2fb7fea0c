//! Pictures, depths and segmentations against what geometry says about them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::f32::consts::{FRAC_PI_2, PI};

use telos_sim::{
    Camera, Mesh, Scene, SceneGeom, Shape,
    render::{Image, RenderOptions, Renderer, SUN, render_batch},
};

const SIDE: usize = 201;
const MIDDLE: usize = SIDE * (SIDE / 2) + SIDE / 2;

fn geom(shape: Shape, position: [f32; 3]) -> SceneGeom {
    let (orientation, rgba) = ([0.0, 0.0, 0.0, 1.0], [0.8, 0.3, 0.2, 1.0]);
    SceneGeom { body: "thing".into(), shape, position, orientation, rgba }
}

/// Looks along y at the origin from this many metres away.
fn from_the_front(distance: f32, fovy: f32, geoms: Vec<SceneGeom>) -> Scene {
    Scene { geoms, camera: Camera { eye: [0.0, -distance, 0.0], target: [0.0; 3], fovy } }
}

fn draw(scene: &Scene, options: RenderOptions) -> (Image, Vec<f32>, Vec<Option<usize>>) {
    let mut renderer = Renderer::new(SIDE, SIDE, options).unwrap();
    let mut image = Image::new();
    renderer.render(scene, &mut image);
    (image, renderer.depth().collect(), renderer.segmentation().collect())
}

/// Number of pixels that show a geom, times the area of a pixel at depth 1.
fn area(scene: &Scene, geom: usize) -> f32 {
    let (_, _, seen) = draw(scene, RenderOptions::default());
    let pixel = 2.0 * (0.5 * scene.camera.fovy.to_radians()).tan() / SIDE as f32;
    seen.iter().filter(|seen| **seen == Some(geom)).count() as f32 * pixel * pixel
}

fn assert_near(value: f32, wanted: f32, tolerance: f32, what: &str) {
    assert!((value / wanted - 1.0).abs() < tolerance, "{what}: {value} instead of {wanted}");
}

#[test]
fn depth_is_the_distance_from_the_plane_of_the_eye() {
    let shapes = [
        (Shape::Sphere(0.5), 4.5),
        (Shape::Capsule(0.4, 0.6), 4.6),
        (Shape::Cylinder(0.3, 0.6), 4.7),
        (Shape::Box([0.6, 0.7, 0.8]), 4.3),
        (Shape::Ellipsoid([0.6, 0.2, 0.8]), 4.8),
    ];
    for (shape, wanted) in shapes {
        let scene = from_the_front(5.0, 30.0, vec![geom(shape.clone(), [0.0; 3])]);
        let (_, depth, _) = draw(&scene, RenderOptions::default());
        assert_near(depth[MIDDLE], wanted, 1e-5, &format!("{shape:?}"));
        assert_eq!(depth[0], f32::INFINITY);
    }
    // All of a wall across the view has one depth, however far from the middle of the picture.
    let scene = from_the_front(5.0, 90.0, vec![geom(Shape::Box([9.0, 1.0, 9.0]), [0.0; 3])]);
    let (_, depth, _) = draw(&scene, RenderOptions::default());
    depth.iter().for_each(|depth| assert_near(*depth, 4.0, 1e-5, "wall"));
}

#[test]
fn silhouettes_have_the_right_area() {
    // A ball's outline is the circle that its tangents touch.
    let scene = from_the_front(3.0, 60.0, vec![geom(Shape::Sphere(1.0), [0.0; 3])]);
    assert_near(area(&scene, 0), PI / (3f32 * 3.0 - 1.0), 0.01, "ball");
    // The front face of a box is nearer, and hides the others.
    let scene = from_the_front(3.0, 60.0, vec![geom(Shape::Box([0.5, 1.0, 0.5]), [0.0; 3])]);
    assert_near(area(&scene, 0), 1.0 / (2.0 * 2.0), 0.02, "box");
    // From far away the outline is that of a parallel projection.
    let shapes = [
        (Shape::Capsule(0.3, 0.6), 4.0 * 0.3 * 0.6 + PI * 0.3 * 0.3),
        (Shape::Cylinder(0.4, 0.8), 4.0 * 0.4 * 0.8),
        (Shape::Ellipsoid([0.5, 0.3, 0.9]), PI * 0.5 * 0.9),
    ];
    for (shape, wanted) in shapes {
        for (axis, what) in [([0.0, 1.0, 0.0], "tilted"), ([0.0, 0.0, 0.0], "upright")] {
            // A turn about the view changes nothing.
            let mut thing = geom(shape.clone(), [0.0; 3]);
            let (sin, cos) = 0.4f32.sin_cos();
            thing.orientation = [axis[0] * sin, axis[1] * sin, axis[2] * sin, cos];
            let scene = from_the_front(200.0, 0.7, vec![thing]);
            assert_near(area(&scene, 0), wanted / (200.0 * 200.0), 0.02, &format!("{shape:?}, {what}"));
        }
    }
    // End on, capsules and cylinders are discs.
    for shape in [Shape::Capsule(0.5, 0.6), Shape::Cylinder(0.5, 0.6)] {
        let mut thing = geom(shape.clone(), [0.0; 3]);
        let (sin, cos) = (0.5 * FRAC_PI_2).sin_cos();
        thing.orientation = [sin, 0.0, 0.0, cos];
        let scene = from_the_front(200.0, 0.7, vec![thing]);
        assert_near(area(&scene, 0), PI * 0.5 * 0.5 / (200.0 * 200.0), 0.02, &format!("{shape:?}, end on"));
    }
}

#[test]
fn a_mesh_looks_like_the_box_that_it_spans() {
    let corners = (0..8).map(|i| [0, 1, 2].map(|axis| if i >> axis & 1 == 0 { -0.5 } else { 0.5 }));
    let faces = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    let triangles = faces.iter().flat_map(|[a, b, c, d]| [[*a, *b, *c], [*a, *c, *d]]);
    let mesh = Mesh::new(corners.collect(), triangles.collect()).unwrap();
    let turned = |shape| {
        let mut thing = geom(shape, [0.1, 0.2, 0.6]);
        thing.orientation = [0.3, 0.1, 0.5, 0.8];
        let floor = geom(Shape::Plane, [0.0; 3]);
        Scene {
            geoms: vec![thing, floor],
            camera: Camera { eye: [0.3, -3.0, 1.5], target: [0.0, 0.0, 0.5], fovy: 40.0 },
        }
    };
    let options = RenderOptions::default();
    let (image, depth, seen) = draw(&turned(Shape::Mesh(mesh)), options);
    let (box_image, box_depth, box_seen) = draw(&turned(Shape::Box([0.5; 3])), options);
    let differ = seen.iter().zip(&box_seen).filter(|(a, b)| a != b).count();
    assert!(differ < 10, "{differ} pixels at the outline");
    assert!(seen.iter().filter(|seen| **seen == Some(0)).count() > 3000);
    for (i, (depth, box_depth)) in depth.iter().zip(&box_depth).enumerate() {
        if seen[i] == box_seen[i] && seen[i].is_some() {
            assert_near(*depth, *box_depth, 2e-3, "depth");
        }
    }
    let close = |a: &u8, b: &u8| a.abs_diff(*b) < 8;
    let alike = image.rgb().iter().zip(box_image.rgb()).filter(|(a, b)| close(a, b)).count();
    // The shadow of the mesh has a coarser outline.
    assert!(alike as f32 > 0.98 * image.rgb().len() as f32, "{alike} of {} bytes", image.rgb().len());
}

#[test]
fn the_shadow_lies_away_from_the_sun() {
    let ball = geom(Shape::Sphere(0.3), [0.0, 0.0, 1.0]);
    let camera = Camera { eye: [0.0, 0.0, 9.0], target: [0.0; 3], fovy: 40.0 };
    let scene = Scene { geoms: vec![geom(Shape::Plane, [0.0; 3]), ball], camera };
    let (lit, _, seen) = draw(&scene, RenderOptions { shadows: false, supersampling: 1 });
    let (shaded, ..) = draw(&scene, RenderOptions { shadows: true, supersampling: 1 });
    // The floor's metres per pixel; x is right and y is up.
    let pixel = 9.0 * 2.0 * 20f32.to_radians().tan() / SIDE as f32;
    let (mut count, mut sum) = (0.0, [0.0; 2]);
    for (x, y) in (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y))) {
        if seen[y * SIDE + x] == Some(0) && shaded.pixel(x, y) != lit.pixel(x, y) {
            assert!(shaded.pixel(x, y)[0] < lit.pixel(x, y)[0], "shadows darken");
            count += 1.0;
            sum[0] += (x as f32 - (SIDE / 2) as f32) * pixel;
            sum[1] += ((SIDE / 2) as f32 - y as f32) * pixel;
        }
    }
    let wanted = [-SUN[0] / SUN[2], -SUN[1] / SUN[2]];
    for axis in 0..2 {
        assert!(
            (sum[axis] / count - wanted[axis]).abs() < 0.01,
            "{:?} {wanted:?}",
            sum.map(|sum| sum / count)
        );
    }
    // A circle, stretched by the slope of the light.
    assert_near(count * pixel * pixel, PI * 0.3 * 0.3 / SUN[2], 0.03, "area of the shadow");
}

#[test]
fn the_nearest_geom_is_the_one_seen() {
    let mut scene = from_the_front(
        4.0,
        50.0,
        vec![
            geom(Shape::Sphere(0.5), [0.0, 1.0, 0.0]),
            geom(Shape::Box([0.2; 3]), [0.0, -1.0, 0.0]),
            geom(Shape::Plane, [0.0, 0.0, -1.0]),
        ],
    );
    scene.geoms[1].body = "near".into();
    let (image, _, seen) = draw(&scene, RenderOptions::default());
    assert_eq!((seen[MIDDLE], seen[MIDDLE + 18], seen[0]), (Some(1), Some(0), None));
    assert_eq!(seen[SIDE * SIDE - 1], Some(2));
    assert_eq!(&*scene.geoms[seen[MIDDLE].unwrap()].body, "near");
    let [red, green, blue] = image.pixel(SIDE / 2, SIDE / 2);
    assert!(red > 2 * green && green > blue, "{red} {green} {blue}");
}

#[test]
fn translucent_geoms_let_the_picture_through() {
    let mut scene = from_the_front(
        4.0,
        50.0,
        vec![geom(Shape::Sphere(0.5), [0.0, 1.0, 0.0]), geom(Shape::Box([0.4; 3]), [0.0, -1.0, 0.0])],
    );
    scene.geoms[1].rgba = [0.0, 0.0, 1.0, 1.0];
    let middle = |scene: &Scene| {
        let (image, _, seen) = draw(scene, RenderOptions::default());
        (image.pixel(SIDE / 2, SIDE / 2).map(f32::from), seen[MIDDLE])
    };
    let (front, seen) = middle(&scene);
    assert_eq!(seen, Some(1));
    scene.geoms[1].rgba[3] = 0.25;
    let (mixed, seen) = middle(&scene);
    assert_eq!(seen, Some(0), "what is translucent is not in the segmentation");
    scene.geoms[1].rgba[3] = 0.0;
    let (behind, _) = middle(&scene);
    for channel in 0..3 {
        let wanted = 0.25 * front[channel] + 0.75 * behind[channel];
        assert!((mixed[channel] - wanted).abs() < 2.0, "{mixed:?} between {front:?} and {behind:?}");
    }
}

#[test]
fn more_rays_per_pixel_smooth_edges_only() {
    let scene = from_the_front(3.0, 60.0, vec![geom(Shape::Sphere(1.0), [0.0; 3])]);
    let (sharp, ..) = draw(&scene, RenderOptions::default());
    let (smooth, _, seen) = draw(&scene, RenderOptions { supersampling: 3, ..RenderOptions::default() });
    let mut edge = 0;
    for (x, y) in (1..SIDE - 1).flat_map(|y| (1..SIDE - 1).map(move |x| (x, y))) {
        let at = y * SIDE + x;
        let inside = [at - 1, at + 1, at - SIDE, at + SIDE].iter().all(|other| seen[*other] == seen[at]);
        let change = sharp.pixel(x, y)[2].abs_diff(smooth.pixel(x, y)[2]);
        assert!(!inside || change < 20, "{change} at {x} {y}");
        edge += usize::from(!inside && change > 20);
    }
    assert!(edge > 50, "{edge} smoothed pixels");
}

#[test]
fn pictures_do_not_depend_on_the_number_of_threads() {
    let scenes: Vec<Scene> = (0..7)
        .map(|i| {
            let shape = if i % 2 == 0 { Shape::Capsule(0.2, 0.4) } else { Shape::Box([0.3, 0.2, 0.4]) };
            let floor = geom(Shape::Plane, [0.0, 0.0, -0.7]);
            from_the_front(3.0 + i as f32 * 0.3, 45.0, vec![geom(shape, [0.1 * i as f32, 0.0, 0.0]), floor])
        })
        .collect();
    let batch = |threads: usize| {
        let renderer = || Renderer::new(48, 40, RenderOptions::default()).unwrap();
        let mut renderers: Vec<Renderer> = (0..threads).map(|_| renderer()).collect();
        let mut images = vec![Image::new(); scenes.len()];
        render_batch(&mut renderers, &scenes, &mut images);
        images
    };
    let alone = batch(1);
    assert!(alone.windows(2).all(|pair| pair[0] != pair[1]));
    for threads in [2, 3, 8] {
        assert_eq!(batch(threads), alone, "{threads} threads");
    }
}

#[test]
fn impossible_sizes_are_refused() {
    for (width, height, samples) in
        [(0, 5, 1), (5, 0, 1), (5, 5, 0), (5, 5, 9), (1 << 20, 5, 1), (1 << 13, 5, 3)]
    {
        let options = RenderOptions { supersampling: samples, ..RenderOptions::default() };
        let error = Renderer::new(width, height, options).err().unwrap().to_string();
        assert!(error.contains(&format!("{width} x {height}")), "{error}");
    }
}

#[test]
fn broken_scenes_are_drawn_as_far_as_they_are_sound() {
    let sound = geom(Shape::Sphere(0.5), [0.0; 3]);
    let alone = draw(&from_the_front(4.0, 50.0, vec![sound.clone()]), RenderOptions::default());
    let broken = [
        geom(Shape::Sphere(0.5), [f32::NAN, 0.0, 0.0]),
        geom(Shape::Sphere(f32::NAN), [0.0; 3]),
        geom(Shape::Box([0.5, 0.0, 0.5]), [0.0, -1.0, 0.0]),
        geom(Shape::Capsule(0.5, f32::INFINITY), [0.0, -1.0, 0.0]),
        geom(Shape::Cylinder(-0.5, 0.5), [0.0, -1.0, 0.0]),
        geom(Shape::Box([0.1; 3]), [1e30, 0.0, 0.0]),
        SceneGeom { orientation: [0.0; 4], ..geom(Shape::Box([0.5; 3]), [0.0, -1.0, 0.0]) },
        // The eye is within this one, so it is looked out of.
        geom(Shape::Box([1.0, 0.5, 1.0]), [0.0, -4.0, 0.0]),
        geom(Shape::Plane, [0.0, 0.0, 0.5]),
    ];
    for geom in broken {
        let scene = from_the_front(4.0, 50.0, vec![sound.clone(), geom.clone()]);
        assert_eq!(draw(&scene, RenderOptions { shadows: false, supersampling: 1 }).2, alone.2, "{geom:?}");
    }
    let mut scene = from_the_front(4.0, 50.0, vec![sound]);
    scene.camera.target = scene.camera.eye;
    let (image, depth, seen) = draw(&scene, RenderOptions::default());
    assert!(depth.iter().all(|depth| *depth == f32::INFINITY) && seen.iter().all(Option::is_none));
    assert!(image.rgb().as_chunks::<3>().0.iter().all(|pixel| *pixel == image.pixel(0, 0)));
}
