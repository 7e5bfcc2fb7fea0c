//! Observations as tokens.

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

/// The range of each component of the expert's observations, in equal bins.
#[derive(Clone, Debug)]
pub(super) struct Bins {
    /// Per component: token 0 lies below `low`, token `count - 1` above `low + span`.
    low: Vec<f32>,
    span: Vec<f32>,
    count: usize,
}

/// A component that never changed is given this range, so that any change is noticed.
const LEAST_SPAN: f32 = 1e-3;

impl Bins {
    pub(super) fn new(components: usize, count: usize) -> Self {
        Self { low: vec![0.0; components], span: vec![LEAST_SPAN; components], count }
    }

    /// Takes the ranges of `rows`, observations one after the other.
    pub(super) fn fit<'a>(&mut self, rows: impl Iterator<Item = &'a [f32]>) {
        let mut high = vec![f32::NEG_INFINITY; self.low.len()];
        self.low.fill(f32::INFINITY);
        for row in rows {
            for ((low, high), x) in self.low.iter_mut().zip(&mut high).zip(row) {
                (*low, *high) = (low.min(*x), high.max(*x));
            }
        }
        for ((span, low), high) in self.span.iter_mut().zip(&self.low).zip(&high) {
            *span = (high - low).max(LEAST_SPAN);
        }
    }

    /// The tokens of one observation.
    pub(super) fn tokens(&self, obs: &[f32], out: &mut Vec<u32>) {
        let inner = self.count - 2;
        out.extend(self.low.iter().zip(&self.span).zip(obs).map(|((low, span), x)| {
            let place = (x - low) / span;
            match place {
                0.0..=1.0 => 1 + ((place * inner as f32) as u32).min(inner as u32 - 1),
                place if place > 1.0 => self.count as u32 - 1,
                _ => 0,
            }
        }));
    }

    /// One observation on a scale on which the expert's range is [-1, 1], and nothing is beyond 2.
    pub(super) fn scaled(&self, obs: &[f32], out: &mut Vec<f32>) {
        let scaled = self.low.iter().zip(&self.span).zip(obs);
        out.extend(scaled.map(|((low, span), x)| (2.0 * (x - low) / span - 1.0).clamp(-2.0, 2.0)));
    }
}

impl Checkpoint for Bins {
    fn save(&self, out: &mut Writer) {
        out.f32s("low", &self.low);
        out.f32s("span", &self.span);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.f32s("low", &mut self.low)?;
        from.f32s("span", &mut self.span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_cut_evenly_and_what_is_outside_has_tokens_of_its_own() {
        let mut bins = Bins::new(2, 6);
        bins.fit([[0.0, 5.0], [2.0, 5.0]].iter().map(|row| &row[..]));
        let tokens = |obs: [f32; 2]| {
            let mut tokens = Vec::new();
            bins.tokens(&obs, &mut tokens);
            tokens
        };
        let first: Vec<u32> =
            [-0.1, 0.0, 0.49, 0.51, 1.9, 2.0, 2.1].into_iter().map(|x| tokens([x, 5.0])[0]).collect();
        assert_eq!(first, [0, 1, 1, 2, 4, 4, 5]);
        assert_eq!([4.9, 5.0, 5.1].map(|x| tokens([0.0, x])[1]), [0, 1, 5]);
        let mut scaled = Vec::new();
        bins.scaled(&[1.5, -100.0], &mut scaled);
        assert_eq!(scaled, [0.5, -2.0]);
    }
}
