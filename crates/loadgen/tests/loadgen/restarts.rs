//! A server that starts late, or restarts.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use loadgen::{Plan, Report};
use nix::sys::signal::Signal;
use socket2::Socket;

use crate::fake::{Act, Fake, PATIENCE, assert_adds_up, ping, run};
use crate::ports::dead_port;
use crate::program::{Running, hour_long_run, loadgen};

/// An address on which nothing listens, and that no other test gets while the socket is there.
fn free_address() -> (Socket, SocketAddr) {
    let (held, taken) = dead_port();
    (held, SocketAddr::from(([127, 0, 0, 3], taken.port())))
}

#[test]
fn a_server_that_restarts_is_ridden_out() {
    let old = Fake::new(|asked| if asked.number < 100 { Act::Answer } else { Act::Die });
    let plan = Plan {
        duration: PATIENCE * 60,
        threads: 2,
        ride_out: PATIENCE,
        ..old.plan(4, ping())
    };
    let cancel = AtomicBool::new(false);
    let report = thread::scope(|scope| {
        let running = scope.spawn(|| loadgen::run(&plan, &cancel, &mut ()));
        old.wait_for_requests(101);
        let address = old.address;
        drop(old);
        // Longer than a run goes on without --ride-out.
        thread::sleep(Duration::from_secs(1));
        let new = Fake::at(address).expect("the port is free again");
        new.wait_for_requests(100);
        cancel.store(true, Ordering::Relaxed);
        let outcome = running.join().expect("the run does not panic");
        outcome.expect("the server was there").report
    });
    assert_adds_up(&report);
    assert_eq!(report.ended_early.as_deref(), Some("interrupted"));
    assert!(
        report.requests.reset > 0 && report.requests.ok >= 200,
        "{:?}",
        report.requests
    );
    let outage = report.outage.expect("there was one");
    assert_eq!(outage.count, 1);
    assert!(
        outage.total_s > 0.5 && outage.total_s < PATIENCE.as_secs_f64(),
        "{outage:?}"
    );
}

#[test]
fn a_server_not_back_in_time_is_gone() {
    let fake = Fake::new(|asked| if asked.number < 100 { Act::Answer } else { Act::Die });
    let left = loadgen(&hour_long_run(fake.address, "--ride-out 1s --json -"));
    assert_eq!(left.code, Some(1));
    let report: Report = serde_json::from_str(&left.stdout).expect("stdout is JSON");
    assert!(report.ended_early.is_some_and(|reason| reason.contains("gone")));
    let outage = report.outage.expect("there was one");
    assert!(outage.longest_s >= 1.0, "{outage:?}");
    assert!((report.options.ride_out_s - 1.0).abs() < 1e-9);
}

#[test]
fn the_page_shows_outages() {
    let fake = Fake::new(|asked| if asked.number < 100 { Act::Answer } else { Act::Die });
    let left = loadgen(&hour_long_run(fake.address, ""));
    assert!(
        left.stdout.contains("outages      1 without any connection, "),
        "{}",
        left.stdout
    );
}

#[test]
fn a_run_without_an_outage_reports_none() {
    // Each connection ends after two requests, so that at times there is none.
    let fake = Fake::good();
    let report = run(&Plan {
        requests_per_connection: Some(2),
        ..fake.plan(1, ping())
    })
    .report;
    assert!(report.connections.reconnects > 0);
    assert_eq!(report.outage, None);
}

#[test]
fn a_server_that_is_not_there_yet_is_waited_for() {
    for command in ["run --duration 50ms --warmup 0 --quiet", "call"] {
        let (_held, address) = free_address();
        let address_text = address.to_string();
        let mut arguments: Vec<_> = command.split(' ').collect();
        arguments.extend(["--connect", &address_text, "--wait-for-server", "1h"]);
        let running = Running::start(&arguments);
        thread::sleep(Duration::from_millis(300));
        let fake = Fake::at(address).expect("nobody else has the address");
        let left = running.end();
        assert_eq!((left.code, &*left.stderr), (Some(0), ""), "{command}");
        assert!(fake.requests() > 0);
    }
}

#[test]
fn a_server_that_never_comes_is_given_up() {
    let (_held, address) = dead_port();
    for command in ["run", "call"] {
        let began = Instant::now();
        let left = loadgen(&format!("{command} --connect {address} --wait-for-server 300ms"));
        assert_eq!(left.code, Some(1));
        assert!(left.stderr.contains("can't connect to"), "{}", left.stderr);
        assert!(began.elapsed() >= Duration::from_millis(300));
    }
}

#[test]
fn a_run_that_waits_for_its_server_can_be_interrupted() {
    let (_held, address) = dead_port();
    // Connecting to a multicast address fails at once, without any wait.
    for address in [&*address.to_string(), "224.0.0.1:9"] {
        for signal in [Signal::SIGTERM, Signal::SIGINT] {
            let running = Running::start(&["run", "--connect", address, "--wait-for-server", "1h"]);
            running.wait_until_it_handles(&[signal]);
            running.signal(signal);
            let left = running.end();
            assert_eq!(
                (left.code, &*left.stderr),
                (Some(1), "loadgen: interrupted before the load began\n"),
                "{address}, {signal}"
            );
        }
    }
}
