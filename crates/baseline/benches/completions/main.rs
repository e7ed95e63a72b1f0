//! Completions or readiness: CPU time per request on io_uring and on epoll, setting by setting.
//!
//! `cargo bench -p baseline -- completions [--pairs 9] [--seconds 1] [--only WORD] [--into FILE] [--no-build]` measures a
//! server of each kind in turn, the server on one CPU and the client on another, and prints a row for each setting:
//!
//! | column | what it is |
//! |---|---|
//! | setting | the load, or what is different in the server |
//! | epoll µs, io_uring µs | median CPU time per request of the server, with all its threads |
//! | ratio | median of the ratios of all pairs (below 1: io_uring costs less), with an interval that holds the median with a chance of 95 %, or from the least ratio to the greatest if there are fewer than six pairs |
//! | calls epoll, calls io_uring | system calls per request, counted by perf in a run of its own |
//!
//! `--no-build` measures the programs as they are. `--only WORD` measures the settings whose name contains WORD.
//! `--into FILE` replaces what is between the markers `<!-- completions: begin -->` and `<!-- completions: end -->` in that
//! file. A relative path is one within the repository.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, missing_docs)]

mod settings;
#[path = "../shared/mod.rs"]
mod shared;
mod trial;

use std::env;
use std::fmt::Write as _;
use std::path::PathBuf;

use baseline::page;
use settings::{SETTINGS, Setting};
use stats::Estimate;
use trial::Bench;

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
    let (mut table, mut sure) = (HEAD.to_owned(), 0.0);
    print!("{table}");
    for setting in chosen {
        let (row, chance) = row(&bench, setting, flags.pairs);
        print!("{row}");
        table += &row;
        sure = chance;
    }
    let source = format!(
        "By `cargo bench -p baseline -- completions`: {} pairs of {} s on {}. {}",
        flags.pairs,
        flags.seconds,
        page::machine(),
        page::sureness(sure)
    );
    println!("\n{source}");
    if let Some(file) = flags.into {
        let written = page::write_into(&file, "completions", &format!("{table}\n{source}"));
        written.expect("the page can be written");
    }
}

const HEAD: &str = "\
| setting | epoll µs | io_uring µs | ratio | calls epoll | calls io_uring |
|---|---|---|---|---|---|
";

/// A row, and the chance that its interval holds the median.
fn row(bench: &Bench, setting: &Setting, pairs: usize) -> (String, f64) {
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
    let [epoll, uring, ratio] = [epoll, uring, ratios]
        .map(|values| Estimate::from_values(values).expect("--pairs takes a number of 1 or more"));
    let calls = |server| {
        bench
            .calls_per_request(server, &setting.load)
            .map_or("not counted".to_owned(), |calls| format!("{calls:.3}"))
    };
    let mut row = String::new();
    let _ = writeln!(
        row,
        "| {} | {:.3} | {:.3} | {:.2} ({:.2} to {:.2}) | {} | {} |",
        setting.name,
        epoll.median,
        uring.median,
        ratio.median,
        ratio.low,
        ratio.high,
        calls(&setting.epoll),
        calls(&setting.uring)
    );
    (row, ratio.confidence())
}

struct Flags {
    pairs: usize,
    seconds: String,
    only: String,
    into: Option<PathBuf>,
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
            into: flag("--into").map(|file| shared::page(&file, "completions")),
        }
    }
}
