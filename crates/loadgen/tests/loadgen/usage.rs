//! A mistake in flags is refused with exit code 2 and a message that names the flag.

use std::process::Command;

use loadgen::Report;
use nix::sys::signal::Signal;

use crate::fake::Fake;
use crate::output::short_run;
use crate::ports::dead_port;
use crate::program::{Left, Running, loadgen_with};

/// Runs `loadgen run` with these arguments on an address that is never reached.
fn refused(arguments: &[&str]) -> Left {
    let mut all = vec!["run", "--connect", "127.0.0.1:1"];
    all.extend(arguments);
    loadgen_with(&all)
}

#[test]
fn a_mistake_names_the_flag_and_exits_2() {
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
        (&["--duration", "31days"], "--duration"),
        (&["--duration", "500000000000years"], "--duration"),
        (&["--duration", "99999999999999999999s"], "--duration"),
        (&["--duration=-1s"], "--duration"),
        (&["--warmup", "31days"], "--warmup"),
        (&["--timeout", "0"], "--timeout"),
        (&["--timeout", "31days"], "--timeout"),
        (&["--wait-for-server", "31days"], "--wait-for-server"),
        (&["--ride-out", "31days"], "--ride-out"),
        (&["--timeout", "500000000000years"], "--timeout"),
        (&["--seed", "18446744073709551616"], "--seed"),
        (&["--seed", "-1"], "--seed"),
        (
            &["--requests-per-connection", "18446744073709551616"],
            "--requests-per-connection",
        ),
        (&["--rate", "1e300"], "--rate"),
        (&["--payload", "300000000"], "--payload"),
        (&["--payload", "200000000"], "--connections"),
        (&["--pipeline", "100000", "--payload", "1000"], "--connections"),
        (&["--op", "blob", "--params", "200000000"], "--connections"),
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
        (&["--op", "work", "--params", "5"], "--params"),
        (&["--op", "work", "--params", "{\"cpu\": 1}"], "--params"),
        (&["--op", "work", "--params", "{\"wait_ms\": 60001}"], "--params"),
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
        (&["--count", "-1"], "--count"),
        (&["--count", "18446744073709551616"], "--count"),
        (&["--timeout", "31days"], "--timeout"),
        (&["--interval", "31days"], "--interval"),
        (&["--interval", "500000000000years"], "--interval"),
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

/// Each flag at the ends of its range.
#[test]
fn a_value_at_the_end_of_its_range_is_taken() {
    let fake = Fake::good();
    for ends in [
        &["--timeout", "30days", "--seed", "18446744073709551615"][..],
        &["--requests-per-connection", "18446744073709551615", "--seed", "0"],
        &["--pipeline", "1000", "--payload", "0"],
        &["--connections", "200", "--threads", "200"],
        &["--requests-per-connection", "1"],
        &["--rate", "10M", "--duration", "1ms"],
        &["--rate", "0.001"],
        &["--duration", "1ns"],
        &["--payload", "1000000"],
    ] {
        let address = fake.address.to_string();
        let mut all = vec!["run", "--connect", &address, "--warmup", "0", "--quiet"];
        for (flag, value) in [
            ("--connections", "4"),
            ("--duration", "150ms"),
            ("--timeout", "60s"),
        ] {
            if !ends.contains(&flag) {
                all.extend([flag, value]);
            }
        }
        all.extend(ends);
        let left = loadgen_with(&all);
        assert!(matches!(left.code, Some(0 | 1)), "{ends:?}: {:?}", left.code);
        assert_eq!(left.stderr, "", "{ends:?}");
    }
    let address = fake.address.to_string();
    let call = [
        "call",
        "--connect",
        &address,
        "--timeout",
        "30days",
        "--interval",
        "30days",
    ];
    assert_eq!(loadgen_with(&call).code, Some(0));
    assert_eq!(
        loadgen_with(&[&call[..], &["--count", "0"]].concat()).code,
        Some(0)
    );
    assert_eq!(
        loadgen_with(&["call", "--connect", &address, "--timeout", "1ns"]).code,
        Some(1)
    );
}

#[test]
fn a_run_of_thirty_days_can_begin_and_be_interrupted() {
    let fake = Fake::good();
    let address = fake.address.to_string();
    for flag in ["--warmup", "--duration"] {
        let requests = fake.requests();
        let all = [
            "run",
            "--connect",
            &address,
            flag,
            "30days",
            "--timeout",
            "30days",
        ];
        let running = Running::start(&[&all[..], &["--rate", "1000"]].concat());
        fake.wait_for_requests(requests + 10);
        running.signal(Signal::SIGTERM);
        let left = running.end();
        assert_eq!((left.code, &*left.stderr), (Some(1), ""), "{flag}");
    }
}

/// The help of each flag that takes a number or a time.
#[test]
fn help_has_the_range_of_each_number_and_time() {
    for (command, flags) in [
        (
            "run",
            &[
                "connections",
                "threads",
                "duration",
                "warmup",
                "rate",
                "payload",
                "requests-per-connection",
                "pipeline",
                "idle",
                "silent",
                "timeout",
                "wait-for-server",
                "ride-out",
                "cpus",
                "seed",
            ][..],
        ),
        ("call", &["count", "interval", "timeout", "wait-for-server"]),
        ("calibrate", &["server-cpu", "client-cpu"]),
    ] {
        let help = loadgen_with(&[command, "--help"]).stdout;
        for flag in flags {
            let (_, text) = help
                .split_once(&format!("--{flag} <"))
                .expect("the flag is in the help");
            let text = text.split("\n      --").next().unwrap_or_default();
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(
                text.contains(" to ") || text.contains("at most"),
                "--{flag}: {text}"
            );
        }
    }
}

#[test]
fn no_server_and_no_command_are_refused() {
    for arguments in [&["run"][..], &["call"], &[], &["dance"]] {
        assert_eq!(loadgen_with(arguments).code, Some(2), "{arguments:?}");
    }
}

#[test]
fn a_cpu_that_the_machine_does_not_have_is_refused() {
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
    // Room for ten connections and the other descriptors of a process, with the event loop and the timer of one thread and not of
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
