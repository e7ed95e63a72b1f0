//! How a window is divided into slices.

use std::time::Duration;

use crate::plan::Plan;

/// A window of known length is divided into slices of the length that the plan asks for. Without one, they are seconds, or
/// thirds of a window of less than three seconds. A window shorter than [`DIVIDED_LEAST`] is one slice. The last slice may be
/// shorter. With stages each stage is divided on its own, so that no slice belongs to two. A window that ends with its last
/// request is divided as long as it lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slicing {
    each: Duration,
    /// Empty if the length of the window is unknown.
    parts: Vec<Part>,
}

/// Slices of equal length, and a shorter last one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    starts: Duration,
    length: Duration,
    first: usize,
    count: usize,
}

/// Merging slices takes a CPU for up to a millisecond, which would show in a shorter window.
const DIVIDED_LEAST: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);

impl Slicing {
    pub(crate) fn from_plan(plan: &Plan) -> Self {
        if plan.requests.is_some() {
            return Self {
                each: plan.slice.unwrap_or(SECOND),
                parts: Vec::new(),
            };
        }
        if plan.stages.is_empty() {
            return Self::new(plan.duration, plan.slice);
        }
        let mut slicing = Self {
            each: plan.slice.unwrap_or(SECOND),
            parts: Vec::new(),
        };
        let (mut starts, mut first) = (Duration::ZERO, 0);
        for stage in &plan.stages {
            let count = slices(stage.duration, slicing.each);
            slicing.parts.push(Part {
                starts,
                length: stage.duration,
                first,
                count,
            });
            starts += stage.duration;
            first += count;
        }
        slicing
    }

    pub(crate) fn new(window: Duration, asked: Option<Duration>) -> Self {
        let whole = |each, count| Self {
            each,
            parts: vec![Part {
                starts: Duration::ZERO,
                length: window,
                first: 0,
                count,
            }],
        };
        if let Some(each) = asked {
            return whole(each, slices(window, each));
        }
        if window < DIVIDED_LEAST {
            return whole(window.max(Duration::from_nanos(1)), 1);
        }
        let each = (window / 3).clamp(Duration::from_nanos(1), SECOND);
        let count = slices(window, each);
        // A third is rounded down, which may leave a nanosecond or two for a further slice.
        whole(each, if each < SECOND { count.min(3) } else { count })
    }

    /// The number of slices; none if it is unknown.
    pub(crate) fn count(&self) -> Option<usize> {
        let last = self.parts.last()?;
        Some(last.first + last.count)
    }

    /// When the slice of this number ends, from the start of the window.
    pub(crate) fn ends(&self, slice: usize) -> Duration {
        let part = &self.parts.get(self.stage(slice));
        let Some(part) = part else {
            return self.each * (slice as u32 + 1);
        };
        let within = slice - part.first;
        if within + 1 >= part.count {
            part.starts + part.length
        } else {
            part.starts + self.each * (within as u32 + 1)
        }
    }

    /// Which of the plan's stages the slice of this number belongs to; 0 without stages.
    pub(crate) fn stage(&self, slice: usize) -> usize {
        let before = self.parts.partition_point(|part| part.first <= slice);
        before.saturating_sub(1)
    }
}

fn slices(length: Duration, each: Duration) -> usize {
    length.as_nanos().div_ceil(each.as_nanos().max(1)).max(1) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stages::Stage;
    use crate::work::{Params, Work};

    proptest! {
        #[test]
        fn a_window_is_divided_without_gaps(ms in 1u64..100_000) {
            let window = Duration::from_millis(ms);
            let slicing = Slicing::new(window, None);
            let count = slicing.count().unwrap();
            prop_assert_eq!(count >= 3, window >= DIVIDED_LEAST);
            let ends: Vec<_> = (0..count).map(|slice| slicing.ends(slice)).collect();
            prop_assert!(ends.is_sorted());
            prop_assert_eq!(*ends.last().unwrap(), window);
        }
    }

    fn plan(stages_ms: &[u64]) -> Plan {
        let work = Work::new("ping", Params::Unique).unwrap();
        let stages = stages_ms.iter().map(|&ms| Stage {
            name: None,
            from_per_s: 1.0,
            to_per_s: 1.0,
            duration: Duration::from_millis(ms),
        });
        let target = "127.0.0.1:1".parse::<std::net::SocketAddr>().unwrap();
        Plan::staged(target.into(), 1, stages.collect(), work)
    }

    #[test]
    fn no_slice_belongs_to_two_stages() {
        let slicing = Slicing::from_plan(&plan(&[2_500, 400, 1_000]));
        let count = slicing.count().unwrap();
        let slices: Vec<_> = (0..count)
            .map(|slice| (slicing.stage(slice), slicing.ends(slice).as_millis()))
            .collect();
        assert_eq!(
            slices,
            [(0, 1_000), (0, 2_000), (0, 2_500), (1, 2_900), (2, 3_900)]
        );
    }

    #[test]
    fn a_window_of_unknown_length_has_endless_slices() {
        let slicing = Slicing::from_plan(&Plan {
            requests: Some(5),
            stages: Vec::new(),
            ..plan(&[])
        });
        assert_eq!((slicing.count(), slicing.stage(7)), (None, 0));
        assert_eq!(slicing.ends(99), Duration::from_secs(100));
    }
}
