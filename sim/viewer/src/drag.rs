//! Pulling a body by the pointer: a damped spring from the body to a point in the picture.

use telos::sim::{
    BodyId, Camera, Scene, SimError,
    render::{Image, RenderOptions, Renderer},
};

/// Stiffness of the spring per kilogram of robot, N/m/kg: soft enough for steps of 50 ms.
const STIFFNESS: f32 = 40.0;

/// What is under a pixel: its geom and the point on it, metres.
pub type Hit = (usize, [f32; 3]);

/// The geom of `scene` that a ray through the picture meets first. `across` and `down` are in [0, 1] from the top
/// left of a picture that is `aspect` times as wide as it is high. Ground and translucent geoms are not met.
///
/// # Errors
/// When the system refuses a renderer.
pub fn pick(scene: &Scene, across: f32, down: f32, aspect: f32) -> Result<Option<Hit>, SimError> {
    // A picture of one pixel, whose only ray is the one that is asked for.
    let (eye, direction) = ray(&scene.camera, across, down, aspect);
    let target = std::array::from_fn(|axis| eye[axis] + direction[axis]);
    let camera = Camera { eye, target, fovy: 0.1 };
    let mut renderer = Renderer::new(1, 1, RenderOptions { shadows: false, supersampling: 1 })?;
    renderer.render(&Scene { geoms: scene.geoms.clone(), camera }, &mut Image::new());
    let geom = renderer.segmentation().next().flatten();
    let depth = renderer.depth().next().filter(|depth| depth.is_finite());
    let movable = |geom: &usize| &*scene.geoms[*geom].body != "world";
    Ok(geom.filter(movable).zip(depth).map(|(geom, depth)| (geom, point_at(eye, direction, depth))))
}

/// Eye, and unit direction of the ray through a point of the picture; see [`pick`].
pub fn ray(camera: &Camera, across: f32, down: f32, aspect: f32) -> ([f32; 3], [f32; 3]) {
    let ahead: [f32; 3] = unit(std::array::from_fn(|axis| camera.target[axis] - camera.eye[axis]));
    let level = [ahead[1], -ahead[0], 0.0];
    let right = if dot(level, level) > 1e-8 { unit(level) } else { [1.0, 0.0, 0.0] };
    let up = [
        right[1] * ahead[2] - right[2] * ahead[1],
        right[2] * ahead[0] - right[0] * ahead[2],
        right[0] * ahead[1] - right[1] * ahead[0],
    ];
    let half = (0.5 * camera.fovy.to_radians()).tan();
    let (x, y) = ((2.0 * across - 1.0) * half * aspect, (1.0 - 2.0 * down) * half);
    let direction = unit(std::array::from_fn(|axis| ahead[axis] + x * right[axis] + y * up[axis]));
    (camera.eye, direction)
}

fn point_at(eye: [f32; 3], direction: [f32; 3], distance: f32) -> [f32; 3] {
    std::array::from_fn(|axis| eye[axis] + distance * direction[axis])
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a.iter().zip(&b).map(|(a, b)| a * b).sum()
}

fn unit(a: [f32; 3]) -> [f32; 3] {
    let length = dot(a, a).sqrt().max(1e-12);
    a.map(|x| x / length)
}

/// A body in hand.
#[derive(Clone, Debug, PartialEq)]
pub struct Grip {
    /// Which troupe, and which robot of it.
    pub troupe: usize,
    /// Place among the robots of the troupe.
    pub player: usize,
    /// The body.
    pub body: BodyId,
    /// The point where it was taken, in its own frame, metres.
    pub local: [f32; 3],
    /// How far from the eye it was taken, along the view: it is pulled in a plane that faces the camera.
    pub depth: f32,
    /// Where the pointer wants it, on the stage, metres.
    pub goal: [f32; 3],
    /// Where it is now, on the stage, metres.
    pub at: [f32; 3],
    /// What pulls it now, newtons.
    pub force: [f32; 3],
}

impl Grip {
    /// Moves the goal to a point of the picture; see [`pick`].
    pub fn aim(&mut self, camera: &Camera, across: f32, down: f32, aspect: f32) {
        let (eye, direction) = ray(camera, across, down, aspect);
        let ahead = unit(std::array::from_fn(|axis| camera.target[axis] - camera.eye[axis]));
        self.goal = point_at(eye, direction, self.depth / dot(direction, ahead).max(1e-3));
    }

