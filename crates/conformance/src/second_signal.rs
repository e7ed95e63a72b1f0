//! A second request to stop: it ends a server at once, whatever the server is doing.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::client::{Client, request};
use crate::inherited::is_asleep;
use crate::model::Model;
use crate::patience::eventually;
use crate::server::Server;

const AGES: [&str; 2] = ["--drain-timeout", "60s"];

pub(crate) fn a_second_signal_ends_the_server_at_once(model: &Model) {
    let busy: [Vec<u8>; 4] = [
        request("sleep", "60000"),
        request("block", "60000"),
        request("spin", "10000000").repeat(9),
        request("blob", "1000000").repeat(100),
    ];
    for (signals, stream) in SIGNALS.into_iter().cycle().zip(busy) {
        let server = model.start(&AGES);
        let _client = has_begun(&server, stream);
        is_cut_short(server, signals, |server, signal| server.signal(signal));
    }
}

/// A terminal sends the signal of Ctrl-C to every process of a server.
pub(crate) fn ctrl_c_twice_in_a_terminal_ends_the_server_at_once(model: &Model) {
    let server = model.start(&AGES);
    let _client = is_asleep(&server, "60000");
    is_cut_short(server, [Signal::SIGINT; 2], |server, signal| {
        server.signal_group(signal)
    });
}

/// As timeout(1) sends them: to the program, then to its group.
pub(crate) fn two_signals_at_the_same_time_are_one(model: &Model) {
    let mut code = None;
    eventually("the signals are sent at the same time", || {
        let mut server = model.start(&AGES);
        let mut client = is_asleep(&server, "500");
        let start = Instant::now();
        server.signal(Signal::SIGTERM);
        server.signal_group(Signal::SIGTERM);
        server.signal_group(Signal::SIGINT);
        if start.elapsed() > Duration::from_millis(30) {
            return false;
        }
        client.receive().is("slept", "500");
        code = server.finish().code;
        true
    });
    assert_eq!(code, Some(0));
}

const SIGNALS: [[Signal; 2]; 3] = [
    [Signal::SIGTERM, Signal::SIGTERM],
    [Signal::SIGINT, Signal::SIGINT],
    [Signal::SIGTERM, Signal::SIGINT],
];

#[track_caller]
fn has_begun(server: &Server, stream: Vec<u8>) -> Client {
    let mut client = server.connect();
    client.send([request("ping", "1"), stream].concat());
    client.receive().is("pong", "1");
    client
}

/// The second signal is repeated, because the server may have been too slow to notice the first before it.
#[track_caller]
fn is_cut_short(mut server: Server, [first, second]: [Signal; 2], send: impl Fn(&Server, Signal)) {
    send(&server, first);
    eventually("a second signal ends the server", || {
        let ended = server.try_wait().is_some();
        if !ended {
            send(&server, second);
        }
        ended
    });
    let finished = server.finish();
    assert_eq!(
        finished.code,
        Some(1),
        "{first}, then {second}: {}",
        finished.stderr
    );
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
}
