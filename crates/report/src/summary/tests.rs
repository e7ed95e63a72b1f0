use super::*;
use crate::fixture;
use schema::record::Outcome;

#[test]
fn a_capacity_trial_is_in_no_table() {
    let (environment, records) = fixture::run();
    let summary = fixture::summary(&environment, &records);
    let before = records.iter().filter(|record| record.round == 0).count();
    assert!(before > 0);
    assert_eq!(
        summary.rows().map(Row::trials).sum::<usize>(),
        records.len() - before
    );
    let past = summary
        .results
        .iter()
        .find(|results| results.experiment.key == "past-capacity")
        .unwrap();
    assert!(
        past.answers
            .iter()
            .flat_map(|answer| &answer.rows)
            .all(|row| row.capacity_per_s.is_some())
    );
}

#[test]
fn a_trial_beside_other_work_is_excluded_and_counted() {
    let (environment, mut records) = fixture::run();
    let disturbed = records.iter_mut().find(|record| record.round == 1).unwrap();
    let Outcome::Measured(trial) = &mut disturbed.outcome else {
        panic!("the first trial was measured")
    };
    trial.interference.stolen_share = Some(0.5);
    let before = fixture::summary(&environment, &fixture::run().1)
        .rows()
        .map(|row| row.excluded.len())
        .sum::<usize>();
    let summary = fixture::summary(&environment, &records);
    assert_eq!(
        summary.rows().map(|row| row.excluded.len()).sum::<usize>(),
        before + 1
    );
}

#[test]
fn a_model_that_serves_some_is_ranked_by_rate_only() {
    let (environment, records) = fixture::run();
    let summary = fixture::summary(&environment, &records);
    let waiting = summary
        .answers()
        .find(|answer| answer.experiment.key == "waiting")
        .unwrap();
    let single = waiting.rows.iter().find(|row| row.model == "alpha").unwrap();
    assert!(single.has_never_served());
    for (index, value) in single.values.iter().enumerate() {
        let more = waiting.metric(index).better == Some(Better::More);
        let key = waiting.metric(index).key;
        assert_eq!(value.standing.is_ok(), more, "{key}");
    }
}

#[test]
fn a_theory_predicts_nothing_beyond_capacity() {
    let (environment, records) = fixture::run();
    let summary = fixture::summary(&environment, &records);
    let past = summary
        .results
        .iter()
        .find(|results| results.experiment.key == "past-capacity")
        .unwrap();
    let expected: Vec<_> = past
        .answers
        .iter()
        .map(|answer| answer.rows[0].expected_us(&past.experiment.theory[0], answer.setting))
        .collect();
    assert!(expected[0].unwrap() < expected[1].unwrap(), "{expected:?}");
    assert_eq!(expected[2], None);
}

#[test]
fn an_experiments_own_name_of_its_headline_is_shown_everywhere() {
    let (mut environment, records) = fixture::run();
    environment.experiments[0].headline_name = Some("CPU time of a ping".to_owned());
    let summary = fixture::summary(&environment, &records);
    let page = crate::page(&summary, "a");
    let words = format!("{page:?}");
    assert!(words.contains("CPU time of a ping, µs"), "its unit is kept");
    assert_eq!(summary.results[0].headline_name(), "CPU time of a ping");
    let meaning = page
        .metrics
        .iter()
        .find(|(name, _)| name.contains("CPU time of a ping"));
    assert!(meaning.is_some(), "{:?}", page.metrics);
}

#[test]
fn a_ratio_is_the_quotient_of_the_shown_medians() {
    let (environment, mut records) = fixture::run();
    // A model whose rounds differ: the median of its ratios is not the ratio of the medians.
    for record in &mut records {
        if let ("request-cost", "beta", Outcome::Measured(trial)) =
            (&*record.experiment, &*record.model, &mut record.outcome)
        {
            trial.spent.user_us *= 1.0 + 0.3 * (record.round % 3) as f64;
        }
    }
    let summary = fixture::summary(&environment, &records);
    let mut seen = 0;
    for answer in summary.answers() {
        for index in 0..answer.experiment.metric_keys().count() {
            let Some(better) = answer.metric(index).better else {
                continue;
            };
            let Some(best) = answer.best(index).and_then(|row| row.values[index].estimate) else {
                continue;
            };
            for value in answer.rows.iter().map(|row| row.values[index]) {
                let (Some(ratio), Some(own)) = (value.ratio, value.estimate) else {
                    continue;
                };
                let shown = |median| {
                    let text = answer.metric(index).format(median).replace(',', "");
                    text.parse::<f64>().expect("a number is shown")
                };
                let [own, best] = [own.median, best.median].map(shown);
                let quotient = match better {
                    Better::Less => own / best,
                    Better::More => best / own,
                };
                assert!((ratio.ratio - quotient).abs() < 1e-12, "{ratio:?}, {quotient}");
                assert!(ratio.low <= quotient && quotient <= ratio.high, "{ratio:?}");
                if matches!(value.standing, Ok(Rank::Best | Rank::Tied)) {
                    assert!(ratio.ratio >= 1.0, "the baseline has the best median: {ratio:?}");
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 10);
}
