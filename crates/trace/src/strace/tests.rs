use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::unistd::Pid;

use super::*;
use crate::event::Kind;
use crate::threads;

/// A shell that reads a line, starts a program in a process of its own, waits for it, and reads another line.
const SCRIPT: &str = "read go; sleep 0.01; read end; true";

#[test]
fn calls_and_children_of_a_real_process_are_recorded() {
    let mut shell = Command::new("sh")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let leader = shell.id().cast_signed();
    let server = Family::LedBy(Pid::from_raw(leader));
    let reads = || threads::in_server(server)[0].call.as_deref() == Some("read");
    while !reads() {
        thread::sleep(Duration::from_millis(1));
    }
    let tracing = match Tracing::start(server) {
        Ok(tracing) => tracing,
        Err(reason) => {
            test_support::skip(reason);
            shell.kill().unwrap();
            shell.wait().unwrap();
            return;
        }
    };
    // As with a load: nothing happens in the moment at which the recording begins or ends.
    thread::sleep(Duration::from_millis(20));
    let mut stdin = shell.stdin.take().unwrap();
    stdin.write_all(b"go\nend\n").unwrap();
    assert!(shell.wait().unwrap().success());
    thread::sleep(Duration::from_millis(20));
    let recording = Session(tracing).stop(&[]).unwrap();

    let first = &recording.threads[0];
    assert_eq!((first.thread, first.call.as_deref()), (leader, Some("read")));
    let events = |wanted: i32| {
        let own = recording
            .events
            .iter()
            .filter(move |event| event.thread == wanted);
        own.map(|event| event.kind.clone()).collect::<Vec<_>>()
    };
    let parent = events(leader);
    assert_eq!(parent[0], Kind::Exit("read".to_owned()));
    assert_eq!(parent.last(), Some(&Kind::Ended));
    let started = parent.iter().find_map(|kind| match kind {
        Kind::Started { process, thread } => Some((*process, *thread)),
        _ => None,
    });
    let (process, child) = started.unwrap();
    assert_eq!(process, child);
    let child = events(child);
    assert!(child.contains(&Kind::Named("sleep".to_owned())), "{child:?}");
    assert_eq!(child.last(), Some(&Kind::Ended));
    assert!(recording.events.is_sorted_by_key(|event| event.at_ns));
    let within = recording.from_ns..=recording.to_ns;
    assert!(recording.events.iter().all(|event| within.contains(&event.at_ns)));
}
