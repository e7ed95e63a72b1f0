//! Accessibility, by axe-core: light and dark, desktop and phone, everything unfolded.

use std::path::Path;
use std::process::Command;

use super::{open_sample, strings};
use crate::format::html::browser::Browser;

/// axe-core's script; none, with the reason, where it can't be fetched.
fn axe() -> Result<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/axe.sh");
    let fetched = Command::new(script).output().map_err(|error| error.to_string())?;
    if !fetched.status.success() {
        return Err(String::from_utf8_lossy(&fetched.stderr).into_owned());
    }
    let path = String::from_utf8_lossy(&fetched.stdout);
    std::fs::read_to_string(path.trim()).map_err(|error| error.to_string())
}

/// What it finds, all impacts included.
const RUN: &str = "axe.run(document, { resultTypes: ['violations'] }).then((result) => result.violations.flatMap((one) =>
    one.nodes.map((node) => `${one.impact}: ${one.id}: ${node.html.slice(0, 160)}: ${node.failureSummary}`)))";

#[test]
fn axe_finds_nothing() {
    let axe = match axe() {
        Ok(axe) => axe,
        Err(reason) => return test_support::skip(format!("axe-core is missing: {reason}")),
    };
    let Some(mut browser) = Browser::start() else {
        return;
    };
    for (width, dark) in [(1280, false), (1280, true), (400, false), (400, true)] {
        browser.screen(width, 900, dark);
        open_sample(&mut browser, "#w=request-cost/1:0");
        browser.run(&axe);
        browser.run("for (const part of all('details')) part.open = true; settled()");
        let found = strings(&browser.run(RUN));
        assert!(
            found.is_empty(),
            "{width} px, dark: {dark}:\n{}",
            found.join("\n")
        );
    }
    // It would find something.
    browser.run("document.querySelector('#link').hidden = false; document.querySelector('#link').removeAttribute('aria-label')");
    let found = strings(&browser.run(RUN));
    assert!(found.iter().any(|one| one.contains("label")), "{found:?}");
}

#[test]
fn the_tab_key_reaches_everything_in_sight() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.screen(1280, 900, false);
    open_sample(&mut browser, "");
    browser
        .run("window.reached = new Set(); addEventListener('focusin', (event) => reached.add(event.target))");
    let stops = browser
        .run("shown('a, button:not(:disabled), input, summary').length")
        .as_u64()
        .unwrap();
    let mut presses = 0;
    while browser.run("shown('a, button:not(:disabled), input, summary').every((part) => reached.has(part))")
        != true
    {
        browser.key("Tab");
        presses += 1;
        assert!(presses < stops * 2, "not reached within {presses} presses");
    }
    // What has the focus is marked.
    let outline = browser.run("getComputedStyle(document.activeElement).outlineStyle");
    assert_eq!(outline, "solid");
}
