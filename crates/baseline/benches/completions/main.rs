//! Completions or readiness: CPU time per request on io_uring and on epoll, setting by setting.
//!
//! `cargo bench -p baseline -- completions [--pairs 9] [--seconds 1] [--only WORD] [--into FILE] [--no-build]` measures a
//! server of each kind in turn, the server on one CPU and the client on another, and prints a row for each setting:
//!
//! | column | what it is |
//! |---|---|
//! | setting | the load, or what is different in the server |
//! | epoll µs, io_uring µs | median CPU time per request of the server, with all its threads |
//! | ratio | median of the ratios of all pairs (below 1: io_uring costs less), with an interval that holds the median in at least 95 % of samples, or all ratios if the pairs are too few for that |
//! | calls epoll, calls io_uring | system calls per request, counted by perf in a run of its own |
//!
//! `--no-build` measures the programs as they are. `--only WORD` measures the settings whose name contains WORD.
//! `--into FILE` replaces what is between the markers `<!-- completions: begin -->` and `<!-- completions: end -->` in that
//! file.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, missing_docs)]

mod settings;
mod trial;

use std::fmt::Write as _;
use std::{env, fs};

use settings::{SETTINGS, Setting};
use trial::Bench;

const BEGIN: &str = "<!-- completions: begin -->";
const END: &str = "<!-- completions: end -->";

fn main() {
    // `cargo bench` runs all benches of the crate with the same arguments.
    if !env::args().any(|argument| argument == "completions") {
        return;
    }
    let flags = Flags::parse();
    let bench = Bench::prepare(&flags.seconds);
    let chosen: Vec<_> = SETTINGS
        .iter()
        .filter(|setting| setting.name.contains(&flags.only))
        .collect();
    assert!(!chosen.is_empty(), "no setting contains {}", flags.only);
    let mut table = HEAD.to_owned();
    print!("{table}");
    for setting in chosen {
        let row = row(&bench, setting, flags.pairs);
        print!("{row}");
        table += &row;
    }
    if let Some(path) = flags.into {
        let text = fs::read_to_string(&path).expect("--into names a file that can be read");
        let (before, rest) = text.split_once(BEGIN).expect("the file has the first marker");
        let (_, after) = rest.split_once(END).expect("the file has the second marker");
        let source = format!(
            "By `cargo bench -p baseline -- completions`: {} pairs of {} s on {}.",
            flags.pairs,
            flags.seconds,
            trial::machine()
        );
        let text = format!("{before}{BEGIN}\n\n{table}\n{source}\n\n{END}{after}");
        fs::write(&path, text).expect("the file can be written");
    }
}

const HEAD: &str = "\
| setting | epoll µs | io_uring µs | ratio | calls epoll | calls io_uring |
|---|---|---|---|---|---|
";

fn row(bench: &Bench, setting: &Setting, pairs: usize) -> String {
    let (mut epoll, mut uring, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..pairs {
        // The order alternates, so that a drift favours neither.
        let (on_epoll, on_uring) = if pair % 2 == 0 {
            let on_epoll = bench.cost(&setting.epoll, &setting.load);
            (on_epoll, bench.cost(&setting.uring, &setting.load))
        } else {
            let on_uring = bench.cost(&setting.uring, &setting.load);
            (bench.cost(&setting.epoll, &setting.load), on_uring)
        };
        epoll.push(on_epoll);
        uring.push(on_uring);
        ratios.push(on_uring / on_epoll);
    }
    let [epoll, uring, ratio] = [&mut epoll, &mut uring, &mut ratios].map(|values| median(values));
    let (low, high) = interval_of_median(&ratios);
    let calls = |server| {
        bench
            .calls_per_request(server, &setting.load)
            .map_or("not counted".to_owned(), |calls| format!("{calls:.3}"))
    };
    let mut row = String::new();
    let _ = writeln!(
        row,
        "| {} | {epoll:.3} | {uring:.3} | {ratio:.2} ({low:.2} to {high:.2}) | {} | {} |",
        setting.name,
        calls(&setting.epoll),
        calls(&setting.uring)
    );
    row
}

/// Sorts the values.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Two of the sorted values, between which the median is in at least 95 % of samples (order statistics: the number of
/// values below the median is binomial). All values, if there are too few for that.
fn interval_of_median(sorted: &[f64]) -> (f64, f64) {
    let count = sorted.len();
    let (mut tail, mut probability, mut outside) = (0.0, 0.5_f64.powf(count as f64), 0);
    while tail + probability <= 0.025 && 2 * outside + 1 < count {
        tail += probability;
        outside += 1;
        probability *= (count + 1 - outside) as f64 / outside as f64;
    }
    let outside = outside.saturating_sub(1);
    (sorted[outside], sorted[count - 1 - outside])
}

struct Flags {
    pairs: usize,
    seconds: String,
    only: String,
    into: Option<String>,
}

impl Flags {
    fn parse() -> Self {
        let arguments: Vec<_> = env::args().collect();
        let flag = |name: &str| {
            let at = arguments.iter().position(|argument| argument == name)?;
            arguments.get(at + 1).cloned()
        };
        Self {
            pairs: flag("--pairs").map_or(9, |pairs| pairs.parse().expect("--pairs takes a number")),
            seconds: flag("--seconds").unwrap_or_else(|| "1".to_owned()),
            only: flag("--only").unwrap_or_default(),
            into: flag("--into"),
        }
    }
}
