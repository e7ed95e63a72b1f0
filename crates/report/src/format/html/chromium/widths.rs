//! Desktop and phone: nothing but frames scrolls sideways, text is readable, and a thumb meets its target.

use super::{open_sample, sample_at, strings};

/// Parts that are wider than the window and in no frame that scrolls.
const WIDE: &str = "all('body *').filter((part) => {
      if (!visible(part) || part.closest('.wide, pre, nav, .unseen')) return false;
      return part.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5;
    }).map((part) => part.outerHTML.slice(0, 80))";

#[test]
fn the_page_has_no_horizontal_scroll_bar() {
    let Some(mut browser) = sample_at("") else { return };
    for width in [320, 400, 768, 1280, 1920] {
        browser.screen(width, 800, false);
        open_sample(&mut browser, "");
        browser.run("for (const part of all('details')) part.open = true; settled()");
        let overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.run(overflow), 0, "{width}");
        assert_eq!(
            browser.run("innerWidth"),
            width,
            "the page was zoomed out at {width}"
        );
        assert_eq!(strings(&browser.run(WIDE)), [""; 0], "{width}");
    }
}

#[test]
fn tables_scroll_inside_their_frames() {
    let Some(mut browser) = sample_at("") else { return };
    for width in [400, 1280] {
        browser.screen(width, 800, false);
        open_sample(&mut browser, "");
        browser.run("for (const part of all('details')) part.open = true; settled()");
        let frames = browser.run(
            "shown('table').filter((table) => !table.closest('.wide')).length + shown('.wide').filter((frame) =>
               frame.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5).length",
        );
        assert_eq!(frames, 0, "{width}");
        let first = "(() => { const frame = document.getElementById('workloads'); frame.scrollLeft = 300;
            const cell = frame.querySelector('tbody th'); return [frame.scrollLeft > 0,
            cell.getBoundingClientRect().left - frame.getBoundingClientRect().left]; })()";
        let read = browser.run(first);
        // Nine models are wider than a phone, and fit a wide window.
        assert_eq!(read[0], width == 400, "{width}");
        assert!(
            read[1].as_f64().unwrap().abs() < 1.0,
            "the first column left its place: {read}"
        );
    }
}

#[test]
fn controls_on_a_phone_are_large_enough_for_a_thumb() {
    let Some(mut browser) = sample_at("") else { return };
    browser.screen(400, 800, false);
    open_sample(&mut browser, "");
    browser.run("document.getElementById('filters').open = true; settled()");
    let small = "shown('button, input, summary, .bar a, #contents a, fieldset label').map((part) => {
          const target = part.closest('label') ?? part; const box = target.getBoundingClientRect();
          return box.width < 24 || box.height < 40 ? `${part.outerHTML.slice(0, 80)} ${box.width} x ${box.height}` : null;
        }).filter(Boolean)";
    assert_eq!(strings(&browser.run(small)), [""; 0]);
}

#[test]
fn text_on_a_phone_has_at_least_14_pixels() {
    let Some(mut browser) = sample_at("") else { return };
    browser.screen(400, 800, false);
    open_sample(&mut browser, "");
    browser.run("for (const part of all('details')) part.open = true; settled()");
    let small = "all('body *').filter((part) => visible(part) && !part.closest('svg, .unseen, script') &&
        [...part.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) &&
        parseFloat(getComputedStyle(part).fontSize) < 13.9).map((part) => `${part.outerHTML.slice(0, 80)} ${getComputedStyle(part).fontSize}`)";
    assert_eq!(strings(&browser.run(small)), [""; 0]);
}

#[test]
fn text_in_plots_on_phones_has_12_pixels() {
    let Some(mut browser) = sample_at("") else { return };
    browser.screen(400, 800, false);
    open_sample(&mut browser, "");
    let smallest = "Math.min(...shown('svg.plot text').map((text) => {
        const plot = text.closest('svg');
        const scale = plot.getBoundingClientRect().width / plot.viewBox.baseVal.width;
        return parseFloat(getComputedStyle(text).fontSize) * scale;
    }))";
    let smallest = browser.run(smallest).as_f64().unwrap();
    assert!(smallest >= 12.0, "{smallest}");
}

/// A caption as wide as its table would end outside of the window.
#[test]
fn captions_stay_in_sight_while_tables_scroll() {
    let Some(mut browser) = sample_at("") else { return };
    browser.screen(400, 800, false);
    open_sample(&mut browser, "");
    let places = "shown('.sortable caption span').map((caption) => {
        const frame = caption.closest('.wide');
        frame.scrollLeft = 200;
        const [inner, outer] = [caption, frame].map((part) => part.getBoundingClientRect());
        return frame.scrollLeft > 0 && inner.left >= outer.left - 1 && inner.right <= outer.right + 1;
    })";
    let seen: Vec<bool> = serde_json::from_value(browser.run(places)).unwrap();
    assert!(!seen.is_empty() && seen.iter().all(|&seen| seen), "{seen:?}");
}
