//! Weights, the order that follows from them, and the address that keeps them.

use serde_json::json;

use super::{open_sample, sample_at, strings};
use crate::format::html::browser::Browser;
use crate::format::html::grid::{NO_ORDER, digits};
use crate::format::html::{render, sample};
use crate::page::Mark;
use crate::score::order;

const ORDER: &str = "all('#order li').map((line) => line.textContent.replace(/\\s+/g, ' ').trim())";
const COLUMNS: &str = "all('.grid thead [data-series]').map((cell) => cell.dataset.series)";

fn set(browser: &mut Browser, workload: &str, weight: u32) {
    browser.run(&format!(
        "{{ const input = document.querySelector('[data-weight=\"{workload}\"]'); input.value = {weight};
            input.dispatchEvent(new Event('input', {{ bubbles: true }}));
            input.dispatchEvent(new Event('change', {{ bubbles: true }})); }}"
    ));
}

fn columns(browser: &mut Browser) -> Vec<String> {
    strings(&browser.run(COLUMNS))
}

fn fragment(browser: &mut Browser) -> String {
    browser.run("location.hash").as_str().unwrap().to_owned()
}

#[test]
fn weights_reorder_the_models_and_their_columns() {
    let Some(mut browser) = sample_at("") else { return };
    let first = columns(&mut browser);
    assert_eq!(first[0], "thread per connection");
    // It is best where the handler blocks, and not with many connections.
    set(&mut browser, "blocking/block", 0);
    set(&mut browser, "request-cost/1000", 5);
    let second = columns(&mut browser);
    assert_eq!(second[..2], ["epoll, one thread", "async runtime"]);
    for (names, line) in [
        (&second, "all('#order .name')"),
        (&second, "all('.grid tbody tr:last-child [data-series]')"),
    ] {
        let shown = browser.run(&format!(
            "{line}.map((part) => part.dataset.series ?? part.textContent)"
        ));
        assert_eq!(&strings(&shown), names, "{line}");
    }
    set(&mut browser, "blocking/block", 1);
    set(&mut browser, "request-cost/1000", 1);
    assert_eq!(columns(&mut browser), first);
}

#[test]
fn ties_share_a_rank_in_words() {
    let Some(mut browser) =
        sample_at("#w=request-cost/64:0,request-cost/1000:0,blocking/sleep:0,blocking/block:0")
    else {
        return;
    };
    let lines = strings(&browser.run(ORDER));
    assert_eq!(lines.len(), sample::MODELS.len());
    assert!(
        lines
            .iter()
            .all(|line| line.starts_with("1.") && line.contains("tied")),
        "{lines:?}"
    );
    let status = browser.run("document.getElementById('order-status').textContent");
    assert!(status.as_str().unwrap().ends_with("(tied)"), "{status}");
}

#[test]
fn models_that_are_not_ranked_come_last_with_the_reason() {
    let Some(mut browser) = sample_at("") else { return };
    let lines = strings(&browser.run(ORDER));
    assert!(lines.last().unwrap().contains("not ranked in 2 of"), "{lines:?}");
    assert!(lines.last().unwrap().contains("64 & more"), "{lines:?}");
    // Where the workload does not count, the model is one of the others.
    set(&mut browser, "request-cost/64", 0);
    set(&mut browser, "request-cost/1000", 0);
    let lines = strings(&browser.run(ORDER));
    assert!(lines.iter().all(|line| !line.contains("not ranked")), "{lines:?}");
}

#[test]
fn the_address_keeps_weights_over_a_reload() {
    let Some(mut browser) = sample_at("") else { return };
    set(&mut browser, "blocking/block", 5);
    set(&mut browser, "request-cost/1", 0);
    let kept = fragment(&mut browser);
    assert_eq!(kept, "#w=blocking/block:5,request-cost/1:0");
    let lines = browser.run(ORDER);
    open_sample(&mut browser, &kept);
    assert_eq!(browser.run(ORDER), lines);
    assert_eq!(
        browser.run("document.querySelector('[data-weight=\"blocking/block\"]').value"),
        "5"
    );
}

