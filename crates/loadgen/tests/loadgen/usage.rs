//! What can't be asked is refused with exit code 2 and a message that names the flag.

use std::process::Command;

use loadgen::Report;

use crate::endings::dead_port;
use crate::fake::Fake;
use crate::output::short_run;
use crate::program::{Left, loadgen_with};

/// Runs `loadgen run` with these arguments on an address that is never reached.
fn refused(arguments: &[&str]) -> Left {
    let mut all = vec!["run", "--connect", "127.0.0.1:1"];
    all.extend(arguments);
    loadgen_with(&all)
}

#[test]
fn every_mistake_in_a_flag_names_the_flag_and_exits_2() {
    let cases: &[(&[&str], &str)] = &[
        (&["--connections", "0"], "--connections"),
        (&["--connections", "many"], "--connections"),
        (&["--connections", "-1"], "--connections"),
        (&["--connections", "999999999"], "--connections"),
        (&["--connections", "18446744073709551615"], "--connections"),
        (&["--idle", "18446744073709551615"], "--idle"),
        (&["--silent", "18446744073709551615"], "--silent"),
        (&["--threads", "0"], "--threads"),
        (&["--threads", "65"], "--threads"),
        (&["--threads", "2000", "--connections", "2000"], "--threads"),
        (&["--pipeline", "0"], "--pipeline"),
        (&["--pipeline", "1000000000"], "--pipeline"),
        (&["--pipeline", "18446744073709551615"], "--pipeline"),
        (&["--requests-per-connection", "0"], "--requests-per-connection"),
        (&["--duration", "0s"], "--duration"),
        (&["--duration", "10"], "--duration"),
        (&["--duration", "200000000000y"], "--duration"),
        (&["--warmup", "200000000000y"], "--warmup"),
        (&["--warmup", "soon"], "--warmup"),
        (&["--timeout", "0"], "--timeout"),
        (&["--op", "pong"], "--op"),
        (&["--params", "ireader 0"], "--params"),
        (&["--params", ""], "--params"),
        (&["--params", "1", "--payload", "1"], "--payload"),
        (&["--op", "pi", "--params", "10000001"], "--params"),
        (&["--op", "pi", "--params", "\"100\""], "--params"),
        (&["--op", "sleep", "--params", "60001"], "--params"),
        (&["--op", "sleep", "--params", "-1"], "--params"),
        (&["--op", "block", "--params", "0.5"], "--params"),
        (&["--op", "spin", "--params", "10000001"], "--params"),
        (&["--op", "blob", "--params", "1073741824"], "--params"),
        (&["--op", "pi", "--payload", "5"], "--payload"),
        (&["--payload", "18446744073709551615"], "--payload"),
        (&["--payload", "1073741824"], "--payload"),
        (&["--cpus", "x"], "--cpus"),
        (&["--cpus", "3-1"], "--cpus"),
        (&["--cpus", "0-99999999999"], "--cpus"),
        (&["--rate", "ten"], "--rate"),
        (&["--rate", "10kk"], "--rate"),
        (&["--rate", "10/day"], "--rate"),
        (&["--rate", "1G"], "--rate"),
        (&["--rate", "1/h"], "--rate"),
        (&["--rate", "-1"], "--rate"),
        (&["--connect", "nowhere"], "--connect"),
    ];
    for (arguments, flag) in cases {
        let left = refused(arguments);
        assert_eq!(left.code, Some(2), "{arguments:?}: {}", left.stderr);
        assert_eq!(left.stdout, "", "{arguments:?}");
        let message = left.stderr.lines().next().unwrap_or_default();
        assert!(message.contains(flag), "{arguments:?}: {}", left.stderr);
        assert!(!left.stderr.contains("panicked"), "{}", left.stderr);
    }
}

#[test]
fn a_rate_may_have_a_factor_and_a_time() {
    let fake = Fake::good();
    for (rate, per_s) in [("0.2k", 200.0), ("6k/min", 100.0), ("100/s", 100.0)] {
        let left = short_run(&fake, &["--rate", rate, "--json", "-"]);
        let report: Report = serde_json::from_str(&left.stdout).expect("stdout is JSON");
        assert_eq!(report.options.rate_per_s, Some(per_s));
    }
}

#[test]
fn a_call_that_cannot_be_made_is_refused_alike() {
    for (arguments, flag) in [
        (&["--params", "text"], "--params"),
        (&["--timeout", "0"], "--timeout"),
        (&["--count", "many"], "--count"),
    ] {
        let mut all = vec!["call", "--connect", "127.0.0.1:1"];
        all.extend(arguments);
        let left = loadgen_with(&all);
        assert_eq!(left.code, Some(2), "{}", left.stderr);
        assert!(
            left.stderr.lines().next().unwrap().contains(flag),
            "{}",
            left.stderr
        );
    }
}

#[test]
fn no_server_and_no_command_are_refused() {
    for arguments in [&["run"][..], &["call"], &[], &["dance"]] {
        assert_eq!(loadgen_with(arguments).code, Some(2), "{arguments:?}");
    }
}

#[test]
fn a_processor_that_the_machine_does_not_have_is_refused() {
    let fake = Fake::good();
    let left = loadgen_with(&["run", "--connect", &fake.address.to_string(), "--cpus", "1023"]);
    assert_eq!(left.code, Some(2), "{}", left.stderr);
    assert!(left.stderr.contains("--cpus"), "{}", left.stderr);
    assert_eq!(fake.requests(), 0);
}

#[test]
fn the_descriptors_of_threads_are_counted_with_those_of_connections() {
    let (_held, address) = dead_port();
    let address = address.to_string();
    // Room for ten connections and what a process has besides, with the event loop and the timer of one thread and not of
    // eight.
    for (threads, code, message) in [
        ("1", 1, "can't connect"),
        ("8", 2, "10 connections on 8 threads need more"),
    ] {
        let limited = Command::new("sh")
            .args([
                "-c",
                "ulimit -n 80 && exec \"$0\" \"$@\"",
                env!("CARGO_BIN_EXE_loadgen"),
            ])
            .args([
                "run",
                "--connect",
                &address,
                "--connections",
                "10",
                "--threads",
                threads,
            ])
            .output()
            .expect("there is a shell");
        let stderr = String::from_utf8_lossy(&limited.stderr);
        assert_eq!(limited.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(message), "{stderr}");
    }
}
