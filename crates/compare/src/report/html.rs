//! The report as one file for a browser. It opens without a network, and its policy forbids it to ask for anything.

#[cfg(test)]
mod chromium;
#[cfg(test)]
mod sample;

use super::page::{Cell, Choice, Mark, Page, Section, Table};
use super::plot::text::escape;
use super::plot::{look, svg};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page. Styles and the script stand inside of it, which is all that it may load.
pub(crate) fn page(page: &Page) -> String {
    let models = models(page);
    let sections: String = each(&page.sections, |part| section(part, &models));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n{head}\n<body>\n<header class=\"top\">\n<div><h1>{title}</h1>\n\
         <p class=\"run\">Run <code>{run}</code></p></div>\n\
         <button type=\"button\" id=\"theme\" aria-pressed=\"false\" hidden>Dark</button>\n</header>\n\
         {controls}<main>\n{introduction}{summary}{contents}{sections}{limits}{figures}{machine}{method}{command}\
         </main>\n<div id=\"tip\" role=\"status\" hidden></div>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        head = head(&page.title),
        title = marked(&page.title),
        run = escape(&page.run),
        controls = controls(&models),
        introduction = paragraphs(&page.introduction),
        summary = in_short(page),
        contents = contents(page),
        limits = list("limits", "What this run can't show", &page.limits),
        figures = figures(&page.figures),
        machine = list("machine", "The machine", &page.machine),
        method = list("method", "How it was measured", &page.method),
        command = command(&page.command),
    )
}

/// Nothing is fetched from anywhere: what the page needs stands in it.
const POLICY: &str = concat!(
    "default-src 'none'; style-src 'unsafe-inline'; ",
    "script-src 'unsafe-inline'; ",
    "img-src data:; base-uri 'none'; form-action 'none'",
);

fn head(title: &str) -> String {
    format!(
        "<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>{}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n:root{{{light}}}\n\
         @media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n\
         :root[data-theme=light]{{{light}}}\n:root[data-theme=dark]{{{dark}}}\n{}\n{}{STYLE}</style>\n</head>",
        escape(title),
        look::rules(),
        svg::STYLE,
        light = look::LIGHT,
        dark = look::DARK,
    )
}

/// A model's name and, if it is in a plot, its place there.
type Model<'a> = (&'a str, Option<usize>);

/// All models of the page, those with a look first and in their own order.
fn models(page: &Page) -> Vec<Model<'_>> {
    let mut models: Vec<Model<'_>> = Vec::new();
    let plots = page.sections.iter().flat_map(|section| &section.plots);
    for series in plots.flat_map(|plot| &plot.series) {
        if models.iter().all(|(model, _)| *model != series.model) {
            models.push((&series.model, Some(series.place)));
        }
    }
    models.sort_by_key(|(_, place)| *place);
    let tables = page
        .sections
        .iter()
        .flat_map(|section| std::iter::once(&section.table).chain(&section.details));
    for row in tables.flat_map(|table| &table.rows) {
        if models.iter().all(|(model, _)| *model != row.model) {
            models.push((&row.model, None));
        }
    }
    models
}

