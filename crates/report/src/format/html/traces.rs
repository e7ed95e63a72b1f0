//! What really happened: the traces of all models under one time axis, with the player's controls.

mod data;

use maud::{Markup, PreEscaped, html};
use schema::trace::{Source, Trace, Workload};
use serde_json::Value;

use self::data::data;
use crate::escape::code;
use crate::escape::markup::{Shown, marked, plain};
use crate::numbers::{counted, list};
use crate::trace::facts::Facts;
use crate::trace::{Axis, svg};

/// More requests have no square each.
const SQUARES_MOST: usize = 24;
/// Seconds for a millisecond of the trace, with the words for it. The first one is the usual.
const SPEEDS: [(&str, &str); 5] = [
    ("1", "1 ms in 1 s"),
    ("4", "1 ms in 4 s"),
    ("2", "1 ms in 2 s"),
    ("0.5", "1 ms in ½ s"),
    ("0.25", "1 ms in ¼ s"),
];

/// The part of the page; nothing if there are no traces.
pub(super) fn render(traces: &[Trace]) -> Markup {
    if traces.is_empty() {
        return html! {};
    }
    let axis = Axis::covering(traces);
    let squares = squares(traces);
    html! {
        section #traces {
            h2 { "What really happened" }
            p {
                "Each picture shows what the threads of one server did, as the kernel recorded it. The time axis is the same in all \
                 of them: 0 is when the first request was due. Each request has a number and a colour, at the client and in the \
                 threads that work on it. Compare when requests wait, and what the threads do meanwhile."
            }
            p data-script hidden {
                "Play all servers together, or step from event to event; the keys are space, the arrows, Home and End. Point at \
                 anything for its words, click to go to its time, and choose a number to follow that request through all servers."
            }
            p.quiet { (marked(&origin(traces))) }
            div.picture.wide tabindex="0" role="group" aria-label="Legend of the pictures" { (svg::legend(traces, axis)) }
            div #player {
                (controls(traces, axis))
                (table(traces, &squares))
                @for trace in traces {
                    "\n"
                    (article(trace, axis))
                }
            }
        }
    }
}

