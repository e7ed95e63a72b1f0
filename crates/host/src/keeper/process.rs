//! The keeper's own process: it starts the server, reads its output, and waits for orders and for processes that end.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};
use loadgen::signals::Blocked;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};

use super::connection::Connection;
use super::end::{self, Reaped};
use super::log::{Lines, Log, Stream};
use super::message::{End, Event, Gone, Order};
use crate::leftovers::KEEPER;
use crate::ready;
use meter::{Life, tree};
use schema::cpus::CpuSet;

/// What a keeper starts.
#[derive(Debug)]
pub struct Task {
    /// The CPUs of the server.
    pub cpus: CpuSet,
    /// The control group of the server.
    pub cgroup: Option<PathBuf>,
    /// Where the server's output is kept.
    pub output: Option<PathBuf>,
    /// The server's program and its arguments.
    pub command: Vec<OsString>,
}

/// Runs a server until the order to end it comes, or until `compare` is gone. Orders come on stdin, which is a socket.
pub fn keep(task: &Task) -> Result<()> {
    // Programs that kill `compare` by its name must not kill this process.
    let _ = prctl::set_name(KEEPER);
    prctl::set_child_subreaper(true).context("can't become a subreaper")?;
    let stdin = io::stdin().as_fd().try_clone_to_owned();
    let stdin = stdin.context("can't use stdin as the connection to compare")?;
    let (wake, waker) = UnixStream::pair().context("can't make a socket")?;
    wake.set_nonblocking(true).context("can't make a socket")?;
    let stop = Arc::new(AtomicBool::new(false));
    let blocked = Blocked::all().context("can't block signals")?;
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("can't handle signals")?;
    }
    for signal in [SIGCHLD, SIGTERM, SIGINT, SIGHUP] {
        let waker = waker.try_clone().context("can't make a socket")?;
        signal_hook::low_level::pipe::register(signal, waker).context("can't handle signals")?;
    }
    drop(blocked);
    let mut keeper = Keeper {
        orders: Connection::new(UnixStream::from(stdin)),
        wake,
        stop,
        cgroup: task.cgroup.clone(),
        server: None,
        streams: Vec::new(),
        log: Log::new(task.output.clone()),
        announced: false,
        asked_at: None,
        drain_us: 0,
    };
    // If an event can't be sent, the connection is closed.
    let kept = keeper.run(task);
    let ended = end::all(keeper.cgroup.as_deref());
    if !matches!(kept, Ok(true)) {
        keeper.log.finish();
        if let Some(cgroup) = &keeper.cgroup {
            end::remove(cgroup);
        }
    }
    match kept {
        Err(error) if !is_hang_up(&error) => Err(error),
        _ => ended.map_err(anyhow::Error::msg),
    }
}

/// Whether the connection was closed while something was sent.
fn is_hang_up(error: &anyhow::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof))
}

struct Keeper {
    orders: Connection,
    wake: UnixStream,
    stop: Arc<AtomicBool>,
    cgroup: Option<PathBuf>,
    /// Its first process, until it has ended.
    server: Option<Pid>,
    streams: Vec<Pipe>,
    log: Log,
    /// Whether an address was reported.
    announced: bool,
    /// When the server was asked to end.
    asked_at: Option<Instant>,
    drain_us: u64,
}

/// One of a server's streams.
struct Pipe {
    which: Stream,
    fd: OwnedFd,
    lines: Lines,
    is_open: bool,
    /// Whether a line without an address was reported.
    printed: bool,
}

impl Keeper {
    /// Whether it ended by order, and not because `compare` is gone.
    fn run(&mut self, task: &Task) -> Result<bool> {
        self.orders.stream().set_nonblocking(true)?;
        self.orders.send(&Event::Awake)?;
        loop {
            while let Some(order) = self.orders.kept()? {
                match order {
                    Order::Start => self.start(task)?,
                    Order::LastLine => self.report_last_line()?,
                    Order::End => self.ask_to_end(),
                }
            }
            if self.asked_at.is_some() && self.server.is_none() {
                self.report_gone()?;
                return Ok(true);
            }
            self.wait()?;
            if self.stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            self.drain()?;
            self.reap()?;
            match self.orders.fill() {
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
                other => other?,
            }
        }
    }

    /// Starts the server, through `launch`, which sets its CPUs and its control group.
    fn start(&mut self, task: &Task) -> Result<()> {
        let mut child = match launch(task) {
            Ok(child) => child,
            Err(error) => {
                let reason = format!("can't start its launcher: {error}");
                return Ok(self.orders.send(&Event::Failed { reason })?);
            }
        };
        let pid = i32::try_from(child.id()).context("a process id fits")?;
        let stdout = child.stdout.take().map(OwnedFd::from);
        let stderr = child.stderr.take().map(OwnedFd::from);
        for (which, fd) in [(Stream::Stdout, stdout), (Stream::Stderr, stderr)] {
            let fd = fd.context("a stream is a pipe")?;
            set_nonblocking(fd.as_fd())?;
            self.streams.push(Pipe {
                which,
                fd,
                lines: Lines::default(),
                is_open: true,
                printed: false,
            });
        }
        self.server = Some(Pid::from_raw(pid));
        Ok(self.orders.send(&Event::Started { pid })?)
    }

