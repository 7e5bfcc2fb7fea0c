//! From a camera to one ray per pixel, and from a point to its pixel.

use super::vector::Vec3;
use crate::Camera;

/// The rays of a picture. That of the pixel in column `x` and row `y` starts at `eye` and has the
/// direction `corner + x right + y down`. Its component along the view is 1, so that a distance
/// counted in directions is the depth of a point: its distance from the plane of the eye.
#[derive(Clone, Copy)]
pub(super) struct Rays {
    pub(super) eye: Vec3<f32>,
    pub(super) corner: Vec3<f32>,
    pub(super) right: Vec3<f32>,
    pub(super) down: Vec3<f32>,
    /// Unit vectors along the view, and to the right and downwards in the picture.
    axes: [Vec3<f32>; 3],
    /// Side of a pixel at depth 1, metres.
    pub(super) pixel: f32,
    width: f32,
    height: f32,
}

impl Rays {
    /// The rays of a camera; z is up in the picture, or y where the view is along z. `None` where the
    /// camera has no direction, as one that follows a robot whose simulation has failed.
    pub(super) fn new(camera: &Camera, width: usize, height: usize) -> Option<Self> {
        let eye = Vec3::from(camera.eye);
        let view = Vec3::from(camera.target) - eye;
        let distance = view.length();
        let angle = 0.5 * camera.fovy.to_radians();
        let sound = distance > 1e-9 && distance < 1e9 && eye.is_finite() && angle > 1e-4 && angle < 1.57;
        if !sound {
            return None;
        }
        let forward = view * (1.0 / distance);
        let across = forward.cross(Vec3::new(0.0, 0.0, 1.0));
        let right = if across.length() > 1e-4 { across.normalized() } else { Vec3::new(1.0, 0.0, 0.0) };
        let down = forward.cross(right).normalized();
        let (width, height) = (width as f32, height as f32);
        let pixel = 2.0 * angle.tan() / height;
        let corner = forward + right * (pixel * (0.5 - 0.5 * width)) + down * (pixel * (0.5 - 0.5 * height));
        Some(Self {
            eye,
            corner,
            right: right * pixel,
            down: down * pixel,
            axes: [forward, right, down],
            pixel,
            width,
            height,
        })
    }

    /// Unit vector along the view.
    pub(super) fn forward(&self) -> Vec3<f32> {
        self.axes[0]
    }

    /// A point in homogeneous pixels: its column is `x / z`, its row `y / z`, its depth `z`.
    pub(super) fn project(&self, point: Vec3<f32>) -> Vec3<f32> {
        let [forward, right, down] = self.axes;
        let seen = point - self.eye;
        let depth = seen.dot(forward);
        Vec3::new(
            seen.dot(right) / self.pixel + 0.5 * (self.width - 1.0) * depth,
            seen.dot(down) / self.pixel + 0.5 * (self.height - 1.0) * depth,
            depth,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_on_a_ray_projects_to_its_pixel() {
        let camera = Camera { eye: [1.0, -3.0, 2.0], target: [0.0, 0.5, 0.3], fovy: 50.0 };
        let rays = Rays::new(&camera, 64, 48).unwrap();
        for (x, y, depth) in [(0.0, 0.0, 2.0), (31.5, 23.5, 0.1), (63.0, 47.0, 40.0), (10.0, 40.0, 5.0)] {
            let point = rays.eye + (rays.corner + rays.right * x + rays.down * y) * depth;
            let seen = rays.project(point);
            let error =
                (seen.x / seen.z - x).abs() + (seen.y / seen.z - y).abs() + (seen.z / depth - 1.0).abs();
            assert!(error < 1e-3, "{x} {y} {depth}: {seen:?}");
        }
    }

    #[test]
    fn the_middle_row_spans_the_vertical_field_of_view() {
        let camera = Camera { eye: [0.0; 3], target: [0.0, 1.0, 0.0], fovy: 90.0 };
        let rays = Rays::new(&camera, 3, 3).unwrap();
        // Tangents of the upper edges: 1, less half a pixel of 2/3.
        assert!((rays.corner.z - 2.0 / 3.0).abs() < 1e-6 && (rays.corner.x + 2.0 / 3.0).abs() < 1e-6);
        let down = Camera { eye: [0.0, 0.0, 1.0], target: [0.0; 3], fovy: 90.0 };
        let rays = Rays::new(&down, 3, 3).unwrap();
        assert!(rays.right.x > 0.0 && rays.down.y < 0.0, "from above, x is right and y is up");
    }

    #[test]
    fn cameras_without_a_direction_have_no_rays() {
        let sound = Camera { eye: [0.0; 3], target: [0.0, 1.0, 0.0], fovy: 45.0 };
        for camera in [
            Camera { eye: [f32::NAN, 0.0, 0.0], ..sound.clone() },
            Camera { target: [0.0; 3], ..sound.clone() },
            Camera { target: [f32::INFINITY; 3], ..sound.clone() },
            Camera { fovy: 0.0, ..sound.clone() },
            Camera { fovy: 180.0, ..sound.clone() },
            Camera { fovy: f32::NAN, ..sound.clone() },
        ] {
            assert!(Rays::new(&camera, 8, 8).is_none(), "{camera:?}");
        }
        assert!(Rays::new(&sound, 8, 8).is_some());
    }
}
