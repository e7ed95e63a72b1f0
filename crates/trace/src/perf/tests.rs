//! Recordings of living processes.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use nix::unistd::gettid;

use super::*;
use crate::event::Kind;

/// The reason why nothing can be recorded here, which skips a test.
fn skipped() -> bool {
    match probe() {
        Ok(()) => false,
        Err(reason) => {
            test_support::skip(reason);
            true
        }
    }
}

fn all_cpus() -> Split {
    let allowed = meter::cpus::allowed().unwrap();
    Split {
        server: allowed.clone(),
        client: allowed,
        shared: true,
    }
}

#[test]
fn a_process_is_recorded_from_its_start_to_its_end() {
    if skipped() {
        return;
    }
    let mut shell = Command::new("sh")
        .args(["-c", "read go; sleep 0.01; read end; true"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let leader = shell.id().cast_signed();
    let session = Session::start(Family::LedBy(Pid::from_raw(leader)), &all_cpus()).unwrap();
    let mut stdin = shell.stdin.take().unwrap();
    stdin.write_all(b"go\nend\n").unwrap();
    assert!(shell.wait().unwrap().success());
    let recording = session.stop(&[]).unwrap();
    let [thread] = &recording.threads[..] else {
        panic!("{:?}", recording.threads);
    };
    assert_eq!(
        (thread.process, thread.thread, &*thread.name),
        (leader, leader, "sh")
    );
    assert_eq!(thread.call.as_deref(), Some("read"));
    let events = &recording.events;
    let kinds = |thread: i32| {
        let own = events.iter().filter(move |event| event.thread == thread);
        own.map(|event| event.kind.clone()).collect::<Vec<_>>()
    };
    let shell = kinds(leader);
    let started = shell.iter().find_map(|kind| match kind {
        &Kind::Started { process, thread } => Some((process, thread)),
        _ => None,
    });
    let (process, thread) = started.expect("the shell starts another process");
    assert_eq!(process, thread, "it is no thread of the shell");
    let child = kinds(thread);
    let sleeps = child
        .iter()
        .position(|kind| *kind == Kind::Enter("clock_nanosleep".to_owned()))
        .expect("it sleeps");
    // Whoever runs meanwhile, these follow each other.
    let expected = [
        Kind::SwitchOut { runnable: false },
        Kind::Woken { by: 0 },
        Kind::SwitchIn { cpu: 0 },
        Kind::Exit("clock_nanosleep".to_owned()),
    ];
    let same = |one: &Kind, other: &Kind| match (one, other) {
        (Kind::Woken { .. }, Kind::Woken { .. }) | (Kind::SwitchIn { .. }, Kind::SwitchIn { .. }) => true,
        _ => one == other,
    };
    let after: Vec<_> = child[sleeps + 1..]
        .iter()
        .filter(|kind| **kind != Kind::SwitchOut { runnable: true })
        .collect();
    let found = expected
        .iter()
        .zip(&after)
        .all(|(expected, found)| same(expected, found));
    assert!(found, "{after:?}");
    assert!(child.contains(&Kind::Named("sleep".to_owned())), "{child:?}");
    for ended in [&child, &shell] {
        assert!(
            ended.ends_with(&[Kind::Ended, Kind::SwitchOut { runnable: false }]),
            "{ended:?}"
        );
    }
    let times: Vec<_> = events.iter().map(|event| event.at_ns).collect();
    assert!(times.is_sorted());
    assert!(times[0] >= recording.from_ns && times[times.len() - 1] <= recording.to_ns);
}

#[test]
fn reads_and_replies_have_the_port_of_the_client() {
    if skipped() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (number, numbers) = mpsc::channel();
    let server = thread::spawn(move || {
        number.send(gettid().as_raw()).unwrap();
        for _ in 0..2 {
            let (mut connection, _) = listener.accept().unwrap();
            let mut request = [0; 4];
            while connection.read_exact(&mut request).is_ok() {
                connection.write_all(&request).unwrap();
            }
        }
    });
    let server_thread = numbers.recv().unwrap();
    let session = Session::start(Family::Below(Pid::parent()), &all_cpus()).unwrap();
    let mut ports = Vec::new();
    for requests in [1, 2] {
        let mut client = TcpStream::connect(address).unwrap();
        let port = client.local_addr().unwrap().port();
        for _ in 0..requests {
            client.write_all(b"ping").unwrap();
            client.read_exact(&mut [0; 4]).unwrap();
            ports.push(port);
        }
    }
    server.join().unwrap();
    let recording = session.stop(&[]).unwrap();
    let own = recording
        .events
        .iter()
        .filter(|event| event.thread == server_thread);
    let own: Vec<_> = own.map(|event| &event.kind).collect();
    let of_kind =
        |port: fn(&Kind) -> Option<u16>| own.iter().filter_map(|kind| port(kind)).collect::<Vec<_>>();
    let lacks = |name: &str| recording.lacks.iter().any(|lacks| lacks.contains(name));
    if lacks("read a request") {
        return test_support::inconclusive("this kernel does not report who reads");
    }
    let received = of_kind(|kind| match kind {
        Kind::Received { port } => Some(*port),
        _ => None,
    });
    assert_eq!(received, ports);
    if lacks("sent a reply") {
        return test_support::inconclusive("this kernel does not report who sends");
    }
    let sent = of_kind(|kind| match kind {
        Kind::Sent { port } => Some(*port),
        _ => None,
    });
    assert_eq!(sent, ports);
}

#[test]
fn nothing_is_left_of_a_session_that_is_dropped() {
    if skipped() {
        return;
    }
    let session = Session::start(Family::Below(Pid::parent()), &all_cpus()).unwrap();
    let perf = session.perf.id().cast_signed();
    let files = [
        session.orders.path(),
        session.confirmed.path(),
        session.data.path(),
        session.stderr.path(),
    ];
    let files = files.map(Path::to_owned);
    let below = meter::tree::below(Pid::from_raw(perf));
    assert!(below.iter().any(|stat| stat.comm == "cat"), "{below:?}");
    drop(session);
    assert!(meter::tree::stat(perf).is_err());
    assert!(files.iter().all(|file| !file.exists()));
    let ended_by = Instant::now() + WITHIN;
    let lives = |pid: i32| {
        meter::tree::stat(pid).is_ok_and(|stat| stat.comm == "cat" && !meter::tree::has_ended(&stat))
    };
    while below.iter().any(|stat| lives(stat.pid)) {
        assert!(Instant::now() < ended_by, "{below:?}");
        thread::sleep(Duration::from_millis(1));
    }
}
