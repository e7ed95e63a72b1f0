//! Remarks about models, by experiment and setting.

use crate::escape::code;
use crate::numbers::list;
use crate::summary::{Row, Summary};

/// The remarks about rows, those of a setting together: "The cost of a request, 64 connections: `alpha` and `beta`".
pub(super) fn places<'a>(summary: &Summary<'a>, remark: impl Fn(&Row<'a>) -> Option<String>) -> Vec<String> {
    let mut places = Vec::new();
    for results in &summary.results {
        for answer in &results.answers {
            let rows: Vec<_> = answer.rows.iter().filter_map(&remark).collect();
            if rows.is_empty() {
                continue;
            }
            let title = &results.experiment.title;
            places.push(match &*results.answers {
                [_] => format!("{title}: {}", list(&rows)),
                _ => format!("{title}, {}: {}", answer.name(), list(&rows)),
            });
        }
    }
    places
}

/// Where rows are so, with nothing else to remark.
pub(super) fn where_rows<'a>(summary: &Summary<'a>, are_so: impl Fn(&Row<'a>) -> bool) -> Vec<String> {
    places(summary, |row| are_so(row).then(|| name(row)))
}

/// A model's name as code.
pub(super) fn name(row: &Row<'_>) -> String {
    code(row.model)
}
