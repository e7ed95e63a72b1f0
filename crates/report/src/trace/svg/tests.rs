//! Whole pictures.

mod looks;
mod marks;
mod places;

use schema::trace::{Part, Request, Slice, State, Trace, Wake, Waker};

use super::{legend, picture, render};
use crate::drawn::{attribute, number};
use crate::trace::{Axis, chrome, sample};

#[test]
fn the_picture_of_the_sample_stays() {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("sample", render(&sample::trace()));
    });
}

/// To look at them: `LOOK=folder cargo test -p report` writes the samples there, and a picture of each trace in its `trace/`.
#[test]
fn pictures_can_be_looked_at() {
    let Some(folder) = std::env::var_os("LOOK").map(std::path::PathBuf::from) else {
        return;
    };
    for (name, trace) in all() {
        std::fs::write(folder.join(format!("trace-{name}.svg")), render(&trace)).unwrap();
    }
    for file in std::fs::read_dir(folder.join("trace")).into_iter().flatten() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let trace = chrome::read(&std::fs::read_to_string(&path).unwrap()).unwrap();
            std::fs::write(path.with_extension("svg"), render(&trace)).unwrap();
        }
    }
}

/// Traces of all kinds, with their names.
fn all() -> Vec<(&'static str, Trace)> {
    let mut some_idle = sample::trace();
    some_idle.lanes.extend(sample::idle(3));
    let mut many_idle = sample::trace();
    many_idle.lanes.extend(sample::idle(40));
    vec![
        ("sample", sample::trace()),
        ("some-idle", some_idle),
        ("many-idle", many_idle),
        ("hostile", hostile()),
        ("empty", empty()),
        ("dense", dense()),
        ("broken", broken()),
    ]
}

/// Names that could become markup, and that are as long as they can be.
fn hostile() -> Trace {
    let mut trace = sample::trace();
    trace.model = "<b>\"&'\u{202e}".repeat(20);
    trace.lacks = vec![
        "It <i>lacks</i> wake-ups.".to_owned(),
        "And more, as words that fill a line and then some more of the next one until it is full. ".repeat(3),
    ];
    trace.workload.op = "</title><script>alert(1)</script>".to_owned();
    trace.workload.params = serde_json::json!({ "</text>": "<b>", "list": [1, "<b>"] });
    trace.recorded.kernel = "<b>\u{7}".to_owned();
    for (index, lane) in trace.lanes.iter_mut().enumerate() {
        lane.name = format!("<b>\"&'-incomprehensible-{index}");
        for slice in &mut lane.slices {
            if let Some(call) = &mut slice.call {
                *call = format!("<b>{call}\"");
            }
        }
    }
    trace
}

fn empty() -> Trace {
    let mut trace = sample::trace();
    trace.lanes.clear();
    trace.wakes.clear();
    trace.connections.clear();
    trace.requests.clear();
    trace.length_ns = 0;
    trace.zero_ns = 0;
    trace
}

/// Twelve busy threads, eight connections with 16 requests, and thousands of slices and wake-ups.
fn dense() -> Trace {
    let mut trace = sample::trace();
    trace.length_ns = 10_000_000;
    trace.connections = (1..=8)
        .map(|number| schema::trace::Connection {
            number,
            opens_ns: 450_000,
        })
        .collect();
    let lane = trace.lanes[0].clone();
    trace.lanes = (0..12)
        .map(|index| schema::trace::Lane {
            name: format!("worker-{index}"),
            ..lane.clone()
        })
        .collect();
    for (index, lane) in trace.lanes.iter_mut().enumerate() {
        lane.slices.clear();
        let mut from_ns = 0;
        while from_ns < trace.length_ns {
            let place = lane.slices.len() * 7 + index * 5;
            let state =
                [State::Blocked, State::Runnable, State::Running, State::Running][lane.slices.len() % 4];
            let to_ns = (from_ns + 900 + (place as u64 * 7_919) % 40_000).min(trace.length_ns);
            lane.slices.push(Slice {
                from_ns,
                to_ns,
                state,
                cpu: (state == State::Running).then_some(0),
                call: place.is_multiple_of(3).then(|| "futex".to_owned()),
            });
            from_ns = to_ns;
        }
    }
    trace.wakes = (0..2_000)
        .map(|index| Wake {
            at_ns: index * 5_000,
            lane: (index % 12) as usize,
            by: [Waker::Client, Waker::Kernel, Waker::Lane((index % 5) as usize)][(index % 3) as usize],
        })
        .collect();
    trace.requests = (0..16)
        .map(|index| {
            let sent_ns = 500_000 + (index / 8) as u64 * 3_000_000 + (index % 8) as u64 * 9_000;
            let part = |lane: usize, from: u64, to: u64| Part {
                lane,
                from_ns: sent_ns + from,
                to_ns: sent_ns + to,
            };
            Request {
                number: index + 1,
                connection: index % 8 + 1,
                due_ns: sent_ns,
                sent_ns,
                received_ns: sent_ns + 2_900_000,
                parts: vec![part(0, 20_000, 28_000), part(1 + index % 11, 300_000, 2_800_000)],
            }
        })
        .collect();
    trace
}