/// What switches models on and off. Without a script it could not, so that the script has to show it.
fn controls(models: &[Model<'_>]) -> String {
    let boxes: String = each(models, |(model, place)| {
        let name = escape(model);
        format!(
            "<label><input type=\"checkbox\" value=\"{name}\" checked autocomplete=\"off\">{}{name}</label>\n",
            swatch(*place)
        )
    });
    format!(
        "<fieldset id=\"models\" hidden>\n<legend class=\"unseen\">Models that are shown</legend>\n{boxes}\
         <button type=\"button\" data-all=\"on\">All</button>\n<button type=\"button\" data-all=\"\">None</button>\n\
         </fieldset>\n"
    )
}

/// The marker that a model has in the plots.
fn swatch(place: Option<usize>) -> String {
    place.map_or_else(String::new, |place| {
        format!(
            "<svg class=\"swatch {}\" viewBox=\"-6 -6 12 12\" aria-hidden=\"true\"><path d=\"{}\"/></svg>",
            look::class(place),
            look::shape(place)
        )
    })
}

/// Which model for which work, and what is left open.
fn in_short(page: &Page) -> String {
    let headings = each(Choice::HEADINGS, |heading| {
        format!("<th scope=\"col\">{heading}</th>")
    });
    let rows = each(&page.choices, |choice| {
        let cells = each(choice.cells(), |cell| format!("<td>{}</td>", marked(&cell)));
        format!("<tr>{cells}</tr>\n")
    });
    let table = format!(
        "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Which model for which work\">\n\
         <table class=\"choices\">\n<thead><tr>{headings}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n"
    );
    let table = if page.choices.is_empty() {
        String::new()
    } else {
        table
    };
    let open = each(&page.open, |line| format!("<li>{}</li>\n", marked(line)));
    match (&*table, &*open) {
        ("", "") => String::new(),
        _ => format!(
            "<section id=\"summary\">\n<h2>Which model for which work</h2>\n{table}<ul>\n{open}</ul>\n</section>\n"
        ),
    }
}

fn contents(page: &Page) -> String {
    let links: String = each(&page.sections, |section| {
        format!(
            "<li><a href=\"#{}\">{}</a> <span>{}</span></li>\n",
            escape(&section.key),
            marked(&section.title),
            marked(&section.question)
        )
    });
    format!("<nav aria-label=\"Experiments\">\n<h2>Experiments</h2>\n<ol>\n{links}</ol>\n</nav>\n")
}

fn section(section: &Section, models: &[Model<'_>]) -> String {
    let expected = section.expected.as_ref().map_or_else(String::new, |expected| {
        format!("<p class=\"aside\"><b>Expected</b> {}</p>\n", marked(expected))
    });
    let plots: String = each(&section.plots, |plot| {
        format!(
            "<figure id=\"{}\" class=\"wide\">\n{}</figure>\n",
            escape(&plot.key),
            svg::inline(plot)
        )
    });
    let details: String = each(&section.details, |detail| table(detail, models));
    let details = if details.is_empty() {
        details
    } else {
        format!("<details>\n<summary>All figures</summary>\n{details}</details>\n")
    };
    format!(
        "<section id=\"{}\">\n<h2>{}</h2>\n<p class=\"question\">{}</p>\n<p class=\"finding\">{}</p>\n{plots}{}\
         <p class=\"aside\"><b>Setup</b> {}</p>\n{expected}{details}</section>\n",
        escape(&section.key),
        marked(&section.title),
        marked(&section.question),
        marked(&section.finding),
        table(&section.table, models),
        marked(&section.setup),
    )
}

fn table(table: &Table, models: &[Model<'_>]) -> String {
    let headings: String = each(
        std::iter::once("model").chain(table.headings.iter().map(String::as_str)),
        |heading| {
            format!(
                "<th scope=\"col\"><button type=\"button\">{}</button></th>",
                marked(heading)
            )
        },
    );
    let rows: String = each(&table.rows, |row| {
        let name = escape(&row.model);
        let place = models
            .iter()
            .find(|(model, _)| *model == row.model)
            .and_then(|found| found.1);
        let cells: String = each(&row.cells, cell);
        format!(
            "<tr data-model=\"{name}\"><th scope=\"row\">{}{name}</th>{cells}</tr>\n",
            swatch(place)
        )
    });
    let key = legend(table);
    format!(
        "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"{}\">\n<table>\n<caption>{}{key}</caption>\n\
         <thead><tr>{headings}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n",
        escape(&table.caption),
        marked(&table.caption),
    )
}

/// What the marks mean, where there are any.
fn legend(table: &Table) -> String {
    let has = |mark| {
        table
            .rows
            .iter()
            .flat_map(|row| &row.cells)
            .any(|cell| cell.mark == mark)
    };
    let mut words = Vec::new();
    if has(Mark::Best) {
        words.push("<span class=\"best\">★</span> best of its column");
    }
    if has(Mark::Tied) {
        words.push("<span class=\"tied\">≈</span> tied with the best");
    }
    if words.is_empty() {
        return String::new();
    }
    format!(" <span class=\"key\">{}</span>", words.join(", "))
}

fn cell(cell: &Cell) -> String {
    let value = cell
        .value
        .filter(|value| value.is_finite())
        .map_or_else(String::new, |value| format!(" data-value=\"{value}\""));
    let (class, mark) = match cell.mark {
        Mark::None => ("", ""),
        Mark::Best => (
            " class=\"best\"",
            "<span class=\"mark\" title=\"best of its column\">★</span>",
        ),
        Mark::Tied => (
            " class=\"tied\"",
            "<span class=\"mark\" title=\"tied with the best\">≈</span>",
        ),
    };
    let signs = match cell.signs.as_str() {
        "" => String::new(),
        signs => format!(" <span class=\"signs\">{}</span>", escape(signs)),
    };
    let interval = cell.interval.as_ref().map_or_else(String::new, |interval| {
        format!("<small>{}</small>", escape(interval))
    });
    let note = cell
        .note
        .as_ref()
        .map_or_else(String::new, |note| format!("<small>{}</small>", escape(note)));
    format!(
        "<td{class}{value}>{mark}{}{signs}{interval}{note}</td>",
        escape(&cell.median)
    )
}

/// The markup of each of them, one after the other.
fn each<T>(items: impl IntoIterator<Item = T>, markup: impl Fn(T) -> String) -> String {
    items.into_iter().map(markup).collect()
}

fn paragraphs(paragraphs: &[String]) -> String {
    each(paragraphs, |words| format!("<p>{}</p>\n", marked(words)))
}

fn list(id: &str, title: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let items: String = each(lines, |line| format!("<li>{}</li>\n", marked(line)));
    format!("<section id=\"{id}\">\n<h2>{title}</h2>\n<ul>\n{items}</ul>\n</section>\n")
}

fn figures(figures: &[(String, String)]) -> String {
    if figures.is_empty() {
        return String::new();
    }
    let items: String = each(figures, |(name, meaning)| {
        format!("<dt>{}</dt><dd>{}</dd>\n", marked(name), marked(meaning))
    });
    format!(
        "<section id=\"figures\">\n<h2>What the figures mean</h2>\n<details>\n<summary>{} figures</summary>\n\
         <dl>\n{items}</dl>\n</details>\n</section>\n",
        figures.len()
    )
}

fn command(command: &str) -> String {
    format!(
        "<section id=\"command\">\n<h2>The command</h2>\n<pre><code>{}</code></pre>\n</section>\n",
        escape(command)
    )
}

/// Text with its marks made visible; all else in it is escaped. A mark without its end stays as it is written.
fn marked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['*', '`']) {
        let (before, from) = rest.split_at(at);
        out += &escape(before);
        let (mark, tag) = match from {
            _ if from.starts_with("**") => ("**", "strong"),
            _ if from.starts_with('`') => ("`", "code"),
            _ => ("*", ""),
        };
        let inside = &from[mark.len()..];
        if let Some(end) = inside.find(mark).filter(|_| !tag.is_empty()) {
            let words = &inside[..end];
            let words = if tag == "code" {
                escape(words)
            } else {
                marked(words)
            };
            out.extend(["<", tag, ">", &words, "</", tag, ">"]);
            rest = &inside[end + mark.len()..];
        } else {
            out += mark;
            rest = inside;
        }
    }
    out + &escape(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_tags_and_all_else_is_escaped() {
        assert_eq!(
            marked("**a `x` <b>** `**<i>**` 2 * 3 `open **"),
            "<strong>a <code>x</code> &lt;b&gt;</strong> <code>**&lt;i&gt;**</code> 2 * 3 `open **"
        );
    }

    #[test]
    fn a_contenders_name_can_not_become_markup() {
        let html = page(&sample::page());
        assert!(html.contains("&lt;b&gt;"));
        assert!(!html.contains("<b>\""), "a name ended its attribute");
        for place in ["<th scope=\"row\"><b>", "</svg><b>", ">  <b>", "\"<b>"] {
            assert!(!html.contains(place), "{place}");
        }
    }

    #[test]
    fn the_page_names_nothing_to_load() {
        let html = page(&sample::page()).replace("http://www.w3.org/2000/svg", "");
        for address in ["http:", "https:", "url(", "@import", " src="] {
            assert!(!html.contains(address), "{address}");
        }
        assert!(html.contains("default-src 'none'"));
    }

    #[test]
    fn a_page_without_sections_is_a_page_too() {
        let mut empty = sample::page();
        empty.sections.clear();
        empty.figures.clear();
        empty.limits.clear();
        assert!(page(&empty).ends_with("</html>\n"));
    }
}
