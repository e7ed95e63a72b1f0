//! Further costs of the load generator: pipelined requests, user time, start-up, many connections.

use std::time::Instant;

use crate::shared::Server;
use crate::wrk::children;
use crate::{Bench, CONNECTIONS, median};

/// More connections than fit into a CPU's cache.
const MANY: &str = "5000";

/// Prints each value beside its bound. Returns whether all are within their bounds.
///
/// The bounds are times of one machine: a virtual one with 2 CPUs of an AMD EPYC. On other machines, read the values and
/// ignore the verdicts.
pub(crate) fn measure(bench: &Bench) -> bool {
    println!("loadgen, medians of {}:", bench.pairs);
    let deep = bench.median(|| cost(bench, &["--connections", "64", "--pipeline", "16"]));
    let (user, baseline_user) = (
        bench.median(|| user_us(bench, |server| requests_of_loadgen(bench, server))),
        bench.median(|| user_us(bench, |server| requests_of_baseline_client(bench, server))),
    );
    let start = bench.median(|| start_ms(bench));
    let lines = [
        line(
            "CPU µs/request, pipeline of 16",
            deep,
            "at most",
            0.4,
            deep <= 0.4,
        ),
        line("µs of user time per request", user, "at most", 0.4, user <= 0.4),
        line(
            "ms to start, load 64 connections for a moment, and end",
            start,
            "at most",
            50.0,
            start <= 50.0,
        ),
    ];
    println!("{baseline_user:14.3} µs of user time per request of baseline-client, for comparison");
    lines.into_iter().all(|within| within)
}

/// Prints the share of the rate at 64 connections that remains at 5,000, for the load generator and for the least client,
/// measured in turn. Returns whether the load generator's median is within its bound.
pub(crate) fn many_connections(bench: &Bench) -> bool {
    const LEAST: f64 = 0.75;
    println!("\nrequests/s at 64 and at {MANY} connections, and their ratio");
    println!("{:>30} {:>30}", "loadgen", "baseline-client");
    let (mut ours, mut baselines) = (Vec::new(), Vec::new());
    for pair in 0..bench.pairs {
        // The order alternates, so that a drift favours neither.
        let mut order = [("loadgen", &mut ours), ("baseline-client", &mut baselines)];
        if pair % 2 == 1 {
            order.reverse();
        }
        for (client, shares) in order {
            let (few, many) = (bench.rate(client, CONNECTIONS), bench.rate(client, MANY));
            shares.push((few, many, many / few));
        }
        let columns = |(few, many, share): (f64, f64, f64)| format!("{few:12.0} {many:10.0}  {share:.3}");
        println!("{:>30} {:>30}", columns(ours[pair]), columns(baselines[pair]));
    }
    let median_share = |all: &[(f64, f64, f64)]| median(all.iter().map(|&(_, _, share)| share));
    let (ours, baselines) = (median_share(&ours), median_share(&baselines));
    println!(
        "{:>30} {:>30}",
        format!("median {ours:.3}"),
        format!("{baselines:.3}")
    );
    line(
        "of its rate remains to loadgen",
        ours,
        "at least",
        LEAST,
        ours >= LEAST,
    )
}

fn line(what: &str, value: f64, bound: &str, limit: f64, within: bool) -> bool {
    let verdict = if within { "within" } else { "OVER" };
    println!("{value:14.3} {what} ({bound} {limit}: {verdict})");
    within
}

fn cost(bench: &Bench, flags: &[&str]) -> f64 {
    let server = bench.start("baseline-server");
    bench.load_cost(&server, flags)
}

/// A client's user time divided by its requests. The start of the process is included, so this is slightly more than a
/// request costs.
fn user_us(bench: &Bench, load: impl Fn(&Server) -> f64) -> f64 {
    let server = bench.start("baseline-server");
    let before = children().user_s;
    let requests = load(&server);
    (children().user_s - before) * 1e6 / requests
}

fn requests_of_loadgen(bench: &Bench, server: &Server) -> f64 {
    let result = bench.load_after("0", server, &["--connections", CONNECTIONS]);
    result["requests"]["ok"].as_f64().expect("requests are counted")
}

fn requests_of_baseline_client(bench: &Bench, server: &Server) -> f64 {
    bench.baseline_client(server, CONNECTIONS)[2]
}

fn start_ms(bench: &Bench) -> f64 {
    let server = bench.start("baseline-server");
    let began = Instant::now();
    let run = [
        "run",
        "--connect",
        &server.address,
        "--params",
        "\"ireader 0\"",
        "--quiet",
    ];
    let flags = [&run[..], &["--duration", "1ms", "--warmup", "0"]].concat();
    bench.run_client("loadgen", &flags);
    began.elapsed().as_secs_f64() * 1e3
}
