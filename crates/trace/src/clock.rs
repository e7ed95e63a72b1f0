//! The clock of a recording, `CLOCK_MONOTONIC`, and that of strace's lines, `CLOCK_REALTIME`, against it.

use nix::time::{ClockId, clock_gettime};

/// How much the difference of the two clocks may change within a recording. Both are slewed alike, so only a step changes it.
const STEP_LEAST_NS: i128 = 10_000;

/// How often the clocks are read for one reading. The closest pair counts.
const READINGS: usize = 16;

/// The difference of the two clocks, read at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offset {
    /// `CLOCK_REALTIME` minus `CLOCK_MONOTONIC`.
    offset_ns: i128,
    /// By how much that may be wrong.
    within_ns: i128,
}

impl Offset {
    /// Reads both clocks.
    pub(crate) fn read() -> Result<Self, String> {
        let mut best: Option<Self> = None;
        for _ in 0..READINGS {
            let before = i128::from(monotonic_ns()?);
            let real = i128::from(read(ClockId::CLOCK_REALTIME)?);
            let after = i128::from(monotonic_ns()?);
            let reading = Self {
                offset_ns: real - i128::midpoint(before, after),
                within_ns: (after - before + 1) / 2,
            };
            if best.is_none_or(|best| reading.within_ns < best.within_ns) {
                best = Some(reading);
            }
        }
        Ok(best.expect("the clocks were read"))
    }

    /// Compares it with a later reading. The error is that the clock was set in between.
    pub(crate) fn check(self, later: Self) -> Result<(), String> {
        let step = (later.offset_ns - self.offset_ns).abs();
        if step > STEP_LEAST_NS + self.within_ns + later.within_ns {
            return Err(format!(
                "the clock of the machine was set by {step} ns while strace recorded with it; record again"
            ));
        }
        Ok(())
    }

    /// A time of `CLOCK_MONOTONIC` from one of `CLOCK_REALTIME`.
    pub(crate) fn monotonic_ns(self, real_ns: u64) -> u64 {
        u64::try_from(i128::from(real_ns) - self.offset_ns).unwrap_or(0)
    }

    /// The same time on both clocks.
    #[cfg(test)]
    pub(crate) const NONE: Self = Self {
        offset_ns: 0,
        within_ns: 0,
    };
}

/// The time of `CLOCK_MONOTONIC`.
pub(crate) fn monotonic_ns() -> Result<u64, String> {
    read(ClockId::CLOCK_MONOTONIC)
}

fn read(clock: ClockId) -> Result<u64, String> {
    let time = clock_gettime(clock).map_err(|error| format!("can't read a clock: {error}"))?;
    let ns = i128::from(time.tv_sec()) * 1_000_000_000 + i128::from(time.tv_nsec());
    Ok(u64::try_from(ns).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_converts_between_the_clocks() {
        let offset = Offset {
            offset_ns: 1_000,
            within_ns: 10,
        };
        assert_eq!(offset.monotonic_ns(1_500), 500);
        assert_eq!(offset.monotonic_ns(500), 0);
        let read = Offset::read().unwrap();
        let before = monotonic_ns().unwrap();
        let converted = read.monotonic_ns(super::read(ClockId::CLOCK_REALTIME).unwrap());
        assert!(converted + u64::try_from(read.within_ns).unwrap() >= before);
    }

    #[test]
    fn a_clock_that_was_set_is_found() {
        let first = Offset {
            offset_ns: 1_000,
            within_ns: 100,
        };
        let later = |offset_ns: i128| Offset {
            offset_ns,
            within_ns: 100,
        };
        assert_eq!(first.check(later(11_200)), Ok(()));
        assert_eq!(first.check(later(-9_200)), Ok(()));
        assert!(
            first
                .check(later(11_201))
                .unwrap_err()
                .contains("was set by 10201 ns")
        );
        assert!(first.check(later(-9_201)).is_err());
    }
}