#[test]
fn back_and_forward_restore_weights() {
    let Some(mut browser) = sample_at("") else { return };
    let first = columns(&mut browser);
    set(&mut browser, "blocking/block", 0);
    let second = columns(&mut browser);
    assert_ne!(first, second);
    for (step, expected) in [("back", &first), ("forward", &second)] {
        browser.run(&format!(
            "new Promise((done) => {{ addEventListener('popstate', () => setTimeout(done, 0), {{ once: true }}); history.{step}(); }})"
        ));
        assert_eq!(&columns(&mut browser), expected, "{step}");
    }
}

#[test]
fn garbage_in_the_address_is_ignored() {
    let Some(mut browser) = sample_at("") else { return };
    let plain = browser.run(ORDER);
    for garbage in [
        "#w=blocking/block:6,nobody:5,blocking/block:-1,blocking/block:x,:,,",
        "#w=%E0%A4%A:3&models=%E0%A4%A&experiments=nope",
        "#w",
        "#&&&==&models=nobody&w=blocking/block:99999999999999999999",
        "#w=blocking/block:1.5",
    ] {
        open_sample(&mut browser, garbage);
        assert_eq!(browser.run(ORDER), plain, "{garbage}");
    }
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn reset_undoes_weights_and_filters() {
    let Some(mut browser) = sample_at("#w=blocking/block:5&models=poll&experiments=blocking") else {
        return;
    };
    assert_eq!(browser.run("shown('#order li').length"), 1);
    browser.run("document.getElementById('reset').click()");
    assert_eq!(fragment(&mut browser), "");
    assert_eq!(browser.run("shown('#order li').length"), sample::MODELS.len());
    assert_eq!(
        browser.run("document.querySelector('[data-weight=\"blocking/block\"]').value"),
        "1"
    );
}

#[test]
fn all_weights_of_zero_give_no_order() {
    let Some(mut browser) = sample_at("") else { return };
    let first = strings(&browser.run("all('.grid thead [data-series]').map((cell) => cell.dataset.series)"));
    browser.run("document.getElementById('no-weights').click()");
    let lines = strings(&browser.run(ORDER));
    assert_eq!(lines, ["No order: no workload has a weight."]);
    assert_eq!(first.len(), columns(&mut browser).len());
}

#[test]
fn nothing_ranked_is_no_order_with_scripts_or_without() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let mut page = sample::page();
    for cell in page.grid.rows.iter_mut().flat_map(|row| &mut row.cells) {
        cell.mark = Mark::None;
        cell.ratio = None;
    }
    let html = render(&page);
    let lines = "[...document.querySelectorAll('#order li')].map((line) => line.textContent)";
    for with_scripts in [false, true] {
        browser.scripts(with_scripts);
        browser.open(&html, "");
        browser.scripts(true);
        assert_eq!(strings(&browser.run(lines)), [NO_ORDER], "{with_scripts}");
    }
}

#[test]
fn a_slider_moves_by_keyboard() {
    let Some(mut browser) = sample_at("") else { return };
    browser.run("document.querySelector('[data-weight=\"blocking/sleep\"]').focus()");
    browser.key("ArrowRight");
    browser.key("ArrowRight");
    assert_eq!(fragment(&mut browser), "#w=blocking/sleep:3");
    browser.key("Home");
    assert_eq!(fragment(&mut browser), "#w=blocking/sleep:0");
}