/// The numbers of the requests that have a square each; none if a trace has too many.
fn squares(traces: &[Trace]) -> Vec<usize> {
    let numbers = traces.iter().flat_map(|trace| &trace.requests);
    let mut numbers: Vec<_> = numbers.map(|request| request.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    if numbers.len() > SQUARES_MOST {
        Vec::new()
    } else {
        numbers
    }
}

/// What was asked of the servers, and how that was recorded, each with the models where it is not the same for all.
fn origin(traces: &[Trace]) -> String {
    let asked = grouped(traces, |trace| workload(&trace.workload));
    let recorded = grouped(traces, recorded);
    let sentence = |(words, models): (String, Option<String>)| match models {
        None => format!("{words}."),
        Some(models) => format!("{models}: {words}."),
    };
    let sentences: Vec<_> = asked.into_iter().chain(recorded).map(sentence).collect();
    sentences.join(" ")
}

/// What is true of traces, each with the models that it is true of; none if that is all.
fn grouped(traces: &[Trace], words: impl Fn(&Trace) -> String) -> Vec<(String, Option<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for trace in traces {
        let words = words(trace);
        match groups.iter_mut().find(|(other, _)| *other == words) {
            Some((_, models)) => models.push(code(&trace.model)),
            None => groups.push((words, vec![code(&trace.model)])),
        }
    }
    let is_alone = groups.len() == 1;
    let named = |(words, models): (String, Vec<String>)| (words, (!is_alone).then(|| list(&models)));
    groups.into_iter().map(named).collect()
}

fn workload(workload: &Workload) -> String {
    let params = match &workload.params {
        Value::Null => String::new(),
        params => format!(" {}", code(&params.to_string())),
    };
    let loop_kind = workload.rate_per_s.map_or_else(
        || "closed loop".to_owned(),
        |rate| format!("open loop of {}/s", crate::numbers::rounded(rate)),
    );
    let requests = usize::try_from(workload.requests).unwrap_or(usize::MAX);
    format!(
        "{} of {}{params} on {}, {loop_kind}",
        counted(requests, "request", "requests"),
        code(&workload.op),
        counted(workload.connections, "connection", "connections"),
    )
}

fn recorded(trace: &Trace) -> String {
    let source = match trace.source {
        Source::Perf => "with perf",
        Source::Switches => "from context-switch records and strace",
        Source::Strace => "with strace alone",
    };
    let recorded = &trace.recorded;
    let date = recorded.at.strftime("%Y-%m-%d");
    format!("Recorded {source} on Linux {}, {date}", recorded.kernel)
}

fn controls(traces: &[Trace], axis: Axis) -> Markup {
    html! {
        p.settings data-script hidden {
            label for="player-speed" { "Speed" }
            select #player-speed autocomplete="off" {
                @for (seconds, words) in SPEEDS {
                    option value=(seconds) { (words) }
                }
            }
            label for="player-zoom" { "Zoom" }
            select #player-zoom autocomplete="off" {
                @for factor in ["1", "2", "4", "8", "16"] {
                    option value=(factor) { (factor) " ×" }
                }
            }
            label for="player-steps" { "Steps through the events of" }
            select #player-steps autocomplete="off" {
                option value="" { "all servers" }
                @for trace in traces {
                    option value=(Shown(&trace.model)) { (Shown(&trace.model)) }
                }
            }
        }
        div.controls role="group" aria-label="Player" data-script hidden {
            button #player-play type="button" { "Play" }
            button #player-back type="button" aria-label="Step back to the event before" { "◂" }
            button #player-forward type="button" aria-label="Step to the next event" { "▸" }
            button #player-reset type="button" { "Reset" }
            input #player-slider type="range" min=(axis.from_ns) max=(axis.to_ns) step="1" value=(axis.from_ns) autocomplete="off"
                aria-label="Time";
            output #player-clock for="player-slider" {}
            p #player-status role="status" {}
        }
    }
}

/// All models side by side: what became of the requests so far, and what each did in all.
fn table(traces: &[Trace], squares: &[usize]) -> Markup {
    let headings = Facts::count(&traces[0]).in_words().map(|(name, _)| name);
    html! {
        div.wide tabindex="0" role="group" aria-label="All servers" {
            table.race {
                thead {
                    tr {
                        th scope="col" { "server" }
                        td.way data-script hidden {
                            @for number in squares {
                                button type="button" data-light=(number) aria-pressed="false" aria-label={ "Mark request " (number) } {
                                    (number)
                                }
                            }
                        }
                        th.counts scope="col" data-script hidden { "requests at this time" }
                        @for name in headings { th scope="col" { (name) } }
                    }
                }
                tbody {
                    @for trace in traces {
                        "\n"
                        tr data-series=(Shown(&trace.model)) {
                            th scope="row" { a href={ "#" (Shown(&id(trace))) } { (Shown(&trace.model)) } }
                            td.way data-script hidden aria-hidden="true" {
                                @for number in squares { span data-square=(number) {} }
                            }
                            td.counts data-script hidden {}
                            @for (_, value) in Facts::count(trace).in_words() { td { (value) } }
                        }
                    }
                }
            }
        }
        @if !squares.is_empty() {
            p.key.quiet data-script hidden aria-hidden="true" {
                @for (state, words) in KEY {
                    span { span data-square data-state=(state) {} " " (words) }
                    " "
                }
            }
        }
    }
}

const KEY: [(&str, &str); 5] = [
    ("none", "not sent yet"),
    ("unread", "sent, not read yet"),
    ("held", "a thread works on it"),
    ("unheld", "read, no thread works on it"),
    ("answered", "answered"),
];

/// The id of a trace's part.
fn id(trace: &Trace) -> String {
    format!("trace-{}", trace.model)
}

