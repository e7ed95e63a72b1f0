//! What ours cost above the least that could be: CPU per request of each server and of the load generator, against its
//! floor, measured in turn on processors of their own.
//!
//! `cargo bench -p floor -- [--pairs 7] [--seconds 2] [--only PART]` prints every pair, the median of the ratios, and the
//! bound that it is held to; exit code 1 if one is over its bound. A ratio of two figures of the same pair is what counts:
//! the machine's own speed, which drifts, is in both. What the load generator costs besides follows, then what is left of
//! the rate at 5,000 connections, to it and to the floor's client, and, where nginx and wrk are installed, what wrk costs
//! against nginx. The parts are `servers`, `client`, `instrument`, `many` and `wrk`; without `--only`, all of them.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, missing_docs)]

mod instrument;
mod wrk;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

const CONNECTIONS: &str = "64";
const PARTS: [&str; 5] = ["servers", "client", "instrument", "many", "wrk"];

fn main() -> ExitCode {
    let bench = Bench::prepare();
    println!(
        "{} pairs of {} s, {CONNECTIONS} connections; µs of CPU a request\n",
        bench.pairs, bench.seconds
    );
    let servers = [
        ("server-async", "floor-server", 1.10),
        ("server-thread", "floor-threads", 1.10),
    ];
    let mut within = true;
    for (ours, floor, bound) in servers {
        within &= !bench.asks_for("servers") || bench.compare(ours, floor, bound, Bench::server_cost);
    }
    within &= !bench.asks_for("client") || bench.compare("loadgen", "floor-client", 1.05, Bench::client_cost);
    within &= !bench.asks_for("instrument") || instrument::measure(&bench);
    within &= !bench.asks_for("many") || instrument::many_connections(&bench);
    if bench.asks_for("wrk") {
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
    /// The one part that is asked for, or nothing for all of them.
    only: String,
}

/// A server that ends with the trial.
struct Server {
    process: Child,
    address: String,
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
        let mut cpus = (0..CpuSet::count()).filter(|&cpu| {
            sched_getaffinity(Pid::from_raw(0)).is_ok_and(|allowed| allowed.is_set(cpu).unwrap_or(false))
        });
        let (Some(server_cpu), Some(client_cpu)) = (cpus.next(), cpus.next()) else {
            panic!("this needs two processors: one for the server, one for the client");
        };
        Self {
            binaries: build(),
            server_cpu,
            client_cpu,
            pairs: flag("--pairs", "7").parse().expect("--pairs takes a number"),
            seconds: flag("--seconds", "2"),
            only: {
                let part = flag("--only", "");
                assert!(
                    part.is_empty() || PARTS.contains(&&*part),
                    "--only {part}: choose from {PARTS:?}"
                );
                part
            },
        }
    }

    fn asks_for(&self, part: &str) -> bool {
        self.only.is_empty() || self.only == part
    }

    /// Measures one of ours and its floor in turn, and prints what came of it. Says whether it is within its bound.
    fn compare(&self, ours: &str, floor: &str, bound: f64, cost: impl Fn(&Self, &str) -> f64) -> bool {
        println!("{ours:>14} {floor:>14}  ratio");
        let ratios: Vec<_> = (0..self.pairs)
            .map(|pair| {
                // Who goes first changes, so that a drift favours neither.
                let (ours, floor) = if pair % 2 == 0 {
                    let ours = cost(self, ours);
                    (ours, cost(self, floor))
                } else {
                    let floor = cost(self, floor);
                    (cost(self, ours), floor)
                };
                println!("{ours:14.3} {floor:14.3}  {:.3}", ours / floor);
                ours / floor
            })
            .collect();
        let median = median(ratios);
        let within = median <= bound;
        let verdict = if within { "within" } else { "OVER" };
        println!("median {median:.3}, {verdict} the bound of {bound:.2}\n");
        within
    }

    /// The median of as many measurements as there are pairs.
    fn median(&self, measure: impl Fn() -> f64) -> f64 {
        median((0..self.pairs).map(|_| measure()))
    }

    /// The requests a second of this client, with the floor's server.
    fn rate(&self, client: &str, connections: &str) -> f64 {
        let server = self.start("floor-server");
        if client == "floor-client" {
            return self.floor_clients_rate(&server, connections);
        }
        self.load(&server, &["--connections", connections])["throughput_per_s"]
            .as_f64()
            .expect("there is a rate")
    }

    /// The requests a second that the floor's client says it made.
    fn floor_clients_rate(&self, server: &Server, connections: &str) -> f64 {
        let line = self.run_client("floor-client", &[&server.address, connections, &self.seconds]);
        line.split(' ').next().unwrap().parse().unwrap()
    }

    /// The server's CPU microseconds a request, with the floor's client.
    fn server_cost(&self, server: &str) -> f64 {
        let server = self.start(server);
        let before = cpu_of(&server.process);
        let line = self.run_client("floor-client", &[&server.address, CONNECTIONS, &self.seconds]);
        let cpu = cpu_of(&server.process).saturating_sub(before);
        let rate: f64 = line.split(' ').next().unwrap().parse().unwrap();
        cpu.as_secs_f64() * 1e6 / (rate * self.seconds.parse::<f64>().unwrap())
    }

    /// The client's CPU microseconds a request, with the floor's server.
    fn client_cost(&self, client: &str) -> f64 {
        let server = self.start("floor-server");
        if client == "floor-client" {
            let line = self.run_client(client, &[&server.address, CONNECTIONS, &self.seconds]);
            return line.trim().split(' ').nth(1).unwrap().parse().unwrap();
        }
        self.load_cost(&server, &["--connections", CONNECTIONS])
    }

    /// The load generator's CPU microseconds a request under this load.
    fn load_cost(&self, server: &Server, flags: &[&str]) -> f64 {
        let cost = &self.load(server, flags)["client"]["cpu_us_per_request"];
        cost.as_f64().expect("requests were answered")
    }

    /// What the load generator says of a load on the floor's server, which has one reply, after a moment of warming up.
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

    fn start(&self, name: &str) -> Server {
        let mut command = Command::new(self.binaries.join(name));
        if name.starts_with("server-") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut process = on_cpu(self.server_cpu, || command.stdout(Stdio::piped()).spawn()).unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on ")
            .expect("a server says where it listens")
            .to_owned();
        Server { process, address }
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

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Builds all binaries as users run them, and says where they are.
fn build() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--bins"])
        .current_dir(workspace)
        .status()
        .unwrap();
    assert!(built.success(), "the binaries could not be built");
    // target/release/deps/floor-HASH is this very program.
    std::env::current_exe()
        .unwrap()
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

/// Runs on one processor; what is started there stays there.
fn on_cpu<T>(cpu: usize, run: impl FnOnce() -> T) -> T {
    let this_thread = Pid::from_raw(0);
    let before = sched_getaffinity(this_thread).unwrap();
    let mut only = CpuSet::new();
    only.set(cpu).unwrap();
    sched_setaffinity(this_thread, &only).unwrap();
    let result = run();
    sched_setaffinity(this_thread, &before).unwrap();
    result
}

/// The processor time of a process, all its threads included.
fn cpu_of(process: &Child) -> Duration {
    let clock = clock_getcpuclockid(Pid::from_raw(process.id().cast_signed())).unwrap();
    clock_gettime(clock).unwrap().into()
}
