//! Advice on results with one fault each.

mod cases;

use self::cases::{CASES, failures_of, little_of, sound, sound_closed};
use super::*;
use schema::load::{Backlog, ClientPauses, Drift, Effect};

/// The only advice on a result with this fault.
#[track_caller]
fn only(mut report: Report, fault: &dyn Fn(&mut Report)) -> String {
    fault(&mut report);
    match &advise(&report)[..] {
        [one] => one.clone(),
        other => panic!("there should be one piece of advice: {other:#?}"),
    }
}

#[test]
fn a_sound_result_needs_no_advice() {
    assert_eq!(advise(&sound()), [""; 0]);
    assert_eq!(advise(&sound_closed()), [""; 0]);
}

#[test]
fn advice_has_the_values_and_what_to_do() {
    for (sound, fault, words) in CASES {
        let advice = only(sound(), fault);
        for word in *words {
            assert!(advice.contains(word), "{word:?} is missing: {advice}");
        }
    }
}

/// Advice is given beyond each bound, and not at the bound.
#[test]
fn values_at_their_bounds_need_no_advice() {
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

/// Results with this kind of failure: in either loop, and in the window or only in the warm-up.
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
fn advice_is_true_of_every_kind_of_failure() {
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
            let window_is_ok = report.requests.failed() == 0;
            assert!(
                window_is_ok || !has("No request of the window failed"),
                "{failure}: {advice}"
            );
            assert_eq!(has("Wrong replies"), failure.cause() == Cause::Reply, "{failure}");
            assert_eq!(
                has("ran out of ports"),
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
fn advice_mentions_replies_that_end_their_connections() {
    for (kind, ends) in [
        ("not_a_frame", true),
        ("unasked_reply", true),
        ("wrong_value", false),
    ] {
        let advice = only(sound(), &|report| report.failures = failures_of(&[(1, kind)]));
        assert_eq!(advice.contains("is closed and replaced"), ends, "{advice}");
    }
}

#[test]
fn unsent_requests_of_a_paused_client_are_its_own() {
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
fn fewer_connections_are_advised_only_without_other_failures() {
    let advice = |kind: &str| {
        let mut report = sound_closed();
        report.connections.served = 57;
        report.failures = failures_of(&[(7, kind)]);
        advise(&report).join("\n")
    };
    assert!(advice("timeout").contains("Use fewer --connections"));
    for kind in ["wrong_value", "reset", "connect_refused"] {
        assert!(!advice(kind).contains("fewer --connections"), "{kind}");
    }
}

#[test]
fn lost_connections_explain_fewer_requests_in_flight() {
    let mut report = sound_closed();
    report.checks.little = Some(little_of(60.0, 60.0));
    report.options.warmup_s = 0.0;
    report.failures = failures_of(&[(4, "connect_refused")]);
    let advice = advise(&report).join("\n");
    assert!(
        advice.contains("not the 64 that were asked for: connections were lost, given up or not opened"),
        "{advice}"
    );
    assert!(!advice.contains("first round"), "{advice}");
}