fn article(trace: &Trace, axis: Axis) -> Markup {
    html! {
        article.recorded id=(Shown(&id(trace))) data-series=(Shown(&trace.model)) {
            header {
                h3 { (Shown(&trace.model)) }
                span.counts data-script hidden {}
            }
            div.beside {
                div.picture.wide tabindex="0" role="group" aria-label={ "Picture of " (Shown(&plain(&trace.model))) } {
                    (svg::picture(trace, axis))
                }
                dl.lanes data-script hidden {
                    @for lane in &trace.lanes {
                        div { dt { (Shown(&lane.name)) } dd {} }
                    }
                }
            }
            p.quiet { (Facts::count(trace).line()) @for lack in &trace.lacks { " " (marked(lack)) } }
            // `<` could begin a tag that ends the script.
            script type="application/json" { (PreEscaped(data(trace).to_string().replace('<', "\\u003c"))) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::sample;
    use crate::traces_html as page;

    /// A trace in which what the sample shows happens several times in a row.
    fn repeated(model: usize, times: u64) -> Trace {
        let one = sample::trace();
        let mut whole = Trace {
            model: format!("model {model}"),
            length_ns: one.length_ns * times,
            ..one.clone()
        };
        for time in 1..times {
            let later = time * one.length_ns;
            for (lane, more) in whole.lanes.iter_mut().zip(&one.lanes) {
                lane.slices.extend(more.slices.iter().cloned().map(|mut slice| {
                    slice.from_ns += later;
                    slice.to_ns += later;
                    slice
                }));
            }
            whole.wakes.extend(one.wakes.iter().copied().map(|mut wake| {
                wake.at_ns += later;
                wake
            }));
            whole
                .requests
                .extend(one.requests.iter().cloned().map(|mut request| {
                    request.number += one.requests.len() * usize::try_from(time).expect("it is small");
                    for at in [
                        &mut request.due_ns,
                        &mut request.sent_ns,
                        &mut request.received_ns,
                    ] {
                        *at += later;
                    }
                    for part in &mut request.parts {
                        part.from_ns += later;
                        part.to_ns += later;
                    }
                    request
                }));
        }
        whole
    }

    #[test]
    fn twelve_traces_stay_below_two_megabytes() {
        let traces: Vec<_> = (0..12).map(|model| repeated(model, 5)).collect();
        let slices: usize = traces[0].lanes.iter().map(|lane| lane.slices.len()).sum();
        assert!(slices > 300, "{slices}");
        let size = page(&traces).len();
        assert!((300_000..2_000_000).contains(&size), "{size} bytes");
    }

    #[test]
    fn models_are_named_where_not_all_got_the_same() {
        let (one, mut other) = (repeated(1, 1), repeated(2, 1));
        assert_eq!(
            origin(&[one.clone(), one.clone()]),
            "4 requests of `work` `{\"cpu_us\":300,\"wait_ms\":1}` on 2 connections, open loop of 10,000/s. \
             Recorded with perf on Linux 6.12.0, 2026-01-02."
        );
        other.source = Source::Strace;
        other.workload.params = Value::Null;
        other.workload.rate_per_s = None;
        assert_eq!(
            origin(&[one, other]),
            "`model 1`: 4 requests of `work` `{\"cpu_us\":300,\"wait_ms\":1}` on 2 connections, open loop of 10,000/s. \
             `model 2`: 4 requests of `work` on 2 connections, closed loop. \
             `model 1`: Recorded with perf on Linux 6.12.0, 2026-01-02. \
             `model 2`: Recorded with strace alone on Linux 6.12.0, 2026-01-02."
        );
    }

    #[test]
    fn no_name_ends_the_script_that_has_it() {
        let mut trace = repeated(1, 1);
        trace.lanes[0].name = "</script><b>".to_owned();
        let html = page(&[trace]);
        assert!(!html.contains("</script><b>") && html.contains("\\u003c/script>"));
    }

    #[test]
    fn many_requests_have_no_square_each() {
        assert_eq!(squares(&[repeated(1, 2)]), [1, 2, 3, 4, 5, 6, 7, 8]);
        let many = repeated(1, 7);
        assert_eq!(squares(std::slice::from_ref(&many)), [0; 0]);
        assert!(!page(&[many]).contains("class=\"key"));
    }
}
