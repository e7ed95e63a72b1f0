//! What the plots of a fixed run show.

use schema::environment::Environment;
use schema::experiment::{Experiment, Workload};
use schema::load::Within;
use schema::record::{Outcome, Record};

use super::*;
use crate::fixture;
use crate::plot::{Curves, Group, Panel};
use crate::summary::Summary;

/// An experiment of a run.
fn experiment<'e>(environment: &'e mut Environment, key: &str) -> &'e mut Experiment {
    let mut experiments = environment.experiments.iter_mut();
    experiments
        .find(|experiment| experiment.key == key)
        .expect("it was measured")
}

/// The plots of an experiment of a run.
fn plots_of(environment: &Environment, records: &[Record], key: &str) -> Vec<Plot> {
    let summary = Summary::build(environment, records);
    let results = summary
        .results
        .iter()
        .find(|results| results.experiment.key == key);
    plots(results.expect("it was measured"), &environment.contenders)
}

#[track_caller]
fn curves_of(plot: &Plot) -> &Curves {
    match &plot.drawing {
        Drawing::Curves(curves) => curves,
        Drawing::Bars(_) => panic!("{} has bars", plot.key),
    }
}

#[track_caller]
fn groups_of(plot: &Plot) -> &[Group] {
    match &plot.drawing {
        Drawing::Bars(groups) => groups,
        Drawing::Curves(_) => panic!("{} has curves", plot.key),
    }
}

fn panel_titles(plot: &Plot) -> Vec<&str> {
    let panels = curves_of(plot).panels.iter();
    panels.map(|Panel { title, .. }| &**title).collect()
}

#[test]
fn theory_is_drawn_beside_the_mean_latency_and_nothing_else() {
    let (environment, records) = fixture::run();
    for results in &fixture::summary(&environment, &records).results {
        let plots = plots(results, &environment.contenders);
        let has_theory = match &plots[0].drawing {
            Drawing::Curves(curves) => curves.panels[0].series.iter().any(|series| series.is_reference),
            Drawing::Bars(groups) => groups
                .iter()
                .flat_map(|group| &group.bars)
                .any(|bar| bar.expected.is_some()),
        };
        assert_eq!(has_theory, results.experiment.key == "past-capacity");
    }
}

#[test]
fn settings_on_an_axis_have_curves_and_others_bars() {
    let (environment, records) = fixture::run();
    for (key, has_curves) in [
        ("request-cost", true),
        ("past-capacity", true),
        ("waiting", false),
    ] {
        let plot = &plots_of(&environment, &records, key)[0];
        assert_eq!(matches!(plot.drawing, Drawing::Curves(_)), has_curves, "{key}");
    }
}

#[test]
fn one_setting_of_an_axis_has_bars_with_its_name() {
    let (mut environment, records) = fixture::run();
    experiment(&mut environment, "request-cost").settings.truncate(1);
    let plot = &plots_of(&environment, &records, "request-cost")[0];
    assert_eq!(groups_of(plot)[0].title, "1 connection");
}

#[test]
fn bars_go_from_best_to_worst_to_not_ranked() {
    let (environment, records) = fixture::run();
    let plot = &plots_of(&environment, &records, "rate-under-bound")[0];
    let bars = &groups_of(plot)[0].bars;
    let ranked: Vec<f64> = bars
        .iter()
        .filter(|bar| !bar.is_unranked)
        .map(|bar| bar.value.unwrap().middle)
        .collect();
    assert!(
        ranked.len() > 1 && ranked.windows(2).all(|pair| pair[0] >= pair[1]),
        "{bars:?}"
    );
    assert!(
        bars.windows(2)
            .all(|pair| pair[0].is_unranked <= pair[1].is_unranked),
        "{bars:?}"
    );
}

#[test]
fn a_value_limited_by_the_load_generator_is_marked() {
    let (environment, records) = fixture::run();
    let plot = &plots_of(&environment, &records, "rate-under-bound")[0];
    let marked: Vec<_> = groups_of(plot)[0]
        .bars
        .iter()
        .filter(|bar| bar.text.starts_with("≥ "))
        .collect();
    assert_eq!(marked.len(), 1, "{marked:?}");
    assert_eq!(marked[0].name, "epsilon");
    assert!(marked[0].text.ends_with("/s"));
    assert!(
        plot.notes.iter().any(|note| note.contains('≥')),
        "{:?}",
        plot.notes
    );
}

