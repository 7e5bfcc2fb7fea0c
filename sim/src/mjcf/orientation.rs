//! The many ways in which MJCF gives a pose.

use rapier3d::math::{Matrix, Pose, Rotation, Vector};

use super::settings::Settings;
use crate::{SimError, xml::Element};

const ORIENTATIONS: [&str; 5] = ["quat", "euler", "axisangle", "xyaxes", "zaxis"];

impl Settings<'_> {
    /// `pos` with at most one orientation.
    pub(super) fn pose(&self, element: &Element<'_>) -> Result<Pose, SimError> {
        let position = element.vector("pos", Vector::ZERO)?;
        Ok(Pose::from_parts(position, self.rotation(element)?))
    }

    fn rotation(&self, element: &Element<'_>) -> Result<Rotation, SimError> {
        if ORIENTATIONS.iter().filter(|name| element.text(name).is_some()).count() > 1 {
            return Err(element.error(format!("give only one of {}", ORIENTATIONS.join(", "))));
        }
        if let Some(rotation) = quaternion(element, "quat")? {
            return Ok(rotation);
        }
        if let Some(angles) = element.numbers::<3>("euler")? {
            return Ok(self.euler(angles.map(|angle| angle * self.to_radians)));
        }
        if let Some([x, y, z, angle]) = element.numbers::<4>("axisangle")? {
            let axis = element.direction("axisangle", Vector::new(x, y, z))?;
            return Ok(Rotation::from_axis_angle(axis, angle * self.to_radians));
        }
        if let Some([x1, x2, x3, y1, y2, y3]) = element.numbers::<6>("xyaxes")? {
            let x = element.direction("xyaxes", Vector::new(x1, x2, x3))?;
            let y = Vector::new(y1, y2, y3);
            let y = element.direction("xyaxes", y - x * x.dot(y))?;
            return Ok(Rotation::from_mat3(&Matrix::from_cols(x, y, x.cross(y))).normalize());
        }
        if let Some(z) = element.numbers::<3>("zaxis")? {
            let z = element.direction("zaxis", Vector::from_array(z))?;
            return Ok(Rotation::from_rotation_arc(Vector::Z, z));
        }
        Ok(Rotation::IDENTITY)
    }

    /// Small letters of the sequence turn about the axes that earlier turns moved, capitals about the
    /// fixed ones.
    fn euler(&self, angles: [f32; 3]) -> Rotation {
        self.euler_sequence.iter().zip(angles).fold(Rotation::IDENTITY, |sum, (letter, angle)| {
            let turn = match letter.to_ascii_lowercase() {
                b'x' => Rotation::from_rotation_x(angle),
                b'y' => Rotation::from_rotation_y(angle),
                _ => Rotation::from_rotation_z(angle),
            };
            if letter.is_ascii_lowercase() { sum * turn } else { turn * sum }
        })
    }
}

/// A quaternion w x y z of nearly any length.
pub(super) fn quaternion(element: &Element<'_>, name: &str) -> Result<Option<Rotation>, SimError> {
    let Some([w, x, y, z]) = element.numbers::<4>(name)? else { return Ok(None) };
    let rotation = Rotation::from_xyzw(x, y, z, w);
    if !(1e-6..1e6).contains(&rotation.length()) {
        return Err(element.error(format!("{name} must be a rotation, of length 1")));
    }
    Ok(Some(rotation.normalize()))
}
