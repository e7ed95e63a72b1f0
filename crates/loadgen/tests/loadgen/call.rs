//! `loadgen call`: the client of the original tutorial.

use std::time::Duration;

use crate::fake::{Act, Fake, error};
use crate::program::{loadgen, loadgen_with};

#[test]
fn a_call_prints_its_reply_as_the_original_does() {
    let fake = Fake::good();
    let left = loadgen(&format!("call --connect {}", fake.address));
    assert_eq!(
        (&*left.stdout, &*left.stderr, left.code),
        ("pong \"ireader 0\"\n", "", Some(0))
    );
}

#[test]
fn calls_follow_each_other_on_one_connection_and_count_up() {
    let fake = Fake::good();
    let left = loadgen(&format!(
        "call --connect {} --count 3 --interval 1ms",
        fake.address
    ));
    assert_eq!(
        left.stdout,
        "pong \"ireader 0\"\npong \"ireader 1\"\npong \"ireader 2\"\n"
    );
    assert_eq!((left.code, fake.connections()), (Some(0), 1));
}

#[test]
fn a_call_sends_the_given_parameters() {
    let fake = Fake::good();
    let left = loadgen(&format!(
        "call --connect {} --op pi --params 100 --count 2",
        fake.address
    ));
    assert_eq!(left.stdout, "pi_r 3.1384395139385455\n".repeat(2));
    let address = fake.address.to_string();
    let left = loadgen_with(&[
        "call",
        "--connect",
        &address,
        "--params",
        "{\"a\": [1e-7, \"é\"]}",
    ]);
    assert_eq!(
        loadgen_with(&["call", "--connect", &address, "--params", "-1e-7"]).stdout,
        "pong -1e-7\n"
    );
    assert_eq!(left.stdout, "pong {\"a\": [1e-7, \"é\"]}\n");
}

#[test]
fn an_error_reply_is_printed_and_exits_1() {
    let fake = Fake::new(|asked| {
        if asked.number == 0 {
            Act::Instead(error("bad_params"))
        } else {
            Act::Answer
        }
    });
    let left = loadgen(&format!("call --connect {} --count 2", fake.address));
    assert_eq!(
        left.stdout,
        "error {\"code\":\"bad_params\",\"message\":\"as scripted\"}\npong \"ireader 1\"\n"
    );
    assert_eq!((left.code, &*left.stderr), (Some(1), ""));
}

#[test]
fn a_call_without_a_reply_is_an_error() {
    const CUT: &str = "closed the connection in the middle of a reply";
    for (fault, message) in [
        ("silence", "no reply within 200ms"),
        ("close", CUT),
        ("half", CUT),
        ("reset", "the connection to the server failed"),
        ("garbage", "not a reply"),
    ] {
        let fake = Fake::new(move |_| match fault {
            "silence" => Act::Nothing,
            "close" => Act::CloseAfter(Vec::new()),
            "half" => Act::CloseAfter(vec![9, 0, 0, 0, b'{']),
            "reset" => Act::Reset,
            _ => Act::Instead(b"HTTP/1.1 400".to_vec()),
        });
        let left = loadgen(&format!("call --connect {} --timeout 200ms", fake.address));
        assert_eq!(left.code, Some(1), "{message}");
        assert_eq!(left.stdout, "");
        assert_eq!(left.stderr.lines().count(), 1, "{}", left.stderr);
        assert!(left.stderr.contains(message), "{}", left.stderr);
    }
}

#[test]
fn a_reply_in_single_bytes_does_not_extend_the_timeout() {
    // Each byte comes in time, but all of them take more than three seconds.
    let fake = Fake::new(|_| Act::AnswerInBytes(Duration::from_millis(100)));
    let left = loadgen(&format!("call --connect {} --timeout 1s", fake.address));
    assert_eq!((left.code, &*left.stdout), (Some(1), ""));
    assert_eq!(left.stderr, "loadgen: no reply within 1s\n");
}
