//! Every trial as a line, with every figure that it has: for whoever wants to reckon with them.

use crate::figures;
use crate::record::{Measured, Outcome, Record};
use crate::stored::significant;

use super::limit::Limit;

/// What stands before the figures.
const COLUMNS: [&str; 10] = [
    "run",
    "trial",
    "round",
    "experiment",
    "setting",
    "model",
    "started_at",
    "limit",
    "set_aside",
    "failed",
];

/// A heading, and a line for each trial, with six digits of each figure. What a trial has not is empty.
pub(super) fn text(records: &[Record], run: &str) -> String {
    let headings = COLUMNS
        .into_iter()
        .chain(figures::ALL.iter().map(|figure| figure.key));
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
            format!("{:?}", Limit::of(trial)).to_lowercase()
        }),
        trial
            .and_then(Measured::set_aside)
            .map(|reason| reason.to_string())
            .unwrap_or_default(),
        failed,
    ];
    let figures = figures::ALL.iter().map(move |figure| {
        let value = trial.and_then(|trial| (figure.of)(trial));
        value.map_or_else(String::new, |value| significant(value).to_string())
    });
    before.into_iter().chain(figures)
}

fn line(fields: impl Iterator<Item = String>) -> String {
    let fields: Vec<_> = fields.map(quoted).collect();
    fields.join(",") + "\n"
}

/// As RFC 4180 has it: what holds a separator is put in quotes, and a quote in it is doubled.
fn quoted(field: String) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_a_separator_is_quoted() {
        assert_eq!(quoted("plain".to_owned()), "plain");
        assert_eq!(quoted("a, \"b\"\n".to_owned()), "\"a, \"\"b\"\"\n\"");
    }
}
