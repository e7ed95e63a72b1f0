//! Results with one fault each, and what is said of it.

use super::*;
use schema::load::{BackgroundConnections, Backlog, ClientPauses, Drift, Effect, Little, Requests};

/// An open loop with nothing to be said of.
fn sound() -> Report {
    serde_json::from_str(include_str!("../../tests/golden/report.json"))
        .expect("the fixed result can be read")
}

/// A closed loop with nothing to be said of.
fn sound_closed() -> Report {
    let mut report = sound();
    report.loop_kind = LoopKind::Closed;
    (report.options.rate_per_s, report.send_delay_us) = (None, None);
    (report.checks.arrivals, report.checks.late_share) = (None, None);
    report.checks.little = Some(little_of(64.0, 64.0));
    report
}

fn little_of(lambda_w: f64, l: f64) -> Little {
    Little {
        lambda_w,
        l,
        error: (lambda_w - l).abs() / l,
    }
}

fn failures_of(kinds: &[(u64, &str)]) -> Vec<Failures> {
    let failures = kinds.iter().map(|&(count, kind)| Failures {
        kind: kind.to_owned(),
        count,
        first: "as told".to_owned(),
    });
    failures.collect()
}

/// What is said of a result with this fault, which is one sentence or two, and nothing else.
#[track_caller]
fn only(mut report: Report, fault: &dyn Fn(&mut Report)) -> String {
    fault(&mut report);
    match &advise(&report)[..] {
        [one] => one.clone(),
        other => panic!("one piece of advice is due, and this is said: {other:#?}"),
    }
}

#[test]
fn a_sound_result_needs_no_advice() {
    assert_eq!(advise(&sound()), [""; 0]);
    assert_eq!(advise(&sound_closed()), [""; 0]);
}

/// A result, what is wrong with it, and the words that have to be said about that.
type Case = (fn() -> Report, fn(&mut Report), &'static [&'static str]);

const CASES: &[Case] = &[
    (
        sound,
        |report| report.ended_early = Some("the server at 127.0.0.1:8080 is gone".to_owned()),
        &["ended early", "is gone", "3.0 s"],
    ),
    (
        sound,
        |report| report.checks.accounting = false,
        &["do not add up", "nothing here may be quoted"],
    ),
    (
        sound,
        |report| {
            report.requests.ok -= 7;
            report.requests.timeout += 7;
        },
        &["7 of 12000 requests", "find the cause"],
    ),
    // In the warm-up, so that the requests of the window are all right.
    (
        sound,
        |report| report.failures = failures_of(&[(1, "wrong_value"), (2, "unasked_reply")]),
        &[
            "not what was asked for",
            "1 × wrong_value, 2 × unasked_reply",
            "warm-up included",
            "find the cause",
        ],
    ),
    (
        sound,
        |report| {
            report.options.rate_per_s = Some(0.002);
            (report.requests, report.connections.served) = (Requests::default(), 0);
        },
        &[
            "Nothing was due in the window",
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
            "Nothing was sent in the window",
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
            "no port left",
            "24 × out_of_ports",
            "--requests-per-connection",
            "ip_local_port_range",
        ],
    ),
    (
        sound_closed,
        |report| report.connections.served = 57,
        &["7 of 64 connections", "never served", "fewer connections"],
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
            "Offer less",
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
            "4000 requests were answered each second",
            "from 3 to 503",
            "Offer less",
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
        &["busy for 25 %", "waited for a processor for 74 %", "--cpus"],
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
        &["4.0 %", "later than a tenth", "--connections", "--pacing spin"],
    ),
    (
        sound,
        |report| report.checks.arrivals.as_mut().unwrap().anderson_darling = 2.5,
        &["hardly a Poisson stream", "2.50", "--seed"],
    ),
    (
        sound,
        |report| report.checks.arrivals.as_mut().unwrap().lag1 = -0.2,
        &["hardly a Poisson stream", "-0.200", "0.067", "--seed"],
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
        &["60.0 µs", "67.0 µs", "--warmup", "offer less"],
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
        &["closed 3 of the 15", "idle and silent"],
    ),
];

#[test]
fn each_fault_is_told_with_its_figures_and_what_to_do() {
    for (sound, fault, words) in CASES {
        let advice = only(sound(), fault);
        for word in *words {
            assert!(advice.contains(word), "{word:?} is missing: {advice}");
        }
    }
}

/// Each bound is told where it is crossed and not where it is reached.
#[test]
fn what_just_keeps_its_bound_is_not_told() {
    let mut report = sound();
    let checks = &mut report.checks;
    checks.late_share = Some(LATE_SHARE_MOST);
    checks.drift = Some(Drift {
        first_p50_us: 64.0,
        last_p50_us: 64.0 * (1.0 + DRIFT_MOST / 2.0),
    });
    checks.little.as_mut().unwrap().error = LITTLE_ERROR_MOST;
    checks.arrivals.as_mut().unwrap().anderson_darling = ANDERSON_DARLING_DOUBTFUL;
    report.client.busy = CLIENT_BUSY_MOST;
    report.requests.planned = 12_000;
    report.requests.unsent = 120;
    report.requests.sent = 11_880;
    report.requests.ok = 11_880;
    assert_eq!(advise(&report), [""; 0]);
}

