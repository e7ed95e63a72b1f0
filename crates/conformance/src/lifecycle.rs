//! A server from its ready line on: what it says, and that it leaves nothing.

use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};

use crate::client::{Client, prefix, request};
use crate::model::Model;
use crate::patience::{eventually, let_it_arrive};
use crate::process::READY;
use crate::server::Server;
use crate::wire::MAX_FRAME;

pub(crate) fn the_ready_line_has_the_port_that_the_kernel_chose(model: &Model) {
    let server = model.start(&[]);
    assert_ne!(server.address().port(), 0);
    assert_eq!(
        server.printed_on_stdout(),
        format!("{READY}{}\n", server.address())
    );
    server.serves();
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
        client.ends();
        let mut client = server.connect();
        client.send(&request("ping", "1")[..9]);
        client.resets();
    }
    server.serves();
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

pub(crate) fn verbose_tells_of_each_connection_as_it_comes_and_goes(model: &Model) {
    let server = model.start(&["-v"]);
    for _ in 0..3 {
        let mut client = server.connect();
        let port = client.port().to_string();
        let told = || {
            server
                .printed_on_stderr()
                .lines()
                .filter(|line| line.contains(&port))
                .count()
        };
        for _ in 0..5 {
            client.pings();
        }
        eventually("a line says that the connection has come", || told() == 1);
        drop(client);
        eventually("a line says that the connection has gone", || told() == 2);
    }
    let stderr = server.printed_on_stderr();
    assert_eq!(
        stderr.lines().count(),
        6,
        "a line as each comes and goes: {stderr}"
    );
    assert_eq!(
        server.printed_on_stdout().lines().count(),
        1,
        "only the ready line on stdout"
    );
}

pub(crate) fn a_port_in_use_is_told_in_one_line(model: &Model) {
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
        "it says why: {}",
        refused.stderr
    );
    assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);
    server.serves();
}

/// An address of the block that is kept for documentation, which no machine has.
pub(crate) fn an_address_of_another_machine_is_told_in_one_line(model: &Model) {
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

/// A server that has just ended leaves connections in `TIME_WAIT`, which must not keep the next one from its port.
pub(crate) fn a_port_can_be_listened_on_again_at_once(model: &Model) {
    let mut server = model.start(&[]);
    let mut held = server.connect_served();
    let address = server.address().to_string();
    server.signal(Signal::SIGTERM);
    held.ends();
    assert_eq!(server.finish().code, Some(0));
    let mut command = Command::new(model.exe);
    command.args(["--listen", &address]);
    let again = Server::start(model.name, command);
    assert_eq!(again.address().to_string(), address);
    again.serves();
}

pub(crate) fn a_server_that_is_killed_leaves_nothing(model: &Model) {
    let mut server = model.start_for(3, &[]);
    let mut idle = server.connect_served();
    if model.traits.several_connections {
        let mut busy = server.connect_served();
        busy.send(request("sleep", "60000"));
        let mut blocked = server.connect_served();
        blocked.send(request("block", "60000"));
        let_it_arrive();
        server.signal(Signal::SIGKILL);
        busy.is_cut_off();
        blocked.is_cut_off();
    } else {
        server.signal(Signal::SIGKILL);
    }
    idle.is_cut_off();
    assert_eq!(server.finish().code, None, "the server was killed");
    assert!(
        Client::connect(server.address()).is_err(),
        "nobody listens any more"
    );
}

/// A fork copies the thread that calls it and no other, whatever locks the others hold.
pub(crate) fn no_process_of_a_server_that_forks_has_a_second_thread(model: &Model) {
    let server = model.start_for(3, &[]);
    let _open: Vec<_> = (0..3).map(|_| server.connect_served()).collect();
    eventually("there are other processes", || server.tree().pids().len() > 1);
    let tree = server.tree();
    assert_eq!(usize::try_from(tree.threads()), Ok(tree.pids().len()));
}

pub(crate) fn a_child_that_is_killed_costs_its_own_connections_only(model: &Model) {
    let server = model.start_for(2, &[]);
    let mut clients = vec![server.connect_served(), server.connect_served()];
    eventually("there are two children", || server.tree().children().len() == 2);
    let killed = server.tree().children()[0];
    kill(killed, Signal::SIGKILL).expect("the child is there");
    eventually("it is gone", || {
        !server.tree().children().contains(&killed) && server.tree().zombies() == 0
    });
    clients.retain_mut(|client| {
        client.try_send(request("ping", "1")).is_ok() && matches!(client.try_receive(), Ok(Some(_)))
    });
    // In an event loop both may have been with either.
    let expected = if model.traits.event_loop { 0..=2 } else { 1..=1 };
    assert!(
        expected.contains(&clients.len()),
        "{} of 2 connections are left",
        clients.len()
    );
    for client in &mut clients {
        client.pings();
    }
    server.serves();
}

/// What a server says may fail to be written, to a full disk or to a pipe that nobody reads.
pub(crate) fn a_server_that_cannot_print_goes_on_serving(model: &Model) {
    let server = model.start_by(&["sh", "-c", r#"exec "$@" 2>/dev/full"#, "sh"], &["-v"]);
    model.has_its_workers(&server);
    let before = server.tree().pids();
    for _ in 0..5 {
        server.serves();
    }
    eventually("the server has the processes that it had before", || {
        server.tree().pids() == before
    });
}

/// The processes of a server may be killed at any time, that of its start included.
pub(crate) fn a_server_that_is_killed_as_it_starts_leaves_nothing(model: &Model) {
    for _ in 0..10 {
        let mut server = model.start(&[]);
        server.signal(Signal::SIGKILL);
        server.finish();
    }
}

pub(crate) fn idle_timeout_closes_a_connection_that_is_idle_and_none_that_is_busy(model: &Model) {
    let server = model.start(&["--idle-timeout", "1s"]);
    let (start, mut client) = in_time(|in_time| {
        let start = Instant::now();
        let mut client = server.connect();
        // A connection that waits for its reply is not idle, however long that takes.
        let sent = client.try_send([request("sleep", "1500"), request("block", "1500")].concat());
        (sent.is_ok() && in_time()).then_some((start, client))
    });
    client.receive().is("slept", "1500");
    client.receive().is("blocked", "1500");
    client.ends();
    let took = start.elapsed();
    // A timer may be rounded by a few milliseconds.
    assert!(
        took >= Duration::from_millis(3_990),
        "{took:?}: the timeout counts from the last reply"
    );

    // A connection on which nothing was ever asked is as idle.
    let mut silent = server.connect();
    silent.ends();
    server.serves();
}

/// A server that was too busy to look must not take that for the peer's silence.
pub(crate) fn a_request_that_came_in_time_is_answered_however_late_the_server_sees_it(model: &Model) {
    let flags = ["--idle-timeout", "1s"];
    let server = if model.traits.event_loop {
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
    prompt.ends();
}

/// Tries again while the case itself was too slow for an idle timeout of 1 s, as it is on a very busy machine. The attempt
/// asks, once it has sent what it has to send, whether that was in time.
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

/// Without the flag, a connection may be idle for as long as it likes.
pub(crate) fn no_connection_is_closed_for_being_idle_unless_that_is_asked_for(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect_served();
    client.hears_nothing();
    client.hears_nothing();
    client.pings();
}
