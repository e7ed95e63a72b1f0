//! Unusual surroundings of a server: process namespaces, files and addresses.

use std::os::unix::net::UnixListener;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::client::request;
use crate::model::Model;
use crate::wait::eventually;

/// Under `unshare --pid`, the children of a server are in another process namespace than the server. The first child is
/// the init of that namespace. Once it has ended, nothing can be forked there.
pub(crate) fn children_in_another_process_namespace_serve(model: &Model) {
    let launcher = ["unshare", "--pid"];
    let can = Command::new(launcher[0])
        .args(&launcher[1..])
        .arg("true")
        .output();
    if !can.is_ok_and(|output| output.status.success()) {
        test_support::skip("it needs permission to create a process namespace");
        return;
    }
    if model.starts_threads() {
        // A process can create no thread while its children go to another namespace.
        let finished = model.start_unready(&launcher, &[]).finish_unready();
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
        return;
    }
    let mut server = model.start_by(&launcher, &[]);
    for _ in 0..10 {
        server.expect_service();
    }
    // The first child is the init of the namespace, and the last is a worker. This is not so if the process ids have
    // wrapped around.
    let children = server.tree().children();
    if model.has_worker_processes() && children[0] > server.pid() {
        let worker = children[children.len() - 1];
        kill(worker, Signal::SIGKILL).expect("the worker runs");
        // A connection can still be lost with it while it dies.
        eventually("the worker has ended", || {
            !server.tree().children().contains(&worker)
        });
        for _ in 0..10 {
            server.expect_service();
        }
    }
    let mut client = server.connect();
    client.send([request("ping", "1"), request("sleep", "200")].concat());
    client.receive().is("pong", "1");
    server.signal(Signal::SIGTERM);
    client.receive().is("slept", "200");
    assert_eq!(server.finish().code, Some(0));
}

/// Opening a FIFO would wait for its reader.
pub(crate) fn a_tally_path_that_is_no_file_is_refused(model: &Model) {
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
    // A FIFO with a reader is refused too.
    let reader = Command::new("cat").arg(&fifo).spawn();
    let mut reader = reader.expect("cat can be started");
    let refused = model.run(&["--tally", fifo.to_str().expect("the path is text")]);
    let _ = reader.kill();
    let _ = reader.wait();
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
}

/// The advice fits the error.
pub(crate) fn only_a_port_in_use_gets_advice_to_free_it(model: &Model) {
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

/// A listener for each worker needs as many descriptors.
pub(crate) fn too_few_descriptors_for_listeners_are_reported(model: &Model) {
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
