//! The times of a trial.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The times of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// How long the load runs before it is measured.
    #[serde(rename = "warmup_s", with = "seconds")]
    pub warmup: Duration,
    /// How long it is measured.
    #[serde(rename = "window_s", with = "seconds")]
    pub window: Duration,
}

impl Times {
    /// How long a request may take. It is longer than warm-up and window together, so that a connection that is never
    /// served shows by its one request that times out. The rest is for a busy machine, which may keep a server from its CPU.
    #[must_use]
    pub fn timeout(self) -> Duration {
        self.warmup + self.window + Duration::from_secs(1)
    }

    /// The same with a window of at least this length.
    #[must_use]
    pub fn with_window(self, least: Duration) -> Self {
        Self {
            window: self.window.max(least),
            ..self
        }
    }

    /// The times of a try of a search for the highest rate under this bound. A try is half as long as another trial, but lasts
    /// 40 times the bound, if it is not longer than another trial then. In that time, a rate that exceeds capacity by 2.5 % makes
    /// a queue that exceeds the bound.
    #[must_use]
    pub fn of_a_try(self, bound: Duration) -> Self {
        const OF_BOUND: u32 = 40;
        Self {
            window: (self.window / 2).max(self.window.min(bound * OF_BOUND)),
            ..self
        }
    }
}

mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(time.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_try_is_short_unless_its_bound_is_long() {
        let window = |window_ms, bound_ms| {
            let times = Times {
                warmup: Duration::from_millis(100),
                window: Duration::from_millis(window_ms),
            };
            times.of_a_try(Duration::from_millis(bound_ms)).window.as_millis()
        };
        assert_eq!(window(400, 5), 200);
        assert_eq!(window(400, 8), 320);
        assert_eq!(window(400, 50), 400);
        assert_eq!(window(2_000, 5), 1_000);
    }
}
