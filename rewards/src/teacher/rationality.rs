//! From opinions to answers, with B-Pref's irrationalities.

use rand::{RngExt, seq::SliceRandom};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::ScriptedTeacherConfig;
use crate::feedback::{Ask, Choice, Order};

/// What a teacher thinks of one segment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Opinion {
    /// Steps of the segment.
    len: usize,
    /// Sum of the worths of its steps.
    whole: f32,
    /// The same as remembered: `sum_t gamma^(L-1-t) w_t`.
    remembered: f32,
    /// What `remembered` would be if every step were worth 1.
    weight: f32,
}

/// What a teacher is used to, per step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Usual {
    /// Mean worth of recent behaviour.
    pub(super) mean: f32,
    /// Least and greatest worth ever seen; none before the first.
    pub(super) range: Option<[f32; 2]>,
}

impl Opinion {
    /// Of a segment whose steps have these worths.
    pub(super) fn of(worths: &[f32], gamma: f32) -> Self {
        Self {
            len: worths.len(),
            whole: worths.iter().sum(),
            remembered: worths.iter().fold(0.0, |sum, worth| gamma * sum + worth),
            weight: worths.iter().fold(0.0, |sum, _| gamma * sum + 1.0),
        }
    }
}

impl ScriptedTeacherConfig {
    /// The answer to `ask` of somebody who holds these opinions, one per segment shown.
    pub(super) fn answer(
        &self,
        ask: Ask,
        opinions: &[Opinion],
        usual: Usual,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Choice {
        let best = opinions.iter().map(|opinion| opinion.whole).fold(f32::NEG_INFINITY, f32::max);
        let typical = usual.mean * opinions.first().map_or(0, |opinion| opinion.len) as f32;
        if self.skip > 0.0 && best <= self.skip * typical {
            return Choice::Skip;
        }
        match (ask, opinions) {
            (Ask::Comparison, [first, second]) => self.compare(*first, *second, typical, rng),
            (Ask::Rating { bins }, [opinion]) => Choice::Rating(self.rate(bins, *opinion, usual, rng)),
            _ => Choice::Ranking(self.rank(opinions, rng)),
        }
    }

    fn compare(&self, first: Opinion, second: Opinion, typical: f32, rng: &mut Xoshiro256PlusPlus) -> Choice {
        if (first.whole - second.whole).abs() < self.equal * typical {
            return Choice::Equal;
        }
        let margin = first.remembered - second.remembered;
        let choice = if self.beta > 0.0 {
            let first_preferred = 1.0 / (1.0 + (-self.beta * margin).exp());
            if rng.random::<f32>() < first_preferred { Choice::First } else { Choice::Second }
        } else if margin == 0.0 {
            // B-Pref would always prefer the first, which teaches something untrue about sparse tasks.
            Choice::Equal
        } else if margin > 0.0 {
            Choice::First
        } else {
            Choice::Second
        };
        if rng.random::<f32>() < self.mistake { choice.swapped() } else { choice }
    }

    /// Places, the best first. A stochastic teacher draws from Plackett and Luce's distribution, which
    /// for two segments is Bradley and Terry's, by ranking returns plus Gumbel noise; a mistake
    /// exchanges two neighbours. A ranking has no ties, so `equal` does not matter.
    fn rank(&self, opinions: &[Opinion], rng: &mut Xoshiro256PlusPlus) -> Order {
        let mut order: Vec<u8> = (0..opinions.len() as u8).collect();
        if self.beta <= 0.0 {
            // Segments that tie come in random order.
            order.shuffle(rng);
        }
        let scores: Vec<f32> = opinions
            .iter()
            .map(|opinion| match self.beta > 0.0 {
                true => self.beta * opinion.remembered - (-unit(rng).ln()).ln(),
                false => opinion.remembered,
            })
            .collect();
        order.sort_by(|&a, &b| scores[usize::from(b)].total_cmp(&scores[usize::from(a)]));
        if order.len() > 1 && rng.random::<f32>() < self.mistake {
            let place = rng.random_range(0..order.len() - 1);
            order.swap(place, place + 1);
        }
        Order::try_from(order).expect("a query has no more segments than an order holds")
    }

    /// One of `bins` equal parts, counted from 1, of the range of worths seen so far. A stochastic
    /// teacher errs about the return by logistic noise, as in comparisons; a mistake is a neighbouring
    /// bin.
    fn rate(&self, bins: u8, opinion: Opinion, usual: Usual, rng: &mut Xoshiro256PlusPlus) -> u8 {
        let noise = match self.beta > 0.0 {
            true => {
                let u = unit(rng);
                (u / (1.0 - u)).ln() / self.beta
            }
            false => 0.0,
        };
        let bin = match usual.range {
            Some([low, high]) if high > low => {
                let per_step = (opinion.remembered + noise) / opinion.weight;
                let place = (per_step - low) / (high - low) * f32::from(bins);
                1 + place.clamp(0.0, f32::from(bins - 1)) as u8
            }
            _ => bins.div_ceil(2),
        };
        if bins > 1 && rng.random::<f32>() < self.mistake {
            let up = bin == 1 || (bin < bins && rng.random::<bool>());
            return if up { bin + 1 } else { bin - 1 };
        }
        bin
    }
}

/// Uniform in (0, 1), without the ends, at which logarithms are infinite.
fn unit(rng: &mut Xoshiro256PlusPlus) -> f32 {
    rng.random::<f32>().clamp(f32::MIN_POSITIVE, 1.0 - f32::EPSILON)
}
