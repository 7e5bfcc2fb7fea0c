//! `pendulum-classic`: the textbook pendulum, numerically that of Gymnasium's `Pendulum-v1`.
//!
//! It exists to compare scores and speeds with other libraries. Its gold reward is therefore the
//! usual negative cost, in [-16.3, 0]: alone among the tasks of telos, it is **not** in [0, 1]. Its
//! factors are. For learning in simulated physics see `pendulum-swingup`.

use std::f64::consts::PI;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use super::phrases;
use crate::{BoxSpace, Env, EnvSpec, Transition};

/// Gravity, m/s².
const GRAVITY: f64 = 10.0;
/// Mass of the rod, kg.
const MASS: f64 = 1.0;
/// Length of the rod, m.
const LENGTH: f64 = 1.0;
/// Seconds per step.
const DT: f64 = 0.05;
/// Torque of an action of 1, N m.
const MAX_TORQUE: f64 = 2.0;
/// Speeds are clamped to this, rad/s.
const MAX_SPEED: f64 = 8.0;

/// A rod on a hinge with a motor too weak to lift it directly. `theta` is 0 upright and grows
/// anticlockwise.
///
/// Observation: `cos theta, sin theta, theta'` (rad/s). Action: torque in units of 2 N m, in
/// [-1, 1] (Gymnasium's space is [-2, 2]). Reward, of the state before the step and the torque u:
/// `-(theta^2 + 0.1 theta'^2 + 0.001 u^2)`. Start: angle uniform over the circle, speed in [-1, 1].
#[derive(Clone, Debug)]
pub struct PendulumClassic {
    spec: EnvSpec,
    theta: f64,
    speed: f64,
    factors: [f32; 3],
}

impl PendulumClassic {
    /// The pendulum, upright and at rest until the first reset. Wrap it in
    /// [`TimeLimit`](crate::TimeLimit).
    pub fn new() -> Self {
        let high = vec![1.0, 1.0, MAX_SPEED as f32];
        let spec = EnvSpec {
            id: "pendulum-classic".into(),
            task: "Swing the pendulum up and keep it upright with little torque.".into(),
            observation: BoxSpace { low: high.iter().map(|bound| -bound).collect(), high },
            action: BoxSpace::uniform(1, -1.0, 1.0),
            dt: DT as f32,
            horizon: 200,
            factors: vec!["upright".into(), "slow".into(), "gentle".into()],
            can_terminate: false,
            goal: None,
        };
        Self { spec, theta: 0.0, speed: 0.0, factors: [0.0; 3] }
    }

    fn observe(&self, obs: &mut [f32]) {
        let (sin, cos) = self.theta.sin_cos();
        obs.copy_from_slice(&[cos as f32, sin as f32, self.speed as f32]);
    }
}

impl Default for PendulumClassic {
    fn default() -> Self {
        Self::new()
    }
}

/// The same angle in [-pi, pi).
fn wrap(angle: f64) -> f64 {
    (angle + PI).rem_euclid(2.0 * PI) - PI
}

impl Env for PendulumClassic {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        self.theta = rng.random_range(-PI..PI);
        self.speed = rng.random_range(-1.0..1.0);
        self.factors = [0.0; 3];
        self.observe(obs);
    }

    fn step(&mut self, action: &[f32], obs: &mut [f32]) -> Transition {
        assert_eq!(action.len(), 1, "components of an action");
        // As in the simulated tasks, a NaN action counts as zero.
        let action = if action[0].is_nan() { 0.0 } else { f64::from(action[0].clamp(-1.0, 1.0)) };
        let torque = MAX_TORQUE * action;
        let error = wrap(self.theta);
        let cost = error.powi(2) + 0.1 * self.speed.powi(2) + 0.001 * torque.powi(2);
        self.factors =
            [(error / PI).powi(2), (self.speed / MAX_SPEED).powi(2), action.powi(2)].map(|c| 1.0 - c as f32);

        let acceleration =
            3.0 * GRAVITY / (2.0 * LENGTH) * self.theta.sin() + 3.0 / (MASS * LENGTH * LENGTH) * torque;
        self.speed = (self.speed + acceleration * DT).clamp(-MAX_SPEED, MAX_SPEED);
        self.theta += self.speed * DT;
        self.observe(obs);
        Transition { reward: -cost as f32, ..Transition::default() }
    }

    fn factors(&self, out: &mut [f32]) {
        out.copy_from_slice(&self.factors);
    }

    fn success(&self) -> Option<bool> {
        Some(wrap(self.theta).abs() < 0.1 && self.speed.abs() < 0.5)
    }

    fn caption(&self) -> String {
        let motion = phrases::turning(-self.speed as f32);
        format!("the pendulum is {}, {motion}", phrases::rod(self.theta as f32))
    }
}

impl Checkpoint for PendulumClassic {
    fn save(&self, out: &mut Writer) {
        out.value("state", &(self.theta, self.speed, self.factors));
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        (self.theta, self.speed, self.factors) = from.value("state")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from `gym.make("Pendulum-v1").unwrapped` of gymnasium 1.4.0: `env.state` set to the
    /// start, then one row `(torque, theta, theta', reward)` per `env.step`. The second tape meets the
    /// limits of speed and torque and passes the wrap of the angle.
    #[test]
    fn dynamics_and_costs_match_recordings_of_gymnasium() {
        let tapes = [
            (
                (0.5, 1.0),
                [
                    (2.0, 0.5829784576976577, 1.6595691539531523, -0.354),
                    (-1.0, 0.6791011480544686, 1.9224538071362185, -0.616280859814818),
                    (0.5, 0.8025273576868921, 2.46852419264847, -0.8310112333461511),
                ],
            ),
            (
                (3.0, 7.9),
                [
                    (2.0, 3.4, 8.0, -15.245),
                    (2.0, 3.8, 8.0, -14.716757515536242),
                    (-5.0, 4.162055329089648, 7.241106581792961, -12.570209269792576),
                ],
            ),
        ];
        for (start, rows) in tapes {
            let mut env = PendulumClassic::new();
            (env.theta, env.speed) = start;
            let mut obs = [0.0; 3];
            for (torque, theta, speed, reward) in rows {
                let transition = env.step(&[(torque / MAX_TORQUE) as f32], &mut obs);
                assert!((env.theta - theta).abs() < 1e-12 && (env.speed - speed).abs() < 1e-12);
                assert!((f64::from(transition.reward) - reward).abs() < 1e-6);
                assert_eq!(obs, [theta.cos() as f32, theta.sin() as f32, speed as f32]);
            }
        }
    }

    #[test]
    fn captions_say_where_the_pendulum_is() {
        let mut env = PendulumClassic::new();
        assert!(env.caption().contains("upright") && env.caption().contains("at rest"));
        assert_eq!(env.success(), Some(true));
        (env.theta, env.speed) = (PI, -2.0);
        assert!(env.caption().contains("hanging down, 180 degrees"), "{}", env.caption());
        assert!(env.caption().contains("turning clockwise at 2.0 rad/s"), "{}", env.caption());
        assert_eq!(env.success(), Some(false));
    }
}
