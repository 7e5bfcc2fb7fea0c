//! Where a robot has been, coloured by the reward that it learned for being there.

use std::collections::VecDeque;

/// Positions that are kept.
const LENGTH: usize = 400;
/// A step farther than this is a new start, metres.
const JUMP: f32 = 1.0;

/// The last positions of one robot with a number for each.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    points: VecDeque<([f32; 3], f32)>,
}

impl Trail {
    /// Appends a position, metres, and the reward there. After a jump the trail begins anew.
    pub fn push(&mut self, position: [f32; 3], reward: f32) {
        if let Some((last, _)) = self.points.back() {
            let far = last.iter().zip(&position).map(|(a, b)| (a - b).powi(2)).sum::<f32>() > JUMP * JUMP;
            if far {
                self.points.clear();
            }
        }
        if self.points.len() == LENGTH {
            self.points.pop_front();
        }
        self.points.push_back((position, reward));
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.points.clear();
    }

    /// Positions with colours, the oldest first; colours span the rewards that the trail has.
    pub fn coloured(&self) -> impl Iterator<Item = ([f32; 3], [f32; 3])> + '_ {
        let rewards = || self.points.iter().map(|(_, reward)| *reward).filter(|reward| reward.is_finite());
        let low = rewards().fold(f32::INFINITY, f32::min);
        let high = rewards().fold(f32::NEG_INFINITY, f32::max);
        self.points.iter().map(move |(position, reward)| (*position, colour(*reward, low, high)))
    }
}

/// From blue (low) by grey to orange (high): told apart by eyes of all kinds. Grey where there is no range.
pub fn colour(value: f32, low: f32, high: f32) -> [f32; 3] {
    const LOW: [f32; 3] = [0.12, 0.35, 0.85];
    const MIDDLE: [f32; 3] = [0.75, 0.75, 0.72];
    const HIGH: [f32; 3] = [0.95, 0.45, 0.05];
    let share = (value - low) / (high - low);
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.5 };
    let (from, to, at) =
        if share < 0.5 { (LOW, MIDDLE, 2.0 * share) } else { (MIDDLE, HIGH, 2.0 * share - 1.0) };
    std::array::from_fn(|channel| from[channel] + (to[channel] - from[channel]) * at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_span_the_rewards_and_a_reset_begins_anew() {
        let mut trail = Trail::default();
        (0..5).for_each(|step| trail.push([0.1 * step as f32, 0.0, 1.0], step as f32));
        let colours: Vec<[f32; 3]> = trail.coloured().map(|(_, colour)| colour).collect();
        assert!(colours[0][2] > 0.8 && colours[4][0] > 0.9, "{colours:?}");
        trail.push([9.0, 0.0, 1.0], 0.0);
        assert_eq!(trail.coloured().count(), 1);
        assert_eq!(colour(1.0, 1.0, 1.0), colour(f32::NAN, 0.0, 1.0), "no range, no colour");
    }
}
