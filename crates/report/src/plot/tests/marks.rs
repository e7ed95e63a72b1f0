//! Bars, lines, dots and intervals are where their values are.

use super::samples::{bar, curves, of_bars, of_curves, panels, point, series, small};
use crate::plot::svg::inline;
use crate::plot::{Bar, Drawing, Extent, Group, Plot, Point};

fn count(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

/// The attribute that begins with this, in all elements.
fn all<'a>(drawn: &'a str, begin: &str) -> Vec<&'a str> {
    let rest = drawn.split(begin).skip(1);
    rest.filter_map(|rest| rest.split('"').next()).collect()
}

/// The lengths of all bars in the order of the models.
fn lengths(drawn: &str) -> Vec<f64> {
    let paths = drawn.split("class=\"dot bar").skip(1);
    let paths = paths.filter_map(|rest| rest.split(" d=\"").nth(1));
    let length = |path: &str| path.split('h').nth(1)?.split('v').next()?.parse().ok();
    paths.filter_map(length).collect()
}

fn group(title: &str, bars: Vec<Bar>) -> Group {
    Group {
        title: title.to_owned(),
        bars,
    }
}

#[test]
fn a_reference_is_a_dashed_line_without_dots() {
    let drawn = inline(&small());
    assert_eq!(count(&drawn, "<g class=\"series m0\" data-series=\"alpha\">"), 2);
    assert_eq!(count(&drawn, "<path class=\"reference\" d="), 1);
    assert_eq!(count(&drawn, "class=\"point\""), 4);
    assert_eq!(count(&drawn, ">alpha</text>"), 1, "one name for both");
    assert_eq!(count(&drawn, ">theory</text>"), 1);
}

#[test]
fn values_off_a_logarithmic_axis_break_the_line() {
    let points = [
        (1.0, 5.0),
        (2.0, 6.0),
        (4.0, 0.0),
        (8.0, 7.0),
        (16.0, 8.0),
        (32.0, f64::NAN),
    ];
    let points = points.map(|(x, y)| point(x, y)).to_vec();
    let mut curves = curves(
        vec![series(0, "alpha", false, points)],
        &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
    );
    curves.is_logarithmic = true;
    let drawn = inline(&of_curves(curves));
    assert_eq!(count(&drawn, "class=\"point\""), 4);
    let line = all(&drawn, "class=\"line\" d=\"")[0];
    assert_eq!((count(line, "M"), count(line, "L")), (2, 2));
    assert!(!drawn.contains("NaN") && !drawn.contains("inf"));
}

#[test]
fn lines_that_touch_an_unranked_point_are_dotted() {
    let points = [false, false, true, false, false].into_iter().enumerate();
    let points = points.map(|(at, is_unranked)| Point {
        is_unranked,
        ..point((at + 1) as f64, 5.0)
    });
    let curves = curves(
        vec![series(0, "alpha", false, points.collect())],
        &[1.0, 2.0, 3.0, 4.0, 5.0],
    );
    let drawn = inline(&of_curves(curves));
    let solid = all(&drawn, "class=\"line\" d=\"");
    assert_eq!((count(solid[0], "M"), count(solid[0], "L")), (2, 2), "{solid:?}");
    let dotted = all(&drawn, "class=\"line unranked\" d=\"");
    assert_eq!(
        (count(dotted[0], "M"), count(dotted[0], "L")),
        (1, 2),
        "{dotted:?}"
    );
}

#[test]
fn a_reason_stands_below_the_name_where_it_has_room() {
    for (remark, is_shown) in [
        ("990 never served", true),
        ("back in 3 of 7 trials, and more", false),
    ] {
        let mut curves = curves(
            vec![series(0, "alpha", false, vec![point(1.0, 5.0), point(64.0, 6.0)])],
            &[1.0, 64.0],
        );
        curves.panels[0].series[0].remark = remark.to_owned();
        let drawn = inline(&of_curves(curves));
        assert_eq!(drawn.contains(&format!(">{remark}</text>")), is_shown);
        assert!(drawn.contains(&format!("alpha 6.00, {remark}")), "{drawn}");
    }
}