/// What no source makes: places that do not exist, and times in the wrong order.
fn broken() -> Trace {
    let mut trace = sample::trace();
    let part = Part {
        lane: 99,
        from_ns: 900_000,
        to_ns: 800_000,
    };
    trace.requests[0].parts.insert(1, part);
    trace.requests[1].connection = 99;
    trace.requests[2].received_ns = 0;
    trace.requests[3].parts[1].from_ns = u64::MAX;
    trace.wakes.push(Wake {
        at_ns: 1,
        lane: 99,
        by: Waker::Lane(98),
    });
    trace.wakes.push(Wake {
        at_ns: u64::MAX,
        lane: 1,
        by: Waker::Lane(98),
    });
    trace.lanes[0].slices[3].to_ns = 0;
    trace.lanes[1].slices.clear();
    trace
}

/// The tags of a drawing with this class among theirs.
fn tags<'a>(drawn: &'a str, class: &str) -> Vec<&'a str> {
    let tags = drawn.split('<').skip(1).filter_map(|rest| rest.split('>').next());
    let has = |tag: &&str| {
        attribute(tag, "class").is_some_and(|classes| classes.split(' ').any(|own| own == class))
    };
    tags.filter(has).collect()
}

#[test]
fn a_file_has_colours_and_a_picture_uses_the_pages() {
    let trace = sample::trace();
    let file = render(&trace);
    let page = picture(&trace, Axis::covering([&trace])).into_string();
    for own in ["<style>", "prefers-color-scheme:dark", "class=\"surface\""] {
        assert!(file.contains(own) && !page.contains(own), "{own}");
    }
    for drawn in [&file, &page] {
        assert!(
            drawn.contains(" role=\"img\" aria-label=\"mu: 4 work requests on 2 connections; main: running")
        );
        assert!(drawn.starts_with("<svg xmlns=") && drawn.ends_with("</svg>\n"));
    }
}

#[test]
fn a_page_has_one_legend_of_what_occurs() {
    let (one, many) = (sample::trace(), dense());
    let axis = Axis::covering([&one, &many]);
    let shown = legend(&[one.clone(), many], axis).into_string();
    for words in [
        "due, not sent yet",
        "kernel wakes it",
        "takes it without a wake-up",
    ] {
        assert_eq!(shown.matches(&format!(">{words}</text>")).count(), 1, "{words}");
    }
    let alone = legend(&[one], axis).into_string();
    assert!(!alone.contains("takes it without"), "the sample has no such line");
}

#[test]
fn names_cannot_become_markup() {
    for drawn in [
        render(&hostile()),
        picture(&hostile(), Axis::covering([&hostile()])).into_string(),
    ] {
        for markup in ["<b>", "<i>", "<script", "</title></title>", "\u{202e}", "\u{7}"] {
            assert!(!drawn.contains(markup), "{markup:?}");
        }
        assert!(drawn.contains("&lt;b&gt;"));
        let inside = drawn
            .split("<title>")
            .skip(1)
            .map(|rest| rest.split("</title>").next().unwrap());
        for title in inside {
            assert!(!title.contains('<'), "{title}");
        }
        assert_eq!(drawn.matches("<g ").count(), drawn.matches("</g>").count());
        assert_eq!(drawn.matches("<text ").count(), drawn.matches("</text>").count());
    }
}

#[test]
fn pictures_stay_below_150_kilobytes() {
    for (name, trace) in all() {
        let size = render(&trace).len();
        assert!(size < 150_000, "{name}: {size} bytes");
    }
    assert!(dense().lanes.iter().map(|lane| lane.slices.len()).sum::<usize>() > 5_000);
}
