//! What other programs had of the machine between two readings.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use nix::unistd::{Pid, gettid};
use schema::cost::{Interference, Spent};
use schema::cpus::Split;

use super::threads::{self, Accounts};

/// The machine's counters and the client's own at one edge of the window.
#[derive(Debug, Clone)]
pub struct MachineReading {
    at: Instant,
    server_cpus: Vec<usize>,
    client_cpus: Vec<usize>,
    cpus: BTreeMap<usize, CpuTicks>,
    client: Accounts,
    /// The CPU time of this process, with its threads that have ended.
    own_cpu: Duration,
    own_involuntary: u64,
    pressure: Option<Duration>,
}

/// What a CPU did since the machine started, in ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct CpuTicks {
    /// In programs, and in the kernel on their behalf. Sampled: a tick counts for the program that it interrupts.
    busy: u64,
    /// Idle. Added up by the clock, and rounded to ticks only when it is read.
    idle: u64,
    stolen: u64,
}

impl MachineReading {
    /// Reads the values in the order of how fast they change. The thread that reads does not belong to the client, nor do
    /// `samplers`.
    ///
    /// [`Self::until`] subtracts the server's CPU time. So read the meter right before or right after, in the same order at
    /// both edges.
    ///
    /// # Panics
    ///
    /// Never: the kernel refuses a process its own account in no case.
    #[must_use]
    pub fn now(cpus: &Split, samplers: &[Pid]) -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let at = Instant::now();
        let own = getrusage(UsageWho::RUSAGE_SELF).expect("a process may ask what it spent");
        let pressure = fs::read_to_string("/proc/pressure/cpu").ok();
        let mut client = Accounts::new();
        threads::read(std::process::id().cast_signed(), &mut client);
        for thread in samplers.iter().chain([&gettid()]) {
            client.remove(&thread.as_raw());
        }
        Self {
            at,
            server_cpus: cpus.server.numbers(),
            client_cpus: cpus.client.numbers(),
            cpus: cpu_ticks(&stat),
            client,
            own_cpu: duration(own.user_time()) + duration(own.system_time()),
            own_involuntary: u64::try_from(own.involuntary_context_switches()).unwrap_or(0),
            pressure: pressure.as_deref().and_then(some_total),
        }
    }

    /// What other programs had from this reading to a later one, beside a server that spent this in the same time.
    #[must_use]
    pub fn until(&self, later: &Self, server: &Spent) -> Interference {
        let earlier = self;
        let window = later.at.saturating_duration_since(earlier.at);
        let window_s = window.as_secs_f64().max(1e-9);
        let (own, ended) = threads::since(&later.client, &earlier.client);
        let most_waited = own.iter().map(|account| account.waited).max();
        let own_s = later.own_cpu.saturating_sub(earlier.own_cpu).as_secs_f64();
        // The meter's readings are not exactly as far apart as these.
        let server_s = server.cpu().as_secs_f64() * window_s / server.elapsed_s.max(1e-9);
        let foreign = |cpus: &[usize], spent_s| later.foreign_since(earlier, window_s, cpus, spent_s);
        let is_known = ended == 0 && later.client.values().any(|account| !account.on_cpu.is_zero());
        let pressure = earlier.pressure.zip(later.pressure);
        Interference {
            stolen_share: later.stolen_since(earlier, window_s),
            client_wait_share: most_waited
                .filter(|_| is_known)
                .map(|waited| waited.as_secs_f64() / window_s),
            foreign_share: foreign(&later.server_cpus, server_s),
            client_foreign_share: foreign(&later.client_cpus, own_s),
            psi_some_share: pressure
                .map(|(before, after)| after.saturating_sub(before).as_secs_f64() / window_s),
            client_involuntary_switches: later.own_involuntary.saturating_sub(earlier.own_involuntary),
            server_involuntary_switches: server.involuntary_switches,
            shared_cpus: later.shares_cpus(),
        }
    }

    fn shares_cpus(&self) -> bool {
        self.server_cpus.iter().any(|cpu| self.client_cpus.contains(cpu))
    }

    fn stolen_since(&self, earlier: &Self, window_s: f64) -> Option<f64> {
        let mut cpus = [&*self.server_cpus, &*self.client_cpus].concat();
        cpus.sort_unstable();
        cpus.dedup();
        let done = self.done_since(earlier, &cpus)?;
        Some(seconds(done.stolen) / (window_s * cpus.len() as f64))
    }

    /// There are two ways to measure what others did. Each is too high at times, so the lower one counts. Ticks of busy time
    /// are a sample, a hundred per second, and so inexact. The time that was not idle is exact, but it includes going to sleep
    /// and waking up, which is the work of no program: with one request at a time that is nearly a tenth.
    fn foreign_since(&self, earlier: &Self, window_s: f64, cpus: &[usize], spent_s: f64) -> Option<f64> {
        if self.shares_cpus() {
            return None;
        }
        let done = self.done_since(earlier, cpus)?;
        let capacity_s = window_s * cpus.len() as f64;
        let not_idle_s = capacity_s - seconds(done.idle) - seconds(done.stolen);
        let foreign_s = seconds(done.busy).min(not_idle_s) - spent_s;
        Some((foreign_s / capacity_s).max(0.0))
    }

    /// What these CPUs did together since then.
    fn done_since(&self, earlier: &Self, cpus: &[usize]) -> Option<CpuTicks> {
        let mut sum = CpuTicks::default();
        for cpu in cpus {
            let (before, after) = (earlier.cpus.get(cpu)?, self.cpus.get(cpu)?);
            // At times the kernel's idle time goes back a little.
            sum.busy += after.busy.saturating_sub(before.busy);
            sum.idle += after.idle.saturating_sub(before.idle);
            sum.stolen += after.stolen.saturating_sub(before.stolen);
        }
        Some(sum)
    }
}

fn duration(time: TimeVal) -> Duration {
    Duration::from_micros(u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or(0))
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / procfs::ticks_per_second() as f64
}

/// From `/proc/stat`: a line for each CPU that is in use.
fn cpu_ticks(stat: &str) -> BTreeMap<usize, CpuTicks> {
    let lines = stat.lines().filter_map(|line| line.strip_prefix("cpu"));
    lines
        .filter_map(|line| {
            // The first line is of all CPUs and has no number.
            let mut words = line.split(' ');
            let cpu = words.next()?.parse().ok()?;
            let ticks: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
            let [user, nice, system, idle, iowait, irq, softirq, stolen, ..] = ticks[..] else {
                return None;
            };
            let cpu_ticks = CpuTicks {
                busy: user + nice + system + irq + softirq,
                idle: idle + iowait,
                stolen,
            };
            Some((cpu, cpu_ticks))
        })
        .collect()
}

/// From `/proc/pressure/cpu`: how long some thread waited since the machine started.
fn some_total(pressure: &str) -> Option<Duration> {
    let some = pressure.lines().find(|line| line.starts_with("some "))?;
    let (_, total) = some.split_once("total=")?;
    Some(Duration::from_micros(total.parse().ok()?))
}

#[cfg(test)]
mod tests;
