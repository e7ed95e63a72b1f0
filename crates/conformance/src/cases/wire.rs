//! Frames however they arrive, and JSON however it is written.

use std::thread;
use std::time::Duration;

use crate::client::{Client, MAX_FRAME, frame, ping_of_body_length, prefix, request};
use crate::model::Model;
use crate::wait::let_packets_arrive;

pub(crate) fn the_bytes_that_python_2_sends_are_answered(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    client.send(b"\x25\x00\x00\x00{\"params\": \"ireader 0\", \"in\": \"ping\"}");
    client.receive().is("pong", r#""ireader 0""#);
}

pub(crate) fn prefix_and_body_may_come_in_separate_packets(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    let body = r#"{"in": "ping", "params": "apart"}"#;
    for _ in 0..3 {
        client.send(prefix(body.len()));
        let_packets_arrive();
        client.send(body);
        client.receive().is("pong", r#""apart""#);
    }
}

pub(crate) fn a_request_may_come_a_byte_at_a_time(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    for byte in request("ping", r#""byte by byte""#) {
        client.send([byte]);
        thread::sleep(Duration::from_millis(1));
    }
    client.receive().is("pong", r#""byte by byte""#);
    client.expect_pong();
}

/// The tutorial's asynchronous server drops a connection when a read returns exactly 1,024 bytes. Other servers have buffers
/// of other round sizes.
pub(crate) fn a_request_may_end_at_a_buffer_boundary(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    for round in [1_024, 2_048, 4_096, 8_192, 16_384, 65_536] {
        for length in [round - 5, round - 4, round - 3, round - 1, round, round + 1] {
            is_echoed(&mut client, length);
        }
    }
}

pub(crate) fn hundreds_of_requests_in_one_write_are_answered_in_order(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    client.send(numbered_pings(800));
    receives_numbered_pongs(&mut client, 800);
}

pub(crate) fn pipelined_requests_may_be_cut_anywhere(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    let stream = numbered_pings(300);
    let mut rest = stream.as_slice();
    for size in [1, 2, 3, 5, 7, 39, 41, 211, 4, 997].into_iter().cycle() {
        let (piece, after) = rest.split_at(rest.len().min(size));
        client.send(piece);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    receives_numbered_pongs(&mut client, 300);
}

pub(crate) fn different_operations_in_one_write_are_answered_in_order(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    let mut stream = Vec::new();
    for _ in 0..20 {
        stream.extend(request("ping", "1"));
        stream.extend(request("spin", "50"));
        stream.extend(request("nonsense", "null"));
        stream.extend(request("sleep", "1"));
        stream.extend(frame("nonsense"));
        stream.extend(request("blob", "3"));
        stream.extend(request("pi", "0"));
        stream.extend(request("block", "0"));
        stream.extend(request("work", r#"{"cpu_us": 50, "wait_ms": 1}"#));
    }
    client.send(stream);
    for _ in 0..20 {
        client.receive().is("pong", "1");
        client.receive().is("spun", "50");
        client.receive().is_error("unknown_operation");
        client.receive().is("slept", "1");
        client.receive().is_error("bad_request");
        assert_eq!(client.receive().out, "blob");
        client.receive().is("pi_r", "2.8284271247461903");
        client.receive().is("blocked", "0");
        client.receive().is("worked", r#""""#);
    }
}

pub(crate) fn a_body_at_the_size_limit_is_accepted_and_returned(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    for length in [MAX_FRAME - 1_000, MAX_FRAME - 1, MAX_FRAME] {
        is_echoed(&mut client, length);
    }
    client.expect_pong();
}

pub(crate) fn ping_returns_any_json_value_verbatim(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    let values = [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-0.0",
        "1e-7",
        "1E+07",
        "1.000000000000000000000000000000001",
        "12345678901234567890",
        "123456789012345678901234567890123456789012345678901234567890",
        "1e400",
        "-1e-400",
        "0.30000000000000004",
        r#""""#,
        r#""\"\\\/\b\f\n\r\t""#,
        r#""\u4eb2\u5B9D\u8f6f\u4ef6\u56ed""#,
        "\"\u{4eb2}\u{5b9d} \u{fc}\u{df} \u{1f980}\"",
        r#""\ud83e\udd80""#,
        r#""\ud800""#,
        r#""\udfff and \uD800\u0041""#,
        r#""\u0000\u001f""#,
        "\"\u{7f}\u{2028}\u{feff}\"",
        "[]",
        "{}",
        r#"[1, [2, [3, {"a": [4, {"b": {"c": null}}]}]]]"#,
        r#"{"b": 1, "a": 2, "b": 3}"#,
        r#"{"in": "pi", "params": 7}"#,
        "[ 1 ,\t2\r\n,  { \"key\"  :  \"value\" } ]",
    ];
    for value in values {
        client.call("ping", value).is("pong", value);
    }
}

pub(crate) fn ping_returns_a_deeply_nested_value(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    for depth in [100, 200, 10_000, 500_000] {
        let value = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let reply = client.call("ping", &value);
        assert_eq!(reply.out, "pong", "a value nested {depth} deep");
        assert!(
            reply.result == value,
            "a value nested {depth} deep comes back unchanged"
        );
    }
}

pub(crate) fn key_order_white_space_and_escapes_do_not_matter(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    for body in [
        r#"{"in":"ping","params":[7, 8]}"#,
        r#"{"params":[7, 8],"in":"ping"}"#,
        "\r\n\t { \"params\"\n:\t[7, 8]\r ,\n\"in\" :   \"ping\" } \n\n",
        r#"{"\u0069n": "p\u0069n\u0067", "p\u0061rams": [7, 8]}"#,
    ] {
        client.send(frame(body));
        client.receive().is("pong", "[7, 8]");
    }
}

/// The client waits in `recv`, so that it sees the first write separately, however soon the next follows.
pub(crate) fn a_reply_leaves_in_one_write(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    for (operation, params) in [
        ("sleep", "1"),
        ("ping", r#""ireader 0""#),
        ("pi", "100"),
        ("nonsense", "0"),
    ] {
        for _ in 0..100 {
            client.send(request(operation, params));
            let reply = client.try_receive_once(1_024).expect("a reply comes");
            let (prefix, body) = reply.split_at(reply.len().min(4));
            assert_eq!(
                prefix,
                self::prefix(body.len()),
                "one recv has the whole reply to {operation}"
            );
        }
    }
}

/// Shows that the case above detects two writes. Sometimes the body arrives together with its prefix, so one separate
/// arrival is enough.
pub(crate) fn with_two_writes_a_prefix_leaves_before_its_body(model: &Model) {
    let server = model.start(&["--two-writes"]);
    let mut client = server.connect();
    let mut leaves_apart = || {
        client.send(request("sleep", "1"));
        let first = client.try_receive_once(1_024).expect("a reply comes");
        if first.len() == 4 {
            client.try_receive_once(1_024).expect("its body comes");
        }
        first.len() == 4
    };
    assert!(
        (0..100).any(|_| leaves_apart()),
        "prefix and body always arrive together"
    );
}

/// The flag shows what two writes cost. It must not change the replies.
pub(crate) fn two_writes_carry_the_same_reply(model: &Model) {
    let server = model.start(&["--two-writes"]);
    let mut client = server.connect();
    client.expect_pong();
    client.send(numbered_pings(300));
    receives_numbered_pongs(&mut client, 300);
    client.send(ping_of_body_length(MAX_FRAME));
    assert_eq!(client.receive().out, "pong");
    // More than the kernel accepts at once, so that writes end in the middle of a prefix or a body.
    client.send(request("blob", "199999").repeat(60));
    let_packets_arrive();
    for _ in 0..60 {
        assert_eq!(client.receive().result.len(), 200_001);
    }
    client.call("nonsense", "null").is_error("unknown_operation");
    client.call("sleep", "10").is("slept", "10");
    client.send(prefix(MAX_FRAME + 1));
    client.receive().is_error("frame_too_large");
    client.expect_end();
}

#[track_caller]
fn is_echoed(client: &mut Client, length: usize) {
    let request = ping_of_body_length(length);
    client.send(&request);
    let reply = client.receive();
    assert_eq!(reply.out, "pong", "a body of {length} bytes");
    let sent = std::str::from_utf8(&request[4..]).expect("requests are UTF-8");
    let (_, params) = sent.split_once(r#""params": "#).expect("a request has params");
    // Not `assert_eq`, which would print a megabyte.
    assert!(
        params.strip_suffix('}') == Some(&reply.result),
        "a body of {length} bytes comes back unchanged"
    );
}

fn numbered_pings(count: usize) -> Vec<u8> {
    (0..count)
        .flat_map(|number| request("ping", &format!(r#""ireader {number}""#)))
        .collect()
}

#[track_caller]
fn receives_numbered_pongs(client: &mut Client, count: usize) {
    for number in 0..count {
        client.receive().is("pong", &format!(r#""ireader {number}""#));
    }
}
