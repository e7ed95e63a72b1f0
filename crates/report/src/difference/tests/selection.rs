//! Filters.

use super::*;

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn only_what_is_selected_is_compared() {
    let (before, mut after) = (
        run_of(&["request-cost", "waiting"]),
        run_of(&["request-cost", "waiting"]),
    );
    after.records.retain(|record| record.model != "delta");
    let selection = Selection {
        models: names(&["alpha", "epsilon"]),
        experiments: names(&["request-cost"]),
        metrics: names(&["memory_mib", "cpu_us_per_request"]),
        reference: None,
    };
    selection.check(&[&before, &after]).unwrap();
    let differences = Differences::between(&before, &after, &selection);
    // Two models in four settings, with two metrics.
    assert_eq!(differences.values.len(), 2 * 4 * 2);
    assert!(
        differences.gone.is_empty() && differences.not_compared.is_empty(),
        "{differences:?}"
    );
    let verdict = Verdict::between(&before, &after, 0.05, &selection);
    assert_eq!(verdict.judged.len(), differences.values.len());
    assert!(!verdict.got_worse() && judge(&before, &after, 0.05).got_worse());
}

#[test]
fn a_filter_lets_few_trials_be_judged() {
    let (mut before, mut after) = (run_of(&["request-cost"]), run_of(&["request-cost"]));
    for run in [&mut before, &mut after] {
        run.records.retain(|record| record.round <= 5);
    }
    let all = judge(&before, &after, 0.05);
    assert_eq!(all.found(Finding::TooFew).count(), all.judged.len());
    let one = Selection {
        models: names(&["epsilon"]),
        metrics: names(&["cpu_us_per_request"]),
        ..Selection::default()
    };
    change(&mut after, "64", |_, trial| cost(trial, 1.3));
    let verdict = Verdict::between(&before, &after, 0.05, &one);
    assert_eq!(verdict.found(Finding::TooFew).count(), 0);
    assert_eq!(verdict.found(Finding::Worse).count(), 1);
}

#[test]
fn unknown_names_are_refused_with_the_known_ones() {
    let run = run_of(&["request-cost", "waiting"]);
    let refused = |selection: Selection| selection.check(&[&run, &run]).unwrap_err().to_string();
    let everything = Selection::default;
    let message = refused(Selection {
        models: names(&["alpha", "omega"]),
        ..everything()
    });
    assert!(
        message.contains("model \"omega\"") && message.contains("alpha, beta"),
        "{message}"
    );
    let message = refused(Selection {
        experiments: names(&["speed"]),
        ..everything()
    });
    assert!(
        message.contains("experiment \"speed\"") && message.contains("request-cost, waiting"),
        "{message}"
    );
    let message = refused(Selection {
        metrics: names(&["speed"]),
        ..everything()
    });
    assert!(
        message.contains("metric \"speed\"") && message.contains("cpu_us_per_request, throughput"),
        "{message}"
    );
    let message = refused(Selection {
        experiments: names(&["waiting"]),
        metrics: names(&["ready_ms"]),
        ..everything()
    });
    assert!(
        message.contains("ready_ms") && message.contains("change --metrics"),
        "{message}"
    );
    let message = refused(Selection {
        models: names(&["alpha"]),
        reference: Some("alpha".to_owned()),
        ..everything()
    });
    assert!(message.contains("only the reference, alpha"), "{message}");
}

#[test]
fn an_experiment_with_a_foreign_metric_is_refused() {
    let mut run = run_of(&["request-cost"]);
    run.environment.experiments[0].metrics.push("elegance".to_owned());
    let message = Selection::default().check(&[&run]).unwrap_err().to_string();
    assert!(message.contains("\"elegance\""), "{message}");
}
