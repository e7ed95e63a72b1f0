//! The player by mouse and by keyboard.

use serde_json::json;

use super::super::numbers;
use super::{ns, player};
use crate::format::html::browser::Browser;

/// Moves the mouse to the middle of an element, after scrolling to it.
fn hover(browser: &mut Browser, element: &str) {
    // The tooltip is hidden by scrolling, whose event comes with the next frame.
    let place = browser.run(&format!(
        "(async () => {{ const one = {element}; one.scrollIntoView({{ block: 'center', inline: 'center' }});
            await settled(); await settled(); const box = one.getBoundingClientRect();
            return [box.left + box.width / 2, box.top + box.height / 2]; }})()"
    ));
    let place = numbers(&place);
    browser.call(
        "Input.dispatchMouseEvent",
        &json!({ "type": "mouseMoved", "x": place[0], "y": place[1] }),
    );
    browser.run("settled()");
}

const TIP: &str = "document.getElementById('tip').hidden ? null : document.getElementById('tip').textContent";

#[test]
fn pointing_at_a_picture_shows_its_words() {
    let Some(mut browser) = player() else { return };
    // Where a thread runs its own code for long: nothing lies on top of it.
    let marks = "all('[data-lane] > .own', part(0)).filter((mark) => mark.getBBox().width > 30)";
    for (index, words) in [
        (0, "worker-1: runs on CPU 0 in its own code, 233 µs (request 1)"),
        (1, "worker-1: runs on CPU 0 in its own code, 241 µs (request 3)"),
    ] {
        hover(&mut browser, &format!("{marks}[{index}]"));
        assert_eq!(browser.run(TIP), words);
    }
    hover(&mut browser, "document.querySelector('#traces h2')");
    assert!(browser.run(TIP).is_null());
}

#[test]
fn a_request_is_marked_in_all_pictures() {
    let Some(mut browser) = player() else { return };
    let lit = "[...new Set(all('.lit').map((part) => part.dataset.request ?? part.dataset.square ?? part.dataset.light))]";
    let bands = "all('article.recorded').map((part) => all('[data-request].lit', part).length)";
    hover(
        &mut browser,
        "part(0).querySelector('[data-request=\"3\"][data-lane=\"1\"]')",
    );
    assert_eq!(browser.run(lit), json!(["3"]));
    let all = "all('article.recorded').map((part) => all('[data-request=\"3\"]', part).length)";
    let number = browser.run(all);
    assert_eq!(browser.run(bands), number);
    // In each trace, two threads have the request.
    assert!(numbers(&number).iter().all(|&number| number >= 2.0), "{number}");
    hover(&mut browser, "document.querySelector('#traces h2')");
    assert_eq!(browser.run(lit), json!([]));
    // A button keeps it.
    browser.run("all('[data-light]')[1].click()");
    hover(&mut browser, "document.querySelector('#traces h2')");
    assert_eq!(browser.run(lit), json!(["2"]));
    assert_eq!(
        browser.run("all('[data-light]')[1].getAttribute('aria-pressed')"),
        "true"
    );
    browser.run("all('[data-light]')[1].click()");
    assert_eq!(browser.run(lit), json!([]));
}

#[test]
fn the_keyboard_plays_and_steps() {
    let Some(mut browser) = player() else { return };
    browser.run("control('slider').focus()");
    browser.key(" ");
    assert_eq!(browser.run("control('play').textContent"), "Pause");
    browser.key(" ");
    assert_eq!(browser.run("control('play').textContent"), "Play");
    browser.key("End");
    assert_eq!(browser.run("time() === Number(control('slider').max)"), true);
    browser.key("Home");
    assert_eq!(browser.run("time() === Number(control('slider').min)"), true);
    browser.run("choose('steps', part(0).dataset.series)");
    for (us, words) in [
        (500, "0.000 ms: poll: request 1 is sent"),
        (505, "0.005 ms: poll: the client wakes main"),
        (510, "0.010 ms: poll: main runs, in epoll_wait"),
    ] {
        browser.key("ArrowRight");
        assert_eq!(browser.run("time()"), ns(us));
        assert_eq!(browser.run("control('status').textContent"), words);
    }
    browser.key("ArrowLeft");
    assert_eq!(browser.run("time()"), ns(505));
}

#[test]
fn the_arrow_keys_go_through_a_picture() {
    let Some(mut browser) = player() else { return };
    let focus =
        "(({ dataset, parentElement }) => [parentElement.closest('[data-lane]')?.dataset.lane ?? null,
        Number(dataset.from), dataset.label])(document.activeElement)";
    browser.run("all('[data-lane=\"1\"] > [data-from]', part(0))[1].focus()");
    let here = browser.run(focus);
    assert_eq!(browser.run(TIP), here[2]);
    browser.key("ArrowRight");
    let next = browser.run(focus);
    assert_eq!(next[0], here[0]);
    assert!(
        next[1].as_f64() >= here[1].as_f64() && next != here,
        "{here} {next}"
    );
    assert_eq!(browser.run("time()"), next[1]);
    assert_eq!(browser.run(TIP), next[2]);
    browser.key("ArrowDown");
    assert_ne!(browser.run(focus)[0], here[0]);
    assert_eq!(
        browser.run("all('[data-label][tabindex=\"0\"]', part(0)).length"),
        1
    );
}

