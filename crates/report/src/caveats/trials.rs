//! Caveats about trials: too few, failed, excluded, or without a value.

use crate::escape::code;
use std::collections::BTreeMap;

use super::places::{name, places};
use crate::metric;
use crate::numbers::{list, rounded};
use crate::standing;
use crate::summary::{Row, Summary};
use schema::plan::REPEATS_MOST;

pub(super) fn few_trials(summary: &Summary<'_>) -> Option<String> {
    let few = places(summary, |row| {
        let note = standing::note(row.values[0].standing)?;
        Some(format!("{} ({note})", name(row)))
    });
    (!few.is_empty()).then(|| {
        format!(
            "Some models have too few trials that count, and are not ranked. The second number is how many the test needs. {}.",
            few.join("; ")
        )
    })
}

pub(super) fn failed(summary: &Summary<'_>) -> Option<String> {
    let failed = places(summary, |row| {
        let first = row.failed.first()?;
        Some(format!(
            "{} in {} of {} ({first})",
            code(row.model),
            row.failed.len(),
            row.trials()
        ))
    });
    (!failed.is_empty()).then(|| {
        format!(
            "Trials failed, with the reason of the first: {}.",
            failed.join("; ")
        )
    })
}

pub(super) fn excluded(summary: &Summary<'_>) -> String {
    let all: usize = summary.rows().map(Row::trials).sum();
    let reasons: Vec<_> = summary.rows().flat_map(|row| &row.excluded).collect();
    let excluded = reasons.len();
    let were = if excluded == 1 { "was" } else { "were" };
    let sentence = format!(
        "{excluded} of {all} trials {were} excluded because of other activity on the machine, by a rule that was fixed before \
         and looks at no rate and no latency"
    );
    if excluded == 0 {
        return format!("{sentence}.");
    }
    // How many for each reason, and its highest share.
    let mut kinds: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for reason in reasons {
        let (count, most) = kinds.entry(reason.of_what).or_default();
        *count += 1;
        *most = most.max(reason.share);
    }
    let kinds: Vec<_> = kinds
        .into_iter()
        .map(|(of_what, (count, most))| {
            format!("{count} because up to {} % {of_what}", rounded(most * 100.0))
        })
        .collect();
    format!(
        "{sentence}: {}. Each was repeated, at most {REPEATS_MOST} times. {} `trials.csv` has the reason of each.",
        list(&kinds),
        still_without(summary)
    )
}

/// In how many rounds every trial of a model was excluded.
fn still_without(summary: &Summary<'_>) -> String {
    let without: usize = summary.rows().map(Row::rounds_without).sum();
    match without {
        0 => "Every round has a trial that counts.".to_owned(),
        1 => "1 round of a model has no trial that counts.".to_owned(),
        _ => format!("{without} rounds of a model have no trial that counts."),
    }
}

/// Where some trials have a value and others do not.
pub(super) fn missing(summary: &Summary<'_>) -> Option<String> {
    let mut missing: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for answer in summary.answers() {
        for (index, key) in answer.experiment.metric_keys().enumerate() {
            let rows = answer.rows.iter().filter_map(|row| {
                let has = row.values[index].estimate.map_or(0, |estimate| estimate.trials);
                let without = row.kept.len() - has;
                match (has, without) {
                    (_, 0) => None,
                    (0, _) => Some(name(row)),
                    _ => Some(format!("{} in {without} of {}", name(row), row.kept.len())),
                }
            });
            let rows: Vec<_> = rows.collect();
            if !rows.is_empty() {
                let place = format!(
                    "{}, {} ({})",
                    answer.experiment.title,
                    answer.name(),
                    rows.join(", ")
                );
                missing.entry(key).or_default().push(place);
            }
        }
    }
    let missing: Vec<_> = missing
        .into_iter()
        .map(|(key, places)| format!("{}: {}", metric::named(key).name, places.join("; ")))
        .collect();
    (!missing.is_empty()).then(|| {
        format!(
            "Some trials lack a value, and the median is that of the others. They had too few replies for a percentile, no \
             replies, or a rate that did not recover. {}.",
            missing.join(". ")
        )
    })
}
