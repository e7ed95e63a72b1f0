//! The operation `work`: it computes, then waits, then replies, and each part is optional.

use std::time::Duration;

use crate::cases::operations::{ENVELOPE, takes_at_least};
use crate::client::{Client, MAX_FRAME, request};
use crate::model::Model;
use crate::wait::eventually;

pub(crate) fn work_takes_the_requested_time(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    let cpu_s = server.tree().cpu_s();
    // CPU time is counted in ticks of 10 ms, and on a busy machine the work may get little of it.
    eventually("the work uses the CPU", || {
        takes_at_least(Duration::from_millis(200), || {
            client.call("work", r#"{"cpu_us": 200000}"#).is("worked", r#""""#);
        });
        server.tree().cpu_s() - cpu_s > 0.01
    });
    for (params, least_ms) in [
        (r#"{"wait_ms": 60}"#, 60),
        (r#"{"wait_ms": 60, "block": false}"#, 60),
        (r#"{"wait_ms": 60, "block": true}"#, 60),
        (r#"{"cpu_us": 30000, "wait_ms": 30}"#, 60),
        (r#"{"block": true, "wait_ms": 30, "cpu_us": 30000}"#, 60),
    ] {
        takes_at_least(Duration::from_millis(least_ms), || {
            client.call("work", params).is("worked", r#""""#);
        });
    }
}

pub(crate) fn each_key_of_work_is_optional(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    for (params, bytes) in [
        ("{}", 0),
        (r#"{"cpu_us": 0}"#, 0),
        (r#"{"wait_ms": 0}"#, 0),
        (r#"{"block": true}"#, 0),
        (r#"{"block": false}"#, 0),
        (r#"{"reply_bytes": 3}"#, 3),
        (r#"{"cpu_us": 20, "reply_bytes": 3}"#, 3),
        (r#"{"wait_ms": 1, "reply_bytes": 3}"#, 3),
        (
            r#"{ "reply_bytes" : 3, "block" : true, "wait_ms" : 1, "cpu_us" : 20 }"#,
            3,
        ),
    ] {
        expect_worked(&mut client, params, bytes);
    }
}

pub(crate) fn the_reply_to_work_has_the_requested_size(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    for bytes in [1, 1_000, 65_536, MAX_FRAME - ENVELOPE] {
        for rest in ["", r#", "cpu_us": 1"#, r#", "wait_ms": 1"#] {
            expect_worked(
                &mut client,
                &format!(r#"{{"reply_bytes": {bytes}{rest}}}"#),
                bytes,
            );
        }
    }
    client.expect_pong();
}

pub(crate) fn invalid_work_gets_an_error_that_names_the_key(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    for (key, most) in [
        ("cpu_us", 10_000_000),
        ("wait_ms", 60_000),
        ("reply_bytes", MAX_FRAME - ENVELOPE),
    ] {
        for bad in [
            &*(most + 1).to_string(),
            "-1",
            "1.5",
            "1e400",
            "18446744073709551616",
            r#""1""#,
            "null",
            "true",
            "[1]",
        ] {
            let message = client
                .call("work", &format!(r#"{{"{key}": {bad}}}"#))
                .is_error("bad_params");
            let names_it = message.contains(key) && message.contains(&most.to_string());
            assert!(names_it, "{key} of {bad}: {message}");
        }
    }
    for bad in ["0", "null", r#""true""#] {
        let message = client
            .call("work", &format!(r#"{{"block": {bad}}}"#))
            .is_error("bad_params");
        assert!(message.contains("true or false as block"), "{message}");
    }
    let message = client
        .call("work", r#"{"cpu_us": 1, "wiat_ms": 1}"#)
        .is_error("bad_params");
    assert!(message.contains("wiat_ms"), "{message}");
    for params in ["null", "7", "[1]", r#""{}""#, r#"{"cpu_us": 1, "cpu_us": 1}"#] {
        client.call("work", params).is_error("bad_params");
    }
    client.expect_pong();
}

/// The part that computes may run anywhere, and a timer may run meanwhile. Neither changes the order of the replies.
pub(crate) fn work_keeps_its_place_among_pipelined_requests(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    let works = [
        (r#"{"cpu_us": 2000, "wait_ms": 2, "reply_bytes": 1}"#, r#""x""#),
        (r#"{"wait_ms": 2, "block": true}"#, r#""""#),
        (r#"{"wait_ms": 2}"#, r#""""#),
        ("{}", r#""""#),
    ];
    let mut stream = Vec::new();
    for number in 0..20 {
        for (params, _) in works {
            stream.extend(request("work", params));
            stream.extend(request("ping", &number.to_string()));
            stream.extend(request("work", r#"{"cpu": 1}"#));
        }
    }
    client.send(stream);
    for number in 0..20 {
        for (_, result) in works {
            let reply = client.receive();
            assert_eq!((&*reply.out, reply.result.len()), ("worked", result.len()));
            client.receive().is("pong", &number.to_string());
            client.receive().is_error("bad_params");
        }
    }
}

#[track_caller]
fn expect_worked(client: &mut Client, params: &str, bytes: usize) {
    let reply = client.call("work", params);
    assert_eq!(reply.out, "worked", "{params}: {}", reply.result);
    let text: String = serde_json::from_str(&reply.result).expect("the result is a string");
    assert_eq!(text.len(), bytes, "{params}");
    assert!(text.is_ascii(), "the string is ASCII");
}
