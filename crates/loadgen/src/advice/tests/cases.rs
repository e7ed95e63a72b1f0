//! Results with one fault each, and words of the advice on it.

use schema::load::{
    BackgroundConnections, Backlog, ClientPauses, Drift, Failures, Little, LoopKind, Report, Requests,
};

/// An open loop without faults.
pub(super) fn sound() -> Report {
    serde_json::from_str(include_str!("../../../tests/golden/report.json"))
        .expect("the fixed result can be read")
}

/// A closed loop without faults.
pub(super) fn sound_closed() -> Report {
    let mut report = sound();
    report.loop_kind = LoopKind::Closed;
    (report.options.rate_per_s, report.send_delay_us) = (None, None);
    (report.checks.arrivals, report.checks.late_share) = (None, None);
    report.checks.little = Some(little_of(64.0, 64.0));
    report
}

pub(super) fn little_of(lambda_w: f64, l: f64) -> Little {
    Little {
        lambda_w,
        l,
        error: (lambda_w - l).abs() / l,
    }
}

pub(super) fn failures_of(kinds: &[(u64, &str)]) -> Vec<Failures> {
    let failures = kinds.iter().map(|&(count, kind)| Failures {
        kind: kind.to_owned(),
        count,
        first: "an example".to_owned(),
    });
    failures.collect()
}

/// A result, its fault, and words that the advice has to contain.
pub(super) type Case = (fn() -> Report, fn(&mut Report), &'static [&'static str]);

pub(super) const CASES: &[Case] = &[
    (
        sound,
        |report| report.ended_early = Some("the server at 127.0.0.1:8080 is gone".to_owned()),
        &["ended early", "is gone", "3.0 s"],
    ),
    (
        sound,
        |report| report.checks.accounting = false,
        &["do not add up", "do not quote this result"],
    ),
    (
        sound,
        |report| {
            report.requests.ok -= 7;
            report.requests.timeout += 7;
        },
        &["7 of 12000 requests", "Find the cause"],
    ),
    // In the warm-up: the requests of the window are all ok.
    (
        sound,
        |report| report.failures = failures_of(&[(1, "wrong_value"), (2, "unasked_reply")]),
        &[
            "different work than was asked for",
            "1 × wrong_value, 2 × unasked_reply",
            "warm-up included",
            "Find the cause",
        ],
    ),
    (
        sound,
        |report| {
            report.options.rate_per_s = Some(0.002);
            (report.requests, report.connections.served) = (Requests::default(), 0);
        },
        &[
            "No request was due in the window",
            "0.002 requests/s",
            "0.006 on average",
            "--duration",
            "--rate",
        ],
    ),
    (
        sound_closed,
        |report| (report.requests, report.connections.served) = (Requests::default(), 0),
        &[
            "No request was sent in the window",
            "no connection was open",
            "--duration",
        ],
    ),
    (
        sound,
        |report| report.failures = failures_of(&[(190, "closed"), (2, "connect_refused")]),
        &[
            "No request of the window failed",
            "190 × closed, 2 × connect_refused",
            "--requests-per-connection",
        ],
    ),
    (
        sound,
        |report| report.failures = failures_of(&[(24, "out_of_ports")]),
        &[
            "ran out of ports",
            "24 × out_of_ports",
            "--requests-per-connection",
            "ip_local_port_range",
        ],
    ),
    (
        sound_closed,
        |report| report.connections.served = 57,
        &["7 of 64 connections", "never served", "fewer --connections"],
    ),
    (
        sound,
        |report| {
            report.connections.opened = 60;
            report.connections.failed = 4;
            report.connections.served = 60;
        },
        &["4 of 64 connections", "never served"],
    ),
    (
        sound,
        |report| {
            report.requests.planned += 500;
            report.requests.unsent = 500;
        },
        &[
            "500 of 12500",
            "still waiting for a free connection",
            "lower rate",
            "--connections",
        ],
    ),
    (
        sound,
        |report| {
            report.overloaded = Some(true);
            report.backlog = Some(Backlog {
                at_open: 3,
                at_close: 503,
            });
            report.requests.planned += 500;
            report.requests.unsent = 500;
        },
        &[
            "Overloaded: offered load exceeded capacity",
            "answered 4000 requests/s",
            "from 3 to 503",
            "lower rate",
            "--connections",
        ],
    ),
    (
        sound_closed,
        |report| {
            report.checks.little = Some(little_of(60.0, 60.0));
            report.options.warmup_s = 0.0;
        },
        &["60.0 requests", "not the 64", "first round", "--warmup"],
    ),
    (
        sound_closed,
        |report| report.checks.little = Some(little_of(60.0, 60.0)),
        &["60.0 requests", "not the 64", "no connection was lost", "--cpus"],
    ),
    (
        sound,
        |report| {
            report.client.busy = 0.95;
            report.checks.client_limited = Some(true);
        },
        &["busy for 95 %", "--threads", "CPU per request"],
    ),
    (
        sound,
        |report| {
            (report.client.busy, report.client.waited) = (0.25, 0.74);
            report.checks.client_limited = Some(true);
        },
        &["busy for 25 %", "waiting for a CPU for 74 %", "--cpus"],
    ),
    (
        sound_closed,
        |report| {
            report.client_pauses = Some(ClientPauses {
                bound_us: 100_000.0,
                count: 1,
                longest_us: 1_203_000.0,
                requests: 1479,
            });
        },
        &[
            "paused once for more than 100 ms",
            "at most for 1.20 s",
            "1479 requests",
            "--cpus",
        ],
    ),
    (
        sound,
        |report| report.checks.client_limited = Some(true),
        &["above 70 %", "loadgen calibrate", "--threads"],
    ),
    (
        sound,
        |report| report.checks.late_share = Some(0.04),
        &["4.0 %", "more than a tenth", "--connections", "--pacing spin"],
    ),
    (
        sound,
        |report| report.checks.arrivals.as_mut().unwrap().anderson_darling = 2.5,
        &["probably not a Poisson stream", "2.50", "--seed"],
    ),
    (
        sound,
        |report| report.checks.arrivals.as_mut().unwrap().lag1 = -0.2,
        &["probably not a Poisson stream", "-0.200", "0.067", "--seed"],
    ),
    (
        sound,
        |report| report.checks.little = Some(little_of(0.5, 0.32)),
        &["Little's law does not hold", "0.50", "0.32", "do not quote"],
    ),
    (
        sound_closed,
        |report| {
            report.checks.drift = Some(Drift {
                first_p50_us: 60.0,
                last_p50_us: 67.0,
            })
        },
        &["60.0 µs", "67.0 µs", "--warmup", "lower rate"],
    ),
    (
        sound,
        |report| {
            report.background = Some(BackgroundConnections {
                idle: 10,
                idle_open: 9,
                silent: 5,
                silent_open: 3,
            })
        },
        &["closed 3 of the 15", "background connections"],
    ),
];
