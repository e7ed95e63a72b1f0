//! What the load generator costs besides a request alone, against the floor's server.

use std::time::Instant;

use crate::wrk::children;
use crate::{Bench, CONNECTIONS, Server, median};

/// More connections than a processor's cache has room for.
const MANY: &str = "5000";

/// Prints each figure beside its bound. Says whether all are within.
///
/// These bounds are times of the machine that they were set on, a virtual one with 2 CPUs on an AMD EPYC; elsewhere, read
/// the figures and not the verdicts.
pub(crate) fn measure(bench: &Bench) -> bool {
    println!("loadgen, medians of {}:", bench.pairs);
    let deep = bench.median(|| cost(bench, &["--connections", "64", "--pipeline", "16"]));
    let (user, floors_user) = (
        bench.median(|| user_us(bench, |server| requests_of_loadgen(bench, server))),
        bench.median(|| user_us(bench, |server| requests_of_floor_client(bench, server))),
    );
    let start = bench.median(|| start_ms(bench));
    let lines = [
        line("µs of CPU a request, 16 deep", deep, "at most", 0.4, deep <= 0.4),
        line("µs of user time a request", user, "at most", 0.4, user <= 0.4),
        line(
            "ms to start, load 64 connections for a moment, and end",
            start,
            "at most",
            50.0,
            start <= 50.0,
        ),
    ];
    println!("{floors_user:14.3} µs of user time a request of the floor's client, for comparison");
    lines.into_iter().all(|within| within)
}

/// What is left of the rate at 64 connections at 5,000, for the load generator and for the floor's client, each measured
/// right after the other. Says whether the load generator's median is within its bound.
pub(crate) fn many_connections(bench: &Bench) -> bool {
    const LEAST: f64 = 0.75;
    println!("\nrequests/s at 64 and at {MANY} connections, and what is left");
    println!("{:>30} {:>30}", "loadgen", "floor-client");
    let (mut ours, mut floors) = (Vec::new(), Vec::new());
    for pair in 0..bench.pairs {
        // Who goes first changes, so that a drift favours neither.
        let mut order = [("loadgen", &mut ours), ("floor-client", &mut floors)];
        if pair % 2 == 1 {
            order.reverse();
        }
        for (client, left) in order {
            let (few, many) = (bench.rate(client, CONNECTIONS), bench.rate(client, MANY));
            left.push((few, many, many / few));
        }
        let columns = |(few, many, left): (f64, f64, f64)| format!("{few:12.0} {many:10.0}  {left:.3}");
        println!("{:>30} {:>30}", columns(ours[pair]), columns(floors[pair]));
    }
    let median_left = |all: &[(f64, f64, f64)]| median(all.iter().map(|&(_, _, left)| left));
    let (ours, floors) = (median_left(&ours), median_left(&floors));
    println!(
        "{:>30} {:>30}",
        format!("median {ours:.3}"),
        format!("{floors:.3}")
    );
    line("is left to loadgen", ours, "at least", LEAST, ours >= LEAST)
}

fn line(what: &str, value: f64, bound: &str, limit: f64, within: bool) -> bool {
    let verdict = if within { "within" } else { "OVER" };
    println!("{value:14.3} {what} ({bound} {limit}: {verdict})");
    within
}

fn cost(bench: &Bench, flags: &[&str]) -> f64 {
    let server = bench.start("floor-server");
    bench.load_cost(&server, flags)
}

/// User time by the requests that a client says it made. Of its whole process, its start included: a little more than a
/// request costs.
fn user_us(bench: &Bench, load: impl Fn(&Server) -> f64) -> f64 {
    let server = bench.start("floor-server");
    let before = children().user_s;
    let requests = load(&server);
    (children().user_s - before) * 1e6 / requests
}

fn requests_of_loadgen(bench: &Bench, server: &Server) -> f64 {
    let result = bench.load_after("0", server, &["--connections", CONNECTIONS]);
    result["requests"]["ok"].as_f64().expect("requests are counted")
}

fn requests_of_floor_client(bench: &Bench, server: &Server) -> f64 {
    let seconds: f64 = bench.seconds.parse().unwrap();
    bench.floor_clients_rate(server, CONNECTIONS) * seconds
}

fn start_ms(bench: &Bench) -> f64 {
    let server = bench.start("floor-server");
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
