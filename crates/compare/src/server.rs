//! A server that takes part in a trial: started afresh on its own processors, and gone without a trace when the trial is
//! over, however it ends.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::contender::{Contender, Ready};
use crate::costs::{Cgroup, Life, Meter};
use crate::cpus::CpuSet;
use crate::fault::Fault;

/// What a server prints on stdout before its address.
const READY: &str = "listening on ";
/// How often it is asked whether the run is to stop, while a server is waited for.
const HEARD_WITHIN: Duration = Duration::from_millis(100);
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
    meter: Meter,
    children_before: Life,
}

/// How a server ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    /// What it and all its children spent in their whole life.
    pub(crate) life: Life,
    /// How long it took to end.
    pub(crate) drain: Duration,
}

impl Server {
    /// Starts a server with these flags behind its command, and waits until it is ready and has done what it does when it
    /// starts. That ends early when the run is to stop.
    pub(crate) fn start(
        contender: &Contender,
        flags: &[String],
        cpus: &CpuSet,
        cancel: &AtomicBool,
    ) -> Result<Self, Fault> {
        let children_before = Life::of_children();
        let stderr = tempfile::tempfile().map_err(Fault::own("can't make a file for a server's stderr"))?;
        let address = match contender.ready {
            // It says itself which port it has.
            Ready::Line if contender.house => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            _ => free_address().map_err(|error| format!("can't find a free port for it: {error}"))?,
        };
        let cgroup = Cgroup::create();
        let began = Instant::now();
        let mut child = launch(
            contender,
            flags,
            &address.to_string(),
            cpus,
            cgroup.as_ref(),
            &stderr,
        )
        .map_err(|error| format!("can't start {}: {error}", contender.command[0]))?;
        let stdout = child.stdout.take().expect("stdout is a pipe");
        let leader = Pid::from_raw(i32::try_from(child.id()).expect("a process id fits"));
        let mut server = Self {
            child,
            stdout,
            stderr,
            address,
            ready: Duration::ZERO,
            meter: Meter { leader, cgroup },
            children_before,
        };
        match server.until_ready(contender, began, cancel) {
            Ok(address) => {
                server.ready = began.elapsed();
                server.address = address;
            }
            Err(reason) => return Err(server.with_last_words(reason).into()),
        }
        server.settle();
        Ok(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> Pid {
        self.meter.leader
    }

    /// By which its costs are read.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// From its start until it was ready.
    pub(crate) fn ready(&self) -> Duration {
        self.ready
    }

    /// Asks it to end, waits for that, and says what it has spent.
    ///
    /// The kernel adds up for a parent, to the microsecond, what its children and theirs have spent when they have been
    /// waited for. No other child of this process ends in the meantime.
    pub(crate) fn stop(mut self) -> Result<Ended, String> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Err(self.with_last_words(format!("ended under load ({status})")));
        }
        let asked = Instant::now();
        kill(self.pid(), Signal::SIGTERM).map_err(|error| format!("can't be asked to end: {error}"))?;
        while !matches!(self.child.try_wait(), Ok(Some(_))) {
            if asked.elapsed() > ENDS_WITHIN {
                return Err(self.with_last_words(format!("still ran {ENDS_WITHIN:?} after SIGTERM")));
            }
            thread::sleep(Duration::from_micros(500));
        }
        let drain = asked.elapsed();
        let life = Life::of_children().since(&self.children_before);
        Ok(Ended { life, drain })
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

    /// Waits until the server is ready, and says where it listens.
    fn until_ready(
        &mut self,
        contender: &Contender,
        began: Instant,
        cancel: &AtomicBool,
    ) -> Result<SocketAddr, String> {
        /// How often it is asked for a connection.
        const TRY_EVERY: Duration = Duration::from_millis(5);
        let ready = contender.ready;
        let within = Duration::from_millis(contender.ready_within_ms);
        let deadline = began + within;
        let mut line = Vec::new();
        let mut has_stdout = true;
        while Instant::now() < deadline && !cancel.load(Ordering::Relaxed) {
            // Asked each time round: a process closes its stdout some time before it can be waited for.
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return Err(self.early_end());
            }
            if ready != Ready::Line && TcpStream::connect(self.address).is_ok() {
                return Ok(self.address);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = if ready == Ready::Line {
                left.min(HEARD_WITHIN)
            } else {
                TRY_EVERY
            };
            if !has_stdout {
                thread::sleep(TRY_EVERY);
                continue;
            }
            let mut byte = [0];
            match self.read_stdout(&mut byte, wait) {
                Ok(None) => {}
                Ok(Some(0)) if ready == Ready::Line => return Err(self.early_end()),
                // It may say nothing, and take connections all the same.
                Ok(Some(0)) => has_stdout = false,
                Ok(Some(_)) if byte[0] == b'\n' && ready != Ready::Connect => {
                    let text = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
                    match address(&text) {
                        Some(address) => return Ok(address),
                        None if ready == Ready::Line => {
                            return Err(format!("printed {text:?} and not \"{READY}HOST:PORT\""));
                        }
                        None => {}
                    }
                }
                Ok(Some(_)) => line.push(byte[0]),
                Err(error) => return Err(format!("can't read its stdout: {error}")),
            }
        }
        Err(format!("was not ready within {within:?}"))
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
        let mut before = self.meter.read();
        while began.elapsed() < LONGEST {
            thread::sleep(STILL);
            let now = self.meter.read();
            if before.until(&now).cpu().is_zero() {
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

/// An address on which nobody listens. Somebody else may take it before the server does; then the trial fails, and says so.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Starts a program on these processors, in a process group of its own: a Ctrl-C at the terminal is not for it.
fn launch(
    contender: &Contender,
    flags: &[String],
    address: &str,
    cpus: &CpuSet,
    cgroup: Option<&Cgroup>,
    stderr: &File,
) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["launch", "--cpus", &cpus.to_string()]);
    command.args(["--parent", &std::process::id().to_string()]);
    if let Some(cgroup) = cgroup {
        command.arg("--cgroup").arg(cgroup.path());
    }
    command
        .arg("--")
        .arg(contender.program())
        .args(contender.arguments(address, flags))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr.try_clone()?)
        .process_group(0);
    if !contender.house {
        command.current_dir(&contender.folder);
    }
    command.spawn()
}

fn address(line: &str) -> Option<SocketAddr> {
    line.trim().strip_prefix(READY)?.parse().ok()
}
