//! A changing rate, integrated: the number of requests that are due by a time, and the inverse.
//!
//! A stream with a changing rate has rate 1 on a rescaled clock, which runs in proportion to the rate (the time-rescaling
//! theorem: Brown et al., Neural Computation 14, 2002). Schedules are made and checked on that clock.

use std::time::Duration;

use crate::clock::nanoseconds;
use crate::stages::Stage;

/// A thread's part of a changing rate. Times are in nanoseconds from the start of the load.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    segments: Vec<Segment>,
}

/// A time in which the rate is constant or changes linearly.
#[derive(Debug, Clone, Copy)]
struct Segment {
    starts_ns: f64,
    length_ns: f64,
    /// The rate at its start, in requests per nanosecond, and its growth per nanosecond.
    rate: f64,
    growth: f64,
    /// The number of requests that are due before it, and in it.
    before: f64,
    requests: f64,
}

impl Profile {
    /// This share of the stages, from 0 to 1, after a warm-up at the first rate.
    pub(crate) fn new(warmup: Duration, stages: &[Stage], share: f64) -> Self {
        let first_per_s = stages.first().map_or(0.0, |stage| stage.from_per_s);
        let warmup = (warmup, first_per_s, first_per_s);
        let stages = stages
            .iter()
            .map(|stage| (stage.duration, stage.from_per_s, stage.to_per_s));
        let mut profile = Self { segments: Vec::new() };
        for (length, from_per_s, to_per_s) in std::iter::once(warmup).chain(stages) {
            if !length.is_zero() {
                profile.push(length, from_per_s * share, to_per_s * share);
            }
        }
        profile
    }

    fn push(&mut self, length: Duration, from_per_s: f64, to_per_s: f64) {
        let last = self.segments.last();
        let (starts_ns, before) = last.map_or((0.0, 0.0), |last| {
            (last.starts_ns + last.length_ns, last.before + last.requests)
        });
        let length_ns = nanoseconds(length) as f64;
        let (rate, end) = (from_per_s / 1e9, to_per_s / 1e9);
        self.segments.push(Segment {
            starts_ns,
            length_ns,
            rate,
            growth: (end - rate) / length_ns,
            before,
            requests: f64::midpoint(rate, end) * length_ns,
        });
    }

    /// The total number of requests.
    pub(crate) fn total(&self) -> f64 {
        self.segments
            .last()
            .map_or(0.0, |last| last.before + last.requests)
    }

    /// When the request of this number is due; none if there are fewer.
    pub(crate) fn time_of_request(&self, requests: f64) -> Option<f64> {
        let index = self
            .segments
            .partition_point(|segment| segment.before + segment.requests <= requests);
        let segment = self.segments.get(index)?;
        Some(segment.starts_ns + segment.time_of_request(requests - segment.before))
    }

    /// The number of requests that are due by this time.
    pub(crate) fn requests_by(&self, at_ns: f64) -> f64 {
        let begun = self
            .segments
            .partition_point(|segment| segment.starts_ns <= at_ns);
        let Some(segment) = begun.checked_sub(1).map(|index| self.segments[index]) else {
            return 0.0;
        };
        let after_ns = (at_ns - segment.starts_ns).min(segment.length_ns);
        segment.before + after_ns * segment.growth.mul_add(after_ns / 2.0, segment.rate)
    }
}

impl Segment {
    /// The time from its start until so many requests are due: the root of rate·t + growth·t²/2, in the form without
    /// cancellation for a small growth.
    fn time_of_request(self, requests: f64) -> f64 {
        if requests <= 0.0 {
            return 0.0;
        }
        let root = self
            .rate
            .mul_add(self.rate, 2.0 * self.growth * requests)
            .max(0.0)
            .sqrt();
        (2.0 * requests / (self.rate + root)).min(self.length_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(share: f64) -> Profile {
        let stage = |from_per_s, to_per_s, seconds| Stage {
            name: None,
            from_per_s,
            to_per_s,
            duration: Duration::from_secs(seconds),
        };
        let stages = vec![
            stage(100.0, 100.0, 2),
            stage(100.0, 300.0, 2),
            stage(0.0, 0.0, 1),
            stage(0.0, 50.0, 2),
            stage(50.0, 0.0, 2),
        ];
        Profile::new(Duration::from_secs(1), &stages, share)
    }

    #[test]
    fn requests_by_a_time_are_the_sum_of_the_rates() {
        let profile = profile(1.0);
        for (seconds, requests) in [
            (0.0, 0.0),
            (1.0, 100.0),
            (3.0, 300.0),
            (4.0, 450.0),
            (5.0, 700.0),
            (6.0, 700.0),
            (8.0, 750.0),
            (10.0, 800.0),
            (99.0, 800.0),
        ] {
            let got = profile.requests_by(seconds * 1e9);
            assert!((got - requests).abs() < 1e-6, "{seconds} s: {got}");
        }
        assert!((profile.total() - 800.0).abs() < 1e-6);
    }

    #[test]
    fn due_time_is_the_inverse_of_requests_by_time() {
        let profile = profile(0.5);
        let mut last_ns = 0.0;
        for number in 0..4_000 {
            let requests = f64::from(number) / 10.0;
            let at_ns = profile.time_of_request(requests).unwrap();
            assert!(at_ns >= last_ns, "{requests}");
            last_ns = at_ns;
            let back = profile.requests_by(at_ns);
            assert!((back - requests).abs() < 1e-6, "{requests} at {at_ns}: {back}");
        }
        assert_eq!(profile.time_of_request(400.0), None);
    }
}
