//! The page on paper.

use super::{open_sample, strings};
use crate::format::html::browser::Browser;

/// Pages of a PDF that Chromium wrote: each has an object of its own.
fn pages(pdf: &[u8]) -> usize {
    let text = String::from_utf8_lossy(pdf);
    let pages = text.matches("/Type /Page\n").count() + text.matches("/Type /Page ").count();
    pages + text.matches("/Type /Page/").count()
}

#[test]
fn the_page_prints_in_light_colours_without_controls() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    // A4 without its margins, in CSS pixels.
    browser.screen(703, 1000, true);
    open_sample(&mut browser, "");
    let pdf = browser.print();
    assert!(pdf.starts_with(b"%PDF-"));
    assert!((3..=12).contains(&pages(&pdf)), "{} pages", pages(&pdf));
    browser.call(
        "Emulation.setEmulatedMedia",
        &serde_json::json!({ "media": "print" }),
    );
    browser.run("settled()");
    assert_eq!(
        browser.run("getComputedStyle(document.body).backgroundColor"),
        "rgb(255, 255, 255)"
    );
    assert_eq!(browser.run("shown(':not(th) > button, input, .bar').length"), 0);
    let clipped = "shown('.wide').filter((frame) => getComputedStyle(frame).overflowX !== 'visible').map((frame) => frame.id)";
    assert_eq!(strings(&browser.run(clipped)), [""; 0]);
    let wide =
        "shown('table, svg.plot').filter((part) => part.getBoundingClientRect().right > innerWidth + 0.5)
        .map((part) => `${part.outerHTML.slice(0, 60)} ${part.getBoundingClientRect().right}`)";
    assert_eq!(strings(&browser.run(wide)), [""; 0]);
    assert_eq!(
        browser.run("shown('#metrics dd').length"),
        1,
        "the meanings of metrics are printed"
    );
}