#[test]
fn percentages_without_room_lose_their_sign() {
    for (settings, labels) in [
        (vec![30.0, 75.0, 85.0, 100.0], ["30", "75", "85"]),
        (vec![30.0, 65.0, 100.0], ["30 %", "65 %", "100 %"]),
    ] {
        let points = settings.iter().map(|&x| point(x, 5.0)).collect();
        let mut curves = curves(vec![series(0, "epsilon-delta", false, points)], &settings);
        curves.x.is_logarithmic = false;
        for (_, text) in &mut curves.x.ticks {
            text.push_str(" %");
        }
        let drawn = inline(&of_curves(curves));
        for label in labels {
            assert!(drawn.contains(&format!(">{label}</text>")), "{label} in {drawn}");
        }
        assert_eq!(
            drawn.contains(">connections, %</text>"),
            !labels[0].ends_with('%')
        );
    }
}

#[test]
fn bars_begin_at_zero_and_have_the_length_of_values() {
    let drawn = inline(&of_bars(vec![group(
        "",
        vec![bar(0, 50.0, ""), bar(1, 100.0, ""), bar(2, 0.0, "")],
    )]));
    let lengths = lengths(&drawn);
    assert!((2.0 * lengths[0] - lengths[1]).abs() < 0.2, "{lengths:?}");
    assert_eq!(lengths[2], 0.0);
    assert!(lengths[1] > 150.0);
}

#[test]
fn values_that_are_all_zero_are_written() {
    let drawn = inline(&of_bars(vec![group("", vec![bar(0, 0.0, ""), bar(1, 0.0, "")])]));
    assert_eq!(lengths(&drawn), [0.0, 0.0]);
    assert_eq!(count(&drawn, ">0 µs</text>"), 2);
    assert!(!drawn.contains("NaN") && !drawn.contains("inf"));
}

#[test]
fn a_bar_without_a_value_has_its_reason() {
    let stopped = Bar {
        value: None,
        text: String::new(),
        ..bar(1, 0.0, "stopped answering")
    };
    let drawn = inline(&of_bars(vec![group("", vec![bar(0, 50.0, ""), stopped])]));
    assert_eq!(count(&drawn, "class=\"point\""), 1);
    assert_eq!(count(&drawn, ">stopped answering</text>"), 1);
}

#[test]
fn groups_share_a_scale_unless_bars_become_too_short() {
    let near = of_bars(vec![
        group("a", vec![bar(0, 50.0, "")]),
        group("b", vec![bar(0, 100.0, "")]),
    ]);
    let drawn = inline(&near);
    assert!((2.0 * lengths(&drawn)[0] - lengths(&drawn)[1]).abs() < 0.2);
    let far = of_bars(vec![
        group("a", vec![bar(0, 50.0, ""), bar(1, 90.0, "")]),
        group("b", vec![bar(0, 1_000.0, "")]),
    ]);
    let drawn = inline(&far);
    assert!(lengths(&drawn)[0] > 50.0);
    assert!(drawn.contains("Each group has a scale"), "{drawn}");
    let alike = of_bars(vec![
        group("a", vec![bar(0, 54.0, ""), bar(1, 55.0, "")]),
        group("b", vec![bar(0, 44_000.0, "")]),
    ]);
    let drawn = inline(&alike);
    assert!(lengths(&drawn)[0] < 1.0 && !drawn.contains("Each group"));
}

#[test]
fn a_prediction_is_a_dashed_line_across_its_bar() {
    let predicted = Bar {
        expected: Some(200.0),
        ..bar(0, 100.0, "")
    };
    let drawn = inline(&of_bars(vec![group("", vec![predicted])]));
    assert_eq!(count(&drawn, "class=\"reference\""), 1);
}

