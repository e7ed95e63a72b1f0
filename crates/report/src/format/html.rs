//! The report as one HTML file. It opens without a network, and its policy forbids it to load anything.

#[cfg(test)]
mod chromium;
#[cfg(test)]
mod sample;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::conclusions::Choice;
use crate::escape::markup::{Shown, marked};
use crate::page::{Cell, Mark, Page, Section, Table};
use crate::plot::{Plot, look, svg};
use crate::sign;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Allows the styles and the script in the page itself, and nothing from elsewhere.
const POLICY: &str = concat!(
    "default-src 'none'; style-src 'unsafe-inline'; ",
    "script-src 'unsafe-inline'; ",
    "img-src data:; base-uri 'none'; form-action 'none'",
);

/// A model's name and, if it is in a plot, its place there.
type Model<'a> = (&'a str, Option<usize>);

/// Renders a page.
#[must_use]
pub fn render(page: &Page) -> String {
    let models = models(page);
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(&page.title))
            body {
                header.top {
                    div {
                        h1 { (marked(&page.title)) }
                        p.run { "Run " code { (Shown(&page.run)) } }
                    }
                    button #theme type="button" aria-pressed="false" hidden { "Dark" }
                }
                (controls(&models))
                main {
                    @for paragraph in &page.introduction {
                        p { (marked(paragraph)) }
                        "\n"
                    }
                    (in_short(page))
                    (contents(page))
                    @for part in &page.sections {
                        "\n"
                        (section(part, &models))
                    }
                    (list("caveats", "What this run cannot show", &page.caveats))
                    (metrics(&page.metrics))
                    (list("machine", "The machine", &page.machine))
                    (list("method", "How it was measured", &page.method))
                    section #command {
                        h2 { "The command" }
                        pre { code { (Shown(&page.command)) } }
                    }
                }
                div #tip role="status" hidden {}
                script { "\n" (PreEscaped(SCRIPT)) }
            }
        }
        "\n"
    }
    .into_string()
}

fn head(title: &str) -> Markup {
    let (light, dark) = (look::LIGHT, look::DARK);
    let style = format!(
        ":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n:root[data-theme=light]{{{light}}}\n\
         :root[data-theme=dark]{{{dark}}}\n{}\n{}{STYLE}",
        look::rules(),
        svg::STYLE,
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

/// All models of the page, those in a plot first and in the order of the plots.
fn models(page: &Page) -> Vec<Model<'_>> {
    let mut models: Vec<Model<'_>> = Vec::new();
    for (name, place) in page.plots().flat_map(Plot::models) {
        if models.iter().all(|(model, _)| *model != name) {
            models.push((name, Some(place)));
        }
    }
    models.sort_by_key(|(_, place)| *place);
    let tables = page.sections.iter().flat_map(Section::tables);
    for row in tables.flat_map(|table| &table.rows) {
        if models.iter().all(|(model, _)| *model != row.model) {
            models.push((&row.model, None));
        }
    }
    models
}

/// The boxes that show and hide models. They stay hidden without the script.
fn controls(models: &[Model<'_>]) -> Markup {
    html! {
        fieldset #models hidden {
            legend.unseen { "Models that are shown" }
            @for (model, place) in models {
                label {
                    input type="checkbox" value=(Shown(model)) checked autocomplete="off";
                    (swatch(*place))
                    (Shown(model))
                }
            }
            button type="button" data-all="on" { "All" }
            button type="button" data-all="" { "None" }
        }
    }
}

/// The marker of a model in the plots.
fn swatch(place: Option<usize>) -> Markup {
    html! {
        @if let Some(place) = place {
            svg class={ "swatch " (look::class(place)) } viewBox="-6 -6 12 12" aria-hidden="true" {
                path d=(look::shape(place)) {}
            }
        }
    }
}

/// Which model for which work, and the sentences that belong to that.
fn in_short(page: &Page) -> Markup {
    html! {
        @if !(page.choices.is_empty() && page.open.is_empty()) {
            section #summary {
                h2 { "Which model for which work" }
                @if !page.choices.is_empty() {
                    div.wide tabindex="0" role="group" aria-label="Which model for which work" {
                        table.choices {
                            thead {
                                tr {
                                    @for heading in Choice::HEADINGS {
                                        th scope="col" { (heading) }
                                    }
                                }
                            }
                            tbody {
                                @for choice in &page.choices {
                                    tr {
                                        @for cell in choice.cells() {
                                            td { (marked(&cell)) }
                                        }
                                    }
                                    "\n"
                                }
                            }
                        }
                    }
                }
                (items(&page.open))
            }
        }
    }
}

