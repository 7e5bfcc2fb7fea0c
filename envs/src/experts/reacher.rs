//! Expert of `reacher`: a virtual spring and damper between the tip and the target.

use super::Expert;

/// Lengths of the links, the second measured to the tip, metres (`sim/assets/reacher.xml`).
const UPPER: f32 = 0.12;
const LOWER: f32 = 0.12;
/// The virtual spring in newtons per metre, its longest extension in metres, and its damper in
/// newton seconds per metre.
const STIFFNESS: f32 = 4.0;
const EXTENSION: f32 = 0.1;
const DAMPING: f32 = 0.3;
/// Joint torque of a full action, newton metres.
const MOTOR: f32 = 0.05;

/// Jacobian-transpose control.
pub(super) struct Reacher;

impl Expert for Reacher {
    fn act(&self, obs: &[f32], action: &mut [f32]) {
        let &[cos, sin, wrist, x, y, shoulder_speed, wrist_speed] = obs else { return };
        let (wrist_sin, wrist_cos) = wrist.sin_cos();
        // From the wrist and from the shoulder to the tip.
        let lower =
            [LOWER * (cos * wrist_cos - sin * wrist_sin), LOWER * (sin * wrist_cos + cos * wrist_sin)];
        let whole = [UPPER * cos + lower[0], UPPER * sin + lower[1]];
        let velocity = [
            -whole[1] * shoulder_speed - lower[1] * wrist_speed,
            whole[0] * shoulder_speed + lower[0] * wrist_speed,
        ];
        let pull = STIFFNESS * (EXTENSION / x.hypot(y).max(EXTENSION));
        let force = [pull * x - DAMPING * velocity[0], pull * y - DAMPING * velocity[1]];
        let torque = |arm: [f32; 2]| arm[0] * force[1] - arm[1] * force[0];
        action[0] = (torque(whole) / MOTOR).clamp(-1.0, 1.0);
        action[1] = (torque(lower) / MOTOR).clamp(-1.0, 1.0);
    }
}
