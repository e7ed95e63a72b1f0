//! A server that takes part in a trial: started afresh on its own processors, and gone without a trace when the trial is
//! over, however it ends.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::time::TimeVal;
use nix::unistd::Pid;

use crate::cpus::CpuSet;
use crate::models::Contender;
use crate::tree::Spent;

/// What a server prints on stdout before its address.
const READY: &str = "listening on ";
/// How long a server may take to say it.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How long a server may take to end after SIGTERM; those of this house take 5 s at most.
const ENDS_WITHIN: Duration = Duration::from_secs(8);

/// A server that is ready. Dropping it kills it and all its children.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Kept open, so that what it prints later does not kill it.
    stdout: ChildStdout,
    stderr: File,
    address: SocketAddr,
    ready: Duration,
    children_before: Spent,
    spent_before: Spent,
}

/// How a server ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    /// What it and all its children spent since it was ready.
    pub(crate) spent: Spent,
    /// How long it took to end.
    pub(crate) drain: Duration,
}

impl Server {
    /// Starts a server, and waits until it is ready and has done what it does when it starts.
    pub(crate) fn start(contender: &Contender, cpus: &CpuSet) -> Result<Self, String> {
        let began = Instant::now();
        let children_before = spent_by_children();
        let stderr =
            tempfile::tempfile().map_err(|error| format!("can't make a file for its stderr: {error}"))?;
        let mut child = launch(contender, cpus, &stderr)
            .map_err(|error| format!("can't start {}: {error}", contender.program.display()))?;
        let stdout = child.stdout.take().expect("stdout is a pipe");
        let mut server = Self {
            child,
            stdout,
            stderr,
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
            ready: Duration::ZERO,
            children_before,
            spent_before: Spent::default(),
        };
        match server.ready_line(began + READY_WITHIN) {
            Ok(line) => {
                server.ready = began.elapsed();
                server.address = address(&line)?;
            }
            Err(reason) => return Err(server.with_last_words(reason)),
        }
        server.settle();
        server.spent_before = Spent::by(server.pid());
        Ok(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process id fits"))
    }

    /// From its start until it said that it was ready.
    pub(crate) fn ready(&self) -> Duration {
        self.ready
    }

    /// Asks it to end, waits for that, and says what it has spent.
    ///
    /// The kernel adds up for a parent, to the microsecond, what its children and theirs have spent when they have been
    /// waited for. No other child of this process ends in the meantime.
    pub(crate) fn stop(mut self) -> Result<Ended, String> {
        let asked = Instant::now();
        kill(self.pid(), Signal::SIGTERM).map_err(|error| format!("can't be asked to end: {error}"))?;
        while !matches!(self.child.try_wait(), Ok(Some(_))) {
            if asked.elapsed() > ENDS_WITHIN {
                return Err(self.with_last_words(format!("still ran {ENDS_WITHIN:?} after SIGTERM")));
            }
            thread::sleep(Duration::from_micros(500));
        }
        let drain = asked.elapsed();
        let spent = spent_by_children()
            .since(self.children_before)
            .since(self.spent_before);
        Ok(Ended { spent, drain })
    }

    /// A reason, with the last line that the server wrote to stderr.
    pub(crate) fn with_last_words(&mut self, reason: String) -> String {
        let mut text = String::new();
        let read = self
            .stderr
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.stderr.read_to_string(&mut text));
        match (read, text.lines().last()) {
            (Ok(_), Some(line)) => format!("{reason}; it said: {line}"),
            _ => reason,
        }
    }

    /// The line by which a server says that it is ready.
    fn ready_line(&mut self, deadline: Instant) -> Result<String, String> {
        let mut line = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("was not ready within {READY_WITHIN:?}"));
            }
            let mut byte = [0];
            match self.read_stdout(&mut byte, left) {
                Ok(None) => {}
                Ok(Some(0)) => return Err(self.early_end()),
                Ok(Some(_)) if byte[0] == b'\n' => break,
                Ok(Some(_)) => line.push(byte[0]),
                Err(error) => return Err(format!("can't read its stdout: {error}")),
            }
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    fn read_stdout(&mut self, buffer: &mut [u8], timeout: Duration) -> io::Result<Option<usize>> {
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        let mut stdout = [PollFd::new(self.stdout.as_fd(), PollFlags::POLLIN)];
        match poll(&mut stdout, timeout) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => Ok(None),
            Ok(_) => self.stdout.read(buffer).map(Some),
            Err(error) => Err(error.into()),
        }
    }

    fn early_end(&mut self) -> String {
        match self.child.wait() {
            Ok(status) => format!("ended before it was ready ({status})"),
            Err(_) => "closed its stdout before it was ready".to_owned(),
        }
    }

    /// Waits until the server's CPU time stands still: workers are forked after the listener is there.
    fn settle(&self) {
        const STILL: Duration = Duration::from_millis(4);
        const LONGEST: Duration = Duration::from_millis(250);
        let began = Instant::now();
        let mut before = Spent::by(self.pid());
        while began.elapsed() < LONGEST {
            thread::sleep(STILL);
            let now = Spent::by(self.pid());
            if now == before {
                break;
            }
            before = now;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Until it is waited for, its number can't be another's. Then the group's can't either, as long as it has members.
        let _ = killpg(self.pid(), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

/// Starts a program on these processors, in a process group of its own: a Ctrl-C at the terminal is not for it.
fn launch(contender: &Contender, cpus: &CpuSet, stderr: &File) -> io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args([
            "launch",
            "--cpus",
            &cpus.to_string(),
            "--parent",
            &std::process::id().to_string(),
            "--",
        ])
        .arg(&contender.program)
        .args(&contender.arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr.try_clone()?)
        .process_group(0)
        .spawn()
}

fn address(line: &str) -> Result<SocketAddr, String> {
    line.trim()
        .strip_prefix(READY)
        .and_then(|address| address.parse().ok())
        .ok_or_else(|| format!("printed {line:?} and not \"{READY}HOST:PORT\""))
}

/// What all children that have been waited for have spent, with their children.
fn spent_by_children() -> Spent {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("a process may ask what its children spent");
    let time = |value: TimeVal| {
        Duration::from_micros(u64::try_from(value.tv_sec() * 1_000_000 + value.tv_usec()).unwrap_or(0))
    };
    let count = |count| u64::try_from(count).unwrap_or(0);
    Spent {
        cpu: time(usage.user_time()) + time(usage.system_time()),
        voluntary_switches: count(usage.voluntary_context_switches()),
        involuntary_switches: count(usage.involuntary_context_switches()),
    }
}
