//! A program that a case has started: what it printed, how it ended, and that no process of it is left.

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

use crate::report;
use crate::tree::Tree;
use crate::wait::eventually;

/// What a server prints, on one line, before the address that it listens on.
pub(crate) const READY: &str = "listening on ";

/// A program that a case has started, in its own process group. Dropping it kills all processes that are left.
pub(crate) struct Process {
    name: String,
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
    /// Starts the program. It prints to temporary files, so that it never waits for a reader.
    #[track_caller]
    pub(crate) fn start(name: &str, mut command: Command) -> Self {
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
            name: name.to_owned(),
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
        Tree::read(self.pid())
    }

    /// Sends a signal to the first process alone.
    #[track_caller]
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("the server runs");
    }

    /// Sends a signal to every process at once, as a terminal does.
    #[track_caller]
    pub(crate) fn signal_group(&self, signal: Signal) {
        killpg(self.pid(), signal).expect("the server runs");
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
        self.expect_no_process();
        Finished {
            code: status.and_then(|status| status.code()),
            stdout: self.printed_on_stdout(),
            stderr: self.printed_on_stderr(),
        }
    }

    /// Waits for a program that must exit and never be ready.
    #[track_caller]
    pub(crate) fn finish_unready(mut self) -> Finished {
        eventually("the server ends", || {
            let ended = self.try_wait().is_some();
            assert!(
                !self.printed_on_stdout().contains(READY),
                "the server is ready, where it should have exited"
            );
            ended
        });
        self.finish()
    }

    /// Waits until no process of the group lives.
    #[track_caller]
    pub(crate) fn expect_no_process(&self) {
        eventually("every process of the server has ended", || {
            self.tree().pids().is_empty()
        });
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let killed = killpg(self.pid(), Signal::SIGKILL);
        let _ = self.child.wait();
        let _ = self.guardian.kill();
        let _ = self.guardian.wait();
        if thread::panicking() {
            report::add(&format!(
                "{} printed:\n{}{}",
                self.name,
                self.printed_on_stdout(),
                self.printed_on_stderr()
            ));
            return;
        }
        assert!(
            matches!(killed, Ok(()) | Err(Errno::ESRCH)),
            "the server can't be killed: {killed:?}"
        );
        self.expect_no_process();
    }
}

/// Starts a process that outlives the tests for a moment. If they are interrupted or killed, its stdin ends, and it kills
/// the server. The server itself does not see the signal, because it has its own process group.
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

/// The content of a file that another process may be writing. Each read names its position, because the descriptor
/// shares its own with the writer.
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

/// Some cases hold hundreds of connections, and several cases run in this process at the same time.
fn allow_many_descriptors() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit can be read");
        setrlimit(Resource::RLIMIT_NOFILE, hard.min(16_384), hard).expect("the soft limit can be raised");
    });
}
