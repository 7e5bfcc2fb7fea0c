//! Seeds of episodes, so that a rollout depends on nothing but the seed of its run.

/// The increment of SplitMix64, 2^64 divided by the golden ratio (Steele, Lea and Flood 2014).
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// One output of SplitMix64 from state `z`: a bijection of the 64-bit numbers in which every input
/// bit flips about half of the output bits.
fn split_mix(z: u64) -> u64 {
    let z = z.wrapping_add(GOLDEN_GAMMA);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The seed of one episode: `s(s(s(seed) ^ env) ^ episode)`, where `s` is the output function of
/// SplitMix64.
///
/// It depends neither on threads nor on how long other episodes were. For a given run and
/// environment no two episodes share a seed, because every stage is a bijection.
///
/// ```
/// let seeds: Vec<u64> = (0..3).map(|episode| telos_envs::episode_seed(7, 0, episode)).collect();
/// assert!(seeds[0] != seeds[1] && seeds[1] != seeds[2]);
/// ```
pub fn episode_seed(seed: u64, env: u64, episode: u64) -> u64 {
    split_mix(split_mix(split_mix(seed) ^ env) ^ episode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn split_mix_matches_the_published_sequence() {
        // First outputs of java.util.SplittableRandom / splitmix64.c from state 0.
        assert_eq!(split_mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(split_mix(GOLDEN_GAMMA), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn neighbouring_runs_environments_and_episodes_have_distinct_seeds() {
        let mut seen = BTreeSet::new();
        for seed in 0..8 {
            for env in 0..32 {
                for episode in 0..32 {
                    assert!(seen.insert(episode_seed(seed, env, episode)), "{seed} {env} {episode}");
                }
            }
        }
    }
}
