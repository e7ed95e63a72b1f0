//! A server on this machine: started on its own CPUs, and gone without a trace afterwards, however it ends.

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use meter::{Cgroup, Family, Meter};
use schema::contender::{Contender, Ready};
use schema::cpus::CpuSet;
use schema::text::{self, terminal};

use super::tally::Tally;
use crate::fault::Fault;
use crate::interface::{Ended, Server, Start};
use crate::keeper::{End, Event, Gone, KEEPER_WITHIN, Keeper, Order, lost};
use crate::program::program;
use crate::ready;

/// How often a wait for a server checks whether the run is to stop.
const CHECK_EVERY: Duration = Duration::from_millis(100);
/// How long a server may take to end after SIGTERM. The built-in models take at most 5 s.
const ENDS_WITHIN: Duration = Duration::from_secs(8);

/// A server that is ready. Dropping it kills it and all processes below it.
#[derive(Debug)]
pub struct LocalServer {
    keeper: Keeper,
    leader: Pid,
    /// The command that started it.
    command: Vec<String>,
    address: SocketAddr,
    ready: Duration,
    meter: Meter,
    /// Where its output is kept.
    output: Option<PathBuf>,
    /// Where its workers report what they served.
    tally: Option<Tally>,
    /// Why the server's first process is gone, if it is.
    end: Option<End>,
}

impl LocalServer {
    /// Starts a server, and waits until it is ready and has done what it does when it starts. That ends early when the run is
    /// to stop.
    pub(super) fn start(start: &Start<'_>, cpus: &CpuSet, cancel: &AtomicBool) -> Result<Self, Fault> {
        let Start {
            contender, output, ..
        } = *start;
        let tally = start.tally.then(Tally::create).transpose()?;
        let mut flags = start.flags.to_vec();
        flags.extend(tally.iter().flat_map(Tally::flags));
        let address = match contender.ready {
            // It chooses a port itself, and prints it.
            Ready::Line if contender.built_in => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            _ => free_address().map_err(|error| format!("can't find a free port for it: {error}"))?,
        };
        let cgroup = Cgroup::create();
        let program = program(contender);
        let listen = address.to_string();
        let arguments: Vec<_> = contender.arguments(&listen, &flags).collect();
        let given = arguments.iter().map(OsString::from);
        let command = std::iter::once(program.into_os_string()).chain(given);
        let folder = (!contender.built_in).then_some(&*contender.folder);
        let keeper = Keeper::start(cpus, cgroup.as_ref(), output, folder, command);
        let mut keeper = keeper.map_err(Fault::own("can't start a server's keeper"))?;
        let began = Instant::now();
        let leader = keeper.start_server()?;
        let family = Family::Below(keeper.pid());
        let mut server = Self {
            keeper,
            leader,
            command: std::iter::once(contender.program()).chain(arguments).collect(),
            address,
            ready: Duration::ZERO,
            meter: Meter { family, cgroup },
            output: output.map(Path::to_owned),
            tally,
            end: None,
        };
        match server.until_ready(contender, began, cancel) {
            Ok(address) => {
                server.ready = began.elapsed();
                server.address = address;
            }
            Err(reason) => {
                let is_refusal = server.end.is_some_and(End::is_refusal);
                let reason = server.with_last_line(&reason);
                return Err(if is_refusal {
                    Fault::Unavailable(reason)
                } else {
                    Fault::Trial(reason)
                });
            }
        }
        server.settle();
        Ok(server)
    }

    /// Its first process.
    pub(super) fn pid(&self) -> Pid {
        self.leader
    }

    /// All its processes.
    pub(super) fn family(&self) -> Family {
        self.meter.family
    }

    /// The meter that reads its costs.
    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// A reason why it can't be measured, with the server's last line on stderr and the file of its output.
    fn with_last_line(&mut self, reason: &str) -> String {
        let line = self.last_line();
        let line = line.map_or_else(String::new, |line| {
            format!("; last line on stderr: {}", quoted(&line))
        });
        // A server without output has no file.
        let file = self.output.as_ref().filter(|file| file.is_file());
        let file = file.map_or_else(String::new, |file| format!("; its output: {}", file.display()));
        format!("{reason}{line}{file}")
    }