#[test]
fn links_in_the_page_keep_the_weights() {
    let Some(mut browser) = sample_at("#w=blocking/block:5") else {
        return;
    };
    browser.run("document.querySelector('#contents a[href=\"#experiment-blocking\"]').click()");
    assert_eq!(
        fragment(&mut browser),
        "#w=blocking/block:5&at=experiment-blocking"
    );
    assert_eq!(browser.run("document.activeElement.id"), "experiment-blocking");
    let kept = fragment(&mut browser);
    open_sample(&mut browser, &kept);
    assert_eq!(browser.run("document.activeElement.id"), "experiment-blocking");
    assert_eq!(browser.run("scrollY > 0"), json!(true));
    open_sample(&mut browser, "#experiment-blocking");
    assert_eq!(browser.run("document.activeElement.id"), "experiment-blocking");
}

#[test]
fn the_script_gives_the_order_that_the_page_came_with() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let html = render(&sample::page());
    browser.scripts(false);
    browser.open(&html, "");
    browser.scripts(true);
    let lines = "[...document.querySelectorAll('#order li')].map((line) => line.outerHTML)";
    let columns = "[...document.querySelectorAll('.grid [data-series]')].map((cell) => cell.dataset.series)";
    let still = [lines, columns].map(|what| browser.run(what));
    browser.open(&html, "");
    let lively = [lines, columns].map(|what| browser.run(what));
    assert!(
        still[0].as_array().unwrap().len() == sample::MODELS.len() && lively == still,
        "{still:?} {lively:?}"
    );
}

/// Weights that are drawn: the script and [`order`] agree on models, ties and what is missing.
#[test]
fn the_script_orders_like_the_program_for_any_weights() {
    let Some(mut browser) = sample_at("") else { return };
    let grid = sample::grid();
    let mut draw = 1_u64;
    for _ in 0..20 {
        let weights: Vec<u64> = grid
            .rows
            .iter()
            .map(|_| {
                draw = draw
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (draw >> 33) % 6
            })
            .collect();
        // Without a weight on a workload in which a model is ranked, the script shows no order.
        if weights[..5].iter().sum::<u64>() == 0 {
            continue;
        }
        let pairs = grid
            .rows
            .iter()
            .zip(&weights)
            .map(|(row, weight)| format!("{}:{weight}", row.key));
        let fragment = format!("#w={}", pairs.collect::<Vec<_>>().join(","));
        browser.run(&format!("location.hash = '{fragment}'; readAddress()"));
        let shown = strings(&browser.run(
            "all('#order li').map((line) => line.querySelector('.rank').textContent +
            line.querySelector('.name').textContent + (line.querySelector('.score b')?.textContent ?? ''))",
        ));
        let mut rank = 0;
        let weights: Vec<f64> = weights.iter().map(|&weight| weight as f64).collect();
        let expected: Vec<String> = order(&grid, &weights)
            .iter()
            .enumerate()
            .map(|(index, placed)| {
                if !placed.is_tied {
                    rank = index + 1;
                }
                let score = placed.score.map(|score| format!("{} ×", digits(score.middle)));
                format!(
                    "{rank}.{}{}",
                    grid.models[placed.column].0,
                    score.unwrap_or_default()
                )
            })
            .collect();
        assert_eq!(shown, expected, "{fragment}");
    }
}

#[test]
fn the_link_is_copied_or_shown() {
    let Some(mut browser) = sample_at("#w=blocking/block:5") else {
        return;
    };
    let clipboard = |write: &str| {
        format!("Object.defineProperty(navigator, 'clipboard', {{ configurable: true, value: {{ writeText: {write} }} }});
            document.getElementById('copy').click(); settled()")
    };
    browser.run(&clipboard("async (text) => { window.copied = text; }"));
    assert_eq!(
        browser.run("copied === location.href && copied.endsWith('#w=blocking/block:5')"),
        true
    );
    assert_eq!(browser.run("document.getElementById('link').hidden"), true);
    browser.run(&clipboard("async () => { throw new Error('denied'); }"));
    let shown = "(() => { const link = document.getElementById('link');
        return !link.hidden && link.value === location.href && document.activeElement === link; })()";
    assert_eq!(browser.run(shown), true);
}
