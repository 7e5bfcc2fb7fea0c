//! When to stop optimising a proxy (Karwowski et al. 2023, "Goodhart's Law in Reinforcement Learning",
//! arXiv 2310.09144), on random finite Markov decision processes.
//!
//! Policies are points `η` of the polytope of discounted occupancy measures, where a return is `η · R`.
//! A step from one to the next in the direction `t` lowers no reward within the angle `θ` of the proxy
//! `R₁` as long as
//!
//! `cos ∠(t, M R₁) ≥ sin θ`,
//!
//! `M` being the projection onto the polytope's directions and `θ` measured after it. The first step that
//! breaks this is not taken. What is saved is the normalised drop height: how far the true return would
//! have fallen from its peak along the path, as a share of its range.

use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Discount of all processes.
const GAMMA: f64 = 0.9;

/// Sweeps of value iteration and of the occupancies' recursion: `GAMMA^300` is below 1e-13.
const SWEEPS: usize = 300;

/// Temperatures of the soft-optimal policies along a path, from nearly uniform to nearly greedy.
const TEMPERATURES: usize = 40;

/// A finite process with random transitions and a uniform start.
struct Process {
    states: usize,
    actions: usize,
    /// `[state, action, next state]`.
    transitions: Vec<f64>,
}

/// What optimising one proxy did to the true return.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drop {
    /// Share of the true return's range by which it ends below its peak.
    pub to_the_end: f64,
    /// The same for the path that stops in time.
    pub stopped: f64,
    /// Share of the path's gain in true return, up to its peak, that is had where it stops.
    pub kept: f64,
}

/// Optimises a proxy at the angle `theta` (in radians) to the true reward on a random process of
/// `states` and `actions`, both at least 2.
pub fn goodhart(states: usize, actions: usize, theta: f64, seed: u64) -> Drop {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let process = Process::random(states, actions, &mut rng);
    let proxy = unit(&process.project(&normals(states * actions, &mut rng)));
    let other = process.project(&normals(states * actions, &mut rng));
    let along = dot(&other, &proxy);
    let across: Vec<f64> = other.iter().zip(&proxy).map(|(x, p)| x - along * p).collect();
    let across = unit(&across);
    let gold: Vec<f64> = proxy.iter().zip(&across).map(|(p, a)| theta.cos() * p + theta.sin() * a).collect();

    let path: Vec<Vec<f64>> = (0..TEMPERATURES)
        .map(|at| process.occupancy(&process.soft_optimal(&proxy, 10.0 * 0.75_f64.powi(at as i32))))
        .collect();
    let returns: Vec<f64> = path.iter().map(|point| dot(point, &gold)).collect();
    let stop = (1..path.len()).find(|&at| {
        let step: Vec<f64> = path[at].iter().zip(&path[at - 1]).map(|(b, a)| b - a).collect();
        dot(&step, &proxy) < theta.sin() * dot(&step, &step).sqrt()
    });
    let stop = stop.map_or(path.len() - 1, |at| at - 1);

    let least = |reward: &[f64]| {
        let negative: Vec<f64> = reward.iter().map(|r| -r).collect();
        -process.best_return(&negative)
    };
    let range = process.best_return(&gold) - least(&gold);
    let drop = |to: usize| {
        let peak = returns[..=to].iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (peak - returns[to]) / range
    };
    let peak = returns.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let gain = peak - returns[0];
    let kept = if gain > 0.0 { (returns[stop] - returns[0]) / gain } else { 1.0 };
    Drop { to_the_end: drop(path.len() - 1), stopped: drop(stop), kept }
}

impl Process {
    fn random(states: usize, actions: usize, rng: &mut Xoshiro256PlusPlus) -> Self {
        let mut transitions = Vec::with_capacity(states * actions * states);
        for _ in 0..states * actions {
            // A few likely successors: the cube makes the shares uneven.
            let weights: Vec<f64> = (0..states).map(|_| rng.random::<f64>().powi(3)).collect();
            let total: f64 = weights.iter().sum();
            transitions.extend(weights.iter().map(|weight| weight / total));
        }
        Self { states, actions, transitions }
    }

    fn next(&self, pair: usize) -> &[f64] {
        &self.transitions[pair * self.states..][..self.states]
    }

    /// Action values of a reward when states are worth `values`.
    fn action_values(&self, reward: &[f64], values: &[f64]) -> Vec<f64> {
        (0..reward.len()).map(|pair| reward[pair] + GAMMA * dot(self.next(pair), values)).collect()
    }

