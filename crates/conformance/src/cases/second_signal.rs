//! A second signal to stop ends a server at once, whatever it is doing.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::client::request;
use crate::model::Model;
use crate::server::Server;
use crate::wait::eventually;

const LONG_DRAIN: [&str; 2] = ["--drain-timeout", "60s"];

pub(crate) fn a_second_signal_ends_the_server_at_once(model: &Model) {
    let busy: [Vec<u8>; 4] = [
        request("sleep", "60000"),
        request("block", "60000"),
        request("spin", "10000000").repeat(9),
        request("blob", "1000000").repeat(100),
    ];
    for (signals, stream) in SIGNALS.into_iter().cycle().zip(busy) {
        let server = model.start(&LONG_DRAIN);
        let _client = server.connect_with(stream);
        ends_at_once(server, signals, |server, signal| server.signal(signal));
    }
}

/// For Ctrl-C, a terminal sends the signal to every process of a server.
pub(crate) fn pressing_ctrl_c_twice_ends_the_server_at_once(model: &Model) {
    let server = model.start(&LONG_DRAIN);
    let _client = server.connect_asleep("60000");
    ends_at_once(server, [Signal::SIGINT; 2], |server, signal| {
        server.signal_group(signal)
    });
}

/// As timeout(1) sends them: to the program, then to its process group.
pub(crate) fn two_signals_at_the_same_time_count_as_one(model: &Model) {
    let mut code = None;
    eventually("the signals are sent at the same time", || {
        let mut server = model.start(&LONG_DRAIN);
        let mut client = server.connect_asleep("500");
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

/// Sends the second signal repeatedly, because the server may not have noticed the first one before.
#[track_caller]
fn ends_at_once(mut server: Server, [first, second]: [Signal; 2], send: impl Fn(&Server, Signal)) {
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
