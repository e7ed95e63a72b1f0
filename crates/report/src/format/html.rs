//! The report as one HTML file. It opens without a network, and its policy forbids it to load anything.

#[cfg(test)]
mod browser;
#[cfg(test)]
mod chromium;
mod grid;
#[cfg(test)]
mod sample;
mod section;
mod swatch;
mod table;
mod traces;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use schema::trace::Trace;

use self::swatch::{Model, outlines, swatch};
use crate::escape::markup::{Shown, marked};
use crate::page::{DecisionLine, Page, Section};
use crate::plot::{Plot, look, svg};
use crate::trace;

const STYLES: [&str; 2] = [
    include_str!("html/page/style.css"),
    include_str!("html/page/traces.css"),
];
/// The scripts in their order: the later ones use the earlier ones.
const SCRIPTS: [&str; 11] = [
    include_str!("html/page/state.js"),
    include_str!("html/page/tip.js"),
    include_str!("html/page/order.js"),
    include_str!("html/page/grid.js"),
    include_str!("html/page/filters.js"),
    include_str!("html/page/tables.js"),
    include_str!("html/page/plots.js"),
    include_str!("html/page/trace.js"),
    include_str!("html/page/zoom.js"),
    include_str!("html/page/player.js"),
    include_str!("html/page/start.js"),
];

/// Allows the styles and the script in the page itself, and nothing from elsewhere.
const POLICY: &str = concat!(
    "default-src 'none'; style-src 'unsafe-inline'; ",
    "script-src 'unsafe-inline'; ",
    "img-src data:; base-uri 'none'; form-action 'none'",
);

/// Renders a page.
#[must_use]
pub fn render(page: &Page) -> String {
    let models = models(page);
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(&page.title))
            body {
                (outlines(&models))
                header.top {
                    h1 { (marked(&page.title)) }
                    @if !page.run.is_empty() { p.run { "Run " code { (Shown(&page.run)) } } }
                }
                (bar(page, &models))
                main {
                    @for paragraph in &page.introduction {
                        p { (marked(paragraph)) }
                        "\n"
                    }
                    (decision(&page.decision))
                    (grid::render(&page.grid))
                    (contents(page))
                    (reading(&page.reading))
                    @for part in &page.sections {
                        "\n"
                        (section::render(part, &models))
                    }
                    (traces::render(&page.traces))
                    (list("limits", "What this run can’t show", &page.limits))
                    (caveats(&page.caveats))
                    (metrics(&page.metrics))
                    (list("machine", "The machine", &page.machine))
                    (list("method", "How it was measured", &page.method))
                    @if !page.command.is_empty() {
                        section #command {
                            h2 { "The command" }
                            pre tabindex="0" { code { (Shown(&page.command)) } }
                        }
                    }
                }
                div #tip aria-hidden="true" hidden {}
                script { "\n" (PreEscaped(SCRIPTS.join("\n"))) }
            }
        }
        "\n"
    }
    .into_string()
}

/// Renders a page of traces alone.
#[must_use]
pub fn render_traces(traces: &[Trace]) -> String {
    render(&Page {
        title: "A trace of each server".to_owned(),
        traces: traces.to_vec(),
        ..Page::default()
    })
}

fn head(title: &str) -> Markup {
    let (light, dark) = (look::LIGHT, look::DARK);
    let style = format!(
        ":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n:root[data-theme=light]{{{light}}}\n\
         :root[data-theme=dark]{{{dark}}}\n@media print{{:root,:root[data-theme=dark]{{{light}}}}}\n{}\n{}{}{}",
        look::rules(),
        svg::STYLE,
        trace::svg::STYLE,
        STYLES.concat(),
    );
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta http-equiv="Content-Security-Policy" content=(POLICY);
            title { (Shown(title)) }
            link rel="icon" href="data:,";
            style { (PreEscaped(style)) }
        }
    }
}

/// All models of the page: those of the grid in its order, then those of the plots, then those that only tables or traces have.
fn models(page: &Page) -> Vec<Model<'_>> {
    let mut models: Vec<Model<'_>> = Vec::new();
    let mut add = |name, place| {
        if models.iter().all(|(model, _)| *model != name) {
            models.push((name, place));
        }
    };
    for (model, place) in &page.grid.models {
        add(model.as_str(), Some(*place));
    }
    let mut drawn: Vec<_> = page.plots().flat_map(Plot::models).collect();
    drawn.sort_by_key(|(_, place)| *place);
    for (model, place) in drawn {
        add(model, Some(place));
    }
    let tables = page.sections.iter().flat_map(Section::tables);
    for row in tables.flat_map(|table| &table.rows) {
        add(row.model.as_str(), None);
    }
    for trace in &page.traces {
        add(trace.model.as_str(), None);
    }
    models
}

/// The bar at the top: links to the parts of the page, filters, and the switch between dark and light.
fn bar(page: &Page, models: &[Model<'_>]) -> Markup {
    let parts = [
        ("decision", "Decision", !page.decision.is_empty()),
        ("grid", "Grid", !page.grid.rows.is_empty()),
        ("contents", "Contents", !page.sections.is_empty()),
        ("traces", "What happened", !page.traces.is_empty()),
        ("limits", "Limits", !page.limits.is_empty()),
    ];
    html! {
        div.bar role="region" aria-label="Links and filters" {
            nav aria-label="Parts of the page" {
                @for (id, name, _) in parts.iter().filter(|(.., exists)| *exists) {
                    a href={ "#" (id) } { (name) }
                }
            }
            details #filters data-script hidden {
                summary { "Filter" span #filtered {} }
                div.panel {
                    fieldset #models {
                        legend { "Models" }
                        @for (model, place) in models {
                            label {
                                input type="checkbox" value=(Shown(model)) checked autocomplete="off";
                                (swatch(*place))
                                (Shown(model))
                            }
                        }
                        (all_or_none("models"))
                    }
                    @if !page.sections.is_empty() {
                        fieldset #experiments {
                            legend { "Experiments" }
                            @for section in &page.sections {
                                label {
                                    input type="checkbox" value=(Shown(&section.key)) checked autocomplete="off";
                                    (marked(&section.title))
                                }
                            }
                            (all_or_none("experiments"))
                        }
                    }
                }
            }
            button #theme type="button" data-script hidden { "Dark" }
        }
    }
}

