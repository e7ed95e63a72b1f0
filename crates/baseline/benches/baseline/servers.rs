//! The servers: each at 64 connections against the least server of its kind, and at 10,000 against the least event loop.

use std::fs;
use std::process::Command;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::table::Row;
use crate::turns::Program;
use crate::{Bench, CONNECTIONS};

/// A server, what it is compared with, and the most that it may cost as a multiple. Without a bound it is reported only.
struct Pair<'a> {
    ours: &'a str,
    baseline: &'a str,
    bound: Option<f64>,
}

const fn pair<'a>(ours: &'a str, baseline: &'a str, bound: Option<f64>) -> Pair<'a> {
    Pair {
        ours,
        baseline,
        bound,
    }
}

/// The pairs at 64 connections. A program whose file is not there is left out.
const PAIRS: &[Pair<'_>] = &[
    pair("server-async", "baseline-server", Some(1.10)),
    pair("server-thread", "baseline-threads", Some(1.10)),
    pair("server-pool --workers 64", "baseline-threads", Some(1.05)),
    pair("server-reactors --workers 1", "server-async", Some(1.05)),
    pair("server-handoff --workers 1", "server-async", Some(1.05)),
    pair("server-uring", "baseline-uring", Some(1.05)),
    pair("server-async-pool", "server-async", None),
    pair("server-tokio", "server-async", None),
];

/// Measures each pair in turn.
pub(crate) fn pairs(bench: &Bench) -> Vec<Row> {
    let built = PAIRS
        .iter()
        .filter(|pair| bench.has(pair.ours) && bench.has(pair.baseline));
    built.map(|pair| compare(bench, pair, CONNECTIONS)).collect()
}

/// More connections than the kernel's share of them fits into a CPU's cache.
const MANY: &str = "10000";

/// The most that an event loop may cost there, as a multiple of the least one.
const MANY_BOUND: f64 = 1.10;

/// Measures each server that describes itself as serving many connections, with 10,000 of them. Those where a `sleep` holds
/// no thread have a bound.
pub(crate) fn many_connections(bench: &Bench) -> Vec<Row> {
    /// It has a scheduler of its own below its handlers, and is reported as it is.
    const WITHOUT_A_BOUND: &str = "server-tokio";
    allow_many_descriptors();
    println!("{MANY} connections; CPU µs/request");
    let mut rows = Vec::new();
    for server in bench.servers() {
        let description = description(bench, &server);
        if description["serves"] != "many" {
            continue;
        }
        let one_loop = if description["workers"].is_null() {
            ""
        } else {
            " --workers 1"
        };
        let is_loop = description["wait_holds"] == "nothing" && server != WITHOUT_A_BOUND;
        let ours = format!("{server}{one_loop}");
        let bound = is_loop.then_some(MANY_BOUND);
        rows.push(compare(bench, &pair(&ours, "baseline-server", bound), MANY));
    }
    rows
}

/// Measures both programs of a pair several times, and prints each cost and the median of the ratios.
fn compare(bench: &Bench, pair: &Pair<'_>, connections: &'static str) -> Row {
    println!("{:>28} {:>18}  ratio", pair.ours, pair.baseline);
    let costs = (0..bench.pairs).map(|_| cost(bench, pair, connections));
    let row = Row {
        connections,
        server: pair.ours.to_owned(),
        baseline: pair.baseline.to_owned(),
        costs: costs.collect(),
        bound: pair.bound,
    };
    println!("{}\n", row.verdict());
    row
}

/// What both programs of a pair cost, in both orders: the second of two servers gets other memory of the kernel, and may cost
/// more for that.
fn cost(bench: &Bench, pair: &Pair<'_>, connections: &str) -> Result<(f64, f64), String> {
    let [ours, baseline] = bench.costs_in_turn([pair.ours, pair.baseline], connections)?;
    let [second_baseline, second_ours] = bench.costs_in_turn([pair.baseline, pair.ours], connections)?;
    let [ours, baseline] = [(ours, second_ours), (baseline, second_baseline)]
        .map(|(first, second): (f64, f64)| (first * second).sqrt());
    println!("{ours:28.3} {baseline:18.3}  {:.3}", ours / baseline);
    Ok((ours, baseline))
}

impl Bench {
    fn has(&self, program: &str) -> bool {
        self.binaries.join(Program::parse(program).name).exists()
    }

    /// The names of the servers that are built, in order.
    fn servers(&self) -> Vec<String> {
        let files = fs::read_dir(&self.binaries).expect("the folder of the binaries can be read");
        let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
        let mut servers: Vec<_> = names
            .filter(|name| name.starts_with("server-") && !name.contains('.'))
            .collect();
        servers.sort();
        servers
    }
}

fn description(bench: &Bench, server: &str) -> serde_json::Value {
    let output = Command::new(bench.binaries.join(server))
        .arg("--describe")
        .output();
    let output = output.expect("a server can be started");
    serde_json::from_slice(&output.stdout).expect("a server describes itself")
}

/// Servers and clients inherit the limit.
fn allow_many_descriptors() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("a process may ask that");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("the limit can be raised as far as it may be");
}
