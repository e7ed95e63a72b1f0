//! What the page consists of, and that it asks the network for nothing.

use super::{numbers, open_sample, sample_at};
use crate::format::html::browser::Browser;
use crate::format::html::{render, sample};
use crate::page::Grid;

/// Whether a page made a request. The log has the browser's own requests too, which have another origin.
fn asked_the_network(log: &str) -> bool {
    assert!(log.contains("\"events\""), "there is no log of requests");
    log.lines()
        .filter(|event| event.contains("\"network_isolation_key\":\"file://"))
        .any(|event| {
            ["http", "ws"]
                .iter()
                .any(|scheme| event.contains(&format!("\"url\":\"{scheme}")))
        })
}

#[test]
fn the_page_has_all_its_parts_and_no_complaints() {
    let Some(mut browser) = sample_at("") else { return };
    let sample = sample::page();
    let plots: usize = sample.sections.iter().map(|section| section.plots.len()).sum();
    assert_eq!(browser.run("shown('svg.plot').length"), plots);
    let links =
        "all('#contents a').filter((link) => document.querySelector(link.getAttribute('href'))).length";
    assert_eq!(browser.run(links), sample.sections.len());
    assert_eq!(
        browser.run("all('main details').every((part) => !part.open)"),
        true
    );
    assert_eq!(browser.run("shown('#decision dt').length"), sample.decision.len());
    assert_eq!(
        browser.run("shown('.grid tbody tr').length"),
        sample.grid.rows.len()
    );
    assert_eq!(browser.complaints(), [""; 0]);
    assert_eq!(browser.requests(), [""; 0]);
    assert!(
        !asked_the_network(&browser.close()),
        "the page asked for something"
    );
}

#[test]
fn the_policy_stops_a_request_that_the_test_would_see() {
    let image = "<img src=\"http://images.example/a.png\" alt=\"\">";
    let stopped = render(&sample::page()).replace("</body>", &format!("{image}</body>"));
    let free = stopped.replace("Content-Security-Policy", "nothing");
    for (page, asks) in [(stopped, false), (free, true)] {
        let Some(mut browser) = Browser::start() else {
            return;
        };
        browser.open(&page, "");
        assert_eq!(asked_the_network(&browser.close()), asks);
    }
}

/// As after a run of experiments that stand for no workload.
#[test]
fn a_page_without_a_grid_filters_and_sorts_too() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let mut page = sample::page();
    page.grid = Grid::default();
    page.decision.clear();
    browser.open(&render(&page), "#w=request-cost/1:5&models=poll");
    assert_eq!(browser.complaints(), [""; 0]);
    assert_eq!(browser.run("all('#models :checked').length"), 1);
    assert_eq!(browser.run("all('.sortable thead button').length > 0"), true);
    assert_eq!(browser.run("document.getElementById('theme').hidden"), false);
}

#[test]
fn headings_sort_and_rows_without_a_value_stay_last() {
    let Some(mut browser) = sample_at("") else { return };
    browser.run(
        "window.table = document.querySelector('table.sortable'); window.heading = table.tHead.rows[0].cells[5];
         window.values = () => [...table.tBodies[0].rows].map((row) => Number(row.cells[5].dataset.value ?? -1));
         heading.querySelector('button').click();",
    );
    let mut upwards = numbers(&browser.run("values()"));
    assert_eq!(browser.run("heading.getAttribute('aria-sort')"), "ascending");
    browser.run("heading.querySelector('button').click()");
    let mut downwards = numbers(&browser.run("values()"));
    assert_eq!(browser.run("heading.getAttribute('aria-sort')"), "descending");
    assert_eq!((upwards.pop(), downwards.pop()), (Some(-1.0), Some(-1.0)));
    assert_eq!(upwards.len(), sample::MODELS.len() - 1);
    assert!(upwards.is_sorted());
    assert!(downwards.iter().rev().is_sorted());
}

#[test]
fn the_theme_button_changes_the_colours() {
    let Some(mut browser) = sample_at("") else { return };
    let ground = "getComputedStyle(document.body).backgroundColor";
    let before = browser.run(ground);
    browser.run("document.getElementById('theme').click()");
    assert_ne!(browser.run(ground), before);
}

#[test]
fn arrow_keys_move_between_the_points_of_a_plot() {
    let Some(mut browser) = sample_at("") else { return };
    let label = |browser: &mut Browser, index: usize| {
        browser.run(&format!("all('.plot .point')[{index}].dataset.label"))
    };
    let tip = "document.getElementById('tip').hidden ? null : document.getElementById('tip').textContent";
    browser.run("all('.plot .point')[0].focus()");
    assert_eq!(browser.run(tip), label(&mut browser, 0));
    browser.key("ArrowRight");
    assert_eq!(browser.run(tip), label(&mut browser, 1));
    browser.key("Escape");
    assert!(browser.run(tip).is_null());
}

#[test]
fn the_page_is_readable_with_scripts_off() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.scripts(false);
    open_sample_without_tools(&mut browser);
    browser.scripts(true);
    let visible = "(selector) => [...document.querySelectorAll(selector)].filter((part) => part.checkVisibility()).length";
    let sample = sample::page();
    let count = |browser: &mut Browser, selector: &str| browser.run(&format!("({visible})('{selector}')"));
    assert_eq!(count(&mut browser, ".grid tbody tr"), sample.grid.rows.len());
    assert_eq!(count(&mut browser, "svg.plot"), sample.plots().count());
    assert_eq!(
        count(&mut browser, "table.sortable").as_u64().unwrap() as usize,
        sample.sections.len()
    );
    // No control that does nothing.
    assert_eq!(count(&mut browser, "button, input, #filters"), 0);
    open_sample(&mut browser, "");
    assert!(count(&mut browser, "button, input").as_u64().unwrap() > 10);
}

fn open_sample_without_tools(browser: &mut Browser) {
    browser.open(&render(&sample::page()), "");
}
