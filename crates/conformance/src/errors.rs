//! What is not a request: an error reply each, after which the connection goes on, or can't.

use std::fs;

use crate::client::{frame, is_disconnection, prefix, request};
use crate::model::Model;
use crate::wire::MAX_FRAME;

pub(crate) fn what_is_not_a_request_is_answered_and_the_connection_goes_on(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    for body in NOT_REQUESTS {
        client.send(frame(body));
        let reply = client.receive();
        assert_eq!(reply.out, "error", "{:?}", String::from_utf8_lossy(body));
        reply.is_error("bad_request");
        client.pings();
    }
}

/// An error in the middle must not cost what was pipelined behind it.
pub(crate) fn errors_keep_their_place_among_pipelined_requests(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    let mut stream = Vec::new();
    for (number, body) in NOT_REQUESTS.iter().enumerate() {
        stream.extend(request("ping", &number.to_string()));
        stream.extend(frame(body));
    }
    client.send(stream);
    for number in 0..NOT_REQUESTS.len() {
        client.receive().is("pong", &number.to_string());
        client.receive().is_error("bad_request");
    }
}

pub(crate) fn params_that_an_operation_does_not_take_are_answered(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    let limits = [
        ("pi", 10_000_000),
        ("spin", 10_000_000),
        ("sleep", 60_000),
        ("block", 60_000),
        ("blob", MAX_FRAME - 64),
    ];
    for (operation, limit) in limits {
        let over = (limit + 1).to_string();
        let bad = [
            over.as_str(),
            "-1",
            "1.5",
            "0.1",
            "1e400",
            "-1e400",
            "18446744073709551615",
            "18446744073709551616",
            "4294967296",
            "12345678901234567890123",
            r#""1""#,
            r#""""#,
            "null",
            "true",
            "false",
            "[]",
            "[1]",
            "{}",
            r#"{"n": 1}"#,
        ];
        for params in bad {
            let reply = client.call(operation, params);
            assert_eq!(reply.out, "error", "{operation} of {params}: {}", reply.result);
            reply.is_error("bad_params");
        }
        client.pings();
    }
}

pub(crate) fn an_oversized_length_is_answered_and_then_the_connection_closes(model: &Model) {
    let server = model.start(&[]);
    for length in [MAX_FRAME + 1, 1 << 24, 0x8000_0000, 0x7b22_696e, 0xffff_ffff] {
        let mut client = server.connect();
        client.send(request("ping", "1"));
        client.send(prefix(length));
        client.receive().is("pong", "1");
        client.receive().is_error("frame_too_large");
        client.ends();
    }
    server.serves();
}

/// A server that closes a socket with unread bytes in it makes the kernel send a reset, which throws away the reply
/// that is on its way. So it has to read on for a while.
pub(crate) fn the_reply_to_an_oversized_length_can_be_read_after_much_of_the_body_was_sent(model: &Model) {
    let server = model.start(&[]);
    for sent in [1, 10_000, 300_000] {
        let mut client = server.connect();
        let mut stream = request("ping", "1");
        stream.extend(prefix(64 << 20));
        stream.resize(stream.len() + sent, b'x');
        client.send(stream);
        client.finishes_sending();
        client.receive().is("pong", "1");
        client.receive().is_error("frame_too_large");
        client.ends();
    }
    server.serves();
}

/// The end of the body may reach a server together with its last bytes, while the server reads on. That must not count as a
/// peer that has gone.
pub(crate) fn the_connection_ends_in_good_order_after_an_oversized_body(model: &Model) {
    let server = model.start(&[]);
    let body = vec![b'x'; 400_000];
    for _ in 0..100 {
        let mut client = server.connect();
        client.send(prefix(64 << 20));
        client.receive().is_error("frame_too_large");
        // The server has closed its sending side, and reads on.
        if client.try_send(&body).is_ok() {
            client.finishes_sending();
        }
        client.ends();
    }
    server.serves();
}

/// However fast the machine is: what gets through is bounded in bytes, and not only by the time of lingering.
pub(crate) fn a_peer_that_sends_an_oversized_body_for_ever_is_cut_off(model: &Model) {
    /// What a server may read and drop after its reply.
    const LINGER_MOST_BYTES: usize = 16 << 20;
    /// What may be sent before the server looks at the length.
    const SLACK_BYTES: usize = 16 << 20;
    let server = model.start(&[]);
    let mut client = server.connect();
    client.send(prefix(0xffff_ffff));
    let chunk = vec![b'x'; 1 << 16];
    let most_bytes = LINGER_MOST_BYTES + SLACK_BYTES + buffer_bytes("tcp_wmem") + buffer_bytes("tcp_rmem");
    let mut sent_bytes = 0;
    let refused = loop {
        match client.try_send(&chunk) {
            Ok(()) => sent_bytes += chunk.len(),
            Err(error) => break error,
        }
        assert!(
            sent_bytes <= most_bytes,
            "the server took {sent_bytes} bytes, more than {most_bytes}"
        );
    };
    assert!(
        is_disconnection(&refused),
        "the server neither reads on nor closes: {refused}"
    );
    server.serves();
}