    /// Sleeps until there is an order, a signal, or output.
    fn wait(&self) -> Result<()> {
        let fds = [self.orders.stream().as_fd(), self.wake.as_fd()];
        let open = self.streams.iter().filter(|pipe| pipe.is_open);
        let fds = fds.into_iter().chain(open.map(|pipe| pipe.fd.as_fd()));
        let mut fds: Vec<_> = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("can't wait for events"),
        }
        let mut block = [0; 64];
        while matches!((&self.wake).read(&mut block), Ok(1..)) {}
        Ok(())
    }

    /// Reads the output that is there, up to a limit: a server that prints without end must not keep orders waiting.
    fn drain(&mut self) -> Result<()> {
        const BLOCKS_MOST: usize = 64;
        let mut events = Vec::new();
        let mut block = vec![0; 64 << 10];
        for pipe in self.streams.iter_mut().filter(|pipe| pipe.is_open) {
            for _ in 0..BLOCKS_MOST {
                match nix::unistd::read(pipe.fd.as_fd(), &mut block) {
                    Ok(0) => {
                        pipe.is_open = false;
                        if pipe.which == Stream::Stdout {
                            events.push(Event::Closed);
                        }
                        break;
                    }
                    Ok(count) => {
                        self.log.write(pipe.which, &block[..count]);
                        let is_stdout = pipe.which == Stream::Stdout;
                        let (announced, printed) = (&mut self.announced, &mut pipe.printed);
                        pipe.lines.take(&block[..count], |line| {
                            if !is_stdout || *announced {
                                return;
                            }
                            let line_is = || line.to_owned();
                            if ready::names_address(line) {
                                *announced = true;
                                events.push(Event::Listening { line: line_is() });
                            } else if !*printed {
                                *printed = true;
                                events.push(Event::Printed { line: line_is() });
                            }
                        });
                    }
                    Err(Errno::EINTR) => {}
                    Err(_) => break,
                }
            }
        }
        for event in events {
            self.orders.send(&event)?;
        }
        Ok(())
    }

    /// Reaps processes that have ended: the server, and its orphans.
    fn reap(&mut self) -> Result<()> {
        while let Some(reaped) = end::reap() {
            let status = match reaped {
                Reaped::Child(pid, status) if Some(pid) == self.server => status,
                Reaped::Unknown if self.server.is_some_and(|pid| kill(pid, None).is_err()) => {
                    Signal::SIGKILL as i32
                }
                Reaped::NoChild => break,
                _ => continue,
            };
            self.server = None;
            // All that it wrote before it ended can be read now.
            self.drain()?;
            if let Some(asked) = self.asked_at {
                self.drain_us = u64::try_from(asked.elapsed().as_micros())?;
            } else {
                let left = tree::below(Pid::this());
                let left = left.iter().filter(|stat| !tree::has_ended(stat)).count();
                self.orders.send(&Event::Ended(End { status, left }))?;
            }
        }
        Ok(())
    }

    fn report_last_line(&mut self) -> Result<()> {
        self.drain()?;
        self.reap()?;
        let stderr = self.streams.iter().find(|pipe| pipe.which == Stream::Stderr);
        let line = stderr.and_then(|pipe| pipe.lines.last());
        Ok(self.orders.send(&Event::LastLine { line })?)
    }

    fn ask_to_end(&mut self) {
        self.asked_at = Some(Instant::now());
        if let Some(server) = self.server {
            // It was not reaped yet, so its number is not reused.
            let _ = kill(server, Signal::SIGTERM);
        }
    }

    /// Kills what is left of the server, and reports what all of it spent.
    fn report_gone(&mut self) -> Result<()> {
        let ended = end::all(self.cgroup.as_deref());
        // All writers are gone, so each stream has ended.
        self.drain()?;
        let gone = Event::Gone(Gone {
            drain_us: self.drain_us,
            life: Life::of_children(),
            unkept: self.log.finish(),
        });
        match ended {
            Ok(()) => Ok(self.orders.send(&gone)?),
            Err(reason) => Ok(self.orders.send(&Event::Failed { reason })?),
        }
    }
}

/// Starts the program that becomes the server, in a process group of its own: Ctrl-C at the terminal must not reach it.
fn launch(task: &Task) -> io::Result<Child> {
    // This path works even if the program's file was replaced or removed.
    let mut command = Command::new("/proc/self/exe");
    command.arg0("compare");
    command.args(["launch", "--cpus", &task.cpus.to_string()]);
    command.args(["--parent", &std::process::id().to_string()]);
    if let Some(cgroup) = &task.cgroup {
        command.arg("--cgroup").arg(cgroup);
    }
    command
        .arg("--")
        .args(&task.command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

fn set_nonblocking(fd: BorrowedFd<'_>) -> Result<()> {
    let flags = fcntl(fd, FcntlArg::F_GETFL).context("can't read a server's output")?;
    let flags = OFlag::from_bits_retain(flags) | OFlag::O_NONBLOCK;
    fcntl(fd, FcntlArg::F_SETFL(flags)).context("can't read a server's output")?;
    Ok(())
}