#[test]
fn a_curve_names_the_models_that_the_load_generator_limited() {
    let (mut environment, records) = fixture::run();
    let experiment = experiment(&mut environment, "request-cost");
    experiment.plots = vec!["throughput_per_s".to_owned()];
    let plot = &plots_of(&environment, &records, "request-cost")[0];
    assert_eq!(plot.key, "request-cost-throughput-per-s");
    let points = curves_of(plot).panels[0].series.iter().flat_map(|series| {
        let points = series.points.iter().filter(|point| point.is_at_least);
        points.map(|point| (&*series.name, point.x))
    });
    assert_eq!(points.collect::<Vec<_>>(), [("epsilon", 64.0)]);
    let note = plot.notes.last().unwrap();
    assert!(
        note.starts_with("Limited by the load generator") && note.ends_with(": epsilon."),
        "{note}"
    );
}

#[test]
fn connections_never_served_are_counted_behind_the_bar() {
    let (mut environment, records) = fixture::run();
    for (metric, is_unranked) in [("throughput_per_s", false), ("cpu_us_per_request", true)] {
        experiment(&mut environment, "waiting").plots = vec![metric.to_owned()];
        let plot = &plots_of(&environment, &records, "waiting")[0];
        let bars = groups_of(plot)[0].bars.iter();
        let counted = bars.filter(|bar| bar.remark.ends_with(" never served"));
        let counted: Vec<_> = counted
            .map(|bar| (&*bar.name, &*bar.remark, bar.is_unranked))
            .collect();
        // A rate is ranked where the experiment shows how many connections were served.
        let alpha = ("alpha", "199 of 200 never served", is_unranked);
        assert!(counted.contains(&alpha) && counted.len() == 2, "{counted:?}");
    }
}

#[test]
fn a_curve_explains_its_hollow_points() {
    let (environment, records) = fixture::run();
    let plot = &plots_of(&environment, &records, "request-cost")[0];
    let note = plot.notes.iter().find(|note| note.starts_with("Hollow: "));
    assert_eq!(
        note.unwrap(),
        "Hollow: connections never served (alpha and delta)."
    );
}

#[test]
fn a_name_has_the_reason_of_an_unranked_last_value() {
    let (environment, records) = fixture::run();
    let plot = &plots_of(&environment, &records, "request-cost")[0];
    let remarks = curves_of(plot).panels[0].series.iter();
    let remarks: Vec<_> = remarks
        .filter(|series| !series.remark.is_empty())
        .map(|series| (&*series.name, &*series.remark))
        .collect();
    assert_eq!(
        remarks,
        [("alpha", "63 never served"), ("delta", "54 never served")]
    );
    // All are overloaded at the last setting, and the note has the reason.
    let plot = &plots_of(&environment, &records, "past-capacity")[0];
    assert!(
        curves_of(plot).panels[0]
            .series
            .iter()
            .all(|series| series.remark.is_empty())
    );
}

#[test]
fn nothing_is_interpolated_between_few_settings_if_a_model_stops() {
    let (mut environment, mut records) = fixture::run();
    experiment(&mut environment, "request-cost").headline = "throughput_per_s".to_owned();
    experiment(&mut environment, "request-cost").plots = vec!["throughput_per_s".to_owned()];
    let last = {
        let settings = &experiment(&mut environment, "request-cost").settings;
        assert!(settings.len() <= 3);
        settings.last().expect("it has settings").key.clone()
    };
    let has_curves = |records: &[Record]| {
        let plot = &plots_of(&environment, records, "request-cost")[0];
        matches!(plot.drawing, Drawing::Curves(_))
    };
    assert!(has_curves(&records));
    for record in &mut records {
        let is_it = record.experiment == "request-cost" && record.setting == last;
        if let Outcome::Measured(measured) = &mut record.outcome
            && is_it
            && record.model == "alpha"
        {
            measured.load.throughput_per_s = 0.0;
        }
    }
    assert!(!has_curves(&records));
}

#[test]
fn panels_have_headings_without_the_words_they_share() {
    let (mut environment, records) = fixture::run();
    let settings = &mut experiment(&mut environment, "past-capacity").settings;
    for (setting, panel) in settings.iter_mut().zip(["constant", "constant", "random"]) {
        setting.panel = Some(format!("{panel} service times"));
    }
    let plot = &plots_of(&environment, &records, "past-capacity")[0];
    assert_eq!(panel_titles(plot), ["constant", "random"]);
    assert!(plot.measure.ends_with(", by service times"), "{}", plot.measure);
}

