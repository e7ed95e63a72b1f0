//! Why a value is not ranked, or how far it may be trusted, in the few words that fit a table.

use schema::experiment::Setting;

use crate::bottleneck::Bottleneck;
use crate::metric::{Kind, Metric};
use crate::numbers::{count, rounded};
use crate::standing::Reason;
use crate::summary::Row;

/// Why a value of a row is not ranked: `54 of 64 never served`, `errors 12 %`, `2 of 7 trials`. None if that needs no words.
pub(crate) fn not_ranked(row: &Row<'_>, reason: Reason) -> Option<String> {
    Some(match reason {
        Reason::NoDirection | Reason::Smoke => return None,
        Reason::NoValue => "no value".to_owned(),
        Reason::TooFew { trials, needed } => format!("{trials} of {needed} trials"),
        Reason::StoppedAnswering => "stopped answering".to_owned(),
        Reason::Failed(share) => format!("errors {}", short_percent(share)),
        Reason::BackgroundClosed(share) => format!("closed {} of idle connections", short_percent(share)),
        Reason::NeverServed => never_served(row).unwrap_or_else(|| "some never served".to_owned()),
        Reason::Overloaded => "overloaded".to_owned(),
        Reason::NeverRecovered => "not always back".to_owned(),
    })
}

/// How many of its connections a model never served, in most trials: `54 of 64 never served`. None if it served all in most.
pub(crate) fn never_served(row: &Row<'_>) -> Option<String> {
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
    (never > 0).then(|| format!("{} of {} never served", count(never as f64), count(asked as f64)))
}

/// Whether the load generator, and not the server, may have limited a rate.
pub(crate) fn is_client_bound(row: &Row<'_>, metric: &Metric) -> bool {
    metric.kind == Kind::Rate && row.bottleneck == Bottleneck::LoadGenerator
}

/// How many connections a model had, where it had fewer than the setting has.
pub(crate) fn fewer_connections(row: &Row<'_>, setting: &Setting) -> Option<usize> {
    let own = setting.load_for(row.contender).connections;
    (own < setting.load.connections).then_some(own)
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