/// The most that a socket's buffer may grow to in one direction.
fn buffer_bytes(name: &str) -> usize {
    let sizes = fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).expect("the kernel has TCP");
    let largest = sizes.split_whitespace().last().expect("there are three sizes");
    largest.parse().expect("a size is a number")
}

/// Bodies of frames that are no requests.
const NOT_REQUESTS: &[&[u8]] = &[
    // No JSON at all.
    b"",
    b" ",
    b"\0",
    b"\0\0\0\0",
    b"nonsense",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"{",
    b"}",
    b"{]",
    b"{\"in\"",
    b"{\"in\":",
    b"{\"in\": \"ping\"",
    b"{\"in\": \"ping\", \"params\"",
    b"{\"in\": \"ping\", \"params\": ",
    b"{\"in\": \"ping\", \"params\": 1",
    b"{\"in\": \"ping\", \"params\": \"ireader 0}",
    b"{\"in\": \"ping\", \"params\": [1, 2}",
    b"{\"in\": \"ping\", \"params\": }",
    b"{\"in\": \"ping\", \"params\": 1,}",
    b"{\"in\": \"ping\", , \"params\": 1}",
    b"{\"in\": \"ping\" \"params\": 1}",
    b"{\"in\"; \"ping\", \"params\": 1}",
    b"{in: \"ping\", params: 1}",
    b"{'in': 'ping', 'params': 1}",
    // Values that look like JSON and are not.
    b"{\"in\": \"ping\", \"params\": 01}",
    b"{\"in\": \"ping\", \"params\": +1}",
    b"{\"in\": \"ping\", \"params\": .5}",
    b"{\"in\": \"ping\", \"params\": 5.}",
    b"{\"in\": \"ping\", \"params\": 1e}",
    b"{\"in\": \"ping\", \"params\": 0x10}",
    b"{\"in\": \"ping\", \"params\": NaN}",
    b"{\"in\": \"ping\", \"params\": -Infinity}",
    b"{\"in\": \"ping\", \"params\": None}",
    b"{\"in\": \"ping\", \"params\": True}",
    b"{\"in\": \"ping\", \"params\": nul}",
    b"{\"in\": \"ping\", \"params\": \"\\x41\"}",
    b"{\"in\": \"ping\", \"params\": \"\\u12g4\"}",
    b"{\"in\": \"ping\", \"params\": \"a\nb\"}",
    b"{\"in\": \"ping\", \"params\": \"a\0b\"}",
    b"{\"in\": \"ping\", \"params\": [1 2]}",
    b"{\"in\": \"ping\", \"params\": {1: 2}}",
    // Something behind a request.
    b"{\"in\": \"ping\", \"params\": 1} x",
    b"{\"in\": \"ping\", \"params\": 1}}",
    b"{\"in\": \"ping\", \"params\": 1}{\"in\": \"ping\", \"params\": 2}",
    b"{\"in\": \"ping\", \"params\": 1}\0",
    // No UTF-8: a stray byte, a cut sequence, an overlong one, an encoded surrogate, UTF-16, Latin-1 in each place.
    b"\xff",
    b"{\"in\": \"ping\", \"params\": \"\xff\"}",
    b"{\"in\": \"ping\", \"params\": \"\xe4\xba\"}",
    b"{\"in\": \"ping\", \"params\": \"\xc0\xaf\"}",
    b"{\"in\": \"ping\", \"params\": \"\xed\xa0\x80\"}",
    b"{\"in\": \"p\xefng\", \"params\": 1}",
    b"{\"in\": \"ping\", \"params\": 1, \"\xe4\": 2}",
    b"{\0\"\0i\0n\0\"\0:\0\"\0p\0\"\0}\0",
    // JSON, but no request.
    b"null",
    b"true",
    b"7",
    b"\"ping\"",
    b"[]",
    b"[\"ping\", 1]",
    b"[{\"in\": \"ping\", \"params\": 1}]",
    b"{}",
    b"{\"in\": \"ping\"}",
    b"{\"params\": 1}",
    b"{\"IN\": \"ping\", \"params\": 1}",
    b"{\"in\": \"ping\", \"param\": 1}",
    b"{\"in\": null, \"params\": 1}",
    b"{\"in\": 7, \"params\": 1}",
    b"{\"in\": [\"ping\"], \"params\": 1}",
    b"{\"in\": {\"ping\": 1}, \"params\": 1}",
];
