//! What the marks mean: a row of those that occur.

use schema::trace::{State, Trace};

use super::frame::{BAR, EDGE, READY, WIDTH, colour};
use super::label::{chip, line, width};
use super::links::{Kind, Links, reply_head};
use super::pieces::{Piece, Stretch};

/// The width of a sample.
const SAMPLE: f64 = 26.0;
/// Between a sample and its words, and between two entries.
const GAP: f64 = 6.0;
const BETWEEN: f64 = 12.0;
const ROW: f64 = 25.0;

/// The legend of these entries below `top`, and where it ends.
pub(super) fn draw(entries: &[Entry], top: f64) -> (String, f64) {
    let (mut x, mut base) = (EDGE, top + BAR);
    let mut out = String::from("<g class=\"legend\">\n");
    for (words, sign) in entries {
        let needed = SAMPLE + GAP + width(words);
        if x > EDGE && x + needed > WIDTH - EDGE {
            x = EDGE;
            base += ROW;
        }
        out += &sign(x, base);
        out += &line("quiet", x + SAMPLE + GAP, base - 5.0, words);
        x += needed + BETWEEN;
    }
    (out + "</g>\n", base + 4.0)
}

type Sign = Box<dyn Fn(f64, f64) -> String>;
/// The words of an entry, and its sample at a place.
pub(super) type Entry = (&'static str, Sign);

/// The entries of a picture: those that occur in it.
pub(super) fn entries(trace: &Trace, pieces: &[Vec<Piece<'_>>], links: &Links) -> Vec<Entry> {
    let occurs = |kind| links.kinds.contains(&kind);
    let mut entries = states(pieces);
    if occurs(Kind::KernelWake) {
        let stub = |x: f64, base: f64| {
            let x = x + SAMPLE / 2.0;
            format!(
                "<path class=\"kernel-wake\" d=\"M{x:.1} {:.1}l-3.5 -7h7z\"/>\n",
                base - 5.0
            )
        };
        entries.push(("kernel wakes it", Box::new(stub)));
    }
    entries.extend(requests(trace));
    if occurs(Kind::Wake) {
        let arrow = |x: f64, base: f64| {
            let x = x + SAMPLE / 2.0;
            format!(
                "<path class=\"link\" d=\"M{x:.1} {:.1}v13\"/><path class=\"head\" d=\"M{x:.1} {base:.1}l-4 -8h8z\"/>\n",
                base - 20.0
            )
        };
        entries.push(("wakes a thread", Box::new(arrow)));
    }
    if occurs(Kind::Take) {
        let line = |x: f64, base: f64| {
            format!(
                "<path class=\"link\" d=\"M{:.1} {:.1}v20\"/>\n",
                x + SAMPLE / 2.0,
                base - 20.0
            )
        };
        entries.push(("takes it without a wake-up", Box::new(line)));
    }
    if occurs(Kind::Reply) {
        let reply = |x: f64, base: f64| {
            let x = x + SAMPLE / 2.0;
            format!(
                "<path class=\"link\" d=\"M{x:.1} {:.1}v18\"/><path class=\"head\" d=\"{}\"/>\n",
                base - 18.0,
                reply_head(x, base - 20.0)
            )
        };
        entries.push(("reply", Box::new(reply)));
    }
    entries
}

/// The states that occur.
fn states(pieces: &[Vec<Piece<'_>>]) -> Vec<Entry> {
    let occurs = |is: &dyn Fn(&Stretch<'_>) -> bool| {
        let stretches = pieces.iter().flatten().flat_map(|piece| &piece.stretches);
        stretches.into_iter().any(is)
    };
    let all: [(bool, Entry); 4] = [
        (
            occurs(&|stretch| stretch.state == State::Running && stretch.call.is_none()),
            (
                "runs its code",
                Box::new(|x, base| rect("own free", x, base, BAR)),
            ),
        ),
        (
            occurs(&|stretch| stretch.state == State::Running && stretch.call.is_some()),
            (
                "runs in a system call",
                Box::new(|x, base| rect("kernel free", x, base, BAR)),
            ),
        ),
        (
            occurs(&|stretch| stretch.state == State::Runnable),
            (
                "runnable, waits for a CPU",
                Box::new(|x, base| {
                    format!(
                        "<path class=\"ready\" d=\"M{x:.1} {:.1}h{SAMPLE}\"/>\n",
                        base - READY / 2.0
                    )
                }),
            ),
        ),
        (
            occurs(&|stretch| stretch.state == State::Blocked),
            (
                "blocked in named call",
                Box::new(|x, base| format!("<path class=\"blocked\" d=\"M{x:.1} {base:.1}h{SAMPLE}\"/>\n")),
            ),
        ),
    ];
    let all = all.into_iter().filter(|(occurs, _)| *occurs);
    all.map(|(_, entry)| entry).collect()
}

/// The states of requests that occur.
fn requests(trace: &Trace) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let held = trace.requests.iter().find(|request| !request.parts.is_empty());
    if let Some(number) = held.map(|request| request.number) {
        let holds = move |x: f64, base: f64| {
            format!(
                "<path class=\"own {}\" d=\"M{x:.1} {:.1}h18v15h8v5h-26z\"/>{}",
                colour(number),
                base - 20.0,
                chip(&number.to_string(), &colour(number), x + 9.0, base - 11.0)
            )
        };
        entries.push(("holds the request", Box::new(holds)));
        let pale = move |x: f64, base: f64| {
            format!(
                "<g class=\"{}\">{}</g>\n",
                colour(number),
                rect("pale", x, base - 1.0, 16.0)
            )
        };
        entries.push(("sent, no thread holds it", Box::new(pale)));
    }
    let due = trace
        .requests
        .iter()
        .find(|request| request.due_ns < request.sent_ns);
    if let Some(number) = due.map(|request| request.number) {
        let due = move |x: f64, base: f64| {
            let x = x + 0.75;
            format!(
                "<g class=\"{}\"><path class=\"due\" d=\"M{x:.1} {:.1}v5M{x:.1} {:.1}h{SAMPLE}\"/></g>\n",
                colour(number),
                base - 10.5,
                base - 8.0
            )
        };
        entries.push(("due, not sent yet", Box::new(due)));
    }
    entries
}

fn rect(class: &str, x: f64, base: f64, height: f64) -> String {
    format!(
        "<path class=\"{class}\" d=\"M{x:.1} {:.1}h{SAMPLE}v{height}h-{SAMPLE}z\"/>\n",
        base - height
    )
}
