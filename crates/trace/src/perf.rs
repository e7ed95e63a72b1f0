//! Records by perf(1), from the kernel's tracepoints: context switches, wake-ups, timers, system calls, new threads, and reads
//! and writes of sockets.
//!
//! perf(1) records what happens on the CPUs of both sides, whoever runs there. It is bound to the client's CPUs, and its
//! buffers are large, so that it sleeps while the load runs.

mod follow;
mod line;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
mod tool;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use meter::{Family, Maker, TEMPORARY, child};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CpuSet as Mask, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use schema::cpus::{CpuSet, Split};
use schema::trace::Source;
use tempfile::NamedTempFile;

use crate::clock::monotonic_ns;
use crate::event::{Recording, Thread};
use crate::threads;

/// What every kernel has that perf(1) of today runs on.
const TRACEPOINTS: [&str; 9] = [
    "sched:sched_switch",
    "sched:sched_waking",
    "sched:sched_wakeup_new",
    "task:task_newtask",
    "task:task_rename",
    "timer:hrtimer_expire_entry",
    "timer:hrtimer_expire_exit",
    "timer:timer_expire_entry",
    "timer:timer_expire_exit",
];
/// The same, without what perf(1) does itself: each write of its own would be one more event to write.
const TRACEPOINTS_OF_CALLS: [&str; 2] = ["raw_syscalls:sys_enter", "raw_syscalls:sys_exit"];
/// What some kernels do not have, and what is missing without it.
const OPTIONAL: [(&str, &str); 3] = [
    (
        "tcp:tcp_rcv_space_adjust",
        "It is unknown which thread read a request: this kernel has no tcp:tcp_rcv_space_adjust (Linux 4.18).",
    ),
    (
        "sock:sock_recv_length",
        "It is unknown which thread sent a reply: this kernel has no sock:sock_recv_length (Linux 6.3).",
    ),
    (
        "sock:sock_send_length",
        "It is unknown which thread sent a reply: this kernel has no sock:sock_send_length (Linux 6.3).",
    ),
];

/// The buffer of each CPU. perf(1) is woken when it is half full, after about 20,000 events.
const BUFFER: &str = "4M";
/// What perf(1) may write, about five million events. Then it ends.
const FILE_MOST: &str = "512M";
/// How long perf(1) may take for each step. Half a second is usual, but the machine may be busy.
const WITHIN: Duration = Duration::from_secs(20);

/// A perf(1) that records. Dropping it ends it.
///
/// It lives as long as a `cat` that it started, which ends when this process does: then its input ends.
#[derive(Debug)]
pub(crate) struct Session {
    perf: Child,
    /// Where it takes orders, and where it confirms them.
    orders: NamedTempFile<File>,
    confirmed: NamedTempFile<File>,
    data: NamedTempFile,
    stderr: NamedTempFile,
    from_ns: u64,
    threads: Vec<Thread>,
    lacks: Vec<String>,
}

impl Session {
    /// Starts to record a server.
    pub(crate) fn start(server: Family, cpus: &Split) -> Result<Self, String> {
        let version = tool::Version::installed()?;
        tool::has_the_kernels_numbers()?;
        let (missing, present): (Vec<_>, Vec<_>) = OPTIONAL
            .into_iter()
            .map(|(name, lacks)| Ok((name, lacks, tool::has_tracepoint(name)?)))
            .collect::<Result<Vec<_>, String>>()?
            .into_iter()
            .partition(|(.., is_there)| !is_there);
        let files = || {
            Ok((
                fifo()?,
                fifo()?,
                meter::temporary_file()?,
                meter::temporary_file()?,
            ))
        };
        let (orders, confirmed, data, stderr) =
            files().map_err(|error: io::Error| format!("can't make temporary files for perf: {error}"))?;
        let mut command = tool::command();
        command.args([
            "record",
            "-q",
            "-k",
            "CLOCK_MONOTONIC",
            "-m",
            BUFFER,
            "--max-size",
            FILE_MOST,
        ]);
        // Neither what a profiler needs nor what becomes of it afterwards.
        command.args(["--no-bpf-event", "--no-buildid", "--no-buildid-cache"]);
        if version.lists_on_request() {
            command.arg("--synth=no");
        }
        let calls = TRACEPOINTS_OF_CALLS.into_iter();
        let calls: Vec<_> = calls.chain(present.iter().map(|(name, ..)| *name)).collect();
        command.arg("-C").arg(both(cpus).to_string());
        command.args([
            "-e",
            &calls.join(","),
            "--exclude-perf",
            "-e",
            &TRACEPOINTS.join(","),
        ]);
        // It begins when it is asked to.
        command.args(["-D", "-1", "--control"]);
        command.arg(format!(
            "fifo:{},{}",
            orders.path().display(),
            confirmed.path().display()
        ));
        command.arg("-o").arg(data.path()).args(["--", "cat"]);
        let stderr_file = stderr
            .reopen()
            .map_err(|error| format!("can't make temporary files for perf: {error}"))?;
        // In a process group of its own: Ctrl-C at the terminal must not reach it.
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(stderr_file)
            .process_group(0);
        let perf = command.spawn().map_err(|error| tool::not_started(&error))?;
        let mut lacks: Vec<_> = missing.iter().map(|(_, lacks, _)| (*lacks).to_owned()).collect();
        lacks.dedup();
        let mut session = Self {
            perf,
            orders,
            confirmed,
            data,
            stderr,
            from_ns: 0,
            threads: Vec::new(),
            lacks,
        };
        bind(session.perf.id(), &cpus.client)?;
        session.order("enable")?;
        session.from_ns = monotonic_ns()?;
        session.threads = threads::in_server(server);
        Ok(session)
    }