#[test]
fn a_click_in_a_picture_sets_the_time() {
    let Some(mut browser) = player() else { return };
    let place = "(() => { const svg = part(2).querySelector('svg'); svg.scrollIntoView({ block: 'center' });
        const box = svg.getBoundingClientRect(); const [from, to] = [svg.dataset.x0, svg.dataset.x1].map(Number);
        return [box.left + (from + to) / 2 / svg.viewBox.baseVal.width * box.width, box.top + box.height / 2]; })()";
    let place = numbers(&browser.run(place));
    for kind in ["mousePressed", "mouseReleased"] {
        let click = json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
        browser.call("Input.dispatchMouseEvent", &click);
    }
    let middle = "(Number(control('slider').min) + Number(control('slider').max)) / 2";
    let off = browser
        .run(&format!("Math.abs(time() - {middle})"))
        .as_f64()
        .unwrap();
    // Less than a pixel.
    assert!(off < 5_000.0, "{off} ns");
}

#[test]
fn a_hidden_model_has_no_trace_and_no_steps() {
    let Some(mut browser) = player() else { return };
    let count = "[shown('article.recorded').length, shown('.race tbody tr').length, all('option:disabled', control('steps')).length]";
    assert_eq!(browser.run(count), json!([3, 3, 0]));
    browser.run("choose('steps', 'poll'); all('#models input').find((box) => box.value === 'poll').click()");
    assert_eq!(browser.run(count), json!([2, 2, 1]));
    assert_eq!(browser.run("control('steps').value"), "");
    browser.run("all('#models input').find((box) => box.value === 'thread pool').click(); press('forward'); press('forward')");
    // The second event of the trace that is left: the client wakes its first thread.
    assert_eq!(browser.run("time()"), ns(505) / 2);
    browser.run("document.querySelector('#models [data-all=\"\"]').click(); press('forward'); press('play')");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn reset_shows_whole_pictures_again() {
    let Some(mut browser) = player() else { return };
    browser.run("press('forward'); press('forward'); all('[data-light]')[0].click()");
    assert_eq!(browser.run("shown('.cursor').length"), 3);
    browser.run("press('reset')");
    assert_eq!(
        browser.run("shown('.cursor, .cover').length + all('.lit').length"),
        0
    );
    assert_eq!(browser.run("time() === Number(control('slider').min)"), true);
}

#[test]
fn a_tap_shows_words_and_keeps_them() {
    let Some(mut browser) = player() else { return };
    browser.screen(400, 800, false);
    browser.run("window.mark = all('[data-lane] > .own', part(0)).find((mark) => mark.getBBox().width > 30)");
    let place = "(async () => { mark.scrollIntoView({ block: 'center', inline: 'center' });
        for (let frame = 0; frame < 3; frame += 1) await settled();
        const box = mark.getBoundingClientRect(); return [box.left + box.width / 2, box.top + box.height / 2]; })()";
    let place = numbers(&browser.run(place));
    for (kind, points) in [
        ("touchStart", json!([{ "x": place[0], "y": place[1] }])),
        ("touchEnd", json!([])),
    ] {
        browser.call(
            "Input.dispatchTouchEvent",
            &json!({ "type": kind, "touchPoints": points }),
        );
    }
    // The click comes some time after the finger has left.
    browser.run("(async () => { while (document.getElementById('tip').hidden) await settled(); })()");
    assert_eq!(browser.run(TIP), browser.run("mark.dataset.label"));
}

#[test]
fn readers_who_want_less_motion_get_few_frames() {
    let Some(mut browser) = player() else { return };
    let reduce = json!({ "features": [{ "name": "prefers-reduced-motion", "value": "reduce" }] });
    browser.call("Emulation.setEmulatedMedia", &reduce);
    let times = browser.run(
        "(async () => {
            const times = [];
            choose('speed', '0.25');
            const begin = performance.now();
            press('play');
            while (control('play').textContent === 'Pause') { if (times.at(-1) !== time()) times.push(time()); await settled(); }
            return [times.length, performance.now() - begin];
        })()",
    );
    let times = numbers(&times);
    // At most one frame in 250 ms, after the first.
    assert!(times[0] >= 2.0 && times[0] <= 1.0 + times[1] / 250.0, "{times:?}");
}

#[test]
fn zoom_stretches_time_and_no_text() {
    let Some(mut browser) = player() else { return };
    let measure = "(() => {
        const svg = part(0).querySelector('svg');
        const box = (part) => part.getBoundingClientRect();
        const mark = all('[data-lane] > .own', svg).find((mark) => mark.getBBox().width > 30);
        const [name, call, number] = ['.name', '.call', '.chip'].map((one) => svg.querySelector(one));
        const cursor = svg.querySelector('.cursor');
        return [box(mark).width, box(name).width, box(call).width, box(number).width, box(svg).height,
            box(name).left - box(svg).left, box(cursor).left - box(mark).left];
    })()";
    browser.run("seekTo(34000)");
    let before = numbers(&browser.run(measure));
    browser.run("choose('zoom', '4')");
    let after = numbers(&browser.run(measure));
    // The cursor stays at its time, before the mark.
    for (index, factor) in [4.0, 1.0, 1.0, 1.0, 1.0, 1.0, 4.0].into_iter().enumerate() {
        let (before, after) = (before[index], after[index]);
        assert!(
            (after - before * factor).abs() < 1.5,
            "{index}: {before}, {after}"
        );
    }
    browser.run("seekTo(3000000); settled()");
    let seen = browser.run(
        "all('.cursor').every((cursor) => { const [line, frame] = [cursor, cursor.closest('.picture')].map((part) =>
            part.getBoundingClientRect()); return line.left >= frame.left && line.right <= frame.right; })",
    );
    assert_eq!(seen, true);
    browser.run("choose('zoom', '1'); seekTo(34000)");
    let again = numbers(&browser.run(measure));
    assert!(
        again
            .iter()
            .zip(&before)
            .all(|(again, before)| (again - before).abs() < 0.5)
    );
    assert_eq!(browser.complaints(), [""; 0]);
}
