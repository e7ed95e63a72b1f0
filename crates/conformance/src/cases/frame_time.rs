//! `--frame-timeout`, `--keepalive` and the ranges of all times.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::client::{Client, prefix, request};
use crate::model::Model;
use crate::wait::{TIMEOUT, eventually};

/// A connection that gets a byte now and then is not idle, but its frame is never complete.
pub(crate) fn a_slow_frame_closes_its_connection(model: &Model) {
    let server = model.start(&["--frame-timeout", "1s"]);
    let mut client = server.connect_served();
    let start = Instant::now();
    client.send(prefix(100_000));
    while client.try_send("x").is_ok() {
        assert!(start.elapsed() < TIMEOUT, "the connection stays open");
        thread::sleep(Duration::from_millis(50));
    }
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(990),
        "{took:?} is less than the timeout"
    );
    server.expect_service();
}

pub(crate) fn an_unfinished_frame_closes_its_connection(model: &Model) {
    let server = model.start(&["--frame-timeout", "500ms"]);
    let whole = request("ping", "1");
    for sent in [1, 4, whole.len() - 1] {
        let mut client = server.connect();
        client.send([&request("ping", "2"), &whole[..sent]].concat());
        client.receive().is("pong", "2");
        client.expect_end();
    }
    server.expect_service();
}

/// Neither a pause between frames nor a frame behind a `sleep` counts. A machine may be too busy to send a frame in time,
/// but not each time.
pub(crate) fn a_frame_within_the_timeout_is_answered(model: &Model) {
    let server = model.start(&["--frame-timeout", "1s"]);
    let (whole, sleep) = (request("ping", "1"), request("sleep", "1500"));
    let (begin, end) = whole.split_at(9);
    let answers = |client: &mut Client, bytes: &[u8]| {
        client.try_send(bytes).is_ok() && matches!(client.try_receive(), Ok(Some(_)))
    };
    eventually("each frame is answered", || {
        let client = &mut server.connect();
        let in_pieces = |client: &mut Client| client.try_send(begin).is_ok() && answers(client, end);
        if !in_pieces(client) {
            return false;
        }
        thread::sleep(Duration::from_millis(1_200));
        in_pieces(client) && answers(client, &[&sleep, begin].concat()) && answers(client, end)
    });
}

pub(crate) fn a_time_out_of_range_is_refused_in_one_line(model: &Model) {
    let flags = [
        ("--idle-timeout", "500us", "1ms to 365days"),
        ("--frame-timeout", "0", "1ms to 365days"),
        ("--drain-timeout", "500us", "0 to 365days"),
        ("--keepalive", "500ms", "1s to 9h"),
    ];
    for (flag, too_short, range) in flags {
        for time in [
            too_short,
            "366days",
            "500000000000years",
            "99999999999999999999s",
            "",
        ] {
            let finished = model.run(&[flag, time]);
            let stderr = finished.stderr;
            assert_eq!(finished.code, Some(2), "{flag} {time}: {stderr}");
            assert_eq!(stderr.lines().count(), 1, "{flag} {time}: {stderr}");
            assert!(
                stderr.contains(flag) && stderr.contains(range),
                "{flag} {time}: {stderr}"
            );
        }
        let help = model.run(&["--help"]).stdout;
        let text = help
            .split(&format!("{flag} "))
            .nth(1)
            .expect("--help has the flag");
        let words: Vec<_> = text.split_whitespace().collect();
        assert!(words.join(" ").contains(range), "{flag}: {text}");
    }
}

pub(crate) fn the_longest_times_are_accepted(model: &Model) {
    let longest = [
        "--idle-timeout",
        "365days",
        "--frame-timeout",
        "365days",
        "--drain-timeout",
        "365days",
        "--keepalive",
        "9h",
    ];
    let mut server = model.start_for(2, &longest);
    let mut client = server.connect();
    client.send(&request("ping", "1")[..9]);
    client.send(&request("ping", "1")[9..]);
    client.receive().is("pong", "1");
    drop(client);
    let mut client = server.connect_asleep("300");
    server.signal(Signal::SIGTERM);
    client.receive().is("slept", "300");
    assert_eq!(server.finish().code, Some(0));
}

/// The kernel shows the timer of each connection. On an idle connection it is the keepalive timer.
pub(crate) fn idle_connections_are_probed_unless_keepalive_is_off(model: &Model) {
    const KEEPALIVE: &str = "02";
    for (flags, most_s) in [
        (&[][..], Some(300)),
        (&["--keepalive", "1500ms"][..], Some(2)),
        (&["--keepalive", "off"][..], None),
    ] {
        let server = model.start(flags);
        let client = server.connect_served();
        eventually("the connection has the requested timer", || {
            let timer = timer(server.address().port(), client.port());
            match (timer, most_s) {
                (Some((kind, left_s)), Some(most_s)) => kind == KEEPALIVE && left_s <= most_s,
                (Some((kind, _)), None) => kind == "00",
                (None, _) => false,
            }
        });
    }
}

/// The kind of the timer of the connection between these ports, and the seconds until it is due.
fn timer(local: u16, remote: u16) -> Option<(String, u64)> {
    const TICKS_PER_S: u64 = 100;
    let (local, remote) = (format!("0100007F:{local:04X}"), format!("0100007F:{remote:04X}"));
    let table = fs::read_to_string("/proc/net/tcp").expect("the kernel shows its connections");
    table.lines().find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        if fields.get(1..3)? != [&local, &remote] {
            return None;
        }
        let (kind, due) = fields.get(5)?.split_once(':')?;
        let ticks = u64::from_str_radix(due, 16).ok()?;
        Some((kind.to_owned(), ticks / TICKS_PER_S))
    })
}
