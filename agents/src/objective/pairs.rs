//! The pairs within groups of candidates.

use telos_nn::{DType, NnError, Tensor};

/// Every pair of candidates of a group, ordered by their scores.
pub(super) struct Pairs {
    /// Columns of the first and of the second candidate of each pair, `[pairs]`.
    first: Tensor,
    second: Tensor,
    /// `[groups, pairs]`: 1 where the first is the better one, else 0.
    in_order: Tensor,
    /// `[groups, pairs]`: 1, or 0 for a tie, which says nothing about the order.
    decided: Tensor,
}

impl Pairs {
    pub(super) fn new(scores: &Tensor) -> Result<Self, NnError> {
        let k = scores.dims()[1] as u32;
        let (first, second): (Vec<u32>, Vec<u32>) =
            (0..k).flat_map(|i| (i + 1..k).map(move |j| (i, j))).unzip();
        let pairs = first.len();
        let first = Tensor::from_vec(first, pairs, scores.device())?;
        let second = Tensor::from_vec(second, pairs, scores.device())?;
        let (a, b) = (scores.index_select(&first, 1)?, scores.index_select(&second, 1)?);
        let (in_order, decided) = (a.gt(&b)?.to_dtype(DType::F32)?, a.ne(&b)?.to_dtype(DType::F32)?);
        Ok(Self { first, second, in_order, decided })
    }

    /// What a column (`[groups, k]`) says of the better and of the worse of each pair, `[groups, pairs]`.
    pub(super) fn of(&self, column: &Tensor) -> Result<(Tensor, Tensor), NnError> {
        let (a, b) = (column.index_select(&self.first, 1)?, column.index_select(&self.second, 1)?);
        let swap = ((&a - &b)? * &self.in_order)?;
        Ok(((&b + &swap)?, (&a - swap)?))
    }

    /// What the better of each pair has more of than the worse.
    pub(super) fn margin(&self, column: &Tensor) -> Result<Tensor, NnError> {
        let (better, worse) = self.of(column)?;
        Ok((better - worse)?)
    }

    /// The mean of a loss per pair over a group's decided pairs, `[groups]`; 0 without any.
    pub(super) fn mean(&self, losses: &Tensor) -> Result<Tensor, NnError> {
        let count = self.decided.sum(1)?.maximum(1.0)?;
        Ok(((losses * &self.decided)?.sum(1)? / count)?)
    }

    /// The mean of a loss per pair over all pairs of a group, ties too, `[groups]`.
    pub(super) fn mean_with_ties(&self, losses: &Tensor) -> Result<Tensor, NnError> {
        Ok(losses.mean(1)?)
    }
}
