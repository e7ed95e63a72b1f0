//! The grid: workloads in rows, models in columns, and in each cell how far the model is from the best.

mod list;
mod place;

use stats::Rank;

use schema::contender::Contender;
use schema::experiment::Workload;

use self::place::{absent, mark};
pub(crate) use self::place::{far, known_of_absent};
use crate::metric::load;
use crate::numbers::{counted, rounded};
use crate::page::{Grid, GridCell, GridRow, Interval, Mark};
use crate::remark;
use crate::standing::Reason;
use crate::summary::{Answer, Results, Row, Summary, Value};

/// What a ratio and a rank rest on.
pub(crate) const RATIOS: &str = "Ratios are quotients of the medians; ranks come from trials of the same rounds. “Up to”: \
     the end of the interval of a tied value.";

/// The grid of a run: empty if no setting of it stands for a workload.
pub(crate) fn grid(summary: &Summary<'_>) -> Grid {
    let contenders = &summary.environment.contenders;
    let is_smoke = summary.environment.profile == "smoke";
    let rows: Vec<_> = summary
        .results
        .iter()
        .flat_map(Results::workloads)
        .map(|(answer, workload)| row(contenders, answer, workload, is_smoke))
        .collect();
    if rows.is_empty() {
        return Grid::default();
    }
    Grid {
        models: contenders
            .iter()
            .enumerate()
            .map(|(place, contender)| (contender.name.clone(), place))
            .collect(),
        rows,
    }
}

fn row(contenders: &[Contender], answer: &Answer<'_>, workload: &Workload, is_smoke: bool) -> GridRow {
    let index = answer.index_of(workload);
    let metric = answer.metric(index);
    // A smoke run ranks nothing.
    let loses_all = !is_smoke
        && contenders
            .iter()
            .any(|contender| known_of_absent(answer, workload, contender).is_some());
    let cell =
        |(place, contender): (usize, &Contender)| match answer.rows.iter().find(|row| row.place == place) {
            Some(row) => {
                let cell = cell(answer, row, index, loses_all);
                let ratio = cell.ratio.filter(|_| !is_smoke);
                GridCell { ratio, ..cell }
            }
            None => GridCell {
                text: absent(answer, workload, contender),
                ..GridCell::default()
            },
        };
    GridRow {
        key: format!("{}/{}", answer.experiment.key, answer.setting.key),
        experiment: answer.experiment.key.clone(),
        title: workload.title.clone(),
        metric: answer.metric_name(index).to_owned(),
        best: answer.best(index).and_then(|best| {
            let median = best.values[index].estimate?.median;
            Some(remark::value(best, metric, median))
        }),
        cells: contenders.iter().enumerate().map(cell).collect(),
        list: list::list(contenders, answer, workload, loses_all),
    }
}

fn cell(answer: &Answer<'_>, row: &Row<'_>, index: usize, loses_all: bool) -> GridCell {
    let metric = answer.metric(index);
    let value = row.values[index];
    let mark = mark(answer, row, index, loses_all);
    let shown = value.estimate.map(|own| metric.format_with_unit(own.median));
    let is_bound = remark::is_client_bound(row, metric);
    let text = text(answer, row, index).or_else(|| shown.clone());
    GridCell {
        text: text.unwrap_or_else(|| "no value".to_owned()),
        mark,
        ratio: ratio(value).map(|ratio| Interval {
            // A rate that the load generator limits may be as good as the best.
            low: if is_bound { ratio.low.min(1.0) } else { ratio.low },
            ..ratio
        }),
        value: shown,
    }
}

/// How many times worse than the best a ranked value is.
fn ratio(value: Value) -> Option<Interval> {
    let ratio = value.ratio?;
    value.standing.is_ok().then_some(Interval {
        middle: ratio.ratio,
        low: ratio.low,
        high: ratio.high,
    })
}

