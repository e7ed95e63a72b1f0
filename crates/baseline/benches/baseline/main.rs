//! Compares the CPU time per request of the servers and of the load generator with that of the least possible program.
//! Each program and its baseline are measured in turn. Server and client have a CPU each.
//!
//! `cargo bench -p baseline -- [--pairs 7] [--seconds 2] [--only PART[,PART]] [--into FILE] [--no-build]` prints every pair,
//! the median of the ratios, and the bound of that median. The exit code is 1 if a median exceeds its bound. With `--no-build`
//! the programs are measured as they are, and those that were not built are left out. `--into FILE` replaces what is between the
//! markers `<!-- servers: begin -->` and `<!-- servers: end -->` in that file by a table of the parts `servers` and `connections`.
//! A relative path is one within the repository.
//!
//! Only ratios within a pair are judged, because the speed of the machine drifts and is the same in both values of a pair.
//!
//! The parts are:
//! - `servers`: the models, each against the least server of its kind, or against the model that it varies;
//! - `connections`: the models that serve many connections, with 10,000 of them, against the least event loop;
//! - `client`: the load generator against the least client;
//! - `instrument`: further costs of the load generator;
//! - `many`: the share of the rate that remains at 5,000 connections, for both clients;
//! - `wrk`: the load generator against wrk, which loads nginx. It is left out where one of them is not installed.
//!
//! `cargo bench -p baseline -- completions` runs the bench of io_uring and epoll instead.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, missing_docs)]

mod instrument;
mod servers;
#[path = "../shared/mod.rs"]
mod shared;
mod table;
mod turns;
mod wrk;

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use crate::shared::{Server, on_cpu};
use crate::turns::Program;

const CONNECTIONS: &str = "64";
const PARTS: [&str; 6] = ["servers", "connections", "client", "instrument", "many", "wrk"];

