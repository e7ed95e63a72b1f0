//! Bars of an experiment without an axis: a group for each setting.

use schema::contender::Contender;
use stats::Better;

use crate::grid;
use crate::metric::{Metric, load};
use crate::plot::{Bar, Extent, Group};
use crate::remark;
use crate::standing::Mark;
use crate::summary::{Answer, Results, Row};

/// The groups of these settings for the metric in this place of the experiment's, and their notes; none if no model has a value.
pub(super) fn bars(
    results: &Results<'_>,
    answers: &[&Answer<'_>],
    contenders: &[Contender],
    index: usize,
) -> Option<(Vec<Group>, Vec<String>)> {
    let groups: Vec<Group> = answers
        .iter()
        .map(|answer| Group {
            title: title(results, answer),
            bars: ranked(answer, index)
                .into_iter()
                .chain(absent(answer, contenders))
                .collect(),
        })
        .collect();
    let all = || groups.iter().flat_map(|group| &group.bars);
    if all().all(|bar| bar.value.is_none()) {
        return None;
    }
    let mut notes = Vec::new();
    if all().any(|bar| bar.value.is_some_and(|value| value.low < value.high)) {
        notes.push("Thin lines: 95 % intervals.".to_owned());
    }
    if all().any(|bar| bar.is_unranked && bar.value.is_some()) {
        notes.push("Grey: not ranked.".to_owned());
    }
    if all().any(|bar| bar.text.starts_with('≥')) {
        notes.push("≥: limited by the load generator; the server may be faster.".to_owned());
    }
    if all().any(|bar| bar.expected.is_some()) {
        notes.push("Dashed: theory.".to_owned());
    }
    Some((groups, notes))
}

/// The title of a setting's group, if it needs one.
fn title(results: &Results<'_>, answer: &Answer<'_>) -> String {
    let panel = answer.setting.panel.as_deref();
    match (panel, &results.experiment.axis, &*results.answers) {
        (Some(panel), _, _) => format!("{panel}, {}", answer.name()),
        (None, None, [_]) => String::new(),
        (None, _, _) => answer.name(),
    }
}

/// The rows of a setting: ranked ones from the best, then those that are not ranked, then those without a value. Where nothing
/// is ranked they stay in the order of the run.
fn ranked(answer: &Answer<'_>, index: usize) -> Vec<Bar> {
    let metric = answer.metric(index);
    let is_ranked = answer.rows.iter().any(|row| row.values[index].standing.is_ok());
    let mut rows: Vec<&Row<'_>> = answer.rows.iter().collect();
    if is_ranked {
        rows.sort_by(|a, b| {
            let (a, b) = (order(a, index, metric), order(b, index, metric));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
    }
    let bar = |row: &Row<'_>| bar(answer, row, index, is_ranked);
    rows.into_iter().map(bar).collect()
}

/// Class and value, in the order of the rows.
fn order(row: &Row<'_>, index: usize, metric: &Metric) -> (u8, f64) {
    let value = row.values[index];
    let median = value.estimate.map_or(f64::INFINITY, |estimate| estimate.median);
    let class = match (value.standing, value.estimate) {
        (Ok(_), _) => 0,
        (Err(_), Some(_)) => 1,
        (Err(_), None) => 2,
    };
    let is_more_better = metric.better == Some(Better::More);
    (class, if is_more_better { -median } else { median })
}

fn bar(answer: &Answer<'_>, row: &Row<'_>, index: usize, is_ranked: bool) -> Bar {
    let metric = answer.metric(index);
    let value = row.values[index];
    let remark = match (value.standing, answer.mark(row, index)) {
        (Err(reason), _) => remark::not_ranked(row, reason).unwrap_or_default(),
        (Ok(_), Mark::Tied | Mark::AllTied) => "tied".to_owned(),
        // Where a rate is ranked all the same, this is the reason for it.
        (Ok(_), _) => remark::never_served(row).unwrap_or_default(),
    };
    Bar {
        place: row.place,
        name: row.model.to_owned(),
        value: value.estimate.map(|estimate| Extent {
            middle: estimate.median,
            low: estimate.low,
            high: estimate.high,
        }),
        text: value
            .estimate
            .map_or_else(String::new, |estimate| text(row, metric, estimate.median)),
        remark,
        is_unranked: is_ranked && value.standing.is_err(),
        expected: expected(answer, row, metric),
    }
}

/// A value with its unit.
fn text(row: &Row<'_>, metric: &Metric, value: f64) -> String {
    // The measure names the requests already.
    let unit = metric.unit.behind().replace(" requests/s", "/s");
    let bound = remark::at_least([row], metric);
    format!("{bound}{}{unit}", metric.format(value))
}

/// What theory predicts for the mean latency.
fn expected(answer: &Answer<'_>, row: &Row<'_>, metric: &Metric) -> Option<f64> {
    let mut theories = answer.experiment.theory.iter().filter(|_| *metric == load::MEAN);
    theories.find_map(|theory| row.expected_us(theory, answer.setting))
}

/// Rows of models that take no part, where the reason is a result: a crash that takes all connections is one.
fn absent(answer: &Answer<'_>, contenders: &[Contender]) -> Vec<Bar> {
    let Some(workload) = &answer.setting.workload else {
        return Vec::new();
    };
    let absent = contenders.iter().enumerate().filter_map(|(place, contender)| {
        let takes_part = answer.rows.iter().any(|row| row.place == place);
        let known = grid::known_of_absent(answer, workload, contender)?;
        (!takes_part).then(|| Bar {
            place,
            name: contender.name.clone(),
            value: None,
            text: String::new(),
            remark: known.to_owned(),
            is_unranked: true,
            expected: None,
        })
    });
    absent.collect()
}
