//! Invalid requests: each gets an error reply. After it the connection continues, or closes where it can't.

use std::fs;

use crate::client::{MAX_FRAME, frame, is_disconnection, prefix, request};
use crate::model::Model;

pub(crate) fn an_invalid_request_gets_an_error_and_the_connection_continues(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    for body in INVALID {
        client.send(frame(body));
        let reply = client.receive();
        assert_eq!(reply.out, "error", "{:?}", String::from_utf8_lossy(body));
        reply.is_error("bad_request");
        client.expect_pong();
    }
}

/// An error in the middle must not lose the requests that are pipelined behind it.
pub(crate) fn errors_keep_their_place_among_pipelined_requests(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    let mut stream = Vec::new();
    for (number, body) in INVALID.iter().enumerate() {
        stream.extend(request("ping", &number.to_string()));
        stream.extend(frame(body));
    }
    client.send(stream);
    for number in 0..INVALID.len() {
        client.receive().is("pong", &number.to_string());
        client.receive().is_error("bad_request");
    }
}

pub(crate) fn invalid_params_get_an_error(model: &Model) {
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
        client.expect_pong();
    }
}

pub(crate) fn an_oversized_length_gets_an_error_and_closes_the_connection(model: &Model) {
    let server = model.start(&[]);
    for length in [MAX_FRAME + 1, 1 << 24, 0x8000_0000, 0x7b22_696e, 0xffff_ffff] {
        let mut client = server.connect();
        client.send(request("ping", "1"));
        client.send(prefix(length));
        client.receive().is("pong", "1");
        client.receive().is_error("frame_too_large");
        client.expect_end();
    }
    server.expect_service();
}

/// If a server closes a socket with unread bytes, the kernel sends a reset, which discards the reply in flight. So the server
/// must continue to read for a while.
pub(crate) fn the_error_for_an_oversized_frame_arrives_despite_its_body(model: &Model) {
    let server = model.start(&[]);
    for sent in [1, 10_000, 300_000] {
        let mut client = server.connect();
        let mut stream = request("ping", "1");
        stream.extend(prefix(64 << 20));
        stream.resize(stream.len() + sent, b'x');
        client.send(stream);
        client.finish_sending();
        client.receive().is("pong", "1");
        client.receive().is_error("frame_too_large");
        client.expect_end();
    }
    server.expect_service();
}

/// The end of the stream may reach the server together with the last bytes of the body. The server must not treat that as a
/// reset.
pub(crate) fn a_connection_closes_cleanly_after_an_oversized_body(model: &Model) {
    let server = model.start(&[]);
    let body = vec![b'x'; 400_000];
    for _ in 0..100 {
        let mut client = server.connect();
        client.send(prefix(64 << 20));
        client.receive().is_error("frame_too_large");
        // The server has closed its sending side, and continues to read.
        if client.try_send(&body).is_ok() {
            client.finish_sending();
        }
        client.expect_end();
    }
    server.expect_service();
}

/// On any machine, the server reads a bounded number of bytes after its reply, not only for a bounded time.
pub(crate) fn an_endless_oversized_body_is_cut_off(model: &Model) {
    /// What a server may read and discard after its reply.
    const LINGER_MOST_BYTES: usize = 16 << 20;
    /// What may be sent before the server reads the length.
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
        "the server neither reads nor closes: {refused}"
    );
    server.expect_service();
}

/// The most that a socket's buffer may grow to in one direction.
fn buffer_bytes(name: &str) -> usize {
    let sizes = fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).expect("the kernel has TCP");
    let largest = sizes.split_whitespace().last().expect("there are three sizes");
    largest.parse().expect("a size is a number")
}

/// Bodies of frames that are not requests.
const INVALID: &[&[u8]] = &[
    // Not JSON at all.
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
    // A request with more behind it.
    b"{\"in\": \"ping\", \"params\": 1} x",
    b"{\"in\": \"ping\", \"params\": 1}}",
    b"{\"in\": \"ping\", \"params\": 1}{\"in\": \"ping\", \"params\": 2}",
    b"{\"in\": \"ping\", \"params\": 1}\0",
    // Not UTF-8: a stray byte, a cut sequence, an overlong one, an encoded surrogate, UTF-16, Latin-1 in each place.
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
