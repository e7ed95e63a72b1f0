//! The share of the requests that were answered within a bound of latency.

use schema::load::Within;

use super::*;

/// A run of which this many of 1,000 requests were answered within this bound.
fn bounded(bound_us: f64, ok: u64) -> Recorded {
    let mut run = requests();
    run.environment.experiments[0].headline = "within_percent".to_owned();
    for record in &mut run.records {
        if let Outcome::Measured(trial) = &mut record.outcome {
            trial.load.within = Some(Within { bound_us, ok });
        }
    }
    run
}

#[test]
fn shares_within_different_bounds_are_not_compared() {
    // The later run measured a shorter round trip.
    let (before, after) = (bounded(643.0, 900), bounded(594.0, 500));
    let by_beta = Selection {
        reference: Some("beta".to_owned()),
        ..Selection::default()
    };
    for selection in [Selection::default(), by_beta] {
        let verdict = Verdict::between(&before, &after, 0.05, &selection);
        assert!(
            verdict.judged.is_empty() && !verdict.got_worse(),
            "{:?}",
            verdict.judged
        );
        let expected = "answered in time: bound 643 µs before, 594 µs now";
        assert!(verdict.not_compared.iter().all(|note| note.what == expected));
        let differences = Differences::between(&before, &after, &selection);
        let shares = differences.values.iter();
        assert_eq!(
            shares
                .filter(|value| value.metric.key == "within_percent")
                .count(),
            0
        );
        assert!(!differences.values.is_empty(), "other metrics have no bound");
        let notes = differences.not_compared.iter();
        let notes = notes.filter(|note| note.what == expected);
        assert_eq!(notes.count(), verdict.not_compared.len());
        assert!(!verdict.not_compared.is_empty());
    }
}

#[test]
fn shares_within_the_same_rounded_bound_are_judged() {
    let verdict = judge(&bounded(594.1, 900), &bounded(593.9, 500), 0.05);
    assert!(!verdict.judged.is_empty());
    assert_eq!(verdict.found(Finding::Worse).count(), verdict.judged.len());
}
