//! The output of contenders: all of it is read and kept, and messages of failures name the file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::{Script, only_run, text, was_measured};

/// Prints much before it is ready, and 10 KB for each connection and reply. The ready line names a host.
const CHATTY: &str = r#"
sys.stdout.write("x" * 1600000 + "\n" + "é\n" * 100000)
sys.stderr.write("starting\n")
serve("listening on localhost:%d", lambda: print("y" * 10000, flush=True))
"#;

/// Ends at the first request, after it has printed a reason.
const CRASHES: &str = r#"
def crash():
    sys.stderr.write("first\nout of luck\n")
    sys.stderr.flush()
    os._exit(7)
serve("listening on 127.0.0.1:%d", crash)
"#;

/// Ends at the first request, by a signal. It goes to the thread that would reply: another could be hit after the reply.
const ABORTS: &str = r#"serve("listening on 127.0.0.1:%d", os.abort)"#;

const IPV6: &str = r#"serve("listening on [::1]:%d", lambda: None, "::1")"#;

/// The file of the output during verification.
fn output_of(out: &Path, name: &str) -> PathBuf {
    only_run(out).join(format!("output/verify-{name}.log"))
}

#[track_caller]
fn left_out(done: &Output) -> String {
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{message}");
    message
}

#[test]
fn a_chatty_contender_is_measured_and_its_output_kept() {
    let Some(script) = Script::new("chatty", CHATTY, "ready = \"line\"") else {
        return;
    };
    let done = script.smoke().output().unwrap();
    was_measured(&done, &script.out(), "chatty");
    let folder = only_run(&script.out()).join("output");
    let trial = folder.join("request-cost-64-chatty-1.log");
    let trial = if trial.exists() {
        trial
    } else {
        folder.join("request-cost-64-chatty-2.log")
    };
    for file in [output_of(&script.out(), "chatty"), trial] {
        let printed = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(printed.starts_with("xxx"), "{}", file.display());
        let count = |wanted| printed.chars().filter(|&c| c == wanted).count();
        assert_eq!(
            (count('x'), count('é')),
            (1_600_000, 100_000),
            "{}",
            file.display()
        );
        // Its output for each reply may add up to any length.
        assert!(
            printed.len() < 17 << 20,
            "{} has {} bytes",
            file.display(),
            printed.len()
        );
    }
}

#[test]
fn an_ipv6_address_is_understood() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return test_support::skip("there is no IPv6 loopback");
    }
    let Some(script) = Script::new("six", IPV6, "ready = \"line\"") else {
        return;
    };
    let done = script.smoke().output().unwrap();
    was_measured(&done, &script.out(), "six");
}

#[test]
fn a_crash_during_verification_is_reported_with_its_output() {
    let Some(script) = Script::new("crashes", CRASHES, "") else {
        return;
    };
    let message = left_out(&script.smoke().output().unwrap());
    let file = output_of(&script.out(), "crashes");
    let expected = format!(
        "crashes is left out: ended at a ping of null (exit status: 7); last line on stderr: out of luck; its \
         output: {}",
        file.display()
    );
    assert!(message.contains(&expected), "{message}");
    let printed = fs::read_to_string(file).unwrap();
    for line in ["listening on ", "first\n", "out of luck\n"] {
        assert!(printed.contains(line), "{printed}");
    }
}

#[test]
fn a_crash_by_a_signal_is_reported_by_the_signal() {
    let Some(script) = Script::new("aborts", ABORTS, "") else {
        return;
    };
    let message = left_out(&script.smoke().output().unwrap());
    assert!(
        message.contains("ended at a ping of null (signal: 6 (SIGABRT)"),
        "{message}"
    );
}
