//! What a server did wrong in a setting: failed requests, closed background connections, failed trials, and whether it stopped
//! answering.
//!
//! Requests that were due and never sent are overload, not errors. Connections that were never served are no errors either.
//! Both have signs of their own.

use crate::numbers::{count, percent};
use schema::record::Measured;

/// A model's values are not compared with others if more than this share of its requests failed, or of its background
/// connections was closed. Its latencies leave out the failed requests, and its costs are divided by fewer.
pub(crate) const FAILED_SHARE_MOST: f64 = 0.01;

/// The errors of a model in a setting, over the trials that count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Errors {
    sent: u64,
    wrong: u64,
    error: u64,
    timeout: u64,
    reset: u64,
    unanswered: u64,
    /// Idle connections that carry no load, and how many of them the server closed.
    background: u64,
    background_closed: u64,
    /// In how many of the measured trials the server stopped answering.
    stopped: usize,
    measured: usize,
    /// How many trials failed as a whole.
    failed_trials: usize,
}

impl Errors {
    /// Sums up these trials, and how many others failed as a whole.
    pub fn from_trials<'a>(trials: impl IntoIterator<Item = &'a Measured>, failed_trials: usize) -> Self {
        let mut errors = Self {
            failed_trials,
            ..Self::default()
        };
        for trial in trials {
            errors.add(trial);
        }
        errors
    }

    fn add(&mut self, trial: &Measured) {
        let requests = &trial.load.requests;
        self.sent += requests.sent;
        self.wrong += requests.wrong;
        self.error += requests.error;
        self.timeout += requests.timeout.saturating_sub(trial.load.never_served_timeouts);
        self.reset += requests.reset;
        self.unanswered += requests.in_flight;
        // A server may close a connection that sent half a request and stopped. It should keep one that is only idle.
        if let Some(background) = &trial.load.background {
            self.background += background.idle;
            self.background_closed += background.idle.saturating_sub(background.idle_open);
        }
        self.stopped += usize::from(trial.load.stopped_answering);
        self.measured += 1;
    }

    /// The share of the requests sent that failed, in any way.
    pub(crate) fn failed_share(&self) -> f64 {
        share(self.failed(), self.sent)
    }

    /// The share of the background connections that the server closed.
    pub(crate) fn closed_share(&self) -> f64 {
        share(self.background_closed, self.background)
    }

    pub(crate) fn failed(&self) -> u64 {
        self.wrong + self.error + self.timeout + self.reset + self.unanswered
    }

    /// Whether the server stopped answering in any trial.
    pub(crate) fn stopped(&self) -> bool {
        self.stopped > 0
    }

    /// Whether there are any.
    pub(crate) fn any(&self) -> bool {
        self.failed() > 0 || self.background_closed > 0 || self.stopped() || self.failed_trials > 0
    }

    /// Whether there are too many to compare the model's values with others.
    #[must_use]
    pub fn are_too_many(&self) -> bool {
        self.stopped() || self.failed_share() > FAILED_SHARE_MOST || self.closed_share() > FAILED_SHARE_MOST
    }

    /// For the cell of a table: `12.3 %`, and whatever else went wrong.
    pub(crate) fn in_a_cell(&self) -> String {
        let mut parts = Vec::new();
        if self.failed() > 0 || self.failed_trials == 0 && self.background_closed == 0 {
            parts.push(percent(self.failed_share()));
        }
        if self.stopped() {
            parts.push("stopped answering".to_owned());
        }
        if self.background_closed > 0 {
            parts.push(self.background_closed_in_words());
        }
        if self.failed_trials > 0 {
            let trials = self.failed_trials + self.measured;
            parts.push(format!("{} of {trials} trials failed", self.failed_trials));
        }
        parts.join("; ")
    }

    /// For a sentence: `stopped answering in 3 of 8 trials; 12.3 % of its requests failed (1,234 reset, 5 timed out)`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut parts = Vec::new();
        if self.stopped() {
            parts.push(format!(
                "stopped answering in {} of {} trials",
                self.stopped, self.measured
            ));
        }
        if self.failed() > 0 {
            parts.push(format!(
                "{} of its requests failed ({})",
                percent(self.failed_share()),
                self.kinds()
            ));
        }
        if self.background_closed > 0 {
            parts.push(self.background_closed_in_words());
        }
        if self.failed_trials > 0 {
            parts.push(format!(
                "{} of {} trials failed",
                self.failed_trials,
                self.failed_trials + self.measured
            ));
        }
        parts.join("; ")
    }

    fn kinds(&self) -> String {
        let kinds = [
            (self.reset, "reset"),
            (self.timeout, "timed out"),
            (self.error, "answered with an error"),
            (self.wrong, "answered wrongly"),
            (self.unanswered, "unanswered"),
        ];
        let kinds = kinds.iter().filter(|(number, _)| *number > 0);
        let kinds: Vec<_> = kinds
            .map(|(number, kind)| format!("{} {kind}", count(*number as f64)))
            .collect();
        kinds.join(", ")
    }

    fn background_closed_in_words(&self) -> String {
        format!(
            "{} of {} background connections closed",
            count(self.background_closed as f64),
            count(self.background as f64)
        )
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole > 0 {
        part as f64 / whole as f64
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use schema::load::BackgroundConnections;

    type Change = fn(&mut schema::load::Requests);

    fn trial(change: impl FnOnce(&mut Measured)) -> Errors {
        let mut trial = fixture::measured();
        change(&mut trial);
        Errors::from_trials([&trial], 0)
    }

    #[test]
    fn every_kind_of_failure_counts() {
        let kinds: [(&str, Change); 5] = [
            ("20 reset", |requests| requests.reset = 20),
            ("20 timed out", |requests| requests.timeout = 20),
            ("20 answered with an error", |requests| requests.error = 20),
            ("20 answered wrongly", |requests| requests.wrong = 20),
            ("20 unanswered", |requests| requests.in_flight = 20),
        ];
        for (words, change) in kinds {
            let errors = trial(|trial| change(&mut trial.load.requests));
            assert!(errors.any() && errors.are_too_many());
            assert_eq!(
                errors.in_words(),
                format!("2.00 % of its requests failed ({words})")
            );
            assert_eq!(errors.in_a_cell(), "2.00 %");
        }
    }

    #[test]
    fn overload_and_silent_connections_are_no_errors() {
        let errors = trial(|trial| {
            trial.load.requests.timeout = 63;
            trial.load.never_served_timeouts = 63;
            trial.load.requests.planned = 2000;
            trial.load.requests.unsent = 1000;
            trial.load.background = Some(BackgroundConnections {
                idle: 200,
                idle_open: 200,
                silent: 10,
                silent_open: 0,
            });
        });
        assert!(!errors.any() && !errors.are_too_many(), "{errors:?}");
        assert_eq!(errors.in_a_cell(), "0 %");
    }

    #[test]
    fn closed_background_connections_are_errors() {
        let closed = |idle_open| {
            trial(|trial| {
                trial.load.background = Some(BackgroundConnections {
                    idle: 200,
                    idle_open,
                    silent: 0,
                    silent_open: 0,
                });
            })
        };
        assert!(closed(199).any() && !closed(199).are_too_many());
        assert!(closed(150).are_too_many());
        assert_eq!(closed(150).in_words(), "50 of 200 background connections closed");
    }

    #[test]
    fn only_over_one_percent_or_a_stop_is_too_many() {
        assert!(!trial(|trial| trial.load.requests.reset = 10).are_too_many());
        assert!(trial(|trial| trial.load.requests.reset = 11).are_too_many());
        assert!(trial(|trial| trial.load.stopped_answering = true).are_too_many());
    }
}
