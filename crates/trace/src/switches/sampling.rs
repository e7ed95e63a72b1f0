//! The kernel's records of context switches, from its ring buffers.

use std::fs;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use meter::Family;
use nix::errno::Errno;
use perf_event::data::endian::Native;
use perf_event::data::parse::ParseConfig;
use perf_event::events::Software;
use perf_event::{Builder, Clock, SampleFlag, Sampler};
use schema::cpus::CpuSet;

use super::records::{self, Record};
use crate::threads;

/// The length of a ring buffer, if the kernel allows it: 2,048 switches.
const BUFFER_BYTES: usize = 64 * 1024;
/// The shortest that a ring buffer may be.
const BUFFER_LEAST_BYTES: usize = 4 * 1024;
/// How often the ring buffers are read.
const EVERY: Duration = Duration::from_millis(5);
/// How often it is tried to find the same threads before and after. A server that waits for a load starts none.
const TRIES: usize = 5;

const PARANOID: &str = "/proc/sys/kernel/perf_event_paranoid";

/// Records that are being made. Dropping it ends that.
#[derive(Debug)]
pub(super) struct Sampling {
    end: Sender<()>,
    thread: JoinHandle<Vec<u8>>,
}

impl Sampling {
    /// Begins to record the switches of a server's threads on these CPUs, and of all threads that they start.
    pub(super) fn start(server: Family, cpus: &CpuSet) -> Result<Self, String> {
        let samplers = samplers(server, cpus)?;
        let (end, ended) = channel();
        let thread = thread::Builder::new()
            .name("switches".to_owned())
            .spawn(move || gather(samplers, &ended))
            .map_err(|error| format!("can't start a thread that reads context switches: {error}"))?;
        Ok(Self { end, thread })
    }

    /// Ends recording, and returns the records in the order of time.
    pub(super) fn end(self) -> Result<Vec<Record>, String> {
        drop(self.end);
        let bytes = self
            .thread
            .join()
            .map_err(|_| "the thread that reads context switches failed".to_owned())?;
        records::read(&bytes, &config())
    }
}

/// Checks whether switches can be recorded here. The error is the reason.
pub(super) fn probe() -> Result<(), String> {
    let mut event = event();
    // The kernel has no ring buffer for all CPUs if it covers later threads, too.
    event.inherit(false).observe_self().any_cpu();
    let tried = open(&event, BUFFER_LEAST_BYTES);
    tried.map(drop).map_err(|refused| refused.reason(1))
}

/// What is recorded of a thread. The event itself counts nothing.
fn event<'a>() -> Builder<'a> {
    let mut event = Builder::new(Software::DUMMY);
    event
        .context_switch(true)
        .comm(true)
        .task(true)
        .sample_id_all(true)
        .sample(SampleFlag::TID | SampleFlag::TIME | SampleFlag::CPU)
        .clockid(Clock::MONOTONIC)
        .inherit(true)
        .enabled(true);
    event
}

/// How its records are read.
pub(super) fn config() -> ParseConfig<Native> {
    ParseConfig::from(*event().attrs())
}

/// One for each thread on each CPU, since the kernel has no ring buffer for all CPUs if it covers later threads, too.
fn samplers(server: Family, cpus: &CpuSet) -> Result<Vec<Sampler>, String> {
    for _ in 0..TRIES {
        let before = numbers(server);
        let needed = before.len() * cpus.len();
        let mut bytes = BUFFER_BYTES;
        let samplers = loop {
            match samplers_of(&before, cpus, bytes) {
                // A user has a limit of such memory.
                Err(Refused::Buffer(_)) if bytes > BUFFER_LEAST_BYTES => bytes /= 2,
                samplers => break samplers.map_err(|refused| refused.reason(needed))?,
            }
        };
        // A thread that was started meanwhile may have no sampler.
        if numbers(server) == before {
            return Ok(samplers);
        }
    }
    Err(
        "the server starts and ends threads while nothing is asked of it, so they can't all be recorded"
            .to_owned(),
    )
}

