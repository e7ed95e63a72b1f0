//! Signals end a run, and what was measured is reported.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use loadgen::Report;
use nix::sys::signal::Signal;

use crate::fake::{Fake, assert_adds_up};
use crate::ports::silent_port;
use crate::program::{Running, hour_long_run};

#[test]
fn a_rate_beyond_the_client_can_be_interrupted() {
    let fake = Fake::good();
    let running = Running::start_line(&hour_long_run(fake.address, "--rate 10000000 --json -"));
    fake.wait_for_requests(1);
    // Far more requests fall due meanwhile than can be counted in that time.
    thread::sleep(Duration::from_secs(1));
    running.signal(Signal::SIGINT);
    let left = running.end();
    let report: Report = serde_json::from_str(&left.stdout).expect("stdout is JSON");
    assert_eq!(report.ended_early.as_deref(), Some("interrupted"));
    assert_adds_up(&report);
}

#[test]
fn an_interrupted_program_exits_1_soon_with_what_was_measured() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let fake = Fake::good();
        let running = Running::start_line(&hour_long_run(fake.address, "--threads 2 --json -"));
        fake.wait_for_requests(100);
        running.signal(signal);
        let left = running.end();
        assert_eq!(left.code, Some(1));
        let report: Report = serde_json::from_str(&left.stdout).unwrap();
        assert_eq!(report.ended_early.as_deref(), Some("interrupted"));
        assert!(report.requests.ok > 0);
        assert_adds_up(&report);
    }
}

#[test]
fn an_interrupted_program_does_not_wait_for_the_server() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let (_held, address) = silent_port();
        let address = address.to_string();
        let running = Running::start(&["run", "--connect", &address, "--timeout", "1h"]);
        running.wait_until_it_handles(&[signal]);
        running.signal(signal);
        let left = running.end();
        assert_eq!(
            (left.code, &*left.stderr),
            (Some(1), "loadgen: interrupted before the load began\n")
        );
    }
}

/// Starts an hour-long load by a shell, with this in front of the program.
fn started_by_a_shell(first: &str, fake: &Fake) -> Running {
    let arguments = hour_long_run(fake.address, "--json -");
    let script = format!("{first} {} {arguments}", env!("CARGO_BIN_EXE_loadgen"));
    Running::start_program("sh", &["-c", &script], Stdio::piped())
}

#[test]
fn an_ignored_hang_up_does_not_end_a_run() {
    let fake = Fake::good();
    let running = started_by_a_shell("trap '' HUP; exec", &fake);
    fake.wait_for_requests(100);
    running.signal(Signal::SIGHUP);
    // It goes on, and the next signal is the first one that it handles.
    fake.wait_for_requests(fake.requests() + 1_000);
    running.signal(Signal::SIGTERM);
    let left = running.end();
    let report: Report = serde_json::from_str(&left.stdout).expect("stdout is JSON");
    assert_eq!(report.ended_early.as_deref(), Some("interrupted"));
}

#[test]
fn signals_that_were_blocked_at_the_start_end_a_load() {
    const BLOCKED: &str = "env --block-signal=INT,TERM,HUP";
    let can_block = Command::new("sh")
        .args(["-c", &format!("{BLOCKED} true")])
        .status();
    if !can_block.is_ok_and(|status| status.success()) {
        return test_support::skip("env(1) of this machine can't block signals");
    }
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let fake = Fake::good();
        let running = started_by_a_shell(&format!("exec {BLOCKED}"), &fake);
        fake.wait_for_requests(100);
        running.signal(signal);
        let left = running.end();
        let report: Report = serde_json::from_str(&left.stdout).expect("stdout is JSON");
        assert_eq!(report.ended_early.as_deref(), Some("interrupted"));
    }
}

#[test]
fn two_signals_at_the_same_time_count_as_one() {
    let fake = Fake::good();
    let running = Running::start_line(&hour_long_run(fake.address, "--json -"));
    fake.wait_for_requests(100);
    // Both are pending when it continues.
    for signal in [Signal::SIGSTOP, Signal::SIGINT, Signal::SIGTERM, Signal::SIGCONT] {
        running.signal(signal);
    }
    let left = running.end();
    assert_eq!(left.code, Some(1));
    let report: Report = serde_json::from_str(&left.stdout).unwrap();
    assert_eq!(report.ended_early.as_deref(), Some("interrupted"));
}

#[test]
fn a_second_signal_ends_the_program_at_once() {
    let fake = Fake::good();
    // More than a pipe holds, and nothing reads it: the first signal ends the load, and the result can't be written.
    let params = format!("\"{}\"", "x".repeat(100_000));
    let running = Running::start_line(&hour_long_run(
        fake.address,
        &format!("--params {params} --json -"),
    ));
    running.wait_until_it_handles(&[Signal::SIGINT]);
    assert_eq!(running.signal_to_its_end(Signal::SIGINT), Some(1));
}