    /// How its first process ended, if it does within that time.
    fn end_within(&mut self, within: Duration) -> Option<End> {
        let until = Instant::now() + within;
        while self.end.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            match self.keeper.connection().ok()?.receive(left) {
                Ok(Some(Event::Ended(end))) => self.end = Some(end),
                Ok(None) if Instant::now() >= until => break,
                Ok(_) => {}
                Err(_) => break,
            }
        }
        self.end
    }

    fn last_line(&mut self) -> Option<String> {
        let until = Instant::now() + KEEPER_WITHIN;
        let connection = self.keeper.connection().ok()?;
        connection.send(&Order::LastLine).ok()?;
        while Instant::now() < until {
            match connection.receive(CHECK_EVERY).ok()? {
                Some(Event::LastLine { line }) => return line,
                Some(Event::Ended(end)) => self.end = Some(end),
                _ => {}
            }
        }
        None
    }

    /// Waits until the server is ready, and reports where it listens.
    fn until_ready(
        &mut self,
        contender: &Contender,
        began: Instant,
        cancel: &AtomicBool,
    ) -> Result<SocketAddr, String> {
        /// How often a connection is tried.
        const TRY_EVERY: Duration = Duration::from_millis(5);
        let by = contender.ready;
        let within = Duration::from_millis(contender.ready_within_ms);
        let deadline = began + within;
        let mut printed = None;
        while Instant::now() < deadline && !cancel.load(Ordering::Relaxed) {
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = if by == Ready::Line { CHECK_EVERY } else { TRY_EVERY };
            let event = self
                .keeper
                .connection()?
                .receive(wait.min(left))
                .map_err(|error| lost(&error))?;
            match event {
                Some(Event::Ended(end)) => {
                    self.end = Some(end);
                    return Err(end.describe("before it was ready"));
                }
                Some(Event::Failed { reason }) => return Err(reason),
                Some(Event::Listening { line }) if by != Ready::Connect => {
                    return reachable(&line, deadline);
                }
                Some(Event::Printed { line }) if by == Ready::Line => {
                    let line = quoted(&line);
                    let reason = format!("printed {line:?} and not \"{}HOST:PORT\"", ready::READY);
                    if contender.built_in {
                        return Err(reason);
                    }
                    printed = Some(reason);
                }
                Some(Event::Closed) if by == Ready::Line => {
                    // A process that ends closes its stdout a little earlier.
                    return Err(self.end_within(CHECK_EVERY).map_or_else(
                        || "closed its stdout before it was ready".to_owned(),
                        |end| end.describe("before it was ready"),
                    ));
                }
                _ => {}
            }
            if by != Ready::Line && ready::accepts(self.address, left.min(CHECK_EVERY)) {
                return Ok(self.address);
            }
        }
        let printed = printed.map_or_else(String::new, |printed| format!("; {printed}"));
        Err(format!("was not ready within {within:?}{printed}"))
    }

    /// Waits until the server spends no CPU time: workers are forked after the listener is open.
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

impl Server for LocalServer {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn command(&self) -> &[String] {
        &self.command
    }

    fn ready(&self) -> Duration {
        self.ready
    }

    /// A process that ends closes its connections a little before its parent is informed.
    fn explain(&mut self, when: &str, reason: String) -> String {
        const INFORMED_WITHIN: Duration = Duration::from_millis(500);
        let reason = match self.end_within(INFORMED_WITHIN) {
            Some(end) => end.describe(when),
            None => reason,
        };
        self.with_last_line(&reason)
    }

    fn stop(mut self) -> Result<Ended, Fault> {
        if let Some(end) = self.end_within(Duration::ZERO) {
            return Err(self.with_last_line(&end.describe("under load")).into());
        }
        let until = Instant::now() + ENDS_WITHIN + KEEPER_WITHIN;
        let connection = self.keeper.connection()?;
        connection.send(&Order::End).map_err(|error| lost(&error))?;
        let asked = Instant::now();
        let Gone {
            drain_us,
            life,
            unkept,
        } = loop {
            match connection.receive(CHECK_EVERY).map_err(|error| lost(&error))? {
                Some(Event::Gone(gone)) => break gone,
                Some(Event::Ended(end)) => self.end = Some(end),
                Some(Event::Failed { reason }) => return Err(reason.into()),
                _ if Instant::now() > until => return Err("its keeper did not end it".into()),
                _ if asked.elapsed() > ENDS_WITHIN => {
                    let reason = format!("still ran {ENDS_WITHIN:?} after SIGTERM");
                    return Err(self.with_last_line(&reason).into());
                }
                _ => {}
            }
        };
        if let Some(end) = self.end {
            return Err(self.with_last_line(&end.describe("under load")).into());
        }
        if let Some(reason) = unkept {
            return Err(Fault::Own(reason));
        }
        let workers = self.tally.as_ref().map_or(Ok(Vec::new()), Tally::read)?;
        Ok(Ended {
            life,
            drain: Duration::from_micros(drain_us),
            workers,
        })
    }
}

/// The first address on a line that accepts a connection; if none does in time, the first of all.
fn reachable(line: &str, deadline: Instant) -> Result<SocketAddr, String> {
    const TRIES: u32 = 2;
    let addresses = ready::addresses(line)?;
    if let [only] = addresses[..] {
        return Ok(only);
    }
    for _ in 0..TRIES {
        for &address in &addresses {
            let left = deadline.saturating_duration_since(Instant::now());
            if ready::accepts(address, left.min(CHECK_EVERY)) {
                return Ok(address);
            }
        }
    }
    Ok(addresses[0])
}

/// A line that the server printed, as part of another line.
fn quoted(line: &str) -> String {
    text::cut(&terminal::line(line), text::QUOTED_MOST)
}

/// A free address. If another program takes it before the server does, the trial fails with that reason.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
