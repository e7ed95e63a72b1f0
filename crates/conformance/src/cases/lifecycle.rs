//! A server from its ready line to its end: what it prints, and that it leaves no process.

use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};

use crate::client::{Client, MAX_FRAME, prefix, request};
use crate::model::Model;
use crate::process::READY;
use crate::server::Server;
use crate::wait::{eventually, let_packets_arrive};

pub(crate) fn the_ready_line_has_the_port_that_the_kernel_chose(model: &Model) {
    let server = model.start(&[]);
    assert_ne!(server.address().port(), 0);
    assert_eq!(
        server.printed_on_stdout(),
        format!("{READY}{}\n", server.address())
    );
    server.expect_service();
}

pub(crate) fn nothing_is_printed_per_request_or_connection(model: &Model) {
    let mut server = model.start(&[]);
    for _ in 0..5 {
        let mut client = server.connect_served();
        client.call("nonsense", "null").is_error("unknown_operation");
        client.call("pi", "-1").is_error("bad_params");
        client.send(prefix(2));
        client.send("{]");
        client.receive().is_error("bad_request");
        client.send(prefix(MAX_FRAME + 1));
        client.receive().is_error("frame_too_large");
        client.expect_end();
        let mut client = server.connect();
        client.send(&request("ping", "1")[..9]);
        client.reset();
    }
    server.expect_service();
    server.signal(Signal::SIGTERM);
    let finished = server.finish();
    assert_eq!(
        finished.stdout.lines().count(),
        1,
        "only the ready line: {:?}",
        finished.stdout
    );
    assert_eq!(finished.stderr, "", "nothing on stderr");
}

pub(crate) fn verbose_logs_each_connection_as_it_opens_and_closes(model: &Model) {
    let server = model.start(&["-v"]);
    for _ in 0..3 {
        let mut client = server.connect();
        let port = client.port().to_string();
        let logged = || {
            server
                .printed_on_stderr()
                .lines()
                .filter(|line| line.contains(&port))
                .count()
        };
        for _ in 0..5 {
            client.expect_pong();
        }
        eventually("a line reports that the connection was opened", || logged() == 1);
        drop(client);
        eventually("a line reports that the connection was closed", || logged() == 2);
    }
    let stderr = server.printed_on_stderr();
    assert_eq!(
        stderr.lines().count(),
        6,
        "a line as each opens and as it closes: {stderr}"
    );
    assert_eq!(
        server.printed_on_stdout().lines().count(),
        1,
        "only the ready line on stdout"
    );
}

pub(crate) fn a_port_in_use_is_reported_in_one_line(model: &Model) {
    let server = model.start(&[]);
    let address = server.address().to_string();
    let refused = model.run(&["--listen", &address]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert_eq!(refused.stdout, "");
    assert_eq!(refused.stderr.lines().count(), 1, "one line: {}", refused.stderr);
    assert!(
        refused.stderr.contains(&address),
        "it names the address: {}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("in use"),
        "it prints the reason: {}",
        refused.stderr
    );
    assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);
    server.expect_service();
}

/// The address is from the block reserved for documentation, which no machine has.
pub(crate) fn an_address_of_another_machine_is_reported_in_one_line(model: &Model) {
    let refused = model.run(&["--listen", "192.0.2.1:8080"]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert_eq!(refused.stderr.lines().count(), 1, "one line: {}", refused.stderr);
    assert!(
        refused.stderr.contains("192.0.2.1:8080"),
        "it names the address: {}",
        refused.stderr
    );
    assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);
}

/// A server that has just exited leaves connections in `TIME_WAIT`. They must not keep the next server from the port.
pub(crate) fn a_port_can_be_listened_on_again_at_once(model: &Model) {
    let mut server = model.start(&[]);
    let mut held = server.connect_served();
    let address = server.address().to_string();
    server.signal(Signal::SIGTERM);
    held.expect_end();
    assert_eq!(server.finish().code, Some(0));
    let mut command = Command::new(&model.exe);
    command.args(["--listen", &address]);
    let again = Server::start(model.name(), command);
    assert_eq!(again.address().to_string(), address);
    again.expect_service();
}

pub(crate) fn a_server_that_is_killed_leaves_nothing(model: &Model) {
    let mut server = model.start_for(3, &[]);
    let mut idle = server.connect_served();
    if model.serves_one() {
        server.signal(Signal::SIGKILL);
    } else {
        let mut busy = server.connect_served();
        busy.send(request("sleep", "60000"));
        let mut blocked = server.connect_served();
        blocked.send(request("block", "60000"));
        let_packets_arrive();
        server.signal(Signal::SIGKILL);
        busy.expect_disconnect();
        blocked.expect_disconnect();
    }
    idle.expect_disconnect();
    assert_eq!(server.finish().code, None, "the server was killed");
    assert!(Client::connect(server.address()).is_err(), "the port is closed");
}