    /// Stops recording.
    pub(crate) fn stop(mut self, client_threads: &[i32]) -> Result<Recording, String> {
        let to_ns = monotonic_ns()?;
        self.order("disable")?;
        // Its `cat` ends, and then itself.
        drop(self.perf.stdin.take());
        if !child::ends_within(&mut self.perf, WITHIN) {
            return Err(format!("perf did not end within {WITHIN:?}"));
        }
        if !self.perf.wait().is_ok_and(|status| status.success()) {
            return Err(tool::failed(&read(self.stderr.path())));
        }
        let recording = Recording {
            source: Source::Perf,
            lacks: std::mem::take(&mut self.lacks),
            from_ns: self.from_ns,
            to_ns,
            threads: std::mem::take(&mut self.threads),
            events: Vec::new(),
        };
        let text = script(self.data.path())?;
        follow::complete(recording, &line::parse(&text)?, client_threads)
    }

    /// Gives perf(1) an order, and waits until it is confirmed.
    fn order(&mut self, order: &str) -> Result<(), String> {
        let sent = self
            .orders
            .as_file_mut()
            .write_all(format!("{order}\n").as_bytes());
        sent.map_err(|error| format!("can't control perf: {error}"))?;
        let until = Instant::now() + WITHIN;
        let mut answer = Vec::new();
        while Instant::now() < until {
            let confirmed = self.confirmed.as_file_mut();
            let mut waiting = [PollFd::new(confirmed.as_fd(), PollFlags::POLLIN)];
            if poll(&mut waiting, PollTimeout::from(50_u8)).is_ok_and(|ready| ready > 0) {
                let mut bytes = [0; 64];
                let count = confirmed.read(&mut bytes);
                answer.extend(&bytes[..count.map_err(|error| format!("can't control perf: {error}"))?]);
                // Some versions send the end of their string too.
                if answer.starts_with(b"ack\n") {
                    return Ok(());
                }
                answer.retain(|&byte| byte != 0);
            } else if self.has_ended() {
                return Err(tool::failed(&read(self.stderr.path())));
            }
        }
        Err(format!("perf did not confirm {order:?} within {WITHIN:?}"))
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.perf.try_wait(), Ok(None))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.perf.stdin.take());
        if !self.has_ended() {
            let _ = kill(Pid::from_raw(self.perf.id().cast_signed()), Signal::SIGTERM);
            if !child::ends_within(&mut self.perf, Duration::from_secs(1)) {
                let _ = self.perf.kill();
            }
            let _ = self.perf.wait();
        }
    }
}

/// Checks whether perf(1) can be used here, by recording a process for a moment.
pub(crate) fn probe() -> Result<(), String> {
    let allowed = meter::cpus::allowed().map_err(|error| error.to_string())?;
    let cpus = Split {
        server: allowed.clone(),
        client: allowed,
        shared: true,
    };
    let (process, session) = child::try_on_process("perf", |process| {
        (process, Session::start(Family::LedBy(process), &cpus))
    })?;
    let recording = session?.stop(&[])?;
    if recording
        .events
        .iter()
        .any(|event| event.thread == process.as_raw())
    {
        Ok(())
    } else {
        Err(
            "perf recorded nothing of a process on which it was tried; trace outside of the container"
                .to_owned(),
        )
    }
}

/// What perf(1) has recorded, as text.
fn script(data: &Path) -> Result<String, String> {
    let mut command = tool::command();
    command.args(["script", "--ns", "--show-lost-events", "-F", line::FIELDS, "-i"]);
    let output = command
        .arg(data)
        .output()
        .map_err(|error| tool::not_started(&error))?;
    if !output.status.success() {
        return Err(tool::failed(&String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A named pipe. It is open for reading and for writing, so that neither side waits for the other to open it. If this process
/// is killed, the next run removes it.
fn fifo() -> io::Result<NamedTempFile<File>> {
    let prefix = format!("{TEMPORARY}{}-", Maker::this());
    tempfile::Builder::new().prefix(&prefix).make(|path| {
        mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR)?;
        File::options().read(true).write(true).open(path)
    })
}

fn both(cpus: &Split) -> CpuSet {
    let both = [&cpus.server, &cpus.client];
    both.into_iter().flat_map(CpuSet::numbers).collect()
}

fn bind(process: u32, cpus: &CpuSet) -> Result<(), String> {
    let mut mask = Mask::new();
    let set = cpus.numbers().into_iter().try_for_each(|cpu| mask.set(cpu));
    set.and_then(|()| sched_setaffinity(Pid::from_raw(process.cast_signed()), &mask))
        .map_err(|error| format!("can't bind perf to CPUs {cpus}: {error}"))
}

fn read(file: &Path) -> String {
    fs::read(file).map_or_else(
        |_| String::new(),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    )
}
