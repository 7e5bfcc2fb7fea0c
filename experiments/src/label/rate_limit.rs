//! How many requests an address may make.

use std::{collections::BTreeMap, net::IpAddr, time::Instant};

/// Addresses that are remembered; an address forgotten starts with a full bucket.
const ADDRESSES: usize = 4096;

/// A token bucket per address: `burst` requests at once, `per_second` in the long run.
#[derive(Debug)]
pub(super) struct RateLimit {
    per_second: f64,
    burst: f64,
    buckets: BTreeMap<IpAddr, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl RateLimit {
    pub(super) fn new(per_second: f64) -> Self {
        Self { per_second, burst: 2.0 * per_second, buckets: BTreeMap::new() }
    }

    /// Whether `address` may make a request at `now`; if so, it is counted.
    pub(super) fn admit(&mut self, address: IpAddr, now: Instant) -> bool {
        if self.buckets.len() >= ADDRESSES && !self.buckets.contains_key(&address) {
            let (per_second, burst) = (self.per_second, self.burst);
            self.buckets.retain(|_, bucket| bucket.level(now, per_second, burst) < burst);
            if self.buckets.len() >= ADDRESSES {
                return false;
            }
        }
        let full = Bucket { tokens: self.burst, filled: now };
        let bucket = self.buckets.entry(address).or_insert(full);
        bucket.tokens = bucket.level(now, self.per_second, self.burst);
        bucket.filled = now;
        let admitted = bucket.tokens >= 1.0;
        if admitted {
            bucket.tokens -= 1.0;
        }
        admitted
    }
}

impl Bucket {
    fn level(&self, now: Instant, per_second: f64, burst: f64) -> f64 {
        let since = now.saturating_duration_since(self.filled).as_secs_f64();
        (self.tokens + since * per_second).min(burst)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_then_the_rate_and_every_address_by_itself() {
        let start = Instant::now();
        let mut limit = RateLimit::new(10.0);
        let (ann, bob) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let admitted = |limit: &mut RateLimit, address, at: u64, n: usize| {
            let now = start + Duration::from_millis(at);
            (0..n).filter(|_| limit.admit(address, now)).count()
        };
        assert_eq!(admitted(&mut limit, ann, 0, 30), 20);
        assert_eq!(admitted(&mut limit, bob, 0, 1), 1);
        assert_eq!(admitted(&mut limit, ann, 500, 30), 5);
        assert_eq!(admitted(&mut limit, ann, 60_000, 30), 20);
    }

    #[test]
    fn the_table_of_addresses_is_bounded() {
        let start = Instant::now();
        let mut limit = RateLimit::new(1.0);
        for n in 0..2 * ADDRESSES as u32 {
            limit.admit(IpAddr::from(n.to_be_bytes()), start);
        }
        assert_eq!(limit.buckets.len(), ADDRESSES);
        // Idle ones make room.
        assert!(limit.admit(IpAddr::from([255, 255, 255, 255]), start + Duration::from_secs(10)));
    }
}
