//! A program that a case has started: what it printed, how it ended, and that nothing of it stays.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Once;
use std::thread;

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::patience::eventually;
use crate::tree::Tree;

/// What a server prints, on one line, before the address that it listens on.
pub(crate) const READY: &str = "listening on ";

/// A program that a case has started, in a process group of its own. Dropping it kills all that is left of it.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    guardian: Child,
    stdout: File,
    stderr: File,
}

/// How a program ended, and all that it printed.
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Process {
    /// Starts the program. What it prints goes to files without names, so that it never waits for its reader.
    #[track_caller]
    pub(crate) fn start(name: &'static str, mut command: Command) -> Self {
        allow_many_descriptors();
        let stdout = tempfile::tempfile().expect("a file for stdout");
        let stderr = tempfile::tempfile().expect("a file for stderr");
        let child = command
            .stdin(Stdio::null())
            .stdout(stdout.try_clone().expect("a handle for stdout"))
            .stderr(stderr.try_clone().expect("a handle for stderr"))
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} can't be started: {error}"));
        let guardian = guard(&child);
        Self {
            name,
            child,
            guardian,
            stdout,
            stderr,
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        pid(&self.child)
    }

    pub(crate) fn tree(&self) -> Tree {
        Tree::of(self.pid())
    }

    /// Sends a signal to the first process alone.
    #[track_caller]
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("the server is there to be signalled");
    }

    /// Sends a signal to every process at once, as a terminal does.
    #[track_caller]
    pub(crate) fn signal_group(&self, signal: Signal) {
        killpg(self.pid(), signal).expect("the server is there to be signalled");
    }

    pub(crate) fn printed_on_stdout(&self) -> String {
        content(&self.stdout)
    }

    pub(crate) fn printed_on_stderr(&self) -> String {
        content(&self.stderr)
    }

    pub(crate) fn try_wait(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Waits for the first process to end, and for all others to be gone soon after.
    #[track_caller]
    pub(crate) fn finish(&mut self) -> Finished {
        let mut status = None;
        eventually("the server ends", || {
            status = self.try_wait();
            status.is_some()
        });
        self.leaves_nothing();
        Finished {
            code: status.and_then(|status| status.code()),
            stdout: self.printed_on_stdout(),
            stderr: self.printed_on_stderr(),
        }
    }

    /// Waits for a program to end that must not become ready.
    #[track_caller]
    pub(crate) fn finish_unready(mut self) -> Finished {
        eventually("the server ends", || {
            let ended = self.try_wait().is_some();
            assert!(
                !self.printed_on_stdout().contains(READY),
                "the server runs as if all were well"
            );
            ended
        });
        self.finish()
    }

    /// Waits until no process of the group lives.
    #[track_caller]
    pub(crate) fn leaves_nothing(&self) {
        eventually("no process of the server stays", || self.tree().pids().is_empty());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let killed = killpg(self.pid(), Signal::SIGKILL);
        let _ = self.child.wait();
        let _ = self.guardian.kill();
        let _ = self.guardian.wait();
        if thread::panicking() {
            eprintln!(
                "{} printed:\n{}{}",
                self.name,
                self.printed_on_stdout(),
                self.printed_on_stderr()
            );
            return;
        }
        assert!(
            matches!(killed, Ok(()) | Err(Errno::ESRCH)),
            "the server can't be killed: {killed:?}"
        );
        self.leaves_nothing();
    }
}

/// Starts a process that outlives the tests by an instant: should they be interrupted or killed, its stdin ends, and
/// it kills the server, which in a process group of its own has not heard of it.
fn guard(child: &Child) -> Child {
    Command::new("sh")
        .args([
            "-c",
            "read -r _; kill -s KILL -- \"-$0\"",
            &child.id().to_string(),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("there is a shell")
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("a process id fits"))
}

/// The whole of a file that another process may be writing. The position is given with each read, because the
/// descriptor's own is shared with the writer.
fn content(file: &File) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let read = file
            .read_at(&mut chunk, bytes.len() as u64)
            .expect("what was printed can be read");
        if read == 0 {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        bytes.extend_from_slice(&chunk[..read]);
    }
}

/// Some cases hold hundreds of connections at once, and run beside each other in one process.
fn allow_many_descriptors() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit can be read");
        setrlimit(Resource::RLIMIT_NOFILE, hard.min(16_384), hard).expect("the soft limit can be raised");
    });
}
