//! The player of traces.

mod input;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{numbers, sample_at, strings};
use crate::format::html::browser::Browser;
use crate::format::html::sample;
use schema::trace::Trace;

/// What the tests of the player use: its controls by their names, a wait for its end, and what is shown of a model.
const PLAYER: &str = "window.control = (name) => document.getElementById(`player-${name}`);
    window.press = (name) => control(name).click();
    window.time = () => Number(control('slider').value);
    window.seekTo = (ns) => { control('slider').value = ns; control('slider').dispatchEvent(new Event('input')); };
    window.part = (index) => all('article.recorded')[index];
    window.lanes = (index) => all('.lanes dd', part(index)).map((lane) => lane.textContent);
    window.counts = (index) => part(index).querySelector('.counts').textContent;
    window.choose = (name, value) => { control(name).value = value; control(name).dispatchEvent(new Event('change')); };
    window.stopped = async () => { while (control('play').textContent !== 'Play') await settled(); };
    window.cursors = () => all('.cursor').map((line) => Number(line.getAttribute('x1')));";

fn player() -> Option<Browser> {
    let mut browser = sample_at("")?;
    browser.run(PLAYER);
    Some(browser)
}

/// A time of the sample, which is written in microseconds since it began, in nanoseconds from its zero.
fn ns(us: i64) -> i64 {
    (us - 500) * 1_000
}

/// The times of all events of a trace, in nanoseconds from its zero.
fn events(trace: &Trace) -> Vec<i64> {
    let slices = trace.lanes.iter().flat_map(|lane| &lane.slices);
    let mut times: Vec<u64> = slices.flat_map(|slice| [slice.from_ns, slice.to_ns]).collect();
    times.extend(trace.wakes.iter().map(|wake| wake.at_ns));
    for request in &trace.requests {
        times.extend([request.sent_ns, request.received_ns]);
        times.extend(request.parts.iter().flat_map(|part| [part.from_ns, part.to_ns]));
    }
    times.sort_unstable();
    times.dedup();
    times
        .iter()
        .map(|&time| time.cast_signed() - trace.zero_ns.cast_signed())
        .collect()
}

#[test]
fn playing_moves_the_cursors_and_ends_at_the_end() {
    let Some(mut browser) = player() else { return };
    assert_eq!(browser.run("shown('.cursor').length"), 0);
    browser.run("choose('speed', '0.25')");
    // The time and the place of the cursors in each frame.
    let frames = browser.run(
        "(async () => {
            const frames = [];
            press('play');
            while (control('play').textContent === 'Pause') { frames.push([time(), ...cursors()]); await settled(); }
            frames.push([time(), ...cursors()]);
            return frames;
        })()",
    );
    let frames: Vec<Vec<f64>> = serde_json::from_value(frames).unwrap();
    assert!(frames.len() > 5, "{frames:?}");
    for pair in frames.windows(2) {
        assert!(
            pair[0]
                .iter()
                .zip(&pair[1])
                .all(|(before, after)| before <= after),
            "{pair:?}"
        );
    }
    for frame in &frames {
        assert!(
            frame[1..].iter().all(|cursor| (cursor - frame[1]).abs() < 1e-9),
            "{frame:?}"
        );
    }
    let (first, last) = (&frames[0], &frames[frames.len() - 1]);
    assert!(first[1] < last[1]);
    let ends = numbers(
        &browser.run("[Number(control('slider').max), Number(part(0).querySelector('svg').dataset.x1)]"),
    );
    assert_eq!(last[..2], ends);
    assert_eq!(browser.run("shown('.cursor').length"), 3);
    // From the end it begins again.
    assert_eq!(
        browser.run("press('play'); time() < Number(control('slider').max)"),
        true
    );
    browser.run("press('play')");
    assert_eq!(browser.run("control('play').textContent"), "Play");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn steps_go_to_exactly_the_next_event() {
    let Some(mut browser) = player() else { return };
    let traces = sample::traces();
    let mut all: Vec<i64> = traces.iter().flat_map(events).collect();
    all.sort_unstable();
    all.dedup();
    for (model, expected) in [("", all), (&*traces[1].model, events(&traces[1]))] {
        let within = browser.run("[Number(control('slider').min), Number(control('slider').max)]");
        let within = numbers(&within);
        let mut expected: Vec<f64> = expected.iter().map(|&time| time as f64).collect();
        expected.retain(|time| (within[0]..=within[1]).contains(time));
        let walk = |button: &str| {
            format!(
                "(() => {{
                    const times = [];
                    for (;;) {{
                        const before = times.at(-1);
                        press('{button}');
                        if (time() === before) return times;
                        times.push(time());
                    }}
                }})()"
            )
        };
        browser.run(&format!("press('reset'); choose('steps', {})", json!(model)));
        assert_eq!(numbers(&browser.run(&walk("forward"))), expected, "{model}");
        // Back from the last one, which it stands at.
        let back = numbers(&browser.run(&walk("back")));
        let mut reverse = expected.clone();
        reverse.reverse();
        assert_eq!(back, reverse[1..], "{model}");
    }
}