/// Results in which this kind of failure happened: in either loop, and to requests of the window or of the warm-up only.
fn results_with(failure: Failure) -> Vec<Report> {
    let mut results = Vec::new();
    for sound in [sound(), sound_closed()] {
        for in_window in [false, true] {
            let mut report = sound.clone();
            report.failures = failures_of(&[(4, failure.name())]);
            report.checks.drift = Some(Drift {
                first_p50_us: 60.0,
                last_p50_us: 160.0,
            });
            if report.loop_kind == LoopKind::Closed {
                report.checks.little = Some(little_of(60.0, 60.0));
            } else {
                report.overloaded = Some(true);
                report.backlog = Some(Backlog {
                    at_open: 1,
                    at_close: 400,
                });
            }
            if in_window {
                report.requests.ok -= 4;
                match (failure, failure.cause()) {
                    (Failure::Timeout, _) => report.requests.timeout = 4,
                    (Failure::ErrorReply, _) => report.requests.error = 4,
                    (_, Cause::Reply) => report.requests.wrong = 4,
                    _ => report.requests.reset = 4,
                }
            }
            results.push(report);
        }
    }
    results
}

#[test]
fn advice_names_every_kind_of_failure_and_is_true_of_it() {
    for &failure in Failure::ALL {
        for report in results_with(failure) {
            let advice = advise(&report).join("\n");
            let has = |words: &str| advice.contains(words);
            assert!(has(&format!("4 × {failure}")), "{failure}: {advice}");
            let goes_on = failure.effect() == Effect::GoesOn;
            if report.loop_kind == LoopKind::Closed {
                assert_eq!(has("no connection was lost"), goes_on, "{failure}: {advice}");
            }
            assert_eq!(!has("onnections were lost"), goes_on, "{failure}: {advice}");
            let unhurt = report.requests.failed() == 0;
            assert!(
                unhurt || !has("No request of the window failed"),
                "{failure}: {advice}"
            );
            assert_eq!(
                has("not what was asked for"),
                failure.cause() == Cause::Reply,
                "{failure}"
            );
            assert_eq!(
                has("had no port left"),
                failure.cause() == Cause::Client,
                "{failure}"
            );
            assert_eq!(
                has("--requests-per-connection"),
                [Failure::Closed, Failure::OutOfPorts].contains(&failure)
            );
        }
    }
}

#[test]
fn replies_that_are_no_frames_end_their_connections_and_that_is_said() {
    for (kind, ends) in [
        ("not_a_frame", true),
        ("unasked_reply", true),
        ("wrong_value", false),
    ] {
        let advice = only(sound(), &|report| report.failures = failures_of(&[(1, kind)]));
        assert_eq!(advice.contains("is closed and opened again"), ends, "{advice}");
    }
}

#[test]
fn requests_that_a_paused_client_did_not_send_are_not_held_against_the_server() {
    let mut report = sound();
    report.requests.planned += 500;
    report.requests.unsent = 500;
    report.client_pauses = Some(ClientPauses {
        bound_us: 100_000.0,
        count: 1,
        longest_us: 500_000.0,
        requests: 500,
    });
    let advice = advise(&report).join("\n");
    assert!(advice.contains("500 of 12500 requests were not sent"), "{advice}");
    assert!(advice.contains("The load generator paused, so"), "{advice}");
    assert!(!advice.contains("--connections"), "{advice}");
}

#[test]
fn unserved_connections_are_no_matter_of_their_number_where_others_failed() {
    let unserved = |kind: &str| {
        let mut report = sound_closed();
        report.connections.served = 57;
        report.failures = failures_of(&[(7, kind)]);
        advise(&report).join("\n")
    };
    assert!(unserved("timeout").contains("Ask for fewer connections"));
    for kind in ["wrong_value", "reset", "connect_refused"] {
        assert!(!unserved(kind).contains("fewer connections"), "{kind}");
    }
}

#[test]
fn connections_that_were_lost_are_why_fewer_requests_were_in_flight() {
    let mut report = sound_closed();
    report.checks.little = Some(little_of(60.0, 60.0));
    report.options.warmup_s = 0.0;
    report.failures = failures_of(&[(4, "connect_refused")]);
    let advice = advise(&report).join("\n");
    assert!(
        advice.contains("and not the 64 that were asked for: connections were lost, given up or not opened"),
        "{advice}"
    );
    assert!(!advice.contains("first round"), "{advice}");
}
