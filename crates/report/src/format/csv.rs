//! Every trial as a line with all its metrics, for spreadsheets and data frames.

use crate::escape::csv::field;
use crate::metric;
use schema::record::{Measured, Outcome, Record};

use crate::bottleneck::Bottleneck;

/// The columns before the metrics.
const COLUMNS: [&str; 10] = [
    "run",
    "trial",
    "round",
    "experiment",
    "setting",
    "model",
    "started_at",
    "bottleneck",
    "excluded",
    "failed",
];

/// The columns after the metrics: how many requests were sent and how many failed, by kind; how many background connections
/// the server closed; whether it stopped answering.
const ERRORS: [&str; 8] = [
    "sent",
    "wrong",
    "error",
    "timeout",
    "reset",
    "unanswered",
    "background_closed",
    "stopped_answering",
];

/// Renders a heading and a line for each trial, with six significant digits. A value that a trial lacks is empty.
#[must_use]
pub fn render(records: &[Record], run: &str) -> String {
    let headings = COLUMNS
        .into_iter()
        .chain(metric::ALL.iter().map(|metric| metric.key))
        .chain(ERRORS);
    let mut text = line(headings.map(str::to_owned));
    for record in records {
        text += &line(fields(record, run));
    }
    text
}

fn fields(record: &Record, run: &str) -> impl Iterator<Item = String> {
    let (trial, failed) = match &record.outcome {
        Outcome::Measured(trial) => (Some(&**trial), String::new()),
        Outcome::Failed(reason) => (None, reason.clone()),
    };
    let before = [
        run.to_owned(),
        record.trial.to_string(),
        record.round.to_string(),
        record.experiment.clone(),
        record.setting.clone(),
        record.model.clone(),
        record.started_at.to_string(),
        trial.map_or_else(String::new, |trial| {
            Bottleneck::from_trial(trial)
                .name()
                .replace(' ', "_")
                .to_lowercase()
        }),
        trial
            .and_then(Measured::exclusion)
            .map(|reason| reason.to_string())
            .unwrap_or_default(),
        failed,
    ]
    .map(|text| field(&text));
    let metrics = metric::ALL.iter().map(move |metric| {
        let value = trial.and_then(|trial| (metric.value)(trial));
        value.map_or_else(String::new, |value| significant(value).to_string())
    });
    let errors = match trial {
        Some(trial) => errors(trial),
        None => [const { String::new() }; ERRORS.len()],
    };
    before.into_iter().chain(metrics).chain(errors)
}

fn errors(trial: &Measured) -> [String; ERRORS.len()] {
    let requests = &trial.load.requests;
    let closed = trial.load.background.map_or(0, |background| {
        background.idle.saturating_sub(background.idle_open)
    });
    [
        requests.sent.to_string(),
        requests.wrong.to_string(),
        requests.error.to_string(),
        requests.timeout.to_string(),
        requests.reset.to_string(),
        requests.in_flight.to_string(),
        closed.to_string(),
        trial.load.stopped_answering.to_string(),
    ]
}

fn line(fields: impl Iterator<Item = String>) -> String {
    let fields: Vec<_> = fields.collect();
    fields.join(",") + "\n"
}

/// With six significant digits, which is more than any clock or histogram here resolves.
fn significant(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}