#[test]
fn readouts_are_those_of_the_sample() {
    let Some(mut browser) = player() else { return };
    for (us, lanes, counts) in [
        (
            50,
            ["blocked in epoll_wait", "blocked in futex", "blocked in futex"],
            "0 waiting, 0 in progress, 0 answered",
        ),
        (
            507,
            [
                "runnable, waits for a CPU",
                "blocked in futex",
                "blocked in futex",
            ],
            "1 waiting, 0 in progress, 0 answered",
        ),
        (
            518,
            [
                "runs request 1, in recvfrom",
                "blocked in futex",
                "blocked in futex",
            ],
            "0 waiting, 1 in progress, 0 answered",
        ),
        (
            700,
            [
                "blocked in epoll_wait",
                "runs request 1",
                "runnable, waits for a CPU",
            ],
            "0 waiting, 2 in progress, 0 answered",
        ),
        (
            1_000,
            [
                "blocked in epoll_wait",
                "request 1: blocked in clock_nanosleep",
                "runs request 2",
            ],
            "0 waiting, 2 in progress, 0 answered",
        ),
        (
            1_908,
            [
                "blocked in epoll_wait",
                "blocked in futex",
                "request 2: blocked in clock_nanosleep",
            ],
            "1 waiting, 1 in progress, 1 answered",
        ),
        (
            3_700,
            ["blocked in epoll_wait", "blocked in futex", "blocked in futex"],
            "0 waiting, 0 in progress, 4 answered",
        ),
    ] {
        browser.run(&format!("seekTo({})", ns(us)));
        assert_eq!(strings(&browser.run("lanes(0)")), lanes, "{us}");
        assert_eq!(browser.run("counts(0)"), counts, "{us}");
        assert_eq!(browser.run("all('td.counts')[0].textContent"), counts, "{us}");
    }
    // The second trace has half the length.
    assert_eq!(strings(&browser.run("lanes(1)")), ["–"; 3]);
    assert_eq!(browser.run("counts(1)"), "4 answered, the trace has ended");
}

/// A page of traces alone has the same policy, and its pictures need no script.
#[test]
fn a_page_of_traces_is_a_page_of_its_own() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let html = crate::traces_html(&sample::traces());
    assert!(html.contains("default-src 'none'") && html.ends_with("</html>\n"));
    browser.scripts(false);
    browser.open(&html, "");
    browser.scripts(true);
    let visible = "[...document.querySelectorAll('.picture svg, .race td, button, select, input, .lanes')]
        .filter((part) => part.checkVisibility()).map((part) => part.localName)";
    let visible = strings(&browser.run(visible));
    // Without a script: a legend, three pictures, a row of six facts for each, and no control that does nothing.
    assert_eq!(visible.iter().filter(|name| *name == "svg").count(), 1 + 3);
    assert_eq!(visible.iter().filter(|name| *name == "td").count(), 3 * 6);
    assert_eq!(visible.len(), 1 + 3 + 3 * 6);
    browser.open(&html, "");
    browser.run(super::TOOLS);
    browser.run(PLAYER);
    browser.run("press('forward'); document.getElementById('theme').click()");
    assert_eq!(browser.run("shown('.cursor').length"), 3);
    assert_eq!(browser.complaints(), [""; 0]);
    assert_eq!(browser.requests(), [""; 0]);
}

/// To look at it: `LOOK=folder cargo test -p report player_can_be_looked_at` writes a page of traces there, and pictures of it at
/// its start, at a later time, and on paper. With `TRACES=folder` the traces are those that `compare trace` wrote there.
#[test]
fn the_player_can_be_looked_at() {
    let Some(folder) = std::env::var_os("LOOK").map(std::path::PathBuf::from) else {
        return;
    };
    let traces = std::env::var_os("TRACES").map_or_else(sample::traces, |folder| {
        let files = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = files
            .filter(|file| file.extension().is_some_and(|extension| extension == "json"))
            .collect();
        files.sort();
        let read = |file| crate::trace::chrome::read(&std::fs::read_to_string(file).unwrap()).unwrap();
        files.into_iter().map(read).collect()
    });
    let lasts = traces.iter().filter_map(|trace| {
        let last = trace.requests.iter().map(|request| request.received_ns).max()?;
        Some(last - trace.zero_ns)
    });
    let middle = lasts.min().unwrap() * 42 / 100;
    let html = crate::traces_html(&traces);
    std::fs::write(folder.join("traces.html"), &html).unwrap();
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let look = |browser: &mut Browser, name: &str| {
        for (index, picture) in browser.pictures(1500.0).iter().enumerate() {
            std::fs::write(folder.join(format!("traces-{name}-{index:02}.png")), picture).unwrap();
        }
    };
    for (width, dark) in [(1280, false), (1280, true), (400, false), (400, true)] {
        // What scrolls is drawn in the window alone.
        browser.screen(width, 9_000, dark);
        browser.open(&html, "");
        browser.run(super::TOOLS);
        browser.run(PLAYER);
        let scheme = if dark { "dark" } else { "light" };
        look(&mut browser, &format!("{width}-{scheme}-start"));
        browser.run(&format!(
            "seekTo({middle}); press('forward'); all('[data-light]')[1]?.click(); settled()"
        ));
        look(&mut browser, &format!("{width}-{scheme}-middle"));
        browser.screen(width, 850, dark);
        browser.run(
            "choose('zoom', '4'); part(2).scrollIntoView(); part(2).querySelector('.own[data-label]')?.focus({ preventScroll: true }); settled()",
        );
        let seen = browser.call("Page.captureScreenshot", &json!({ "format": "png" }));
        let seen = STANDARD.decode(seen["data"].as_str().unwrap()).unwrap();
        std::fs::write(folder.join(format!("traces-{width}-{scheme}-window.png")), seen).unwrap();
    }
    std::fs::write(folder.join("traces.pdf"), browser.print()).unwrap();
    browser.screen(703, 1000, false);
    browser.call("Emulation.setEmulatedMedia", &json!({ "media": "print" }));
    look(&mut browser, "print");
}