/// A fork copies only the thread that calls it, whatever locks other threads hold.
pub(crate) fn every_process_of_a_forking_server_has_one_thread(model: &Model) {
    let server = model.start_for(3, &[]);
    let _open: Vec<_> = (0..3).map(|_| server.connect_served()).collect();
    eventually("there are other processes", || server.tree().pids().len() > 1);
    let tree = server.tree();
    assert_eq!(usize::try_from(tree.threads()), Ok(tree.pids().len()));
}

pub(crate) fn a_killed_child_affects_only_its_own_connections(model: &Model) {
    let server = model.start_for(2, &[]);
    let mut clients = vec![server.connect_served(), server.connect_served()];
    eventually("there are two children", || server.tree().children().len() == 2);
    let killed = server.tree().children()[0];
    kill(killed, Signal::SIGKILL).expect("the child runs");
    eventually("the child has ended", || {
        !server.tree().children().contains(&killed) && server.tree().zombies() == 0
    });
    clients.retain_mut(|client| {
        client.try_send(request("ping", "1")).is_ok() && matches!(client.try_receive(), Ok(Some(_)))
    });
    // With event loops, one child may have served both connections or none.
    let expected = if model.is_event_loop() { 0..=2 } else { 1..=1 };
    assert!(
        expected.contains(&clients.len()),
        "{} of 2 connections are left",
        clients.len()
    );
    for client in &mut clients {
        client.expect_pong();
    }
    server.expect_service();
}

/// Printing can fail, as on a full disk.
pub(crate) fn a_server_that_cannot_print_continues_to_serve(model: &Model) {
    let server = model.start_by(&["sh", "-c", r#"exec "$@" 2>/dev/full"#, "sh"], &["-v"]);
    model.wait_for_workers(&server);
    let before = server.tree().pids();
    for _ in 0..5 {
        server.expect_service();
    }
    eventually("the server has the processes that it had before", || {
        server.tree().pids() == before
    });
}

/// A server may be killed at any time, even as it starts.
pub(crate) fn a_server_that_is_killed_as_it_starts_leaves_nothing(model: &Model) {
    for _ in 0..10 {
        let mut server = model.start(&[]);
        server.signal(Signal::SIGKILL);
        server.finish();
    }
}

pub(crate) fn the_idle_timeout_closes_idle_connections_and_no_busy_ones(model: &Model) {
    let server = model.start(&["--idle-timeout", "1s"]);
    let (start, mut client) = in_time(|in_time| {
        let start = Instant::now();
        let mut client = server.connect();
        // A connection that waits for its reply is not idle, however long it waits.
        let sent = client.try_send([request("sleep", "1500"), request("block", "1500")].concat());
        (sent.is_ok() && in_time()).then_some((start, client))
    });
    client.receive().is("slept", "1500");
    client.receive().is("blocked", "1500");
    client.expect_end();
    let took = start.elapsed();
    // A timer may be rounded by a few milliseconds.
    assert!(
        took >= Duration::from_millis(3_990),
        "{took:?}: the timeout counts from the last reply"
    );

    // A connection without any request is idle too.
    let mut silent = server.connect();
    silent.expect_end();
    server.expect_service();
}

/// A server that was too busy to read must not treat the peer as silent.
pub(crate) fn a_request_sent_before_the_idle_timeout_is_always_answered(model: &Model) {
    let flags = ["--idle-timeout", "1s"];
    let server = if model.is_event_loop() {
        model.start_one_loop(&flags)
    } else {
        model.start_for(2, &flags)
    };
    let (mut prompt, mut blocker) = in_time(|in_time| {
        let (mut prompt, mut blocker) = (server.connect(), server.connect());
        prompt.try_send(request("ping", "1")).ok()?;
        prompt.try_receive().ok()??;
        blocker
            .try_send([request("ping", "1"), request("block", "2000")].concat())
            .ok()?;
        blocker.try_receive().ok()??;
        prompt.try_send(request("ping", "2")).ok()?;
        in_time().then_some((prompt, blocker))
    });
    prompt.receive().is("pong", "2");
    blocker.receive().is("blocked", "2000");
    prompt.expect_end();
}

/// Repeats the attempt while the case itself was too slow for an idle timeout of 1 s, as on a very busy machine. The attempt
/// asks, after it has sent its requests, whether it was in time.
#[track_caller]
fn in_time<T>(attempt: impl Fn(&dyn Fn() -> bool) -> Option<T>) -> T {
    let mut done = None;
    eventually("the case sends its requests within the idle timeout", || {
        let start = Instant::now();
        done = attempt(&|| start.elapsed() < Duration::from_millis(800));
        done.is_some()
    });
    done.expect("an attempt was in time")
}

/// Without the flag, a connection may be idle for any time.
pub(crate) fn idle_connections_stay_open_by_default(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect_served();
    client.expect_silence();
    client.expect_silence();
    client.expect_pong();
}
