//! Runs that end before their time, or never start.

use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use loadgen::{LoadError, Plan, Report};
use nix::sched::{CpuSet, sched_getaffinity};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use schema::load::Little;
use socket2::{Domain, Socket, Type};

use crate::fake::{Act, Fake, PATIENCE, assert_adds_up, ping, run};
use crate::program::{Running, loadgen};

/// Far longer than any test may take: a run that keeps to it has not noticed its end.
const FOREVER: Duration = Duration::from_secs(3600);

/// One that dies over this request.
fn mortal(last_request: u64) -> Fake {
    Fake::new(move |asked| {
        if asked.number < last_request {
            Act::Answer
        } else {
            Act::Die
        }
    })
}

/// A port that is taken, so that no other test has it, and that nobody listens at.
pub(crate) fn dead_port() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there can be a socket");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any.into()).expect("the kernel has a port");
    let address = socket.local_addr().expect("it is bound").as_socket();
    let address = address.expect("it is bound to a port");
    (socket, address)
}

/// A port that answers nobody, with what keeps it so: nobody accepts, and when the backlog is full the kernel leaves every
/// further SYN unanswered.
fn silent_port() -> ((Socket, Vec<TcpStream>), SocketAddr) {
    let (silent, address) = dead_port();
    silent.listen(0).expect("it can be listened at");
    let mut filling = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
        filling.push(stream);
    }
    ((silent, filling), address)
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
    let left = loadgen(&format!(
        "run --connect {} --connections 4 --warmup 0 --duration 1h --json -",
        fake.address
    ));
    assert_eq!(left.code, Some(1));
    let report: Report = serde_json::from_str(&left.stdout).unwrap();
    assert!(report.requests.ok > 0);
    assert_adds_up(&report);
    assert!(report.ended_early.unwrap().contains("gone"));

    let fake = mortal(100);
    let left = loadgen(&format!(
        "run --connect {} --warmup 0 --duration 1h",
        fake.address
    ));
    assert_eq!(left.code, Some(1));
    assert!(
        left.stdout.contains("! The run ended early: the server at"),
        "{}",
        left.stdout
    );
}

#[test]
fn a_server_that_dies_in_the_warm_up_leaves_no_window() {
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
    let told = loadgen::run(&plan, &cancel, &mut ()).unwrap_err();
    assert!(matches!(told, LoadError::Unreachable { .. }));

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
fn a_rate_beyond_the_client_can_be_interrupted() {
    let fake = Fake::good();
    let address = fake.address.to_string();
    let running = Running::start(&[
        "run",
        "--connect",
        &address,
        "--rate",
        "10000000",
        "--warmup",
        "0",
        "--duration",
        "1h",
        "--json",
        "-",
    ]);
    fake.wait_for_requests(1);
    // Far more fall due meanwhile than can be counted in the time.
    thread::sleep(Duration::from_secs(1));
    running.signal(Signal::SIGINT);
    let left = running.end();
    let report: Report = serde_json::from_str(&left.stdout).expect("stdout is JSON");
    assert_eq!(report.ended_early.as_deref(), Some("interrupted"));
    assert_adds_up(&report);
}

#[test]
fn an_open_loop_accounts_for_its_queue_when_the_server_dies() {
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
    assert!((0.0..=12.0 + 1e-9).contains(&l), "{l} of 12 on their way");
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
fn an_interrupted_program_exits_1_soon_with_what_was_measured() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let fake = Fake::good();
        let address = fake.address.to_string();
        let running = Running::start(&[
            "run",
            "--connect",
            &address,
            "--warmup",
            "0",
            "--duration",
            "1h",
            "--threads",
            "2",
            "--json",
            "-",
        ]);
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
    let told = thread::scope(|scope| {
        let running = scope.spawn(|| loadgen::run(&plan, &cancel, &mut ()));
        // Behind that of the probe, one of the idle ones.
        for _ in 0..2 {
            listener.accept().expect("a connection comes");
        }
        cancel.store(true, Ordering::Relaxed);
        running.join().unwrap().unwrap_err()
    });
    assert!(matches!(told, LoadError::Cancelled), "{told}");
}

/// Starts a load of an hour by a shell, with this before the program.
fn started_by_a_shell(first: &str, fake: &Fake) -> Running {
    let script = format!(
        "{first} {} run --connect {} --warmup 0 --duration 1h --json -",
        env!("CARGO_BIN_EXE_loadgen"),
        fake.address
    );
    Running::start_program("sh", &["-c", &script], Stdio::piped())
}

#[test]
fn a_hang_up_that_is_ignored_ends_nothing() {
    let fake = Fake::good();
    let running = started_by_a_shell("trap '' HUP; exec", &fake);
    fake.wait_for_requests(100);
    running.signal(Signal::SIGHUP);
    // It goes on, and the next signal is the first that it takes.
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
        eprintln!("skipped: env(1) of this machine can't block signals");
        return;
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
fn two_signals_at_the_same_time_are_one_wish() {
    let fake = Fake::good();
    let address = fake.address.to_string();
    let running = Running::start(&["run", "--connect", &address, "--duration", "1h", "--json", "-"]);
    fake.wait_for_requests(100);
    // Both are there when it goes on.
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
    let address = fake.address.to_string();
    // More than a pipe holds, and nobody reads it: the first signal ends the load, and the result can't be written.
    let params = format!("\"{}\"", "x".repeat(100_000));
    let running = Running::start(&[
        "run",
        "--connect",
        &address,
        "--duration",
        "1h",
        "--params",
        &params,
        "--json",
        "-",
    ]);
    running.wait_until_it_handles(&[Signal::SIGINT]);
    assert_eq!(running.signal_to_its_end(Signal::SIGINT), Some(1));
}

/// A processor that this process may run on.
fn an_allowed_cpu() -> usize {
    let allowed = sched_getaffinity(Pid::from_raw(0)).expect("the kernel tells which");
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
    let told = loadgen::run(&plan, &cancel, &mut ()).unwrap_err().to_string();
    assert!(told.contains("can't run on CPU 1023"), "{told}");
    assert_eq!(fake.requests(), 0);
}
