//! Runs that end early or never start.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use loadgen::{LoadError, Plan, Report};
use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;
use schema::load::Little;

use crate::fake::{Act, Fake, PATIENCE, assert_adds_up, ping, run};
use crate::ports::{dead_port, silent_port};
use crate::program::{hour_long_run, loadgen};

/// Far longer than any test may take.
const FOREVER: Duration = Duration::from_secs(3600);

/// A server that dies at this request.
fn mortal(last_request: u64) -> Fake {
    Fake::new(move |asked| {
        if asked.number < last_request {
            Act::Answer
        } else {
            Act::Die
        }
    })
}

#[test]
fn a_dead_server_ends_the_run_with_a_result() {
    let fake = mortal(200);
    let started = Instant::now();
    let report = run(&Plan {
        duration: FOREVER,
        threads: 2,
        ..fake.plan(4, ping())
    })
    .report;
    assert!(started.elapsed() < PATIENCE);
    let reason = report.ended_early.unwrap();
    assert!(
        reason.contains("gone") && reason.contains(&fake.address.to_string()),
        "{reason}"
    );
    assert!(report.window_s < PATIENCE.as_secs_f64());
    assert!(report.requests.ok > 0 && report.requests.reset > 0);
    assert_eq!(report.requests.in_flight, 0);
    assert_eq!((report.connections.opened, report.connections.failed), (4, 0));
    assert_eq!(report.connections.reconnects, 0, "none was opened again");
    assert!(report.checks.little.is_some());
    assert!(
        report
            .failures
            .iter()
            .any(|failures| failures.kind == "connect_refused")
    );
}

#[test]
fn the_program_reports_a_dead_server_and_exits_1() {
    let fake = mortal(100);
    let left = loadgen(&hour_long_run(fake.address, "--connections 4 --json -"));
    assert_eq!(left.code, Some(1));
    let report: Report = serde_json::from_str(&left.stdout).unwrap();
    assert!(report.requests.ok > 0);
    assert_adds_up(&report);
    assert!(report.ended_early.unwrap().contains("gone"));

    let fake = mortal(100);
    let left = loadgen(&hour_long_run(fake.address, ""));
    assert_eq!(left.code, Some(1));
    assert!(
        left.stdout.contains("! The run ended early: the server at"),
        "{}",
        left.stdout
    );
}

#[test]
fn a_death_in_the_warm_up_leaves_no_window() {
    let fake = mortal(20);
    let report = run(&Plan {
        warmup: FOREVER,
        ..fake.plan(2, ping())
    })
    .report;
    assert!(report.ended_early.is_some());
    assert_eq!(report.requests.sent, 0);
    assert!(report.window_s.abs() < 1e-9 && report.throughput_per_s.abs() < 1e-9);
    assert_eq!(report.intervals, []);
}

#[test]
fn an_address_where_nothing_listens_is_an_error_at_once() {
    let (_held, address) = dead_port();
    let cancel = AtomicBool::new(false);
    let plan = Plan::closed_loop(address, 64, ping());
    let error = loadgen::run(&plan, &cancel, &mut ()).unwrap_err();
    assert!(matches!(error, LoadError::Unreachable { .. }));

    for command in ["run", "call"] {
        let left = loadgen(&format!("{command} --connect {address}"));
        assert_eq!(left.code, Some(1));
        assert_eq!(left.stderr.lines().count(), 1, "{}", left.stderr);
        assert!(left.stderr.starts_with(&format!(
            "loadgen: can't connect to {address}: Connection refused"
        )));
    }
}

#[test]
fn an_address_that_does_not_answer_times_out() {
    let (_held, address) = silent_port();
    let left = loadgen(&format!("run --connect {address} --timeout 200ms"));
    assert_eq!(left.code, Some(1));
    assert!(
        left.stderr
            .starts_with(&format!("loadgen: can't connect to {address}")),
        "{}",
        left.stderr
    );
}

#[test]
fn a_number_of_requests_ends_when_connections_time_out() {
    for load in ["", "--rate 1000"] {
        let (listener, address) = dead_port();
        // There is room for the probe, and nobody takes it, so that the next SYN is never answered.
        listener.listen(0).expect("it can be listened at");
        let left = loadgen(&format!(
            "run --connect {address} --warmup 0 --requests 1000000 --timeout 100ms --json - {load}"
        ));
        assert_eq!(left.code, Some(1), "{}", left.stderr);
        let report: Report = serde_json::from_str(&left.stdout).expect("stdout is JSON");
        let reason = report.ended_early.clone().expect("it ends early");
        assert!(
            reason.contains(&address.to_string()) && reason.contains("connect_timeout"),
            "{reason}"
        );
        assert_eq!((report.requests.planned, report.requests.sent), (1_000_000, 0));
        assert_adds_up(&report);
    }
}

