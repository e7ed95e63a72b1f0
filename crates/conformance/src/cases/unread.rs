//! A stderr or stdout that nobody reads. Printing must delay neither a request nor the shutdown.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;

use nix::fcntl::OFlag;
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::client::{Client, request};
use crate::model::Model;
use crate::process::{Process, READY};
use crate::server::Server;
use crate::wait::eventually;

/// Becomes a server whose descriptor `argv[2]` is a full pipe, socket or terminal that nobody reads.
const FULL: &str = "import os, pty, socket, sys
kind, number = sys.argv[1], int(sys.argv[2])
if kind == 'pipe':
    reader, writer = os.pipe()
elif kind == 'socket':
    pair = socket.socketpair()
    reader, writer = [end.detach() for end in pair]
else:
    reader, writer = pty.openpty()
os.set_blocking(writer, False)
try:
    while True:
        os.write(writer, b'x' * 1000 + b'\\n')
except BlockingIOError:
    pass
try:
    while True:
        os.write(writer, b'x')
except BlockingIOError:
    pass
os.set_blocking(writer, True)
os.dup2(writer, number)
os.close(writer)
os.set_inheritable(reader, True)
os.execv(sys.argv[3], sys.argv[3:])";

pub(crate) fn an_unread_stderr_delays_neither_requests_nor_shutdown(model: &Model) {
    if !has_python() {
        return;
    }
    for kind in ["pipe", "socket", "terminal"] {
        let launcher = ["python3", "-c", FULL, kind, "2"];
        let flags = ["-v", "--drain-timeout", "60s"];
        let mut server = model.start_by(&launcher, &flags);
        for _ in 0..3 {
            server.expect_service();
        }
        let mut client = server.connect();
        client.send([request("ping", "1"), request("sleep", "300")].concat());
        client.receive().is("pong", "1");
        server.signal(Signal::SIGTERM);
        client.receive().is("slept", "300");
        client.expect_end();
        assert_eq!(server.finish().code, Some(0), "{kind}");
    }
}

pub(crate) fn dropped_log_lines_are_counted_and_reported(model: &Model) {
    let (_folder, fifo, mut reader) = full_fifo();
    let server = start_with_stderr(model, &fifo);
    let client = server.connect_served();
    let port = client.port().to_string();
    empty(&mut reader);
    drop(client);
    let mut printed = String::new();
    eventually("the next line reports those that were dropped", || {
        printed.push_str(&empty(&mut reader));
        printed.contains("dropped because stderr blocked: 1\n") && printed.contains(&port)
    });
}

pub(crate) fn an_unread_stdout_delays_no_request(model: &Model) {
    if !has_python() {
        return;
    }
    let mut command = Command::new("python3");
    command.args(["-c", FULL, "pipe", "1", &model.exe, "--listen", "127.0.0.1:0"]);
    let process = Process::start(model.name(), command);
    let mut address = None;
    eventually("stderr names the address instead", || {
        let stderr = process.printed_on_stderr();
        address = stderr
            .split_once(READY)
            .and_then(|(_, rest)| rest.split('"').next()?.parse().ok());
        address.is_some()
    });
    let address = address.expect("there is an address");
    Client::connect(address)
        .expect("the server listens")
        .expect_pong();
}

/// A full FIFO, and a descriptor of it that does not block.
fn full_fifo() -> (tempfile::TempDir, String, std::fs::File) {
    let folder = tempfile::tempdir().expect("a folder for the FIFO");
    let path = folder.path().join("stderr");
    mkfifo(&path, Mode::S_IRWXU).expect("a FIFO can be made");
    let mut fifo = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(&path)
        .expect("a FIFO can be opened");
    while fifo.write(&[b'x'; 4096]).is_ok() {}
    let path = path.to_str().expect("the path is text").to_owned();
    (folder, path, fifo)
}

fn empty(fifo: &mut std::fs::File) -> String {
    let mut text = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(bytes) = fifo.read(&mut chunk)
        && bytes > 0
    {
        text.extend_from_slice(&chunk[..bytes]);
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[track_caller]
fn start_with_stderr(model: &Model, path: &str) -> Server {
    model.start_by(&["sh", "-c", r#"exec "$@" 2>"$0""#, path], &["-v"])
}

fn has_python() -> bool {
    let output = Command::new("python3").arg("--version").output();
    let has = output.is_ok_and(|output| output.status.success());
    if !has {
        test_support::skip("python3 is not installed");
    }
    has
}
