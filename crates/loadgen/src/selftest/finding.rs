//! A measured value beside the expected one.

use std::fmt;

/// A measured value beside the expected one.
#[derive(Debug)]
pub(crate) struct Finding {
    what: String,
    measured: String,
    expected: String,
    passed: bool,
}

impl Finding {
    /// Passes within this share of the expected value.
    pub(super) fn near(
        what: impl Into<String>,
        unit: &str,
        measured: f64,
        expected: f64,
        tolerance: f64,
    ) -> Self {
        let error = (measured - expected).abs() / expected.abs();
        Self {
            what: what.into(),
            measured: format!("{}, {:.2} % off", with_unit(measured, unit), error * 100.0),
            expected: format!("{} ± {} %", with_unit(expected, unit), tolerance * 100.0),
            passed: error <= tolerance,
        }
    }

    pub(super) fn at_most(what: impl Into<String>, unit: &str, measured: f64, most: f64) -> Self {
        Self {
            what: what.into(),
            measured: with_unit(measured, unit),
            expected: format!("at most {}", with_unit(most, unit)),
            passed: measured <= most,
        }
    }

    pub(super) fn at_least(what: impl Into<String>, unit: &str, measured: f64, least: f64) -> Self {
        Self {
            what: what.into(),
            measured: with_unit(measured, unit),
            expected: format!("at least {}", with_unit(least, unit)),
            passed: measured >= least,
        }
    }

    pub(super) fn same(what: impl Into<String>, measured: &str, expected: &str) -> Self {
        Self {
            what: what.into(),
            measured: measured.to_owned(),
            expected: expected.to_owned(),
            passed: measured == expected,
        }
    }

    /// Fails, because there was too little to measure.
    pub(super) fn inconclusive(
        what: impl Into<String>,
        measured: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self {
            what: what.into(),
            measured: measured.into(),
            expected: expected.into(),
            passed: false,
        }
    }

    pub(crate) fn passed(&self) -> bool {
        self.passed
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.passed { "ok  " } else { "FAIL" };
        write!(
            f,
            "{verdict}  {}: {} (expected {})",
            self.what, self.measured, self.expected
        )
    }
}

fn with_unit(value: f64, unit: &str) -> String {
    let digits = if value.abs() >= 1000.0 { 0 } else { 3 };
    format!("{value:.digits$} {unit}").trim_end().to_owned()
}