/// What a cell shows; none if it is the value itself.
fn text(answer: &Answer<'_>, row: &Row<'_>, index: usize) -> Option<String> {
    let metric = answer.metric(index);
    let value = row.values[index];
    let rank = match value.standing {
        Ok(rank) => rank,
        Err(Reason::Smoke) => {
            let value = metric.format_with_unit(value.estimate?.median);
            return remark::never_served(row).map(|words| format!("{value}, {words}"));
        }
        Err(reason) => {
            let words = remark::not_ranked(row, reason)?;
            // Few trials are something all the same.
            return Some(match (reason, value.estimate) {
                (Reason::TooFew { .. }, Some(few)) => {
                    format!("{} ({words})", metric.format_with_unit(few.median))
                }
                _ => words,
            });
        }
    };
    let estimate = value.estimate?;
    if *metric == load::THROUGHPUT && estimate.median <= 0.0 {
        return Some(remark::SERVES_NOTHING.to_owned());
    }
    let is_bound = remark::is_client_bound(row, metric);
    let mut words = match rank {
        _ if is_bound => format!("client-bound ≥ {}/s", metric.format(estimate.median)),
        Rank::Only => return None,
        Rank::Worse => {
            let ratio = value.ratio.filter(|_| estimate.median > 0.0)?;
            let bound = remark::at_least(answer.best(index), metric);
            format!("{bound}{} ×", rounded(ratio.ratio))
        }
        Rank::Best | Rank::Tied => match answer.mark(row, index) {
            Mark::Best => "best".to_owned(),
            _ => match far(value) {
                Some(high) => format!("tied, up to {} ×", rounded(high)),
                None => "tied".to_owned(),
            },
        },
    };
    if let Some(never_served) = remark::never_served(row) {
        words = format!("{words}, {never_served}");
    } else if let Some(own) = remark::fewer_connections(row, answer.setting) {
        let connections = counted(own, "connection", "connections");
        words = format!("{words} ({connections})");
    } else if let Some(own) = remark::other_workers(row, answer.setting) {
        words = format!("{words} ({})", counted(usize::from(own), "worker", "workers"));
    }
    if let Some(rate) = list::own_rate(answer, row) {
        words = format!("{words}, {}/s", rounded(rate));
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::score;
    use schema::environment::Environment;
    use schema::record::{Measured, Outcome, Record};

    /// The texts of a row, by the key of its workload.
    #[track_caller]
    fn texts(environment: &Environment, records: &[Record], key: &str) -> Vec<String> {
        let summary = fixture::summary(environment, records);
        let grid = grid(&summary);
        let row = grid
            .rows
            .iter()
            .find(|row| row.key == key)
            .expect("it is a workload");
        row.cells.iter().map(|cell| cell.text.clone()).collect()
    }

    fn change(records: &mut [Record], here: [&str; 3], to: impl Fn(&mut Measured)) {
        for record in records {
            let is_here = [&*record.experiment, &*record.setting, &*record.model] == here;
            if let (true, Outcome::Measured(trial)) = (is_here, &mut record.outcome) {
                to(trial);
            }
        }
    }

    #[test]
    fn the_grid_of_a_fixed_run_needs_no_legend() {
        let (environment, records) = fixture::run();
        let summary = fixture::summary(&environment, &records);
        let grid = grid(&summary);
        let lines: Vec<_> = grid
            .rows
            .iter()
            .map(|row| {
                let cells: Vec<_> = row.cells.iter().map(|cell| &*cell.text).collect();
                let best = row.best.as_deref().unwrap_or("–");
                format!("{}: {best}: {}", row.title, cells.join(" | "))
            })
            .collect();
        assert_eq!(
            lines,
            [
                "64 busy connections: 6.41 µs: 63 of 64 never served | 1.86 × | 54 of 64 never served | best",
                "As many requests as possible: 124,000 requests/s: \
                 4.12 × (1 connection) | 1.86 × | tied (8 connections) | client-bound ≥ 124,000/s",
                "Near capacity: 413 µs: tied (1 connection), 7,730/s | tied, 7,730/s | 411 µs (5 of 6 trials) | tied, 7,730/s",
                "200 requests that wait: 20,000 requests/s: \
                 200 ×, 199 of 200 never served | tied | 20.0 ×, 190 of 200 never served | client-bound ≥ 20,000/s",
                "A library that crashes: 1: all connections lost | all connections lost | 1 | all connections lost",
            ]
        );
        for cell in grid.rows.iter().flat_map(|row| &row.cells) {
            let shows_ratio = cell.text.contains('×') || cell.mark != Mark::None || cell.text == "1";
            assert_eq!(cell.ratio.is_some(), shows_ratio, "{cell:?}");
        }
    }

    #[test]
    fn failures_and_overload_are_words() {
        let (environment, mut records) = fixture::run();
        change(&mut records, ["request-cost", "64", "beta"], |trial| {
            trial.load.requests.reset = trial.load.requests.sent / 8;
        });
        change(&mut records, ["request-cost", "64", "epsilon"], |trial| {
            trial.load.stopped_answering = true;
        });
        let texts = texts(&environment, &records, "request-cost/64");
        assert_eq!(texts[1], "errors 12 %");
        assert_eq!(texts[3], "stopped answering");
    }

    #[test]
    fn a_server_that_answers_nothing_is_no_ratio() {
        let (environment, mut records) = fixture::run();
        change(&mut records, ["waiting", "sleep-10ms", "alpha"], |trial| {
            trial.load.throughput_per_s = 0.0;
            trial.load.connections.served = 0;
        });
        let summary = fixture::summary(&environment, &records);
        let grid = grid(&summary);
        let row = grid.rows.iter().find(|row| row.experiment == "waiting").unwrap();
        assert_eq!(
            (&*row.cells[0].text, row.cells[0].ratio),
            ("serves nothing", None)
        );
    }

    #[test]
    fn a_tied_cell_shows_how_far_it_may_be() {
        let (environment, mut records) = fixture::run();
        let mut round = 0;
        for model in ["beta", "epsilon"] {
            change(&mut records, ["waiting", "sleep-10ms", model], |trial| {
                trial.load.throughput_per_s = 20_000.0;
                trial.load.checks.client_limited = Some(false);
            });
        }
        for record in &mut records {
            let is_here = record.experiment == "waiting" && record.model == "beta";
            if let (true, Outcome::Measured(trial)) = (is_here, &mut record.outcome) {
                round += 1;
                trial.load.throughput_per_s = if round % 2 == 0 { 5_000.0 } else { 20_000.0 };
            }
        }
        let summary = fixture::summary(&environment, &records);
        let answer = summary
            .answers()
            .find(|answer| answer.experiment.key == "waiting");
        let answer = answer.expect("it was measured");
        let beta = answer
            .rows
            .iter()
            .find(|row| row.model == "beta")
            .expect("it took part");
        let high = beta.values[0].ratio.expect("it is ranked").high;
        let texts = texts(&environment, &records, "waiting/sleep-10ms");
        assert_eq!(texts[1], format!("tied, up to {} ×", rounded(high)));
        assert!(high > 1.5 && texts[3] == "tied", "{texts:?}");
    }

    #[test]
    fn those_that_outlive_a_crash_are_marked() {
        let (environment, records) = fixture::run();
        let summary = fixture::summary(&environment, &records);
        let grid = grid(&summary);
        let row = grid
            .rows
            .iter()
            .find(|row| row.experiment == "killed-worker")
            .expect("a workload");
        let marks: Vec<_> = row.cells.iter().map(|cell| cell.mark).collect();
        assert_eq!(marks, [Mark::None, Mark::None, Mark::Best, Mark::None]);
    }

    #[test]
    fn a_share_of_its_capacity_is_shown_as_a_rate() {
        let (environment, records) = fixture::run();
        let texts = texts(&environment, &records, "past-capacity/85");
        assert!(
            texts[1].starts_with("tied, ") && texts[1].ends_with("/s"),
            "{texts:?}"
        );
    }

    #[test]
    fn a_share_of_a_known_capacity_is_a_rate() {
        let (mut environment, records) = fixture::run();
        fixture::setting(&mut environment, "past-capacity", "85")
            .load
            .capacity_per_s = Some(9_090.0);
        let texts = texts(&environment, &records, "past-capacity/85");
        assert!(texts[1].ends_with(", 7,730/s"), "{texts:?}");
    }

    #[test]
    fn a_best_without_loss_in_a_round_is_still_ranked() {
        let (environment, mut records) = fixture::run();
        change(&mut records, ["killed-worker", "sigkill", "delta"], |trial| {
            trial.kill.as_mut().expect("a worker was killed").lost = 0;
        });
        let summary = fixture::summary(&environment, &records);
        let grid = grid(&summary);
        let row = grid.rows.iter().find(|row| row.experiment == "killed-worker");
        let cell = &row.expect("a workload").cells[2];
        assert_eq!((cell.mark, cell.ratio), (Mark::Best, None));
        assert!(score::counted(cell).is_some());
    }

    #[test]
    fn a_smoke_run_shows_values_and_no_ratio() {
        let (mut environment, records) = fixture::run();
        environment.profile = "smoke".to_owned();
        let summary = fixture::summary(&environment, &records);
        let grid = grid(&summary);
        assert!(!score::has_order(&grid));
        for cell in grid.rows.iter().flat_map(|row| &row.cells) {
            assert!(!cell.text.contains('×') && cell.mark == Mark::None, "{cell:?}");
            assert_eq!(score::counted(cell), None, "{cell:?}");
        }
    }

    #[test]
    fn a_run_without_workloads_has_no_grid() {
        let (mut environment, records) = fixture::run();
        for setting in environment
            .experiments
            .iter_mut()
            .flat_map(|experiment| &mut experiment.settings)
        {
            setting.workload = None;
        }
        assert_eq!(grid(&fixture::summary(&environment, &records)), Grid::default());
    }
}
