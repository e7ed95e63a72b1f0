//! What is measured of a trial. Experiments name metrics by their keys.
//!
//! To add one, define it in [`load`] or [`cost`], and list it in [`ALL`].

pub mod cost;
mod definition;
pub mod load;
mod quantile;
mod spent;

use schema::experiment::Experiment;

pub(crate) use definition::Unit;
pub use definition::{Kind, Metric, Source};
pub use quantile::Samples;

/// All metrics, in the order of the CSV.
pub static ALL: &[&Metric] = &[
    &load::THROUGHPUT,
    &load::MEAN,
    &load::P50,
    &load::P90,
    &load::P99,
    &load::P999,
    &load::MAX,
    &load::FIRST_OPERATION_P50,
    &load::FIRST_OPERATION_P99,
    &load::CONNECTING_P50,
    &load::WITHIN,
    &load::UNSENT_SHARE,
    &load::LATE_SHARE,
    &load::DRIFT,
    &load::FAILED_SHARE,
    &load::SERVED,
    &load::JAIN,
    &cost::CPU,
    &cost::USER,
    &cost::SYSTEM,
    &cost::SWITCHES,
    &cost::VOLUNTARY_SWITCHES,
    &cost::INVOLUNTARY_SWITCHES,
    &cost::MINOR_FAULTS,
    &cost::MAJOR_FAULTS,
    &cost::MEMORY,
    &cost::MEMORY_PER_CONNECTION,
    &cost::PROCESSES,
    &cost::THREADS,
    &cost::READY,
    &cost::DRAIN,
    &cost::SERVER_BUSY,
    &cost::CLIENT_BUSY,
    &cost::CLIENT_CPU,
    &load::RATE_UNDER_BOUND,
    &load::LOST_REQUESTS,
    &load::RECOVERY,
    &load::LOWEST_RATE_SHARE,
    &cost::BUSIEST_WORKER,
    &cost::SYSTEM_CALLS,
];

/// The metric with this key, if there is one.
#[must_use]
pub fn find(key: &str) -> Option<&'static Metric> {
    ALL.iter().copied().find(|metric| metric.key == key)
}

/// The metric with this key.
///
/// # Panics
/// If there is none. An experiment's keys are checked when it is read.
#[must_use]
pub fn named(key: &str) -> &'static Metric {
    find(key).unwrap_or_else(|| panic!("there is no metric {key}"))
}

/// What an experiment calls its headline, without its unit.
///
/// # Panics
/// If there is no such metric. An experiment's keys are checked when it is read.
#[must_use]
pub fn headline_name(experiment: &Experiment) -> &str {
    let own = experiment.headline_name.as_deref();
    own.unwrap_or(named(&experiment.headline).name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_and_names_are_unique() {
        let keys: BTreeSet<_> = ALL.iter().map(|metric| metric.key).collect();
        let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!((keys.len(), names.len()), (ALL.len(), ALL.len()));
    }

    #[test]
    fn keys_end_in_their_units() {
        for metric in ALL {
            let ending = match metric.unit {
                Unit::One => continue,
                Unit::Percent => "_percent",
                Unit::RequestsPerSecond => "_per_s",
                Unit::Microseconds if metric.key.ends_with("_per_request") => "_us_per_request",
                Unit::Microseconds => "_us",
                Unit::Milliseconds => "_ms",
                Unit::Mebibytes => "_mib",
                Unit::Kibibytes => "_kib",
            };
            assert!(metric.key.ends_with(ending), "{}", metric.key);
        }
    }

    #[test]
    fn kinds_and_units_fit() {
        for metric in ALL {
            let fits = match metric.kind {
                Kind::Count | Kind::CountPerRequest | Kind::Ratio => metric.unit == Unit::One,
                Kind::Share => matches!(metric.unit, Unit::One | Unit::Percent),
                Kind::Time => matches!(metric.unit, Unit::Microseconds | Unit::Milliseconds),
                Kind::Rate => metric.unit == Unit::RequestsPerSecond,
                Kind::Memory => matches!(metric.unit, Unit::Mebibytes | Unit::Kibibytes),
            };
            assert!(fits, "{}", metric.key);
        }
    }

    #[test]
    fn values_are_written_by_kind_and_unit() {
        assert_eq!(load::THROUGHPUT.format_with_unit(51_234.0), "51,200 requests/s");
        assert_eq!(load::SERVED.format_with_unit(1_234.0), "1,234");
        assert_eq!(cost::CPU.title(), "CPU time per request, µs");
        assert_eq!(cost::CPU.format(5.1234), "5.12");
        assert_eq!(load::WITHIN.title(), "answered in time, %");
        assert_eq!(load::WITHIN.format_with_unit(98.76), "98.8 %");
    }
}
