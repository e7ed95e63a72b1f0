//! The stages of a run as a table.

use std::fmt::{Result, Write};

use loadgen::Report;
use schema::load::{Quantiles, StageResult};

use super::format::time;

/// The result of each stage, if there are any.
pub(crate) fn table(page: &mut String, report: &Report) -> Result {
    let stages = &report.stages;
    if stages.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = stages
        .iter()
        .enumerate()
        .map(|(index, stage)| name(index, stage))
        .collect();
    let width = names
        .iter()
        .map(|name| name.chars().count() + 1)
        .max()
        .unwrap_or(0)
        .max(12);
    writeln!(
        page,
        "{:width$}{:>16}{:>20}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "stage", "time", "due/s", "ok/s", "failed", "p50", "p90", "p99"
    )?;
    for (name, stage) in names.iter().zip(stages) {
        let quantile = |read: fn(&Quantiles) -> Option<f64>| {
            stage
                .latency_us
                .as_ref()
                .and_then(read)
                .map_or("–".to_owned(), time)
        };
        writeln!(
            page,
            "{name:width$}{:>16}{:>20}{:>10.0}{:>10}{:>10}{:>10}{:>10}",
            format!("{:.1} to {:.1} s", stage.starts_s, stage.ends_s),
            rates(stage),
            stage.throughput_per_s,
            stage.failed,
            quantile(|quantiles| quantiles.p50),
            quantile(|quantiles| quantiles.p90),
            quantile(|quantiles| quantiles.p99),
        )?;
    }
    writeln!(page)
}

/// Its name, or its number from 1. A name comes from a file and may contain anything.
fn name(index: usize, stage: &StageResult) -> String {
    const MOST: usize = 30;
    match &stage.name {
        None => (index + 1).to_string(),
        Some(name) => {
            let printable: String = name.escape_debug().take(MOST + 1).collect();
            if printable.chars().count() > MOST {
                printable.chars().take(MOST).chain(['…']).collect()
            } else {
                printable
            }
        }
    }
}

fn rates(stage: &StageResult) -> String {
    if stage.from_per_s.total_cmp(&stage.to_per_s).is_eq() {
        format!("{}", stage.from_per_s)
    } else {
        format!("{} to {}", stage.from_per_s, stage.to_per_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_stages_shows_rates_and_printable_names() {
        let mut report: Report =
            serde_json::from_str(include_str!("../../tests/golden/report.json")).unwrap();
        let mut page = String::new();
        table(&mut page, &report).unwrap();
        assert_eq!(page, "");
        let stage = |name: Option<&str>, to_per_s| StageResult {
            name: name.map(str::to_owned),
            from_per_s: 100.0,
            to_per_s,
            starts_s: 0.0,
            ends_s: 2.0,
            due: 200,
            ok: 198,
            failed: 2,
            throughput_per_s: 99.0,
            latency_us: report.latency_us,
        };
        let long = "x".repeat(100);
        let stages = vec![
            stage(None, 100.0),
            stage(Some("a\u{1b}[31m\nb"), 500.0),
            stage(Some(&long), 100.0),
        ];
        report.stages = stages;
        table(&mut page, &report).unwrap();
        assert!(!page.contains('\u{1b}'), "{page}");
        assert_eq!(page.trim_end().lines().count(), 4, "{page}");
        assert!(
            page.contains("100 to 500") && page.contains(" 99 ") && page.contains('…'),
            "{page}"
        );
    }
}