#[test]
fn an_open_loop_accounts_for_its_queue_at_a_death() {
    let fake = mortal(200);
    let report = run(&Plan {
        warmup: Duration::ZERO,
        duration: FOREVER,
        timeout: PATIENCE,
        threads: 2,
        ..Plan::open_loop(fake.address, 4, 10_000.0, ping())
    })
    .report;
    assert!(report.ended_early.unwrap().contains("gone"));
    assert!(report.window_s < PATIENCE.as_secs_f64());
    assert!(report.requests.ok > 0 && report.requests.reset > 0 && report.requests.unsent > 0);
    assert!(report.checks.little.is_some());
}

/// One that answers a hundred requests and no more.
fn falls_silent() -> Fake {
    Fake::new(|asked| {
        if asked.number < 100 {
            Act::Answer
        } else {
            Act::Nothing
        }
    })
}

/// Runs the plan until the server has had so many requests.
fn cancelled_after(requests: u64, fake: &Fake, plan: &Plan) -> Report {
    let cancel = AtomicBool::new(false);
    thread::scope(|scope| {
        let running = scope.spawn(|| loadgen::run(plan, &cancel, &mut ()));
        fake.wait_for_requests(requests);
        cancel.store(true, Ordering::Relaxed);
        let outcome = running.join().expect("the run does not panic");
        outcome.expect("the server is there").report
    })
}

#[test]
fn a_cancelled_run_ends_soon_with_what_was_measured() {
    let fake = falls_silent();
    let plan = Plan {
        duration: FOREVER,
        pipeline: 3,
        ..fake.plan(4, ping())
    };
    // From then on all there may be in flight is, and stays.
    let report = cancelled_after(100 + 4 * 3, &fake, &plan);
    assert_eq!(report.ended_early.as_deref(), Some("interrupted"));
    assert_eq!(
        (
            report.requests.ok,
            report.requests.in_flight,
            report.requests.sent
        ),
        (100, 12, 112)
    );
    assert_eq!(report.failures, []);
    assert_adds_up(&report);
    let Little { l, .. } = report.checks.little.unwrap();
    assert!((0.0..=12.0 + 1e-9).contains(&l), "{l} of 12 in flight");
    let ends: Vec<_> = report.intervals.iter().map(|second| second.t_s).collect();
    assert!(ends.is_sorted());
    let last_s = ends.last().unwrap();
    assert!((last_s - report.window_s).abs() < 1e-9, "{last_s}");
}

#[test]
fn a_cancelled_open_loop_accounts_for_its_queue() {
    let fake = falls_silent();
    let plan = Plan {
        warmup: Duration::ZERO,
        duration: FOREVER,
        timeout: FOREVER,
        ..Plan::open_loop(fake.address, 4, 10_000.0, ping())
    };
    let report = cancelled_after(100 + 4, &fake, &plan);
    assert_eq!(report.ended_early.as_deref(), Some("interrupted"));
    assert_eq!((report.requests.ok, report.requests.in_flight), (100, 4));
    assert_adds_up(&report);
    assert!(report.checks.little.is_some());
}

#[test]
fn a_cancelled_run_opens_no_more_idle_connections() {
    let (listener, address) = dead_port();
    // There is room for the first ones, and nobody takes them.
    listener.listen(8).unwrap();
    let plan = Plan {
        idle: 1_000,
        timeout: FOREVER,
        ..Plan::closed_loop(address, 1, ping())
    };
    let cancel = AtomicBool::new(false);
    let error = thread::scope(|scope| {
        let running = scope.spawn(|| loadgen::run(&plan, &cancel, &mut ()));
        // Behind that of the probe, one of the idle ones.
        for _ in 0..2 {
            listener.accept().expect("a connection comes");
        }
        cancel.store(true, Ordering::Relaxed);
        running.join().unwrap().unwrap_err()
    });
    assert!(matches!(error, LoadError::Cancelled), "{error}");
}

/// A CPU that this process may run on.
fn an_allowed_cpu() -> usize {
    let allowed = sched_getaffinity(Pid::from_raw(0)).expect("the kernel reports which");
    let cpu = (0..CpuSet::count()).find(|&cpu| allowed.is_set(cpu).unwrap_or(false));
    cpu.expect("there is one")
}

#[test]
fn a_run_does_not_start_without_its_cpus() {
    let fake = Fake::good();
    let plan = Plan {
        duration: FOREVER,
        threads: 2,
        cpus: vec![an_allowed_cpu(), 1023],
        ..fake.plan(2, ping())
    };
    let cancel = AtomicBool::new(false);
    let error = loadgen::run(&plan, &cancel, &mut ()).unwrap_err().to_string();
    assert!(error.contains("can't run on CPU 1023"), "{error}");
    assert_eq!(fake.requests(), 0);
}