fn numbers(server: Family) -> Vec<i32> {
    let threads = threads::in_server(server);
    threads.iter().map(|thread| thread.thread).collect()
}

/// The samplers of these threads, each with a buffer of this length.
fn samplers_of(threads: &[i32], cpus: &CpuSet, bytes: usize) -> Result<Vec<Sampler>, Refused> {
    let mut samplers = Vec::new();
    for &thread in threads {
        for cpu in cpus.numbers() {
            let mut event = event();
            event.observe_pid(thread).one_cpu(cpu);
            match open(&event, bytes) {
                Ok(sampler) => samplers.push(sampler),
                // The thread has ended.
                Err(Refused::Event(error)) if error.raw_os_error() == Some(Errno::ESRCH as i32) => {}
                Err(refused) => return Err(refused),
            }
        }
    }
    Ok(samplers)
}

fn open(event: &Builder<'_>, bytes: usize) -> Result<Sampler, Refused> {
    let counter = event.build().map_err(Refused::Event)?;
    counter.sampled(bytes).map_err(Refused::Buffer)
}

/// What the kernel refused.
#[derive(Debug)]
enum Refused {
    /// To record a thread.
    Event(io::Error),
    /// The ring buffer of its records.
    Buffer(io::Error),
}

impl Refused {
    /// Why, and what to change. So many buffers are needed.
    fn reason(&self, needed: usize) -> String {
        let (Self::Event(error) | Self::Buffer(error)) = self;
        let is = |errnos: &[Errno]| {
            errnos
                .iter()
                .any(|&errno| error.raw_os_error() == Some(errno as i32))
        };
        match self {
            _ if is(&[Errno::EMFILE, Errno::ENFILE]) => format!(
                "context switches need {needed} open files, one for each thread on each CPU; raise the limit (ulimit -n)"
            ),
            Self::Buffer(_) if is(&[Errno::EPERM]) => format!(
                "context switches need {needed} ring buffers, one for each thread on each CPU, and so much memory may not be \
                 locked; raise the limit (ulimit -l)"
            ),
            Self::Event(_) if is(&[Errno::EACCES, Errno::EPERM]) => {
                let paranoid = fs::read_to_string(PARANOID).unwrap_or_default();
                may_not(paranoid.trim())
            }
            _ => format!("context switches can't be recorded here (perf_event_open: {error})"),
        }
    }
}

fn may_not(paranoid: &str) -> String {
    match paranoid.parse::<i32>() {
        Ok(level) if level > 2 => {
            format!(
                "context switches may not be recorded here: {PARANOID} is {level}, and has to be at most 2"
            )
        }
        _ => format!(
            "context switches may not be recorded here, although {PARANOID} is {paranoid}: the process is another user's, or \
             a container forbids perf_event_open"
        ),
    }
}

/// Reads the ring buffers again and again until the end, and once more then.
fn gather(mut samplers: Vec<Sampler>, ended: &Receiver<()>) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let continues = ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout);
        for sampler in &mut samplers {
            while let Some(record) = sampler.next_record() {
                records::append(&mut bytes, record.ty(), record.misc(), record.data());
            }
        }
        if !continues {
            return bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_what_to_change() {
        let error = |errno: Errno| io::Error::from_raw_os_error(errno as i32);
        let files = Refused::Event(error(Errno::EMFILE)).reason(12);
        assert!(
            files.contains("12 open files") && files.contains("ulimit -n"),
            "{files}"
        );
        let memory = Refused::Buffer(error(Errno::EPERM)).reason(12);
        assert!(
            memory.contains("12 ring buffers") && memory.contains("ulimit -l"),
            "{memory}"
        );
        let other = Refused::Event(error(Errno::ENOSYS)).reason(1);
        assert!(other.contains("perf_event_open"), "{other}");
        assert!(may_not("4").contains("is 4, and has to be at most 2"));
        assert!(may_not("2").contains("although"));
        assert!(may_not("").contains("although"));
    }
}
