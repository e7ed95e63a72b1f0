//! What the load generator costs besides a request alone, against the floor's server.

use std::time::Instant;

use crate::Bench;
use crate::wrk::children;

/// Prints each figure beside its bound. Says whether all are within.
///
/// These bounds are times of the machine that they were set on, a virtual one with 2 CPUs on an AMD EPYC; elsewhere, read
/// the figures and not the verdicts.
pub(crate) fn measure(bench: &Bench) -> bool {
    println!("loadgen, medians of {}:", bench.pairs);
    let deep = bench.median(|| cost(bench, &["--connections", "64", "--pipeline", "16"]));
    let user = bench.median(|| user_us(bench));
    let many = bench.median(|| rate(bench, "5000") / rate(bench, "64"));
    let start = bench.median(|| start_ms(bench));
    let lines = [
        line("µs of CPU a request, 16 deep", deep, "at most", 0.4, deep <= 0.4),
        line("µs of user time a request", user, "at most", 0.4, user <= 0.4),
        line(
            "of the rate at 64 connections is left at 5,000",
            many,
            "at least",
            0.75,
            many >= 0.75,
        ),
        line(
            "ms to start, load 64 connections for a moment, and end",
            start,
            "at most",
            50.0,
            start <= 50.0,
        ),
    ];
    lines.into_iter().all(|within| within)
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

fn rate(bench: &Bench, connections: &str) -> f64 {
    let server = bench.start("floor-server");
    bench.load(&server, &["--connections", connections])["throughput_per_s"]
        .as_f64()
        .expect("there is a rate")
}

/// Of the whole process, its start and its warm-up included, by the requests of the window alone: a little more than a
/// request costs.
fn user_us(bench: &Bench) -> f64 {
    let server = bench.start("floor-server");
    let before = children().user_s;
    let result = bench.load(&server, &["--connections", "64"]);
    let user_s = children().user_s - before;
    user_s * 1e6 / result["requests"]["ok"].as_f64().expect("requests are counted")
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
