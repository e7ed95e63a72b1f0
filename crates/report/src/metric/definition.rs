//! What a metric is: its name, unit, kind and better direction, and how its values are written.

use super::quantile::Quantile;
use crate::numbers;
use schema::experiment::{Load, Method};
use schema::record::Measured;
use stats::Better;

/// One number that a trial may have.
#[derive(Debug)]
pub struct Metric {
    /// Its name in experiment files and in the CSV.
    pub key: &'static str,
    /// Its name in sentences, without its unit.
    pub name: &'static str,
    /// Its heading in a terminal.
    pub short: &'static str,
    /// What sort of number it is.
    pub kind: Kind,
    /// The unit of its values.
    pub unit: Unit,
    /// Which direction is better; none if it describes a model and ranks nothing.
    pub better: Option<Better>,
    /// Whether it is a time that requests took. Then it is not ranked for an overloaded server.
    pub is_latency: bool,
    /// Whether it is about what failed. Then it is compared however much failed.
    pub counts_failures: bool,
    /// The quantile that it is, if it is one.
    pub quantile: Option<Quantile>,
    /// Which trials have it.
    pub source: Source,
    /// What it means, without its unit.
    pub meaning: &'static str,
    /// Its value in a trial, if the trial has one.
    pub value: fn(&Measured) -> Option<f64>,
}

/// Which trials have a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// All of them.
    Load,
    /// Those of a mix of operations.
    Mix,
    /// Those with a bound of latency (`within_times`).
    Bound,
    /// Searches for the highest rate under a bound.
    Search,
    /// Those in which a worker is killed.
    Kill,
    /// Those in which system calls are counted.
    SystemCalls,
}

impl Source {
    /// Whether a trial of this method and load has it.
    #[must_use]
    pub fn is_in(self, method: Method, load: &Load) -> bool {
        match self {
            Self::Load => true,
            Self::Mix => load.operation.len() > 1,
            Self::Bound => load.within_times.is_some(),
            Self::Search => matches!(method, Method::RateUnderBound { .. }),
            Self::Kill => method == Method::KillWorker,
            Self::SystemCalls => method == Method::SystemCalls,
        }
    }

    /// What an experiment must have for it.
    #[must_use]
    pub fn needs(self) -> &'static str {
        match self {
            Self::Load => "any load",
            Self::Mix => "two or more operations in the load",
            Self::Bound => "within_times in the load",
            Self::Search => "method = { rate-under-bound = { p99_ms = 5 } }",
            Self::Kill => "method = \"kill-worker\"",
            Self::SystemCalls => "method = \"system-calls\"",
        }
    }
}

/// What sort of number a metric is. It decides how values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// How many of something: written in full.
    Count,
    /// How many of something per request.
    CountPerRequest,
    /// A part of a whole, from 0 to 1, or in percent.
    Share,
    /// One number by another.
    Ratio,
    /// How long something took.
    Time,
    /// How often in a second.
    Rate,
    /// How much memory something took.
    Memory,
}

/// The unit that values are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    One,
    Percent,
    RequestsPerSecond,
    Microseconds,
    Milliseconds,
    Mebibytes,
    Kibibytes,
}

/// What metrics have in common. Each metric states what differs from this.
pub(super) const PLAIN: Metric = Metric {
    key: "",
    name: "",
    short: "",
    kind: Kind::Count,
    unit: Unit::One,
    better: None,
    is_latency: false,
    counts_failures: false,
    quantile: None,
    source: Source::Load,
    meaning: "",
    value: |_| None,
};

impl Metric {
    /// Its heading in a page: its name and its unit.
    #[must_use]
    pub fn title(&self) -> String {
        self.title_with(self.name)
    }

    /// The heading under another name, and its unit.
    #[must_use]
    pub fn title_with(&self, name: &str) -> String {
        match self.unit.symbol() {
            "" => name.to_owned(),
            unit => format!("{name}, {unit}"),
        }
    }

    /// A value for a table whose heading has the unit.
    #[must_use]
    pub fn format(&self, value: f64) -> String {
        match self.kind {
            Kind::Count => numbers::count(value),
            Kind::CountPerRequest | Kind::Share | Kind::Ratio | Kind::Time | Kind::Rate | Kind::Memory => {
                numbers::rounded(value)
            }
        }
    }

    /// A value with the digits that a table shows.
    pub(crate) fn as_shown(&self, value: f64) -> f64 {
        let digits = self.format(value).replace(',', "");
        digits.parse().unwrap_or(value)
    }

    /// A value with its unit, for a sentence.
    #[must_use]
    pub fn format_with_unit(&self, value: f64) -> String {
        self.format(value) + &self.unit.behind()
    }

    /// Values from the least to the most, with their unit: `146 to 151 µs`; one value if they look the same.
    #[must_use]
    pub fn range(&self, values: &[f64]) -> String {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let [least, most] = [least, most].map(|value| self.format(value));
        let unit = self.unit.behind();
        if least == most {
            format!("{least}{unit}")
        } else {
            format!("{least} to {most}{unit}")
        }
    }

    /// Its value as a headline: none if too few samples lie beyond a quantile.
    #[must_use]
    pub fn headline_value(&self, trial: &Measured) -> Option<f64> {
        let value = (self.value)(trial)?;
        let has_enough = self.quantile.is_none_or(|quantile| {
            let samples = quantile.samples_in(trial);
            samples.is_some_and(|samples| quantile.has_enough(samples as f64))
        });
        has_enough.then_some(value)
    }
}

/// Metrics are the same if their keys are.
impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Unit {
    /// What stands behind a value; empty for plain numbers.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::One => "",
            Self::Percent => "%",
            Self::RequestsPerSecond => "requests/s",
            Self::Microseconds => "µs",
            Self::Milliseconds => "ms",
            Self::Mebibytes => "MiB",
            Self::Kibibytes => "KiB",
        }
    }

    /// The symbol as it stands behind a value, with its space.
    #[must_use]
    pub fn behind(self) -> String {
        match self.symbol() {
            "" => String::new(),
            symbol => format!(" {symbol}"),
        }
    }
}
