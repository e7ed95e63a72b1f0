//! A row of the grid as a list: the best models, then the others from the next best to the last, then those without a rank. It fits
//! a narrow page however many models there are.

use schema::contender::Contender;
use schema::experiment::Workload;
use stats::{Better, Estimate, Rank};

use super::place::{absent, far, mark};
use crate::metric::{Unit, load};
use crate::numbers::{counted, rounded};
use crate::page::{Mark, RowList};
use crate::remark;
use crate::standing::Reason;
use crate::summary::{Answer, Row};

/// What models are that are tied with the best and may be far from it.
const NO_DIFFERENCE: &str = "no significant difference";

/// Where a model stands in the list.
enum Place {
    /// The best, or tied with it.
    Best,
    /// So many times worse.
    Worse(f64),
    /// Not ranked, with a value.
    Value,
    /// Not ranked, for this reason.
    Unranked(String),
}

/// The list of a workload. `loses_all` as for the marks of the grid.
pub(super) fn list(
    contenders: &[Contender],
    answer: &Answer<'_>,
    workload: &Workload,
    loses_all: bool,
) -> RowList {
    let index = answer.index_of(workload);
    let (mut list, mut best, mut worse) = (RowList::default(), Vec::new(), Vec::new());
    let mut unsure = Vec::new();
    for (place, contender) in contenders.iter().enumerate() {
        let name = &*contender.name;
        let Some(row) = answer.rows.iter().find(|row| row.place == place) else {
            list.add_unranked(&absent(answer, workload, contender), name);
            continue;
        };
        match place_of(answer, row, index) {
            Place::Best => {
                list.is_distinct |= matches!(mark(answer, row, index, loses_all), Mark::Best | Mark::Tied);
                let value = row.values[index].estimate.map_or(f64::NAN, |own| own.median);
                let name = named(answer, row, far_words(answer, row, index));
                let place = if is_far(answer, row, index) {
                    &mut unsure
                } else {
                    &mut best
                };
                place.push((value, name));
            }
            Place::Worse(ratio) => {
                let limited = limited(answer, row, index);
                // Two values that the load generator limits have no ratio.
                let words = limited.is_none().then(|| {
                    let bound = remark::at_least(answer.best(index), answer.metric(index));
                    format!(" {bound}{}", rounded(ratio))
                });
                let name = named(answer, row, limited);
                worse.push((ratio, format!("{name}{}", words.unwrap_or_default())));
            }
            Place::Value => {
                let value = row.values[index].estimate.map(|own| own.median);
                let value = value.map(|value| remark::value(row, answer.metric(index), value));
                let words = value.unwrap_or_else(|| "no value".to_owned());
                list.others
                    .push(format!("{} {words}", named(answer, row, few(answer, row, index))));
            }
            Place::Unranked(words) => list.add_unranked(&words, name),
        }
    }
    for tied in [&mut best, &mut unsure] {
        tied.sort_by(|one, other| match answer.metric(index).better {
            Some(Better::More) => other.0.total_cmp(&one.0),
            _ => one.0.total_cmp(&other.0),
        });
    }
    if !unsure.is_empty() && worse.is_empty() && list.others.is_empty() {
        best.append(&mut unsure);
        let values: Vec<_> = best.iter().map(|(value, _)| *value).collect();
        let models = counted(values.len(), "model", "models");
        let values = answer.metric(index).range(&values);
        list.undecided = Some(format!("{models}, {NO_DIFFERENCE} ({values})"));
    } else if !unsure.is_empty() {
        let names = unsure.into_iter().map(|(_, name)| name);
        list.unranked
            .insert(0, (NO_DIFFERENCE.to_owned(), names.collect()));
    }
    list.best = best.into_iter().map(|(_, name)| name).collect();
    worse.sort_by(|one, other| one.0.total_cmp(&other.0));
    list.others
        .splice(0..0, worse.into_iter().map(|(_, words)| words));
    list.notes = notes(answer);
    list
}

