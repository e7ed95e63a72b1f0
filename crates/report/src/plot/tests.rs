//! Whole drawings: a golden file for a small plot, and rules for any plot.

use super::data::{Plot, Point, Scale, Series};
use super::svg::{file, inline};

fn point(x: f64, y: f64) -> Point {
    Point {
        x,
        y,
        low: y * 0.9,
        high: y * 1.1,
    }
}

fn series(place: usize, name: &str, is_reference: bool, points: Vec<Point>) -> Series {
    Series {
        place,
        name: name.to_owned(),
        is_reference,
        points,
    }
}

fn scale(title: &str, logarithmic: bool, names: &[&str]) -> Scale {
    Scale {
        title: title.to_owned(),
        logarithmic,
        names: names.iter().map(|&name| name.to_owned()).collect(),
    }
}

fn small() -> Plot {
    Plot {
        key: "small".to_owned(),
        title: "Requests by `connections`".to_owned(),
        x: scale("connections", true, &[]),
        y: scale("requests/s", false, &[]),
        series: vec![
            series(0, "alpha", false, vec![point(1.0, 900.0), point(64.0, 5_200.0)]),
            series(0, "alpha", true, vec![point(1.0, 1_000.0), point(64.0, 5_500.0)]),
            series(1, "<b>", false, vec![point(1.0, 500.0), point(64.0, 3_000.0)]),
        ],
        reference: "theory".to_owned(),
    }
}

fn count(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

#[test]
fn a_small_plot_stays() {
    let drawn = file(&small());
    assert!(drawn.ends_with("</svg>\n"));
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("small", drawn);
    });
}

#[test]
fn a_file_has_colours_and_an_inline_plot_none() {
    let (file, inline) = (file(&small()), inline(&small()));
    for own in [
        "<style>",
        "prefers-color-scheme:dark",
        "class=\"surface\"",
        "<title>",
    ] {
        assert!(file.contains(own) && !inline.contains(own), "{own}");
    }
    for drawing in [file, inline] {
        assert!(
            drawing.contains("role=\"img\" aria-label=\"Requests by connections: requests/s by connections")
        );
        assert!(drawing.contains("data-label=\"&lt;b&gt;: 64, 3,000 (2,700 – 3,300)\""));
        assert!(!drawing.contains("<b>"));
    }
}

#[test]
fn a_reference_is_a_dashed_line_without_dots() {
    let drawn = inline(&small());
    assert_eq!(count(&drawn, "<g class=\"series m0\" data-series=\"alpha\">"), 2);
    assert_eq!(count(&drawn, "<path class=\"reference\" d="), 1);
    assert_eq!(count(&drawn, "class=\"point\""), 4);
    assert_eq!(count(&drawn, ">alpha</text>"), 1, "one name for both");
}

#[test]
fn values_off_a_logarithmic_axis_break_the_line() {
    let mut plot = small();
    plot.y.logarithmic = true;
    plot.series = vec![series(
        0,
        "alpha",
        false,
        [(1.0, 5.0), (2.0, 6.0), (4.0, 0.0), (8.0, 7.0), (16.0, f64::NAN)]
            .map(|(x, y)| point(x, y))
            .to_vec(),
    )];
    let drawn = inline(&plot);
    assert_eq!(count(&drawn, "class=\"point\""), 3);
    let line = drawn.split("class=\"line\" d=\"").nth(1).unwrap();
    assert_eq!(count(&line[..line.find('"').unwrap()], "M"), 2);
    assert!(!drawn.contains("NaN") && !drawn.contains("inf"));
}

#[test]
fn series_are_side_by_side_on_an_axis_of_names() {
    let mut plot = small();
    plot.x = scale("handler", false, &["it waits", "it blocks"]);
    plot.series = (0..9)
        .map(|place| {
            series(
                place,
                &format!("m{place}"),
                false,
                vec![point(0.0, 5.0), point(1.0, 5.0)],
            )
        })
        .collect();
    let drawn = inline(&plot);
    let mut places: Vec<f64> = drawn
        .split("class=\"dot\" transform=\"translate(")
        .skip(1)
        .filter_map(|rest| rest.split(' ').next()?.parse().ok())
        .collect();
    places.sort_by(f64::total_cmp);
    // The last nine are those of the legend, below each other.
    let dots = &places[..18];
    assert!(dots.windows(2).all(|pair| pair[1] - pair[0] > 10.0), "{dots:?}");
    assert!(!drawn.contains("class=\"line\""));
    assert!(drawn.contains("data-label=\"m3: it blocks, 5.00 (4.50 – 5.50)\""));
}

#[test]
fn a_plot_may_have_no_points() {
    let mut plot = small();
    plot.series.clear();
    for names in [&[][..], &["one"]] {
        plot.x = scale("x", false, names);
        assert!(inline(&plot).ends_with("</svg>\n"));
    }
}

/// The paths of all whiskers of a drawing.
fn whiskers(drawn: &str) -> Vec<&str> {
    let paths = drawn.split("class=\"whisker\" d=\"").skip(1);
    paths.filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn an_interval_below_the_points_extends_a_logarithmic_axis() {
    let mut plot = small();
    plot.y.logarithmic = true;
    let wide = Point {
        low: 150.0,
        ..point(1.0, 900.0)
    };
    plot.series = vec![series(0, "a", false, vec![wide, point(64.0, 30_000.0)])];
    let drawn = inline(&plot);
    assert!(whiskers(&drawn).iter().all(|path| !path.contains('L')), "{drawn}");
    assert!(drawn.contains(">100</text>"), "{drawn}");
}

#[test]
fn an_interval_that_leaves_the_axis_is_marked_as_cut() {
    let mut plot = small();
    plot.y.logarithmic = true;
    let deep = [0.5, 0.0, -3.0].map(|low| Point {
        low,
        ..point(1.0, 900.0)
    });
    for point in deep {
        plot.series = vec![series(0, "a", false, vec![point, self::point(64.0, 30_000.0)])];
        let drawn = inline(&plot);
        let cut: Vec<_> = whiskers(&drawn)
            .into_iter()
            .filter(|path| path.contains('L'))
            .collect();
        assert_eq!(cut.len(), 1, "{} in {drawn}", point.low);
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"));
    }
    plot.y.logarithmic = false;
    let endless = Point {
        high: f64::INFINITY,
        ..point(1.0, 900.0)
    };
    plot.series = vec![series(0, "a", false, vec![endless, point(64.0, 3_000.0)])];
    let drawn = inline(&plot);
    assert_eq!(
        whiskers(&drawn).iter().filter(|path| path.contains('L')).count(),
        1
    );
}