    /// The entropy-regularised optimal policy `[state, action]`.
    fn soft_optimal(&self, reward: &[f64], temperature: f64) -> Vec<f64> {
        let mut values = vec![0.0; self.states];
        for _ in 0..SWEEPS {
            let q = self.action_values(reward, &values);
            for (value, q) in values.iter_mut().zip(q.chunks_exact(self.actions)) {
                let best = q.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let total: f64 = q.iter().map(|q| ((q - best) / temperature).exp()).sum();
                *value = best + temperature * total.ln();
            }
        }
        let mut policy = self.action_values(reward, &values);
        for (row, value) in policy.chunks_exact_mut(self.actions).zip(&values) {
            row.iter_mut().for_each(|q| *q = ((*q - value) / temperature).exp());
            let total: f64 = row.iter().sum();
            row.iter_mut().for_each(|share| *share /= total);
        }
        policy
    }

    /// Return of the best policy from the uniform start.
    fn best_return(&self, reward: &[f64]) -> f64 {
        let mut values = vec![0.0; self.states];
        for _ in 0..SWEEPS {
            let q = self.action_values(reward, &values);
            for (value, q) in values.iter_mut().zip(q.chunks_exact(self.actions)) {
                *value = q.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            }
        }
        values.iter().sum::<f64>() / self.states as f64
    }

    /// Discounted visits `Σ_t γ^t P(s_t = s, a_t = a)` of a policy, `[state, action]`.
    fn occupancy(&self, policy: &[f64]) -> Vec<f64> {
        let start = 1.0 / self.states as f64;
        let mut visits = vec![start; self.states];
        let of_pairs = |visits: &[f64]| -> Vec<f64> {
            policy.iter().enumerate().map(|(pair, share)| share * visits[pair / self.actions]).collect()
        };
        for _ in 0..SWEEPS {
            let mut arrived = vec![start; self.states];
            for (pair, visits) in of_pairs(&visits).iter().enumerate() {
                for (state, probability) in arrived.iter_mut().zip(self.next(pair)) {
                    *state += GAMMA * visits * probability;
                }
            }
            visits = arrived;
        }
        of_pairs(&visits)
    }

    /// The part of a reward that lies along the polytope: what is left without the combinations of the
    /// flow constraints `Σ_a η(s, a) - γ Σ_{s', a'} P(s | s', a') η(s', a') = μ(s)`.
    fn project(&self, reward: &[f64]) -> Vec<f64> {
        let constraint = |state: usize, pair: usize| {
            f64::from(u8::from(pair / self.actions == state)) - GAMMA * self.next(pair)[state]
        };
        let pairs = reward.len();
        // Gram-Schmidt on the constraints, then on the reward.
        let mut basis: Vec<Vec<f64>> = Vec::with_capacity(self.states);
        for state in 0..self.states {
            let row: Vec<f64> = (0..pairs).map(|pair| constraint(state, pair)).collect();
            let row = without(&without(&row, &basis), &basis);
            basis.push(unit(&row));
        }
        without(&without(reward, &basis), &basis)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn unit(x: &[f64]) -> Vec<f64> {
    let norm = dot(x, x).sqrt();
    x.iter().map(|x| x / norm).collect()
}

/// `x` without its components along orthonormal vectors.
fn without(x: &[f64], basis: &[Vec<f64>]) -> Vec<f64> {
    let mut rest = x.to_vec();
    for vector in basis {
        let along = dot(&rest, vector);
        rest.iter_mut().zip(vector).for_each(|(rest, v)| *rest -= along * v);
    }
    rest
}

fn normals(n: usize, rng: &mut Xoshiro256PlusPlus) -> Vec<f64> {
    (0..n).map(|_| StandardNormal.sample(rng)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_are_products_with_occupancies_and_directions_survive_the_projection() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let process = Process::random(5, 3, &mut rng);
        let reward = normals(15, &mut rng);
        let greedy = process.occupancy(&process.soft_optimal(&reward, 1e-4));
        assert!((dot(&greedy, &reward) - process.best_return(&reward)).abs() < 1e-2);
        assert!((greedy.iter().sum::<f64>() - 1.0 / (1.0 - GAMMA)).abs() < 1e-9);
        let uniform = process.occupancy(&[1.0 / 3.0; 15]);
        let step: Vec<f64> = greedy.iter().zip(&uniform).map(|(b, a)| b - a).collect();
        assert!((dot(&step, &reward) - dot(&step, &process.project(&reward))).abs() < 1e-9);
    }

    #[test]
    fn stopping_in_time_never_loses_what_going_on_often_does() {
        let drops: Vec<Drop> = (0..60).map(|seed| goodhart(8, 3, 1.2, seed)).collect();
        let fallen = drops.iter().filter(|drop| drop.to_the_end > 1e-6).count();
        assert!(fallen > 10, "{fallen} of 60 fall when nobody stops");
        assert!(drops.iter().all(|drop| drop.stopped < 1e-9), "{drops:?}");
        assert!(drops.iter().map(|drop| drop.kept).sum::<f64>() > 0.0);
    }
}
