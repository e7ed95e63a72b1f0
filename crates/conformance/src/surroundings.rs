//! What a server is started in and with: process namespaces, files and addresses that are not as expected.

use std::os::unix::net::UnixListener;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::client::request;
use crate::model::Model;
use crate::patience::eventually;

/// Under `unshare --pid` the children of a server are in another process namespace than the server itself. The first of
/// them is its init, and nothing can be forked there once that has ended.
pub(crate) fn children_in_another_process_namespace_serve(model: &Model) {
    let launcher = ["unshare", "--pid"];
    let can = Command::new(launcher[0])
        .args(&launcher[1..])
        .arg("true")
        .output();
    if !can.is_ok_and(|output| output.status.success()) {
        println!("skipped: it takes the right to make a process namespace");
        return;
    }
    if model.traits.spawning && !model.traits.forking {
        // A process can start no thread while its children are to be born elsewhere.
        let finished = model.start_unready(&launcher, &[]).finish_unready();
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
        return;
    }
    let mut server = model.start_by(&launcher, &[]);
    for _ in 0..10 {
        server.serves();
    }
    // The first child is the namespace's init, and the last is a worker, unless process ids have started over meanwhile.
    let children = server.tree().children();
    if model.traits.workers && children[0] > server.pid() {
        let worker = children[children.len() - 1];
        kill(worker, Signal::SIGKILL).expect("the worker is there");
        // As it dies it can still take a connection with it.
        eventually("the worker is gone", || {
            !server.tree().children().contains(&worker)
        });
        for _ in 0..10 {
            server.serves();
        }
    }
    let mut client = server.connect();
    client.send([request("ping", "1"), request("sleep", "200")].concat());
    client.receive().is("pong", "1");
    server.signal(Signal::SIGTERM);
    client.receive().is("slept", "200");
    assert_eq!(server.finish().code, Some(0));
}

/// To open a FIFO waits for its reader.
pub(crate) fn a_tally_that_is_no_file_is_refused(model: &Model) {
    let folder = tempfile::tempdir().expect("a folder for the tally");
    let fifo = folder.path().join("fifo");
    mkfifo(&fifo, Mode::S_IRWXU).expect("a FIFO can be made");
    let socket = folder.path().join("socket");
    let _listener = UnixListener::bind(&socket).expect("a socket can be made");
    for path in [&fifo, &socket, &folder.path().to_owned()] {
        let path = path.to_str().expect("the path is text");
        let refused = model.run(&["--tally", path]);
        assert_eq!(refused.code, Some(2), "{path}: {}", refused.stderr);
        assert_eq!(refused.stderr.lines().count(), 1, "{path}: {}", refused.stderr);
        assert!(
            refused.stderr.contains("--tally") && refused.stderr.contains(path),
            "{path}: {}",
            refused.stderr
        );
    }
    // Nor does a reader make it a file.
    let reader = Command::new("cat").arg(&fifo).spawn();
    let mut reader = reader.expect("cat can be started");
    let refused = model.run(&["--tally", fifo.to_str().expect("the path is text")]);
    let _ = reader.kill();
    let _ = reader.wait();
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
}

/// The advice fits what went wrong.
pub(crate) fn only_a_port_in_use_is_to_be_freed(model: &Model) {
    const FREE_IT: &str = "free the port";
    let server = model.start(&[]);
    let in_use = model.run(&["--listen", &server.address().to_string()]);
    assert!(in_use.stderr.contains(FREE_IT), "{}", in_use.stderr);
    let foreign = model.run(&["--listen", "192.0.2.1:8080"]);
    assert_eq!(foreign.code, Some(1), "{}", foreign.stderr);
    assert!(
        !foreign.stderr.contains(FREE_IT) && foreign.stderr.contains("--listen"),
        "{}",
        foreign.stderr
    );
}

/// A listener for each worker takes as many descriptors.
pub(crate) fn too_few_descriptors_for_the_listeners_are_named(model: &Model) {
    let launcher = ["sh", "-c", r#"ulimit -n 20 && exec "$0" "$@""#];
    let flags = ["--workers", "50", "--accept", "reuseport"];
    let process = model.start_unready(&launcher, &flags);
    let refused = process.finish_unready();
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(
        !refused.stderr.contains("free the port") && refused.stderr.contains("ulimit -n"),
        "{}",
        refused.stderr
    );
}
