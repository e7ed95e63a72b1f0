//! The page in a real browser, used as a reader would.

mod access;
mod filters;
mod grid;
mod paper;
mod parts;
mod traces;
mod widths;

use super::browser::Browser;
use super::{render, sample};
use serde_json::Value;

/// What the tests in the page use.
const TOOLS: &str = "window.visible = (part) => part.checkVisibility() && part.getClientRects().length > 0;
    window.shown = (selector) => all(selector).filter(visible);
    window.settled = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));";

/// The sample in a browser, with this fragment; none where the browser is missing.
fn sample_at(fragment: &str) -> Option<Browser> {
    let mut browser = Browser::start()?;
    open_sample(&mut browser, fragment);
    Some(browser)
}

fn open_sample(browser: &mut Browser, fragment: &str) {
    browser.open(&render(&sample::page()), fragment);
    browser.run(TOOLS);
}

fn strings(value: &Value) -> Vec<String> {
    serde_json::from_value(value.clone()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

/// To look at it: `LOOK=folder cargo test -p report looked_at` writes the page, pictures of it and its plots there. With
/// `PAGE=report.html` the pictures are of that page.
#[test]
fn the_sample_can_be_looked_at() {
    let Some(folder) = std::env::var_os("LOOK").map(std::path::PathBuf::from) else {
        return;
    };
    let sample = sample::page();
    for plot in sample.sections.iter().flat_map(|section| &section.plots) {
        let name = folder.join(&plot.key).with_extension("svg");
        std::fs::write(name, crate::plot::svg::file(plot)).unwrap();
    }
    let html = std::env::var_os("PAGE")
        .map_or_else(|| render(&sample), |page| std::fs::read_to_string(page).unwrap());
    std::fs::write(folder.join("page.html"), &html).unwrap();
    let Some(mut browser) = Browser::start() else {
        return;
    };
    for (width, dark) in [(1280, false), (1280, true), (400, false), (400, true)] {
        browser.screen(width, 900, dark);
        browser.open(&html, "");
        let scheme = if dark { "dark" } else { "light" };
        for (index, picture) in browser.pictures(1500.0).iter().enumerate() {
            std::fs::write(folder.join(format!("{width}-{scheme}-{index:02}.png")), picture).unwrap();
        }
    }
    std::fs::write(folder.join("page.pdf"), browser.print()).unwrap();
}
