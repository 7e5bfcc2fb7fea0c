//! Plain English for captions.

/// The posture of a body whose forward pitch is `pitch` radians.
pub(super) fn posture(pitch: f32) -> &'static str {
    match (pitch.cos(), pitch.sin() > 0.0) {
        (0.9.., _) => "upright",
        (0.3..0.9, true) => "leaning forward",
        (0.3..0.9, false) => "leaning back",
        (-0.3..0.3, true) => "lying face down",
        (-0.3..0.3, false) => "lying on its back",
        _ => "upside down",
    }
}

/// The posture of a person's body from the vertical components of its upward and forward axes.
pub(super) fn bearing(up: f32, forward: f32) -> &'static str {
    match (up, forward) {
        (0.9.., _) => "upright",
        (0.3..0.9, ..=0.0) => "leaning forward",
        (0.3..0.9, _) => "leaning back",
        (-0.3..0.3, ..=-0.6) => "lying face down",
        (-0.3..0.3, 0.6..) => "lying on its back",
        (-0.3..0.3, _) => "lying on its side",
        _ => "upside down",
    }
}

/// The posture of a body on four legs from the vertical component of its upward axis.
pub(super) fn balance(up: f32) -> &'static str {
    match up {
        0.9.. => "level",
        0.3..0.9 => "tilted",
        -0.3..0.3 => "on its side",
        _ => "upside down",
    }
}

/// Motion along x at `speed` m/s.
pub(super) fn motion(speed: f32) -> String {
    match speed {
        0.05.. => format!("moving forward at {speed:.1} m/s"),
        ..=-0.05 => format!("moving backward at {:.1} m/s", -speed),
        _ => "not moving".into(),
    }
}

/// Where a rod is that stands upright at angle 0 and turns clockwise (seen along -y, x to the
/// right) with positive angles, in radians.
pub(super) fn rod(angle: f32) -> String {
    let degrees = (angle.cos().clamp(-1.0, 1.0)).acos().to_degrees();
    let place = match degrees {
        ..10.0 => "upright",
        ..80.0 => "leaning",
        ..100.0 => "horizontal",
        ..170.0 => "below the horizontal",
        _ => "hanging down",
    };
    format!("{place}, {degrees:.0} degrees from vertical")
}

/// Rotation at `speed` rad/s, positive clockwise.
pub(super) fn turning(speed: f32) -> String {
    match speed {
        0.05.. => format!("turning clockwise at {speed:.1} rad/s"),
        ..=-0.05 => format!("turning anticlockwise at {:.1} rad/s", -speed),
        _ => "at rest".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::PI;

    #[test]
    fn words_follow_the_numbers() {
        assert_eq!(posture(0.1), "upright");
        assert_eq!(posture(0.8), "leaning forward");
        assert_eq!(posture(-0.8), "leaning back");
        assert_eq!(posture(PI / 2.0), "lying face down");
        assert_eq!(posture(-PI / 2.0), "lying on its back");
        assert_eq!(posture(PI), "upside down");
        assert_eq!(bearing(0.95, 0.1), "upright");
        assert_eq!(bearing(0.5, -0.5), "leaning forward");
        assert_eq!(bearing(0.1, -0.9), "lying face down");
        assert_eq!(bearing(0.1, 0.9), "lying on its back");
        assert_eq!(bearing(0.1, 0.1), "lying on its side");
        assert_eq!(bearing(-0.9, 0.0), "upside down");
        assert_eq!([0.95, 0.5, 0.0, -0.8].map(balance), ["level", "tilted", "on its side", "upside down"]);
        assert_eq!(motion(0.92), "moving forward at 0.9 m/s");
        assert_eq!(motion(-2.0), "moving backward at 2.0 m/s");
        assert_eq!(motion(0.0), "not moving");
        assert_eq!(rod(PI), "hanging down, 180 degrees from vertical");
        assert_eq!(rod(-0.1), "upright, 6 degrees from vertical");
        assert_eq!(turning(-1.0), "turning anticlockwise at 1.0 rad/s");
    }
}
