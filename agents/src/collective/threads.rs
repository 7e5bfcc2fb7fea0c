//! Ranks that are threads of one process.

use std::sync::{
    Arc,
    mpsc::{Receiver, Sender, channel},
};

use super::{Collective, check_length};
use crate::AgentError;

/// A rank with a channel from and to every rank, itself included.
///
/// Nothing is shared or locked: when the thread of a rank ends, for whatever reason, its channels
/// close, and the others learn it at their next operation.
#[derive(Debug)]
pub struct ThreadCollective {
    rank: usize,
    to: Vec<Sender<Arc<[u8]>>>,
    from: Vec<Receiver<Arc<[u8]>>>,
    all: Vec<u8>,
}

impl ThreadCollective {
    /// `size` ranks that hear each other, in order, to be moved to a thread each.
    pub fn group(size: usize) -> Vec<Self> {
        let mut ranks: Vec<Self> =
            (0..size).map(|rank| Self { rank, to: Vec::new(), from: Vec::new(), all: Vec::new() }).collect();
        for sender in 0..size {
            for receiver in 0..size {
                let (to, from) = channel();
                ranks[sender].to.push(to);
                ranks[receiver].from.push(from);
            }
        }
        ranks
    }
}

impl Collective for ThreadCollective {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.to.len()
    }

    fn all_gather(&mut self, mine: &[u8]) -> Result<&[u8], AgentError> {
        let size = self.to.len();
        let lost = |rank| AgentError::RankLost { rank, size };
        let message: Arc<[u8]> = mine.into();
        for (rank, to) in self.to.iter().enumerate() {
            to.send(message.clone()).map_err(|_| lost(rank))?;
        }
        self.all.clear();
        for (rank, from) in self.from.iter().enumerate() {
            let theirs = from.recv().map_err(|_| lost(rank))?;
            check_length(rank, theirs.len(), mine.len())?;
            self.all.extend_from_slice(&theirs);
        }
        Ok(&self.all)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// What `act` returns on each of `size` ranks.
    fn on_ranks<T: Send>(size: usize, act: impl Fn(ThreadCollective) -> T + Sync) -> Vec<T> {
        let act = &act;
        thread::scope(|scope| {
            let ranks = ThreadCollective::group(size).into_iter();
            let threads: Vec<_> = ranks.map(|rank| scope.spawn(move || act(rank))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn means_are_sums_in_the_order_of_ranks() {
        // Numbers whose sum depends on the order.
        let mine = |rank: usize| [[1e8f32, 1.0, -1e8, 3.0][rank], rank as f32];
        let expected = [(((1e8f32 + 1.0) - 1e8) + 3.0) / 4.0, 1.5];
        let found = on_ranks(4, |mut rank| {
            let mut values = mine(rank.rank());
            for _ in 0..100 {
                values = mine(rank.rank());
                rank.all_reduce_mean(&mut values).unwrap();
            }
            values
        });
        assert_eq!(found, [expected; 4]);
    }

    #[test]
    fn broadcasts_and_messages_of_any_length_arrive_whole() {
        let found = on_ranks(3, |mut rank| {
            let mut values = [rank.rank() as f32; 2];
            rank.broadcast(2, &mut values).unwrap();
            rank.barrier().unwrap();
            let word = ["", "ab", "cde"][rank.rank()].as_bytes();
            (values, rank.all_gather_any(word).unwrap())
        });
        let words = vec![vec![], b"ab".to_vec(), b"cde".to_vec()];
        assert_eq!(found, vec![([2.0; 2], words); 3]);
    }

    #[test]
    fn a_rank_that_ends_is_missed_by_all_others() {
        let found = on_ranks(4, |mut rank| {
            let number = rank.rank();
            rank.barrier().unwrap();
            if number == 2 { None } else { Some(rank.barrier().unwrap_err().to_string()) }
        });
        assert_eq!(found[2], None);
        for message in found.into_iter().flatten() {
            assert!(message.contains("of 4 ended before the others"), "{message}");
        }
    }

    #[test]
    fn messages_of_different_lengths_are_refused() {
        let found = on_ranks(2, |mut rank| rank.all_gather(&vec![0; 3 + rank.rank()]).map(drop));
        assert!(found.iter().all(|result| matches!(result, Err(AgentError::RanksDisagree { .. }))));
    }
}