fn place_of(answer: &Answer<'_>, row: &Row<'_>, index: usize) -> Place {
    let value = row.values[index];
    let rank = match value.standing {
        Ok(rank) => rank,
        Err(Reason::TooFew { .. }) => return Place::Value,
        Err(reason) => {
            return remark::in_short(row, reason).map_or(Place::Value, Place::Unranked);
        }
    };
    let is_nothing = value.estimate.is_none_or(|own| own.median <= 0.0);
    if *answer.metric(index) == load::THROUGHPUT && is_nothing {
        return Place::Unranked(remark::SERVES_NOTHING.to_owned());
    }
    match (rank, value.ratio) {
        (Rank::Best | Rank::Tied | Rank::Only, _) => Place::Best,
        (Rank::Worse, Some(ratio)) if !is_nothing => Place::Worse(ratio.ratio),
        (Rank::Worse, _) => Place::Value,
    }
}

/// Whether a tied model may be far from the best. That of a share may have no limit.
fn is_far(answer: &Answer<'_>, row: &Row<'_>, index: usize) -> bool {
    let value = row.values[index];
    far_words(answer, row, index).is_some()
        && (far(value).is_some() || value.ratio.is_none_or(|ratio| !ratio.high.is_finite()))
}

/// How far a tied model may be from the best. For a share this is its value, since a share may be none.
fn far_words(answer: &Answer<'_>, row: &Row<'_>, index: usize) -> Option<String> {
    let metric = answer.metric(index);
    if metric.unit == Unit::Percent {
        let (own, best) = (row.values[index].estimate?, answer.best(index)?);
        return (best.place != row.place).then(|| metric.format_with_unit(own.median));
    }
    let high = far(row.values[index]).filter(|_| !remark::is_client_bound(row, answer.metric(index)))?;
    Some(format!("up to {}", rounded(high)))
}

/// The value of a model that the load generator may have limited: it may be better than its ratio.
fn limited(answer: &Answer<'_>, row: &Row<'_>, index: usize) -> Option<String> {
    let metric = answer.metric(index);
    let own = row.values[index].estimate?;
    remark::is_client_bound(row, metric).then(|| format!("client-bound ≥ {}/s", metric.format(own.median)))
}

/// That a value rests on too few trials. Where nothing is ranked, all do.
fn few(answer: &Answer<'_>, row: &Row<'_>, index: usize) -> Option<String> {
    answer.best(index)?;
    match row.values[index].standing {
        Err(reason @ Reason::TooFew { .. }) => remark::not_ranked(row, reason),
        _ => None,
    }
}

/// A model with what sets it apart from the others of the row.
fn named(answer: &Answer<'_>, row: &Row<'_>, words: Option<String>) -> String {
    let served = remark::never_served(row).and_then(|_| remark::in_short(row, Reason::NeverServed));
    let fewer =
        remark::fewer_connections(row, answer.setting).map(|own| counted(own, "connection", "connections"));
    let words: Vec<String> = words.into_iter().chain(served).chain(fewer).collect();
    match &*words {
        [] => row.model.to_owned(),
        words => format!("{} ({})", row.model, words.join(", ")),
    }
}

/// What differs between the models of a row: numbers of workers that are not the default, and rates.
fn notes(answer: &Answer<'_>) -> Vec<String> {
    let workers = answer
        .rows
        .iter()
        .filter_map(|row| remark::other_workers(row, answer.setting));
    let mut workers: Vec<u16> = workers.collect();
    workers.sort_unstable();
    workers.dedup();
    let shown = |values: &[u16]| {
        let values = values.iter().map(ToString::to_string);
        values.collect::<Vec<_>>().join(" or ")
    };
    let workers = (!workers.is_empty()).then(|| format!("workers: {}", shown(&workers)));
    let mut rates: Vec<f64> = answer
        .rows
        .iter()
        .filter_map(|row| own_rate(answer, row))
        .collect();
    rates.sort_by(f64::total_cmp);
    let rates = rates.first().zip(rates.last()).map(|(least, most)| {
        let [least, most] = [*least, *most].map(rounded);
        if least == most {
            format!("at {least}/s")
        } else {
            format!("own rates, {least} to {most}/s")
        }
    });
    workers.into_iter().chain(rates).collect()
}

/// The rate that a model was offered, where it is a share of its own capacity.
pub(super) fn own_rate(answer: &Answer<'_>, row: &Row<'_>) -> Option<f64> {
    answer.setting.load_for(row.contender).capacity?;
    let rates = row.kept.iter().filter_map(|(_, trial)| trial.load.rate_per_s);
    Some(Estimate::from_values(rates)?.median)
}

