//! Filters by model and by experiment.

use super::{open_sample, sample_at};
use crate::format::html::browser::Browser;
use crate::format::html::sample;

fn click(browser: &mut Browser, kind: &str, value: &str) {
    let value = serde_json::to_string(value).unwrap();
    browser.run(&format!(
        "all('#{kind} input').find((box) => box.value === {value}).click()"
    ));
}

#[test]
fn a_model_is_hidden_everywhere() {
    let Some(mut browser) = sample_at("") else { return };
    let sample = sample::page();
    let name = "<b>\"&";
    browser.run("for (const part of all('details')) part.open = true");
    let parts = format!(
        "all('main [data-series]').filter((part) => part.dataset.series === {name:?} && visible(part)).length"
    );
    let others = format!(
        "all('main [data-series]').filter((part) => part.dataset.series !== {name:?} && visible(part)).length"
    );
    // A series in each plot, a row in each table, a column in the grid, and a trace with its row.
    let tables: usize = sample
        .sections
        .iter()
        .map(|section| section.tables().count())
        .sum();
    let before = browser.run(&parts);
    assert_eq!(
        before,
        sample.plots().count() + tables + sample.grid.rows.len() + 1 + 2
    );
    let rest = browser.run(&others);
    click(&mut browser, "models", name);
    assert_eq!(browser.run(&parts), 0);
    assert_eq!(browser.run(&others), rest);
    assert_eq!(browser.run("shown('#order li').length"), sample::MODELS.len() - 1);
    let kept = browser.run("location.hash").as_str().unwrap().to_owned();
    assert!(kept.starts_with("#models=iterative,"), "{kept}");
    open_sample(&mut browser, &kept);
    assert_eq!(browser.run(&parts), 0);
    click(&mut browser, "models", name);
    browser.run("for (const part of all('details')) part.open = true");
    assert_eq!(browser.run(&parts), before);
    assert_eq!(browser.run("location.hash"), "");
}

#[test]
fn an_experiment_is_hidden_everywhere() {
    let Some(mut browser) = sample_at("") else { return };
    let counts =
        "[shown('section.experiment').length, shown('#contents li').length, shown('.grid tbody tr').length]";
    assert_eq!(browser.run(counts), serde_json::json!([2, 2, 6]));
    click(&mut browser, "experiments", "blocking");
    assert_eq!(browser.run(counts), serde_json::json!([1, 1, 3]));
    assert_eq!(browser.run("location.hash"), "#experiments=request-cost");
    // Its workloads do not count.
    assert_eq!(
        browser.run("all('#order .name')[0].textContent"),
        "epoll, one thread"
    );
    assert_eq!(
        browser.run("document.getElementById('order-counted').textContent"),
        "Counted: 3 of 6 workloads."
    );
    open_sample(&mut browser, "#experiments=request-cost");
    assert_eq!(browser.run(counts), serde_json::json!([1, 1, 3]));
}

#[test]
fn all_and_none_set_every_box() {
    let Some(mut browser) = sample_at("") else { return };
    browser.run("document.querySelector('#models [data-all=\"\"]').click()");
    assert_eq!(browser.run("location.hash"), "#models=");
    assert_eq!(browser.run("shown('main [data-series]').length"), 0);
    open_sample(&mut browser, "#models=");
    assert_eq!(browser.run("all('#models :checked').length"), 0);
    browser.run("document.querySelector('#models [data-all=\"on\"]').click()");
    assert_eq!(browser.run("location.hash"), "");
    assert_eq!(
        browser.run("all('#models :checked').length"),
        sample::MODELS.len()
    );
}