fn main() -> ExitCode {
    // That is the other bench of this crate. `cargo bench` runs both with the same arguments.
    if std::env::args().any(|argument| argument == "completions") {
        return ExitCode::SUCCESS;
    }
    let bench = Bench::prepare();
    println!(
        "{} pairs of {} s, {CONNECTIONS} connections; CPU µs/request\n",
        bench.pairs, bench.seconds
    );
    let mut rows = Vec::new();
    if bench.includes("servers") {
        rows.extend(servers::pairs(&bench));
    }
    if bench.includes("connections") {
        rows.extend(servers::many_connections(&bench));
    }
    if let Some(file) = &bench.into {
        let table = table::render(&rows, &bench.seconds);
        baseline::page::write_into(file, "servers", &table).expect("the page can be written");
    }
    let mut within = rows.iter().all(table::Row::is_within);
    within &=
        !bench.includes("client") || bench.compare("loadgen", "baseline-client", 1.05, Bench::client_cost);
    within &= !bench.includes("instrument") || instrument::measure(&bench);
    within &= !bench.includes("many") || instrument::many_connections(&bench);
    if bench.includes("wrk") {
        wrk::measure(&bench);
    }
    if within {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

struct Bench {
    binaries: PathBuf,
    server_cpu: usize,
    client_cpu: usize,
    pairs: usize,
    seconds: String,
    /// The only parts to run; empty for all parts.
    only: Vec<String>,
    /// The page that gets a table of the servers.
    into: Option<PathBuf>,
}

impl Bench {
    fn prepare() -> Self {
        let arguments: Vec<_> = std::env::args().collect();
        let flag = |name: &str, default: &str| {
            let at = arguments.iter().position(|argument| argument == name);
            at.and_then(|at| arguments.get(at + 1))
                .map_or(default, |value| value)
                .to_owned()
        };
        let (server_cpu, client_cpu) = shared::two_cpus();
        let only: Vec<_> = flag("--only", "")
            .split_terminator(',')
            .map(str::to_owned)
            .collect();
        for part in &only {
            assert!(
                PARTS.contains(&&**part),
                "--only {part}: choose from {PARTS:?}, with a comma between several"
            );
        }
        let into = Some(flag("--into", "")).filter(|file| !file.is_empty());
        let into = into.map(|file| shared::page(&file, "servers"));
        if !arguments.iter().any(|argument| argument == "--no-build") {
            shared::build(&[]);
        }
        let bench = Self {
            binaries: shared::binaries(),
            server_cpu,
            client_cpu,
            pairs: flag("--pairs", "7").parse().expect("--pairs takes a number"),
            seconds: flag("--seconds", "2"),
            only,
            into,
        };
        let has_table = ["servers", "connections"].iter().all(|part| bench.includes(part));
        assert!(
            bench.into.is_none() || has_table,
            "--into writes a table of two parts; add --only servers,connections"
        );
        bench
    }

    fn includes(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == part)
    }

    /// Measures a program and its baseline in turn, and prints the values. Returns whether the median ratio is within its
    /// bound.
    fn compare(&self, ours: &str, baseline: &str, bound: f64, cost: impl Fn(&Self, &str) -> f64) -> bool {
        println!("{ours:>14} {baseline:>14}  ratio");
        let ratios: Vec<_> = (0..self.pairs)
            .map(|pair| {
                // The order alternates, so that a drift favours neither.
                let (ours, baseline) = if pair % 2 == 0 {
                    let ours = cost(self, ours);
                    (ours, cost(self, baseline))
                } else {
                    let baseline = cost(self, baseline);
                    (cost(self, ours), baseline)
                };
                println!("{ours:14.3} {baseline:14.3}  {:.3}", ours / baseline);
                ours / baseline
            })
            .collect();
        let median = median(ratios);
        let within = median <= bound;
        let verdict = if within { "within" } else { "OVER" };
        println!("median {median:.3}, {verdict} the bound of {bound:.2}\n");
        within
    }

    /// Measures once per pair and returns the median.
    fn median(&self, measure: impl Fn() -> f64) -> f64 {
        median((0..self.pairs).map(|_| measure()))
    }

    /// The requests/s of a client against the least event loop.
    fn rate(&self, client: &str, connections: &str) -> f64 {
        let server = self.start("baseline-server");
        if client == "baseline-client" {
            return self.baseline_client_rate(&server, connections);
        }
        self.load(&server, &["--connections", connections])["throughput_per_s"]
            .as_f64()
            .expect("there is a rate")
    }

    /// The requests/s that the least client prints.
    fn baseline_client_rate(&self, server: &Server, connections: &str) -> f64 {
        self.baseline_client(server, connections)[0]
    }

    /// What the least client prints: requests/s, its CPU time per request in microseconds, and its requests.
    fn baseline_client(&self, server: &Server, connections: &str) -> [f64; 3] {
        let text = self.run_client("baseline-client", &[&server.address, connections, &self.seconds]);
        let line = text.lines().last().unwrap();
        let values: Vec<f64> = line.split(' ').map(|value| value.parse().unwrap()).collect();
        values.try_into().expect("it prints three numbers")
    }

    /// The client's CPU time per request in microseconds, against the least event loop.
    fn client_cost(&self, client: &str) -> f64 {
        let server = self.start("baseline-server");
        if client == "baseline-client" {
            return self.baseline_client(&server, CONNECTIONS)[1];
        }
        self.load_cost(&server, &["--connections", CONNECTIONS])
    }

    /// The load generator's CPU time per request in microseconds, under this load.
    fn load_cost(&self, server: &Server, flags: &[&str]) -> f64 {
        let cost = &self.load(server, flags)["client"]["cpu_us_per_request"];
        cost.as_f64().expect("requests were answered")
    }

    /// Loads the server after a short warm-up, with the one request that the least server answers. Returns the result.
    fn load(&self, server: &Server, flags: &[&str]) -> serde_json::Value {
        self.load_after("200ms", server, flags)
    }

    fn load_after(&self, warmup: &str, server: &Server, flags: &[&str]) -> serde_json::Value {
        let duration = format!("{}s", self.seconds);
        let run = [
            "run",
            "--connect",
            &server.address,
            "--params",
            "\"ireader 0\"",
            "--json",
            "-",
        ];
        let times = ["--duration", &duration, "--warmup", warmup];
        serde_json::from_str(&self.run_client("loadgen", &[&run[..], &times, flags].concat())).unwrap()
    }

    fn start(&self, program: &str) -> Server {
        let Program { name, flags } = Program::parse(program);
        let mut command = Command::new(self.binaries.join(name));
        command.args(flags);
        if name.starts_with("server-") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        Server::start(command, self.server_cpu)
    }

    fn run_client(&self, name: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(self.binaries.join(name));
        let output = on_cpu(self.client_cpu, || {
            command.args(arguments).stderr(Stdio::inherit()).output()
        })
        .unwrap();
        assert!(output.status.success(), "{name} failed: {}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