#[cfg(test)]
mod tests {
    use schema::record::Outcome;

    use crate::fixture;
    use crate::grid::grid;
    use crate::page::RowList;

    /// The list of a workload of the fixed run, after a change of the trials of one model.
    #[track_caller]
    fn changed(key: &str, model: &str, change: impl Fn(&mut schema::record::Measured)) -> RowList {
        let (environment, mut records) = fixture::run();
        for record in records.iter_mut().filter(|record| record.model == model) {
            if let Outcome::Measured(trial) = &mut record.outcome {
                change(trial);
            }
        }
        let grid = grid(&fixture::summary(&environment, &records));
        let row = grid.rows.into_iter().find(|row| row.key == key);
        row.expect("it is a workload").list
    }

    #[test]
    fn a_list_begins_with_the_best_and_names_each_model() {
        let list = changed("request-cost/64", "alpha", |_| ());
        assert_eq!(list.best, ["epsilon"]);
        assert!(list.is_distinct);
        assert_eq!(list.others, ["beta 1.86"]);
        let unranked: usize = list.unranked.iter().map(|(_, models)| models.len()).sum();
        assert_eq!(list.best.len() + list.others.len() + unranked, 4);
        let (reason, models) = &list.unranked[0];
        assert!(reason.contains("never served"), "{reason}");
        assert_eq!(models[0], "alpha");
    }

    #[test]
    fn models_without_a_rank_are_grouped_by_the_reason() {
        let list = changed("killed-worker/sigkill", "alpha", |_| ());
        assert_eq!(list.best, ["delta"]);
        assert!(list.is_distinct, "the others lose all connections");
        assert_eq!(
            list.unranked,
            [(
                "all connections lost".to_owned(),
                ["alpha", "beta", "epsilon"].map(str::to_owned).to_vec()
            )]
        );
    }

    /// The list of `waiting` with two models, `epsilon` and `beta`. The change also gets whether the trial is to be a good one:
    /// those of `beta` are in every second round only.
    fn changed_by_round(
        metric: Option<&str>,
        change: impl Fn(&mut schema::record::Measured, bool),
    ) -> RowList {
        let (mut environment, mut records) = fixture::run();
        let is_kept = |model: &str| ["beta", "epsilon"].contains(&model);
        environment
            .contenders
            .retain(|contender| is_kept(&contender.name));
        records.retain(|record| record.experiment == "waiting" && is_kept(&record.model));
        for experiment in &mut environment.experiments {
            experiment.metrics.extend(metric.map(str::to_owned));
            for setting in &mut experiment.settings {
                if let Some(workload) = &mut setting.workload {
                    workload.metric = metric.map(str::to_owned);
                }
            }
        }
        for record in &mut records {
            if let Outcome::Measured(trial) = &mut record.outcome {
                trial.load.checks.client_limited = Some(false);
                change(trial, record.model == "epsilon" || record.round % 2 == 0);
            }
        }
        let grid = grid(&fixture::summary(&environment, &records));
        let row = grid.rows.into_iter().find(|row| row.key == "waiting/sleep-10ms");
        row.expect("it is a workload").list
    }

    #[test]
    fn a_row_without_a_difference_has_one_range() {
        let list = changed_by_round(None, |trial, is_good| {
            trial.load.throughput_per_s = if is_good { 20_000.0 } else { 5_000.0 };
        });
        assert_eq!((list.best.len(), list.others.len()), (2, 0));
        assert_eq!(
            list.undecided.as_deref(),
            Some("2 models, no significant difference (12,500 to 20,000 requests/s)")
        );
        let alike = changed_by_round(None, |trial, _| trial.load.throughput_per_s = 20_000.0);
        assert_eq!(alike.undecided, None, "they are named where they are as good");
    }

    #[test]
    fn a_tied_share_is_shown_as_its_value() {
        let list = changed_by_round(Some("within_percent"), |trial, is_good| {
            let ok = if is_good { trial.load.requests.planned } else { 0 };
            trial.load.within = Some(schema::load::Within { bound_us: 500.0, ok });
        });
        assert_eq!(list.best, ["epsilon", "beta (50.0 %)"]);
        assert_eq!(
            list.undecided.as_deref(),
            Some("2 models, no significant difference (50.0 to 100 %)")
        );
    }
}
