//! Plots as files and as parts of a page, and in words.

use super::samples::{all, bar, groups, of_bars, small};
use crate::plot::svg::{file, inline};
use crate::plot::{Drawing, Group, Plot};

#[track_caller]
fn stays(name: &str, plot: &Plot) {
    let drawn = file(plot);
    assert!(drawn.ends_with("</svg>\n"));
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, drawn);
    });
}

#[test]
fn small_plots_stay() {
    stays("small", &small());
    stays("bars", &groups(&["waits", "blocks its thread"], 6));
}

/// To look at them: `LOOK=folder cargo test -p report` writes them there.
#[test]
fn samples_can_be_looked_at() {
    let Some(folder) = std::env::var_os("LOOK").map(std::path::PathBuf::from) else {
        return;
    };
    for (index, plot) in all().iter().enumerate() {
        std::fs::write(folder.join(format!("plot-{index:02}.svg")), file(plot)).unwrap();
    }
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
        assert!(drawing.contains("data-label=\"&lt;b&gt;: 64, 3,000 (2,700 – 3,300)\""));
        assert!(!drawing.contains("<b>"));
    }
}

#[track_caller]
fn label(plot: &Plot) -> String {
    let drawn = inline(plot);
    let label = drawn.split(" role=\"img\" aria-label=\"").nth(1).unwrap();
    label[..label.find('"').unwrap()].to_owned()
}

#[test]
fn a_screen_reader_gets_the_main_values() {
    assert_eq!(
        label(&small()),
        "Requests by connections. requests/s (more is better): by connections, at 64: alpha 5,200; &lt;b&gt; 3,000."
    );
    let mut bound = small();
    if let Drawing::Curves(curves) = &mut bound.drawing {
        curves.panels[0].series[0].points[1].is_at_least = true;
    }
    assert!(label(&bound).ends_with("at 64: alpha ≥ 5,200; &lt;b&gt; 3,000."));
    let bars = vec![bar(1, 170.0, "tied"), bar(2, 180.0, "54 of 64 never served")];
    let group = |title: &str| Group {
        title: title.to_owned(),
        bars: bars.clone(),
    };
    assert_eq!(
        label(&of_bars(vec![group("`sleep`")])),
        "A handler that blocks its thread. p99 latency of the pings, µs (less is better): sleep: beta 170 µs, tied; \
         gamma 180 µs, 54 of 64 never served."
    );
}

#[test]
fn a_model_that_appears_twice_has_one_group() {
    let plot = groups(&["waits", "blocks its thread"], 6);
    let drawn = inline(&plot);
    assert_eq!(drawn.matches("data-series=\"beta\"").count(), 1);
    assert_eq!(plot.models().len(), 6);
    assert_eq!(drawn.matches("data-label=\"beta: ").count(), 2);
}

#[test]
fn a_plot_may_have_no_values() {
    let mut plot = small();
    plot.drawing = Drawing::Bars(Vec::new());
    assert!(inline(&plot).ends_with("</svg>\n"));
    plot.drawing = Drawing::Bars(vec![Group {
        title: String::new(),
        bars: Vec::new(),
    }]);
    assert!(inline(&plot).ends_with("</svg>\n"));
    plot = small();
    if let Drawing::Curves(curves) = &mut plot.drawing {
        curves.panels[0].series.clear();
    }
    assert!(inline(&plot).ends_with("</svg>\n"));
    if let Drawing::Curves(curves) = &mut plot.drawing {
        curves.panels.clear();
    }
    assert!(inline(&plot).ends_with("</svg>\n"));
}
