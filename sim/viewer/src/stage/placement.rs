//! Where several copies of a scene stand, and how all of them become one scene.

use telos::sim::{Camera, Scene, SceneGeom, Shape};

/// Space between neighbours, as a share of their size.
const GAP: f32 = 0.35;

/// Positions of `count` copies in rows as seen by `camera`: to the right and away from it, metres. The first
/// stands where it is.
pub fn grid(count: usize, scene: &Scene) -> Vec<[f32; 3]> {
    let columns = (count as f32).sqrt().ceil().max(1.0) as usize;
    let (right, ahead) = directions(&scene.camera);
    let pitch = extent(scene) * (1.0 + GAP);
    let place = |index: usize| {
        let (column, row) = ((index % columns) as f32 * pitch, (index / columns) as f32 * pitch);
        [column * right[0] + row * ahead[0], column * right[1] + row * ahead[1], 0.0]
    };
    (0..count).map(place).collect()
}

/// Unit vectors on the ground: to the right in the picture, and away from the camera.
fn directions(camera: &Camera) -> ([f32; 2], [f32; 2]) {
    let along = [camera.target[0] - camera.eye[0], camera.target[1] - camera.eye[1]];
    let length = along[0].hypot(along[1]);
    // A camera that looks down has y upwards in its picture.
    let ahead = if length > 1e-3 { along.map(|x| x / length) } else { [0.0, 1.0] };
    ([ahead[1], -ahead[0]], ahead)
}

/// Largest side of what is not ground, metres.
fn extent(scene: &Scene) -> f32 {
    let solid = || scene.geoms.iter().filter(|geom| !matches!(geom.shape, Shape::Plane));
    let sides = [0, 1].map(|axis| {
        let edge = |sign: f32| {
            solid().map(move |geom| sign * geom.position[axis] + radius(&geom.shape)).fold(f32::MIN, f32::max)
        };
        edge(1.0) + edge(-1.0)
    });
    let side = sides[0].max(sides[1]);
    if side.is_finite() { side.clamp(0.2, 100.0) } else { 1.0 }
}

/// Radius of a ball around the origin of a shape that holds it.
fn radius(shape: &Shape) -> f32 {
    match shape {
        Shape::Sphere(radius) => *radius,
        Shape::Capsule(radius, half) => radius + half,
        Shape::Cylinder(radius, half) => radius.hypot(*half),
        Shape::Box([x, y, z]) => (x * x + y * y + z * z).sqrt(),
        Shape::Ellipsoid(axes) => axes.iter().copied().fold(0.0, f32::max),
        Shape::Plane => 0.0,
        Shape::Mesh(mesh) => {
            let lengths = mesh.vertices().iter().map(|v| v.iter().map(|x| x * x).sum::<f32>().sqrt());
            lengths.fold(0.0, f32::max)
        }
    }
}

/// The view of the first of several copies, drawn back so that all are in it.
pub fn overview(camera: &Camera, places: &[[f32; 3]]) -> Camera {
    let count = places.len().max(1) as f32;
    let middle: [f32; 3] =
        std::array::from_fn(|axis| places.iter().map(|place| place[axis]).sum::<f32>() / count);
    let reach =
        places.iter().map(|place| (0..3).map(|axis| (place[axis] - middle[axis]).powi(2)).sum::<f32>());
    let reach = reach.fold(0.0, f32::max).sqrt();
    let arm: [f32; 3] = std::array::from_fn(|axis| camera.eye[axis] - camera.target[axis]);
    let distance = arm.iter().map(|x| x * x).sum::<f32>().sqrt();
    let back = 1.0 + reach / (distance * (0.5 * camera.fovy.to_radians()).tan());
    let target = std::array::from_fn(|axis| camera.target[axis] + middle[axis]);
    let mut eye: [f32; 3] = std::array::from_fn(|axis| target[axis] + arm[axis] * back);
    // Rows behind the first are seen from above.
    if reach > 0.0 {
        eye[2] += 0.5 * reach;
    }
    Camera { eye, target, fovy: camera.fovy }
}

/// One copy on the stage: its scene, where it stands and how solid it looks.
pub struct Exhibit {
    /// What is seen of it.
    pub scene: Scene,
    /// Shift, metres.
    pub place: [f32; 3],
    /// Factor of its opacity: 1, or less for a ghost.
    pub opacity: f32,
}

/// All exhibits as one scene, and the places of their geoms in it. Ground is shown once.
pub fn merge(exhibits: Vec<Exhibit>, camera: Camera) -> (Scene, Vec<std::ops::Range<usize>>) {
    let mut merged = Scene { geoms: Vec::new(), camera };
    let mut ranges = Vec::new();
    for (index, exhibit) in exhibits.into_iter().enumerate() {
        let start = merged.geoms.len();
        let ghost = exhibit.opacity < 1.0;
        let shown = exhibit.scene.geoms.into_iter().filter(|geom| {
            let fixed = &*geom.body == "world";
            !(matches!(geom.shape, Shape::Plane) && index > 0 || fixed && ghost)
        });
        merged.geoms.extend(shown.map(|geom| SceneGeom {
            position: std::array::from_fn(|axis| geom.position[axis] + exhibit.place[axis]),
            rgba: [geom.rgba[0], geom.rgba[1], geom.rgba[2], geom.rgba[3] * exhibit.opacity],
            ..geom
        }));
        ranges.push(start..merged.geoms.len());
    }
    (merged, ranges)
}

#[cfg(test)]
mod tests {
    use telos::envs::registry;

    use super::*;

    fn scene() -> Scene {
        let mut env = registry::make("walker-walk").unwrap();
        env.reset(0, &mut vec![0.0; env.spec().observation.size()]);
        env.scene().unwrap()
    }

    #[test]
    fn copies_stand_apart_and_the_first_where_it_is() {
        let scene = scene();
        let places = grid(16, &scene);
        assert_eq!(places[0], [0.0; 3]);
        for (index, a) in places.iter().enumerate() {
            for b in &places[index + 1..] {
                assert!((a[0] - b[0]).hypot(a[1] - b[1]) >= extent(&scene), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn the_overview_of_one_is_its_own_view() {
        let scene = scene();
        assert_eq!(overview(&scene.camera, &[[0.0; 3]]), scene.camera);
        let wide = overview(&scene.camera, &grid(4, &scene));
        assert!(wide.eye[1] < scene.camera.eye[1] && wide.target[0] > scene.camera.target[0]);
    }

    #[test]
    fn ground_is_shown_once_and_ghosts_without_it() {
        let exhibit = |opacity| Exhibit { scene: scene(), place: [1.0, 0.0, 0.0], opacity };
        let (merged, ranges) = merge(vec![exhibit(1.0), exhibit(0.4)], scene().camera);
        let planes = merged.geoms.iter().filter(|geom| geom.shape == Shape::Plane).count();
        assert_eq!(planes, 1);
        assert_eq!(ranges.iter().map(ExactSizeIterator::len).sum::<usize>(), merged.geoms.len());
        assert!(merged.geoms[ranges[1].clone()].iter().all(|geom| geom.rgba[3] < 0.5));
    }
}
