//! Why a value is not ranked, or how far it may be trusted, in the few words that fit a table.

use schema::experiment::Setting;

use crate::bottleneck::Bottleneck;
use crate::metric::{Kind, Metric, load};
use crate::numbers::{count, rounded};
use crate::standing::{Reason, Standing};
use crate::summary::Row;

/// Of a model that serves no connection.
pub(crate) const SERVES_NOTHING: &str = "serves nothing";
/// Of a model that left connections without service in a few trials only.
const SOME_NEVER_SERVED: &str = "some never served";

/// Why a value of a row is not ranked: `54 of 64 never served`, `errors 12 %`, `2 of 7 trials`. None if that needs no words.
pub(crate) fn not_ranked(row: &Row<'_>, reason: Reason) -> Option<String> {
    Some(match reason {
        Reason::NoDirection | Reason::Smoke => return None,
        Reason::NoValue => "no value".to_owned(),
        Reason::TooFew { trials, needed } => format!("{trials} of {needed} trials"),
        Reason::StoppedAnswering => "stopped answering".to_owned(),
        Reason::Failed(share) => format!("errors {}", short_percent(share)),
        Reason::BackgroundClosed(share) => format!("closed {} of idle connections", short_percent(share)),
        Reason::NeverServed => never_served(row).unwrap_or_else(|| SOME_NEVER_SERVED.to_owned()),
        Reason::Overloaded => "overloaded".to_owned(),
        Reason::NeverRecovered => {
            let back = row.estimate(&load::RECOVERY).map_or(0, |time| time.trials);
            format!("back in {back} of {} trials", row.kept.len())
        }
    })
}

/// The same in two or three words, for a small table.
pub(crate) fn in_short(row: &Row<'_>, reason: Reason) -> Option<String> {
    match reason {
        Reason::NeverServed => Some(match counts_never_served(row) {
            Some((never, asked)) if never == asked => SERVES_NOTHING.to_owned(),
            Some((never, _)) => format!("{} never served", count(never as f64)),
            None => SOME_NEVER_SERVED.to_owned(),
        }),
        _ => not_ranked(row, reason),
    }
}

/// How many of its connections a model never served, in most trials: `54 of 64 never served`. None if it served all in most.
pub(crate) fn never_served(row: &Row<'_>) -> Option<String> {
    let (never, asked) = counts_never_served(row)?;
    if never == asked {
        return Some(SERVES_NOTHING.to_owned());
    }
    Some(format!(
        "{} of {} never served",
        count(never as f64),
        count(asked as f64)
    ))
}

/// How many of its connections a model never served in most trials, and how many there were.
fn counts_never_served(row: &Row<'_>) -> Option<(u64, u64)> {
    let mut trials: Vec<_> = row
        .kept
        .iter()
        .map(|(_, trial)| {
            let asked = trial.load.connections.asked;
            let never = if trial.has_never_served_connections() {
                asked.saturating_sub(trial.load.connections.served)
            } else {
                0
            };
            (never, asked)
        })
        .collect();
    trials.sort_unstable();
    let (never, asked) = *trials.get(trials.len() / 2)?;
    (never > 0).then_some((never, asked))
}

/// Whether the load generator, and not the server, may have limited a rate.
pub(crate) fn is_client_bound(row: &Row<'_>, metric: &Metric) -> bool {
    metric.kind == Kind::Rate && row.bottleneck == Bottleneck::LoadGenerator
}

/// What stands before the values of these rows: `≥ ` if the load generator may have limited one of them.
pub(crate) fn at_least<'r, 'a: 'r>(
    rows: impl IntoIterator<Item = &'r Row<'a>>,
    metric: &Metric,
) -> &'static str {
    let is_bound = rows.into_iter().any(|row| is_client_bound(row, metric));
    if is_bound { "≥ " } else { "" }
}

/// A value of a row with its unit: `4.12 µs`, `≥ 73,100 requests/s`.
pub(crate) fn value(row: &Row<'_>, metric: &Metric, value: f64) -> String {
    format!("{}{}", at_least([row], metric), metric.format_with_unit(value))
}

/// What limits a value that is there, in a few words: why it is not ranked, or its bottleneck.
pub(crate) fn note(row: &Row<'_>, metric: &Metric, standing: Standing) -> Option<String> {
    if let Err(reason) = standing
        && let Some(words) = not_ranked(row, reason)
    {
        return Some(words);
    }
    let is_limited = metric.is_latency || metric.kind == Kind::Rate;
    let mut words = match row.bottleneck {
        Bottleneck::LoadGenerator if is_limited => vec!["client-bound".to_owned()],
        // More connections would raise a rate, but not a latency.
        Bottleneck::Latency if metric.kind == Kind::Rate => vec!["latency-bound".to_owned()],
        _ => Vec::new(),
    };
    if row.errors.any() && !metric.counts_failures {
        words.push(format!("errors {}", row.errors.in_a_cell()));
    }
    (!words.is_empty()).then(|| words.join(", "))
}

/// How many connections a model had, where it had fewer than the setting has.
pub(crate) fn fewer_connections(row: &Row<'_>, setting: &Setting) -> Option<usize> {
    let own = setting.load_for(row.contender).connections;
    (own < setting.load.connections).then_some(own)
}

/// How many workers a model had, if that is not its default.
pub(crate) fn other_workers(row: &Row<'_>, setting: &Setting) -> Option<u16> {
    let default = row.contender.capabilities.workers?.default;
    let own = setting.workers_for(row.contender)?;
    (own != default).then_some(own)
}

/// A share with two digits: `12 %`, `1.5 %`.
fn short_percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 10.0 {
        format!("{percent:.0} %")
    } else {
        format!(
            "{} %",
            rounded((percent * 10.0).round() / 10.0)
                .trim_end_matches('0')
                .trim_end_matches('.')
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use schema::record::Outcome;

    #[test]
    fn a_share_has_two_digits() {
        for (share, text) in [
            (0.1234, "12 %"),
            (1.0, "100 %"),
            (0.0204, "2 %"),
            (0.0151, "1.5 %"),
        ] {
            assert_eq!(short_percent(share), text);
        }
    }

    #[test]
    fn a_reason_of_few_trials_is_a_reason_too() {
        let (environment, mut records) = fixture::run();
        let trial = records.iter_mut().find_map(|record| match &mut record.outcome {
            Outcome::Measured(trial) if record.model == "beta" && record.experiment == "waiting" => {
                Some(trial)
            }
            _ => None,
        });
        trial.expect("it was measured").load.connections.served = 1;
        let summary = fixture::summary(&environment, &records);
        let mut answers = summary.answers();
        let answer = answers.find(|answer| answer.experiment.key == "waiting");
        let answer = answer.expect("it was measured");
        let row = answer.rows.iter().find(|row| row.model == "beta");
        let row = row.expect("it took part");
        assert!(row.has_never_served() && never_served(row).is_none());
        for words in [in_short, not_ranked] {
            assert_eq!(
                words(row, Reason::NeverServed).as_deref(),
                Some("some never served")
            );
        }
    }

    #[test]
    fn connections_never_served_are_counted_per_trial() {
        let (environment, records) = fixture::run();
        let summary = fixture::summary(&environment, &records);
        let answer = summary
            .answers()
            .find(|answer| answer.experiment.key == "waiting")
            .expect("it was measured");
        let words: Vec<_> = answer.rows.iter().map(never_served).collect();
        assert_eq!(
            words,
            [
                Some("199 of 200 never served".to_owned()),
                None,
                Some("190 of 200 never served".to_owned()),
                None
            ]
        );
    }
}
