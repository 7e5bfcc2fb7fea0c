//! From the time of the wall to steps of the simulation: pause, single steps and slow motion.

/// Steps that are made up for at most in one frame: a slow machine falls behind rather than freezing.
const MOST_STEPS: usize = 8;
/// Slowest and fastest speed, as factors of real time.
pub const SPEEDS: [f32; 2] = [1.0 / 32.0, 8.0];

/// Says how many steps are due.
#[derive(Clone, Debug, PartialEq)]
pub struct Clock {
    /// Whether time stands still.
    pub paused: bool,
    speed: f32,
    /// Steps that were asked for one by one.
    single: usize,
    /// Simulated seconds that no step has used up yet.
    left: f32,
}

impl Default for Clock {
    fn default() -> Self {
        Self { paused: false, speed: 1.0, single: 0, left: 0.0 }
    }
}

impl Clock {
    /// Real time, or none.
    pub fn new(paused: bool) -> Self {
        Self { paused, ..Self::default() }
    }

    /// Simulated seconds per second.
    pub fn speed(&self) -> f32 {
        self.speed
    }

    /// Sets the speed, within [`SPEEDS`].
    pub fn set_speed(&mut self, speed: f32) {
        self.speed = speed.clamp(SPEEDS[0], SPEEDS[1]);
    }

    /// Stops time and lets one step pass.
    pub fn step_once(&mut self) {
        self.paused = true;
        self.single += 1;
    }

    /// Steps of `dt` seconds that are due after `seconds` more.
    pub fn steps(&mut self, seconds: f32, dt: f32) -> usize {
        if self.paused {
            self.left = 0.0;
            return std::mem::take(&mut self.single);
        }
        self.left += seconds * self.speed;
        // Rounding must not lose the step of a frame that lasts exactly as long.
        let due = ((self.left / dt + 1e-4) as usize).min(MOST_STEPS);
        self.left = (self.left - due as f32 * dt).clamp(0.0, dt);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_any_length_add_up_to_the_time_that_passed() {
        for fps in [20.0, 25.0, 60.0, 144.0] {
            let mut clock = Clock::default();
            let steps: usize = (0..fps as usize * 10).map(|_| clock.steps(1.0 / fps, 0.02)).sum();
            assert!((499..=501).contains(&steps), "{steps} steps at {fps} frames per second");
        }
    }

    #[test]
    fn slow_motion_pause_and_single_steps() {
        let mut clock = Clock::default();
        clock.set_speed(0.5);
        assert_eq!((0..10).map(|_| clock.steps(0.1, 0.1)).sum::<usize>(), 5);
        clock.step_once();
        assert!(clock.paused);
        assert_eq!([clock.steps(0.1, 0.1), clock.steps(0.1, 0.1)], [1, 0]);
        clock.set_speed(1e9);
        assert_eq!(clock.speed(), SPEEDS[1]);
    }

    #[test]
    fn a_slow_machine_falls_behind() {
        let mut clock = Clock::default();
        assert_eq!(clock.steps(60.0, 0.01), MOST_STEPS);
        assert!(clock.steps(0.01, 0.01) <= 2, "the lost minute is not made up for");
    }
}