#[test]
fn points_beyond_the_range_are_arrows_and_change_no_axis() {
    let beyond = |plot: &mut Plot| {
        if let Drawing::Curves(curves) = &mut plot.drawing {
            curves.x.ticks.push((128.0, "128".to_owned()));
            for series in curves.panels[0]
                .series
                .iter_mut()
                .filter(|series| !series.is_reference)
            {
                series.points.push(Point {
                    is_beyond: true,
                    ..point(128.0, 900_000.0)
                });
            }
        }
    };
    let mut plot = small();
    beyond(&mut plot);
    let (before, after) = (inline(&small()), inline(&plot));
    let ticks = |drawn: &str| -> Vec<String> {
        let ticks = drawn.split("class=\"tick end\"").skip(1);
        ticks
            .filter_map(|rest| Some(rest.split(['>', '<']).nth(1)?.to_owned()))
            .collect()
    };
    assert_eq!(ticks(&before), ticks(&after));
    assert!(!after.contains(">128</text>"));
    assert_eq!(count(&after, "class=\"arrow\""), 2);
    assert_eq!(count(&after, "class=\"point\""), 4);
}

#[test]
fn panels_share_their_axes_and_one_legend() {
    let drawn = inline(&panels(&["constant", "exponential", "bimodal"], 6, true));
    assert_eq!(count(&drawn, "data-series=\"beta\""), 1);
    assert_eq!(count(&drawn, ">beta</text>"), 1);
    assert_eq!(count(&drawn, "class=\"axis\""), 3);
    assert_eq!(
        count(&drawn, ">1,000</text>"),
        1,
        "labels stand beside the first panel only"
    );
    assert_eq!(count(&drawn, ">hollow, dotted: not ranked</text>"), 1);
}

/// The paths of all whiskers of a drawing.
fn whiskers(drawn: &str) -> Vec<&str> {
    all(drawn, "class=\"whisker\" d=\"")
}

#[test]
fn an_interval_that_leaves_the_axis_is_marked_as_cut() {
    for (is_logarithmic, low, high) in [
        (true, 0.5, 900.0),
        (true, 0.0, 900.0),
        (true, -3.0, 900.0),
        (false, 900.0, f64::INFINITY),
        (false, 900.0, 90_000.0),
    ] {
        let deep = Point {
            low,
            high,
            ..point(1.0, 900.0)
        };
        let mut curves = curves(
            vec![series(0, "a", false, vec![deep, point(64.0, 30_000.0)])],
            &[1.0, 64.0],
        );
        curves.is_logarithmic = is_logarithmic;
        let drawn = inline(&of_curves(curves));
        let cut = whiskers(&drawn).into_iter().filter(|path| path.contains('L'));
        assert_eq!(cut.count(), 1, "{low} {high} in {drawn}");
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"));
    }
}

#[test]
fn an_interval_longer_than_the_bars_is_marked_as_cut() {
    let mut long = bar(0, 50.0, "");
    long.value = Some(Extent {
        middle: 50.0,
        low: 40.0,
        high: 5_000.0,
    });
    let drawn = inline(&of_bars(vec![group("", vec![long, bar(1, 100.0, "")])]));
    let cut = all(&drawn, "class=\"whisker ink\" d=\"")
        .into_iter()
        .filter(|path| path.contains('L'));
    assert_eq!(cut.count(), 1, "{drawn}");
    assert!(lengths(&drawn)[1] > 100.0);
}

#[test]
fn one_value_and_equal_values_are_drawn() {
    for values in [vec![5.0], vec![5.0, 5.0]] {
        let settings: Vec<f64> = (1..=values.len()).map(|x| x as f64).collect();
        let points = settings.iter().zip(&values).map(|(&x, &y)| point(x, y)).collect();
        for is_logarithmic in [false, true] {
            let mut curves = curves(vec![series(0, "a", false, Vec::clone(&points))], &settings);
            curves.is_logarithmic = is_logarithmic;
            let drawn = inline(&of_curves(curves));
            assert_eq!(count(&drawn, "class=\"point\""), values.len());
            assert!(!drawn.contains("NaN") && !drawn.contains("inf"));
        }
    }
}