    /// The force at a point that is at `at` and moves with `velocity`, m/s, on a robot of `mass` kilograms.
    pub fn pull(&mut self, at: [f32; 3], velocity: [f32; 3], mass: f32) -> [f32; 3] {
        let stiffness = STIFFNESS * mass;
        let damping = 2.0 * STIFFNESS.sqrt() * mass * 0.5;
        self.at = at;
        self.force =
            std::array::from_fn(|axis| stiffness * (self.goal[axis] - at[axis]) - damping * velocity[axis]);
        self.force
    }
}

/// How far along the view a point is from the eye.
pub fn depth(camera: &Camera, point: [f32; 3]) -> f32 {
    let ahead = unit(std::array::from_fn(|axis| camera.target[axis] - camera.eye[axis]));
    dot(std::array::from_fn(|axis| point[axis] - camera.eye[axis]), ahead)
}

/// A vector turned by the quaternion x y z w, or back by its conjugate.
pub fn turned([x, y, z, w]: [f32; 4], v: [f32; 3], back: bool) -> [f32; 3] {
    let q = if back { [-x, -y, -z] } else { [x, y, z] };
    let cross = |a: [f32; 3], b: [f32; 3]| {
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    };
    let t = cross(q, v).map(|x| 2.0 * x);
    let u = cross(q, t);
    std::array::from_fn(|axis| v[axis] + w * t[axis] + u[axis])
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
    fn the_middle_of_the_picture_is_what_the_camera_looks_at() {
        let mut scene = scene();
        let torso = scene.geoms.iter().position(|geom| &*geom.body == "torso").unwrap();
        scene.camera.target = scene.geoms[torso].position;
        let (geom, point) = pick(&scene, 0.5, 0.5, 1.5).unwrap().unwrap();
        assert_eq!(&*scene.geoms[geom].body, "torso");
        let gap = (0..3).map(|axis| (point[axis] - scene.camera.target[axis]).powi(2)).sum::<f32>().sqrt();
        assert!(gap < 0.3, "{gap} m from the middle of the torso");
        assert_eq!(pick(&scene, 0.02, 0.02, 1.5).unwrap(), None, "the sky");
        assert_eq!(pick(&scene, 0.02, 0.99, 1.5).unwrap(), None, "the ground");
    }

    #[test]
    fn a_corner_of_the_picture_is_where_the_renderer_has_it() {
        let camera = Camera { eye: [1.0, -3.0, 2.0], target: [0.0, 0.5, 0.3], fovy: 50.0 };
        let (eye, direction) = ray(&camera, 1.0, 0.0, 2.0);
        let ahead = unit(std::array::from_fn(|axis| camera.target[axis] - eye[axis]));
        let tangent = (1.0 / dot(direction, ahead).powi(2) - 1.0).sqrt();
        let expected = 25f32.to_radians().tan() * 5f32.sqrt();
        assert!((tangent - expected).abs() < 1e-4 && direction[2] > ahead[2]);
    }

    #[test]
    fn a_goal_stays_at_its_depth_and_pulls_towards_it() {
        let scene = scene();
        let mut grip = Grip {
            troupe: 0,
            player: 0,
            body: telos::sim::Model::from_mjcf_str("w", telos::sim::assets::WALKER)
                .unwrap()
                .body("torso")
                .unwrap(),
            local: [0.0; 3],
            depth: 3.0,
            goal: [0.0; 3],
            at: [0.0; 3],
            force: [0.0; 3],
        };
        grip.aim(&scene.camera, 0.8, 0.3, 1.5);
        assert!((depth(&scene.camera, grip.goal) - 3.0).abs() < 1e-3);
        let goal = grip.goal;
        let force = grip.pull([goal[0] - 1.0, goal[1], goal[2]], [0.0; 3], 10.0);
        assert!(force[0] > 0.0 && force[1].abs() + force[2].abs() < 1e-2, "{force:?}");
        assert_eq!(grip.pull(goal, [0.0; 3], 10.0), [0.0; 3]);
    }

    #[test]
    fn turning_there_and_back() {
        let half = std::f32::consts::FRAC_1_SQRT_2;
        let quarter = [0.0, 0.0, half, half];
        let turned_once = turned(quarter, [1.0, 0.0, 0.0], false);
        assert!((turned_once[1] - 1.0).abs() < 1e-6);
        let back = turned(quarter, turned_once, true);
        assert!((back[0] - 1.0).abs() < 1e-6 && back[1].abs() < 1e-6);
    }
}
