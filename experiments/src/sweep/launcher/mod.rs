//! Launchers: ways to get the missing trials of a generation executed. None of them decides
//! anything, and none remembers anything that the store does not know.

pub mod kubernetes;
pub mod local;
pub mod slurm;

pub use kubernetes::KubernetesConfig;
pub use slurm::SlurmConfig;

/// Trials to execute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Their generation.
    pub generation: usize,
    /// Number of all trials of the generation.
    pub trials: usize,
    /// Indices of those to execute, ascending.
    pub missing: Vec<usize>,
}

/// Consecutive indices as ranges: `0-3,7`.
fn ranges(indices: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for &index in indices {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == index => *last = index,
            _ => ranges.push((index, index)),
        }
    }
    let show = |(first, last): &(usize, usize)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    ranges.iter().map(show).collect::<Vec<_>>().join(",")
}

/// Indices cut into chunks of `limit` consecutive numbers: the first number of each chunk, and the
/// indices in it counted from there.
fn chunks(indices: &[usize], limit: usize) -> Vec<(usize, Vec<usize>)> {
    let mut chunks: Vec<(usize, Vec<usize>)> = Vec::new();
    for &index in indices {
        let first = index / limit * limit;
        match chunks.last_mut() {
            Some((start, inside)) if *start == first => inside.push(index - first),
            _ => chunks.push((first, vec![index - first])),
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_become_ranges_and_chunks() {
        assert_eq!(ranges(&[0, 1, 2, 5, 7, 8]), "0-2,5,7-8");
        assert_eq!(ranges(&[]), "");
        let expected = vec![(0, vec![0, 3]), (4, vec![0]), (12, vec![1, 2])];
        assert_eq!(chunks(&[0, 3, 4, 13, 14], 4), expected);
    }
}
