//! The operations: what each replies, up to its limits and beyond.

use std::time::{Duration, Instant};

use crate::client::{Client, MAX_FRAME, frame, ping_of_body_length, prefix};
use crate::model::Model;
use crate::wait::eventually;

/// What a reply needs in addition to the characters of its string, rounded up.
pub(super) const ENVELOPE: usize = 64;

pub(crate) fn pi_is_the_original_sum_to_the_last_digit(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    client.call("pi", "0").is("pi_r", "2.8284271247461903");
    client.call("pi", "100").is("pi_r", "3.1384395139385455");
    let for_one = (8.0 * (1.0 + 1.0 / 9.0_f64)).sqrt();
    client.call("pi", "1").is("pi_r", &for_one.to_string());
}

pub(crate) fn pi_goes_up_to_ten_million(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    let reply = client.call("pi", "10000000");
    assert_eq!(reply.out, "pi_r");
    let result: f64 = reply.result.parse().expect("the result is a number");
    assert!(
        (result - std::f64::consts::PI).abs() < 1e-6,
        "{result} is about pi"
    );
    client.call("pi", "10000001").is_error("bad_params");
}

pub(crate) fn spin_takes_the_requested_time(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    let cpu_s = server.tree().cpu_s();
    // CPU time is counted in ticks of 10 ms, and on a busy machine the spin may get little of it.
    eventually("spin uses the CPU", || {
        takes_at_least(Duration::from_millis(200), || {
            client.call("spin", "200000").is("spun", "200000");
        });
        server.tree().cpu_s() - cpu_s > 0.01
    });
    client.call("spin", "0").is("spun", "0");
    client.call("spin", "10000001").is_error("bad_params");
}

pub(crate) fn sleep_and_block_take_the_requested_time(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    for (operation, out) in [("sleep", "slept"), ("block", "blocked")] {
        takes_at_least(Duration::from_millis(60), || {
            client.call(operation, "60").is(out, "60");
        });
        takes_at_least(Duration::from_millis(1), || {
            client.call(operation, "1").is(out, "1");
        });
        client.call(operation, "0").is(out, "0");
        client.call(operation, "60001").is_error("bad_params");
    }
}

pub(crate) fn a_blob_has_the_requested_size(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    for size in [0, 1, 2, 1_000, 65_536, MAX_FRAME - ENVELOPE] {
        expect_blob(&mut client, size);
    }
    client
        .call("blob", &(MAX_FRAME - ENVELOPE + 1).to_string())
        .is_error("bad_params");
    client.expect_pong();
}

pub(crate) fn max_frame_changes_the_limits(model: &Model) {
    let server = model.start(&["--max-frame", "4096"]);
    let mut client = server.connect();
    expect_blob(&mut client, 4_096 - ENVELOPE);
    client
        .call("blob", &(4_097 - ENVELOPE).to_string())
        .is_error("bad_params");
    client.send(ping_of_body_length(4_096));
    assert_eq!(client.receive().out, "pong");
    client.send(ping_of_body_length(4_097));
    client.receive().is_error("frame_too_large");
    drop(client);
    drop(server);

    let server = model.start(&["--max-frame", "4194304"]);
    let mut client = server.connect();
    expect_blob(&mut client, 4_194_304 - ENVELOPE);
    client.send(ping_of_body_length(4_194_304));
    assert_eq!(client.receive().out, "pong");
    client.send(prefix(4_194_305));
    client.receive().is_error("frame_too_large");
}

pub(crate) fn an_unknown_operation_is_named_in_the_reply(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    let message = client.call("launch", "[1]").is_error("unknown_operation");
    assert!(message.contains("launch"), "{message}");
    let message = client
        .call(r"l\u00e4nch \u4eb2", "[1]")
        .is_error("unknown_operation");
    assert!(message.contains("l\u{e4}nch \u{4eb2}"), "{message}");
    // An operation is named exactly.
    for near in ["", "Ping", "ping ", " ping", "pin", "pingg", "pong"] {
        client.call(near, "1").is_error("unknown_operation");
    }
    client.send(frame(format!(
        r#"{{"in": "{}", "params": 1}}"#,
        "n".repeat(100_000)
    )));
    client.receive().is_error("unknown_operation");
    client.expect_pong();
}

#[track_caller]
fn expect_blob(client: &mut Client, size: usize) {
    let reply = client.call("blob", &size.to_string());
    assert_eq!(reply.out, "blob", "{}", reply.result);
    let text: String = serde_json::from_str(&reply.result).expect("a blob is a string");
    assert_eq!(text.len(), size);
    assert!(text.is_ascii(), "a blob is ASCII");
}

#[track_caller]
pub(super) fn takes_at_least(time: Duration, act: impl FnOnce()) {
    let start = Instant::now();
    act();
    let took = start.elapsed();
    assert!(took >= time, "{took:?} is less than {time:?}");
}