fn all_or_none(kind: &str) -> Markup {
    html! {
        span.choose {
            button type="button" data-all="on" aria-label={ "All " (kind) } { "All" }
            button type="button" data-all="" aria-label={ "None of the " (kind) } { "None" }
        }
    }
}

fn decision(lines: &[DecisionLine]) -> Markup {
    html! {
        @if !lines.is_empty() {
            section #decision {
                h2 { "Which model to choose" }
                dl {
                    @for line in lines {
                        div {
                            dt { (marked(&line.when)) }
                            dd { (marked(&line.choice)) }
                        }
                        "\n"
                    }
                }
            }
        }
    }
}

fn contents(page: &Page) -> Markup {
    html! {
        @if !page.sections.is_empty() {
            nav #contents aria-labelledby="contents-title" {
                h2 #contents-title { "Experiments" }
                ol {
                    @for section in &page.sections {
                        li data-experiment=(Shown(&section.key)) {
                            a href={ "#" (Shown(&section::id(&section.key))) } { (marked(&section.title)) }
                            " "
                            span { (marked(&section.question)) }
                        }
                        "\n"
                    }
                }
            }
        }
    }
}

fn reading(paragraphs: &[String]) -> Markup {
    html! {
        @if !paragraphs.is_empty() {
            section #reading {
                h2 { "How to read plots and tables" }
                @for paragraph in paragraphs {
                    p { (marked(paragraph)) }
                    "\n"
                }
            }
        }
    }
}

/// Those of an experiment stand with it. All of them, with all places, are long.
fn caveats(lines: &[String]) -> Markup {
    html! {
        @if !lines.is_empty() {
            section #caveats {
                h2 { "What limits its values" }
                details {
                    summary { "All caveats, with their places" }
                    (items(lines))
                }
            }
        }
    }
}

fn list(id: &str, title: &str, lines: &[String]) -> Markup {
    html! {
        @if !lines.is_empty() {
            section id=(id) {
                h2 { (title) }
                (items(lines))
            }
        }
    }
}

fn items(lines: &[String]) -> Markup {
    html! {
        ul {
            @for line in lines {
                li { (marked(line)) }
                "\n"
            }
        }
    }
}

fn metrics(metrics: &[(String, String)]) -> Markup {
    html! {
        @if !metrics.is_empty() {
            section #metrics {
                h2 { "What the metrics mean" }
                details {
                    summary { (metrics.len()) " metrics" }
                    dl {
                        @for (name, meaning) in metrics {
                            dt { (marked(name)) }
                            dd { (marked(meaning)) }
                            "\n"
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schema::environment::Environment;

    #[test]
    fn a_contenders_name_cannot_become_markup() {
        let html = render(&sample::page());
        assert!(html.contains("&lt;b&gt;"));
        assert!(!html.contains("<b>\""), "a name ended its attribute");
        for place in ["<th scope=\"row\"><b>", "</svg><b>", ">  <b>", "\"<b>"] {
            assert!(!html.contains(place), "{place}");
        }
    }

    #[test]
    fn the_page_names_nothing_to_load() {
        let html = render(&sample::page()).replace("http://www.w3.org/2000/svg", "");
        for address in ["http:", "https:", "url(", "@import", " src="] {
            assert!(!html.contains(address), "{address}");
        }
        assert!(html.contains("default-src 'none'"));
    }

    #[test]
    fn a_large_page_stays_below_two_megabytes() {
        let size = render(&sample::large()).len();
        assert!((500_000..2_000_000).contains(&size), "{size} bytes");
    }

    #[test]
    fn no_id_is_there_twice() {
        let mut page = sample::page();
        for (section, key) in page.sections.iter_mut().zip(["limits", "tip"]) {
            section.key = key.to_owned();
        }
        let html = render(&page);
        let ids = html.split(" id=\"").skip(1);
        let mut ids: Vec<_> = ids.filter_map(|rest| rest.split('"').next()).collect();
        let number = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert!(ids.contains(&"tip") && ids.len() == number, "{ids:?}");
    }

    #[test]
    fn a_smoke_page_has_no_order() {
        let (mut environment, records) = crate::fixture::run();
        let page =
            |environment: &Environment| crate::page(&crate::fixture::summary(environment, &records), "run");
        let ranked = render(&page(&environment));
        assert!(!ranked.contains("<li>No order") && ranked.contains(">Counted: 5 of 5 workloads.<"));
        environment.profile = "smoke".to_owned();
        let html = render(&page(&environment));
        assert!(html.contains("<li>No order: no model is ranked in these workloads.</li>"));
        assert!(!html.contains(">Counted: ") && !html.contains("class=\"tied-word\""));
    }

    #[test]
    fn a_page_without_sections_is_a_page_too() {
        let mut empty = sample::page();
        empty.sections.clear();
        empty.metrics.clear();
        empty.caveats.clear();
        assert!(render(&empty).ends_with("</html>\n"));
    }
}
