//! The time axis of a picture.

use schema::trace::Trace;

use crate::numbers;
use crate::plot::{decimals, nice_step};

/// What a picture shows before the first request and after the last one, as a share of the time between them.
const MARGIN: f64 = 0.03;
/// Connections that are opened this early, as a share of the same time, are shown too.
const OPENING: f64 = 0.12;
/// The most steps from one tick to the next.
const STEPS: f64 = 12.0;
const NS_PER_MS: f64 = 1e6;

/// A time axis, in nanoseconds from the zero of a trace. All pictures of a page have the same, so they can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    /// Its left end, which is usually negative.
    pub from_ns: i64,
    /// Its right end, which is later.
    pub to_ns: i64,
}

impl Axis {
    /// The axis that has room for the requests of all these traces.
    pub fn covering<'a>(traces: impl IntoIterator<Item = &'a Trace>) -> Self {
        let (mut last, mut earliest, mut latest, mut opened) = (1, 0, 1, i64::MAX);
        for trace in traces {
            let after_zero = |at_ns: u64| after_zero(trace, at_ns);
            let received = trace
                .requests
                .iter()
                .map(|request| after_zero(request.received_ns));
            last = last.max(received.max().unwrap_or_else(|| after_zero(trace.length_ns)));
            earliest = earliest.min(after_zero(0));
            latest = latest.max(after_zero(trace.length_ns));
            let opens = trace
                .connections
                .iter()
                .map(|connection| after_zero(connection.opens_ns));
            opened = opened.min(opens.min().unwrap_or(i64::MAX));
        }
        let share = |share: f64| (last as f64 * share) as i64;
        let begin = if opened >= -share(OPENING) {
            opened.min(0)
        } else {
            0
        };
        let from_ns = (begin - share(MARGIN)).max(earliest);
        let to_ns = (last + share(MARGIN)).min(latest.max(last));
        Self {
            from_ns,
            to_ns: to_ns.max(from_ns + 1),
        }
    }

    /// How far along the axis a time is: 0 at its left end, 1 at its right one, and no more than these.
    pub(crate) fn share(self, at_ns: i64) -> f64 {
        let length = (self.to_ns - self.from_ns).max(1) as f64;
        ((at_ns - self.from_ns) as f64 / length).clamp(0.0, 1.0)
    }

    /// Its ticks, each with its text in milliseconds.
    pub(crate) fn ticks(self) -> Vec<(i64, String)> {
        let (from, to) = (self.from_ns as f64 / NS_PER_MS, self.to_ns as f64 / NS_PER_MS);
        let step = nice_step(((to - from) / STEPS).max(1e-6));
        let decimals = decimals(step);
        let (first, last) = ((from / step).ceil() as i64, (to / step).floor() as i64);
        (first..=last)
            .map(|index| index as f64 * step)
            .map(|at| {
                let text = numbers::with_commas(&format!("{:.decimals$}", at.abs()));
                let sign = if at < 0.0 { "−" } else { "" };
                ((at * NS_PER_MS).round() as i64, format!("{sign}{text}"))
            })
            .collect()
    }
}

/// A time of a trace, in nanoseconds from its zero.
pub(crate) fn after_zero(trace: &Trace, at_ns: u64) -> i64 {
    let signed = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
    signed(at_ns) - signed(trace.zero_ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::sample;

    #[test]
    fn an_axis_holds_all_requests_of_all_traces() {
        let one = sample::trace();
        let axis = Axis::covering([&one]);
        // The connections are opened 0.4 ms before 3.13 ms of requests: too early to give them room.
        assert_eq!((axis.from_ns, axis.to_ns), (-93_840, 3_128_000 + 93_840));
        let mut longer = sample::trace();
        longer.requests[3].received_ns = 9_000_000;
        let both = Axis::covering([&one, &longer]);
        assert_eq!(
            both.to_ns, 8_500_000,
            "not beyond the longest trace or its last reply"
        );
        // Now they are near enough.
        assert_eq!(both.from_ns, -500_000);
        assert!(both.share(-9_000_000).abs() < 1e-9 && (both.share(9_000_000) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn an_axis_of_nothing_has_a_length() {
        let mut empty = sample::trace();
        empty.requests.clear();
        empty.connections.clear();
        for axis in [Axis::covering([]), Axis::covering([&empty])] {
            assert!(axis.from_ns < axis.to_ns);
        }
        empty.length_ns = 0;
        empty.zero_ns = 0;
        assert!(Axis::covering([&empty]).ticks().len() < 20);
    }

    #[test]
    fn ticks_are_round_times_with_zero() {
        let axis = Axis {
            from_ns: -600_000,
            to_ns: 4_100_000,
        };
        let texts: Vec<String> = axis.ticks().into_iter().map(|(_, text)| text).collect();
        assert_eq!(
            texts,
            [
                "−0.5", "0.0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0", "3.5", "4.0"
            ]
        );
    }
}