fn contents(page: &Page) -> Markup {
    html! {
        nav aria-label="Experiments" {
            h2 { "Experiments" }
            ol {
                @for section in &page.sections {
                    li {
                        a href={ "#" (Shown(&section.key)) } { (marked(&section.title)) }
                        " "
                        span { (marked(&section.question)) }
                    }
                    "\n"
                }
            }
        }
    }
}

fn section(section: &Section, models: &[Model<'_>]) -> Markup {
    html! {
        section id=(Shown(&section.key)) {
            h2 { (marked(&section.title)) }
            p.question { (marked(&section.question)) }
            p.finding { (marked(&section.finding)) }
            "\n"
            @for plot in &section.plots {
                div.wide id={ (Shown(&plot.key)) "-plot" } { (PreEscaped(svg::inline(plot))) }
            }
            (table(&section.table, models))
            p.aside { b { "Setup" } " " (marked(&section.setup)) }
            @if let Some(expected) = &section.expected {
                p.aside { b { "Expected" } " " (marked(expected)) }
            }
            @if !section.details.is_empty() {
                details {
                    summary { "All metrics" }
                    @for detail in &section.details {
                        (table(detail, models))
                    }
                }
            }
        }
    }
}

fn table(table: &Table, models: &[Model<'_>]) -> Markup {
    let place = |name: &str| models.iter().find(|(model, _)| *model == name)?.1;
    html! {
        div.wide tabindex="0" role="group" aria-label=(Shown(&table.caption)) {
            table {
                caption { (marked(&table.caption)) (legend(table)) }
                thead {
                    tr {
                        @for heading in std::iter::once("model").chain(table.headings.iter().map(String::as_str)) {
                            th scope="col" {
                                button type="button" { (marked(heading)) }
                            }
                        }
                    }
                }
                tbody {
                    "\n"
                    @for row in &table.rows {
                        tr data-series=(Shown(&row.model)) {
                            th scope="row" { (swatch(place(&row.model))) (Shown(&row.model)) }
                            @for cell in &row.cells {
                                (value(cell))
                            }
                        }
                        "\n"
                    }
                }
            }
        }
    }
}

/// What the marks of a table mean, if it has any.
fn legend(table: &Table) -> Markup {
    let has = |mark| {
        let mut cells = table.rows.iter().flat_map(|row| &row.cells);
        cells.any(|cell| cell.mark == mark)
    };
    let (best, tied) = (has(Mark::Best), has(Mark::Tied));
    html! {
        @if best || tied {
            " "
            span.key {
                @if best { span.best { "★" } " best of its column" }
                @if best && tied { ", " }
                @if tied { span.tied { "≈" } " tied with the best" }
            }
        }
    }
}

fn value(cell: &Cell) -> Markup {
    let value = cell.value.filter(|value| value.is_finite());
    let (class, mark) = match cell.mark {
        Mark::None => (None, None),
        Mark::Best => (Some("best"), Some(("★", "best of its column"))),
        Mark::Tied | Mark::AllTied => (Some("tied"), Some(("≈", "tied with the best"))),
    };
    html! {
        td class=[class] data-value=[value] {
            @if let Some((mark, meaning)) = mark {
                span.mark title=(meaning) { (mark) }
            }
            (Shown(&cell.median))
            @if !cell.signs.is_empty() {
                " "
                span.signs { (sign::symbols(&cell.signs)) }
            }
            @for below in cell.interval.iter().chain(&cell.note) {
                small { (Shown(below)) }
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
    fn a_page_without_sections_is_a_page_too() {
        let mut empty = sample::page();
        empty.sections.clear();
        empty.metrics.clear();
        empty.caveats.clear();
        assert!(render(&empty).ends_with("</html>\n"));
    }
}