#[test]
fn overload_lies_beyond_the_axis_and_is_explained() {
    let (environment, records) = fixture::run();
    let plot = &plots_of(&environment, &records, "past-capacity")[0];
    let series = curves_of(plot).panels[0]
        .series
        .iter()
        .filter(|series| !series.is_reference);
    for series in series {
        let beyond: Vec<_> = series
            .points
            .iter()
            .map(|point| (point.x, point.is_beyond))
            .collect();
        assert_eq!(beyond, [(0.3, false), (0.85, false), (1.2, true)]);
    }
    assert!(
        plot.notes
            .iter()
            .any(|note| note.starts_with("Arrows lead to 120 % (")),
        "{:?}",
        plot.notes
    );
}

#[test]
fn panels_share_axes_and_each_metric_has_a_plot() {
    let (mut environment, records) = fixture::run();
    let experiment = experiment(&mut environment, "past-capacity");
    let metric = experiment.metrics[0].clone();
    experiment.plots = vec![experiment.headline.clone(), metric.clone()];
    for (setting, panel) in experiment
        .settings
        .iter_mut()
        .zip(["constant", "constant", "exponential"])
    {
        setting.panel = Some(panel.to_owned());
    }
    let plots = plots_of(&environment, &records, "past-capacity");
    let keys: Vec<_> = plots.iter().map(Plot::key).collect();
    assert_eq!(
        keys,
        [
            "past-capacity".to_owned(),
            format!("past-capacity-{}", metric.replace('_', "-"))
        ]
    );
    for plot in &plots {
        assert_eq!(panel_titles(plot), ["constant", "exponential"]);
    }
    // A panel with nothing but overload shows it.
    let points = |index: usize| &curves_of(&plots[0]).panels[index].series[0].points;
    assert!(points(0).iter().chain(points(1)).all(|point| !point.is_beyond));
}

#[test]
fn a_model_without_part_has_its_result_in_words() {
    let (mut environment, records) = fixture::run();
    for otherwise in [None, Some("all connections lost".to_owned())] {
        experiment(&mut environment, "killed-worker").settings[0].workload = Some(Workload {
            title: "a worker crashes".to_owned(),
            metric: None,
            otherwise: otherwise.clone(),
            decision: None,
        });
        let plot = &plots_of(&environment, &records, "killed-worker")[0];
        let bars = groups_of(plot)[0].bars.iter();
        let remarks: Vec<_> = bars
            .filter(|bar| bar.value.is_none())
            .map(|bar| &*bar.remark)
            .collect();
        assert_eq!(
            remarks.contains(&"all connections lost"),
            otherwise.is_some(),
            "{remarks:?}"
        );
    }
}

#[test]
fn a_share_has_a_linear_axis() {
    let (mut environment, mut records) = fixture::run();
    let experiment = experiment(&mut environment, "past-capacity");
    experiment.headline = "within_percent".to_owned();
    experiment.plots = vec!["within_percent".to_owned(), "mean_us".to_owned()];
    experiment.metrics = vec!["mean_us".to_owned()];
    for record in &mut records {
        if let Outcome::Measured(measured) = &mut record.outcome {
            // 1 % or 99 % in time, and latencies as far apart.
            let share = if record.setting == "30" { 0.99 } else { 0.01 };
            let load = &mut measured.load;
            let ok = (share * load.requests.planned as f64) as u64;
            load.within = Some(Within { bound_us: 500.0, ok });
            load.latency_us.as_mut().expect("it has latencies").mean = 1e5 * share;
        }
    }
    let plots = plots_of(&environment, &records, "past-capacity");
    let logarithmic: Vec<_> = plots.iter().map(|plot| curves_of(plot).is_logarithmic).collect();
    assert_eq!(logarithmic, [false, true]);
}

#[test]
fn lines_of_many_models_are_bars_of_few_settings() {
    let (mut environment, mut records) = fixture::run();
    fixture::add_copies(&mut environment, &mut records, 6);
    let plots = plots_of(&environment, &records, "past-capacity");
    let groups = groups_of(&plots[0]);
    assert!((1..=2).contains(&groups.len()), "{}", groups.len());
    assert!(groups.iter().all(|group| group.bars.len() > LINES_MOST));

    // Panels keep their lines.
    for setting in &mut experiment(&mut environment, "past-capacity").settings {
        setting.panel = Some("all".to_owned());
    }
    let plots = plots_of(&environment, &records, "past-capacity");
    assert_eq!(curves_of(&plots[0]).panels.len(), 1);
}
