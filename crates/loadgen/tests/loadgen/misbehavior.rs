//! Every fault of a server is caught, with its kind and a first example.

use loadgen::{Outcome, Plan};
use schema::load::Requests;

use crate::fake::{Act, Asked, Fake, error, failures, ping, reply, run};

/// Does this on every seventh request, beginning with the first, so that it happens on the slowest machine.
fn to_every_seventh(act: fn(&Asked<'_>) -> Act) -> Fake {
    Fake::new(move |asked| {
        if asked.number.is_multiple_of(7) {
            act(asked)
        } else {
            Act::Answer
        }
    })
}

/// Runs a load with a request in flight on each of four connections. Returns the outcome, and how often the server
/// misbehaved.
fn run_against(fake: &Fake) -> (Outcome, u64) {
    let outcome = run(&fake.plan(4, ping()));
    let counts = &outcome.report.requests;
    assert_eq!(counts.sent, fake.requests(), "the server saw every request");
    assert_eq!(
        counts.ok,
        fake.requests() - fake.misbehaviors(),
        "all others are good"
    );
    let misdeeds = fake.misbehaviors();
    assert!(misdeeds > 0);
    (outcome, misdeeds)
}

/// The first example of the only kind of failure.
#[track_caller]
fn first(outcome: &Outcome) -> &str {
    let [failures] = &outcome.report.failures[..] else {
        panic!("one kind of failure: {:?}", outcome.report.failures)
    };
    &failures.first
}

#[test]
fn a_corrupted_reply_is_wrong() {
    let fake = to_every_seventh(|_| Act::Instead(reply("pong", "\"ireader 0\"")));
    let (outcome, misdeeds) = run_against(&fake);
    assert_eq!(outcome.report.requests.wrong, misdeeds);
    assert_eq!(failures(&outcome), [("wrong_value", misdeeds)]);
    assert!(first(&outcome).starts_with("pong \"ireader 0\" in place of pong \"ireader 0000"));
}

#[test]
fn a_reply_of_another_kind_is_wrong() {
    let fake = to_every_seventh(|asked| Act::Instead(reply("slept", asked.params)));
    let (outcome, misdeeds) = run_against(&fake);
    assert_eq!(failures(&outcome), [("wrong_value", misdeeds)]);
    assert!(first(&outcome).starts_with("slept "));
}

#[test]
fn a_frame_that_holds_no_reply_is_wrong() {
    let fake = to_every_seventh(|_| Act::Instead(b"\x05\0\0\0hello".to_vec()));
    let (outcome, misdeeds) = run_against(&fake);
    assert_eq!(outcome.report.requests.wrong, misdeeds);
    assert_eq!(failures(&outcome), [("wrong_value", misdeeds)]);
    assert!(first(&outcome).contains("not a reply"));
}

#[test]
fn an_error_reply_is_an_error() {
    let fake = to_every_seventh(|_| Act::Instead(error("bad_params")));
    let (outcome, misdeeds) = run_against(&fake);
    assert_eq!(outcome.report.requests.error, misdeeds);
    assert_eq!(failures(&outcome), [("error_reply", misdeeds)]);
    assert!(first(&outcome).contains("bad_params"));
}

#[test]
fn replies_in_the_wrong_order_are_wrong_both_of_them() {
    let fake = Fake::new(|asked| {
        if asked.followed && asked.on_connection.is_multiple_of(8) {
            Act::AnswerBehindTheNext
        } else {
            Act::Answer
        }
    });
    // The first write has both requests of a pipeline, so there is something to swap on the slowest machine.
    let outcome = run(&Plan {
        pipeline: 2,
        ..fake.plan(4, ping())
    });
    let swaps = fake.misbehaviors();
    assert!(swaps > 0);
    let counts = &outcome.report.requests;
    assert_eq!(
        (counts.sent, counts.wrong),
        (fake.requests(), 2 * swaps),
        "{counts:?}"
    );
    assert_eq!(counts.ok, counts.sent - 2 * swaps);
    assert_eq!(failures(&outcome), [("wrong_value", 2 * swaps)]);
    assert!(
        first(&outcome).contains("a reply before it is missing or was overtaken"),
        "{}",
        first(&outcome)
    );
}

#[test]
fn a_missing_reply_shows_in_the_next_one() {
    let fake = Fake::new(|asked| {
        if asked.followed && asked.on_connection == 0 {
            Act::Nothing
        } else {
            Act::Answer
        }
    });
    let outcome = run(&Plan {
        pipeline: 2,
        timeout: std::time::Duration::from_secs(2),
        ..fake.plan(4, ping())
    });
    let counts = &outcome.report.requests;
    assert!(fake.misbehaviors() > 0 && counts.wrong > 0, "{counts:?}");
    assert!(counts.add_up());
    let failures = &outcome.report.failures;
    let wrong = failures.iter().find(|failure| failure.kind == "wrong_value");
    let first = &wrong.expect("there are wrong ones").first;
    assert!(
        first.contains("a request sent 1 later on this connection"),
        "{first}"
    );
}

#[test]
fn a_reply_that_never_comes_is_a_timeout() {
    let fake = to_every_seventh(|_| Act::Nothing);
    let plan = Plan {
        timeout: std::time::Duration::from_secs(2),
        ..fake.plan(4, ping())
    };
    let outcome = run(&plan);
    let counts = &outcome.report.requests;
    assert_eq!(
        (counts.sent, counts.timeout),
        (fake.requests(), fake.misbehaviors())
    );
    assert_eq!(counts.ok, counts.sent - counts.timeout);
    assert_eq!(failures(&outcome), [("timeout", fake.misbehaviors())]);
    assert_eq!(first(&outcome), "no reply within 2s");
}

#[test]
fn garbage_is_reported_at_once() {
    // The last of these announces half a gibibyte, which would take long to wait for.
    for garbage in [
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "pong \"ireader 0\"\n",
        "ok \n",
    ] {
        let fake = Fake::new(move |asked| {
            if asked.number.is_multiple_of(7) {
                Act::Instead(garbage.into())
            } else {
                Act::Answer
            }
        });
        let (outcome, misdeeds) = run_against(&fake);
        assert_eq!(outcome.report.requests.wrong, misdeeds);
        assert_eq!(failures(&outcome), [("not_a_frame", misdeeds)]);
        assert!(first(&outcome).contains("where a reply should start"));
    }
}

#[test]
fn requests_behind_garbage_count_as_failed() {
    let fake = Fake::new(|asked| {
        if asked.on_connection == 5 {
            Act::CloseAfter(b"garbage".to_vec())
        } else {
            Act::Answer
        }
    });
    let outcome = run(&Plan {
        pipeline: 16,
        ..fake.plan(4, ping())
    });
    let counts = &outcome.report.requests;
    assert_eq!(counts.wrong, fake.misbehaviors());
    assert_eq!(
        counts.ok,
        5 * fake.misbehaviors(),
        "what came before it on its connection is good"
    );
    assert_eq!(failures(&outcome), [("not_a_frame", counts.wrong + counts.reset)]);
}

#[test]
fn an_unasked_reply_is_reported() {
    let fake = to_every_seventh(|asked| Act::Instead([asked.answer, &reply("pong", "\"more\"")].concat()));
    let outcome = run(&fake.plan(4, ping()));
    let counts = &outcome.report.requests;
    assert_eq!(
        (counts.sent, counts.ok),
        (fake.requests(), fake.requests()),
        "each had its own reply too"
    );
    assert_eq!(failures(&outcome), [("unasked_reply", fake.misbehaviors())]);
    assert!(first(&outcome).contains("\"more\""));
}

#[test]
fn no_reply_is_good_after_an_unasked_one() {
    let fake = Fake::greeting(reply("pong", "\"welcome\""));
    let outcome = run(&fake.plan(4, ping()));
    assert_eq!(outcome.report.requests.ok, 0);
    assert!(!outcome.report.failures.is_empty());
}

#[test]
fn a_connection_closed_in_mid_reply_is_reported() {
    let fake = to_every_seventh(|asked| Act::CloseAfter(asked.answer[..9].to_vec()));
    let (outcome, misdeeds) = run_against(&fake);
    assert_eq!(outcome.report.requests.reset, misdeeds);
    assert_eq!(failures(&outcome), [("closed_in_mid_reply", misdeeds)]);
    assert_eq!(first(&outcome), "closed by the server 9 bytes into a reply");
}

#[test]
fn a_connection_closed_without_a_reply_is_reported() {
    let fake = to_every_seventh(|_| Act::CloseAfter(Vec::new()));
    let (outcome, misdeeds) = run_against(&fake);
    assert_eq!(outcome.report.requests.reset, misdeeds);
    assert_eq!(failures(&outcome), [("closed", misdeeds)]);
    assert_eq!(first(&outcome), "closed by the server with 1 requests in flight");
}

#[test]
fn a_reset_is_reported() {
    let fake = to_every_seventh(|_| Act::Reset);
    let (outcome, misdeeds) = run_against(&fake);
    assert_eq!(outcome.report.requests.reset, misdeeds);
    assert_eq!(failures(&outcome), [("reset", misdeeds)]);
    assert!(first(&outcome).contains("with 1 requests in flight"));
}

#[test]
fn replies_before_a_reset_are_not_lost() {
    for end in [
        |_: &Asked<'_>| Act::Reset,
        |_: &Asked<'_>| Act::CloseAfter(Vec::new()),
    ] {
        let fake = Fake::new(move |asked| {
            if asked.on_connection == 40 {
                end(asked)
            } else {
                Act::Answer
            }
        });
        let report = run(&Plan {
            pipeline: 16,
            ..fake.plan(8, ping())
        })
        .report;
        let Requests { ok, reset, sent, .. } = report.requests;
        assert_eq!(ok, fake.requests() - fake.misbehaviors());
        assert_eq!(sent, ok + reset);
        // Every lost connection was replaced, except for those lost after the window.
        assert!(report.connections.reconnects <= fake.misbehaviors());
        assert!(report.connections.reconnects + 8 >= fake.misbehaviors());
    }
}
