//! What a server spends within the window, by one reading when it opens and one when it closes.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;
use procfs::process::Stat;
use schema::cost::{CpuSource, Footprint, Spent, SwitchesOver};

use super::cgroup::{Cgroup, CpuTime};
use super::footprint;
use super::threads::{self, Account, Accounts};
use super::tree::{self, Family};

/// Reads what a server spends.
#[derive(Debug)]
pub struct Meter {
    /// Its processes.
    pub family: Family,
    /// The control group that it was started in. Without one, CPU time is added up from `/proc`.
    pub cgroup: Option<Cgroup>,
}

/// What a server had spent at the time of a reading.
#[derive(Debug, Clone)]
pub struct Reading {
    at: Instant,
    cpu: Cpu,
    /// None if there are too many to read.
    threads: Option<Accounts>,
    /// Minor and major ones; none if there are too many processes to read.
    faults: Option<(u64, u64)>,
}

/// How much of the CPU time may be missing in the threads that are read, before their switches count as too few. Threads are
/// read one after the other while they run, so that their times never add up to the sum exactly.
const UNSEEN_SHARE: f64 = 0.03;

/// How many threads, or processes of a group, are read one by one. Each takes 20 to 100 µs of the client's CPU, so that
/// these take up to 10 ms at each edge. Two hundred would take a twentieth of a short window, and the trial would be excluded.
const THREADS_MAX: usize = 100;

#[derive(Debug, Clone, Copy)]
enum Cpu {
    Cgroup(CpuTime),
    Proc(Sum),
}

/// CPU time from `/proc`: the sum is exact, and its parts are in ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    time: Duration,
    user_ticks: u64,
    system_ticks: u64,
}

impl Meter {
    /// Reads the CPU time first, since that must be the window's, and then the threads one by one.
    #[must_use]
    pub fn read(&self) -> Reading {
        let of_group = self.cgroup.as_ref().and_then(|group| group.cpu().ok());
        let mut at = Instant::now();
        let processes = self.few_processes();
        let cpu = of_group.map_or_else(
            || {
                at = Instant::now();
                Cpu::Proc(
                    processes
                        .iter()
                        .flatten()
                        .map(cpu_of)
                        .fold(Sum::default(), Sum::plus),
                )
            },
            Cpu::Cgroup,
        );
        Reading {
            at,
            cpu,
            threads: processes.as_deref().and_then(threads_of),
            faults: processes.as_deref().map(faults_of),
        }
    }

    /// The CPU time that the server has spent so far.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        let of_group = self.cgroup.as_ref().and_then(|group| group.cpu().ok());
        of_group.map_or_else(
            || self.processes().iter().map(|process| cpu_of(process).time).sum(),
            |time| time.user + time.system,
        )
    }

    /// What the server holds now.
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        footprint::of_processes(&self.processes())
    }

    /// None if there are too many to read, and a group has the CPU time without that.
    fn few_processes(&self) -> Option<Vec<Stat>> {
        let members = self.cgroup.as_ref().and_then(|group| group.members().ok());
        match members {
            Some(members) if members.len() > THREADS_MAX => None,
            Some(members) => Some(tree::of_numbers(members)),
            None => Some(self.family.processes()),
        }
    }

    /// A group lists its members. Without one, all processes of the machine have to be searched.
    fn processes(&self) -> Vec<Stat> {
        let members = self.cgroup.as_ref().and_then(|group| group.members().ok());
        members.map_or_else(|| self.family.processes(), tree::of_numbers)
    }
}

impl Reading {
    /// What was spent from this reading to a later one.
    #[must_use]
    pub fn until(&self, later: &Self) -> Spent {
        let (source, user_us, system_us) = self.cpu.until(later.cpu);
        let faults = self.faults.zip(later.faults);
        let mut seen = Account::default();
        let (mut switches_over, mut ended_threads) = (SwitchesOver::Unread, 0);
        if let (Some(before), Some(after)) = (&self.threads, &later.threads) {
            let (grown, ended) = threads::since(after, before);
            for account in grown {
                seen += account;
            }
            switches_over = whose_switches(user_us + system_us, us(seen.on_cpu), ended);
            ended_threads = ended;
        }
        Spent {
            elapsed_s: later.at.saturating_duration_since(self.at).as_secs_f64(),
            source,
            user_us,
            system_us,
            voluntary_switches: seen.voluntary,
            involuntary_switches: seen.involuntary,
            switches_over,
            ended_threads,
            minor_faults: faults.map(|(before, after)| after.0.saturating_sub(before.0)),
            major_faults: faults.map(|(before, after)| after.1.saturating_sub(before.1)),
        }
    }
}

impl Cpu {
    /// In microseconds, user and system.
    fn until(self, later: Self) -> (CpuSource, f64, f64) {
        match (self, later) {
            (Self::Cgroup(before), Self::Cgroup(after)) => {
                let user = us(after.user.saturating_sub(before.user));
                let system = us(after.system.saturating_sub(before.system));
                (CpuSource::Cgroup, user, system)
            }
            (Self::Proc(before), Self::Proc(after)) => {
                let (user, system) = before.until(after);
                (CpuSource::Proc, user, system)
            }
            // A group exists for as long as its server runs.
            _ => (CpuSource::Proc, 0.0, 0.0),
        }
    }
}

impl Sum {
    fn plus(self, other: Self) -> Self {
        Self {
            time: self.time + other.time,
            user_ticks: self.user_ticks + other.user_ticks,
            system_ticks: self.system_ticks + other.system_ticks,
        }
    }

    /// In microseconds, user and system, in proportion to the ticks of each. Where there are none, half and half.
    fn until(self, later: Self) -> (f64, f64) {
        let sum = us(later.time.saturating_sub(self.time));
        let user = later.user_ticks.saturating_sub(self.user_ticks) as f64;
        let system = later.system_ticks.saturating_sub(self.system_ticks) as f64;
        let share = if user + system > 0.0 {
            user / (user + system)
        } else {
            0.5
        };
        (sum * share, sum * (1.0 - share))
    }
}

/// The CPU time of a process, and of its children that it has waited for. Its own clock counts nanoseconds, and includes its
/// threads that have ended. The time of its children is known in ticks only: 10 ms on nearly all kernels.
fn cpu_of(process: &Stat) -> Sum {
    let clock = clock_getcpuclockid(Pid::from_raw(process.pid)).and_then(ClockId::now);
    let own = clock.map_or_else(|_| ticks(process.utime + process.stime), Duration::from);
    let (child_user, child_system) = (process.cutime.unsigned_abs(), process.cstime.unsigned_abs());
    Sum {
        time: own + ticks(child_user + child_system),
        user_ticks: process.utime + child_user,
        system_ticks: process.stime + child_system,
    }
}

/// Minor and major page faults. When a child is waited for, its faults move to its parent's second counter, so the sum stays
/// right.
fn faults_of(processes: &[Stat]) -> (u64, u64) {
    processes.iter().fold((0, 0), |(minor, major), stat| {
        (
            minor + stat.minflt + stat.cminflt,
            major + stat.majflt + stat.cmajflt,
        )
    })
}

fn threads_of(processes: &[Stat]) -> Option<Accounts> {
    let number: u64 = processes.iter().map(|stat| stat.num_threads.unsigned_abs()).sum();
    (number <= THREADS_MAX as u64).then(|| {
        let mut threads = Accounts::new();
        for process in processes {
            threads::read(process.pid, &mut threads);
        }
        threads
    })
}

fn ticks(number: u64) -> Duration {
    Duration::from_secs_f64(number as f64 / procfs::ticks_per_second() as f64)
}

fn whose_switches(spent_us: f64, seen_us: f64, ended_threads: u64) -> SwitchesOver {
    let all_seen = spent_us - seen_us <= UNSEEN_SHARE * spent_us;
    if ended_threads == 0 && all_seen {
        SwitchesOver::Window
    } else {
        SwitchesOver::Survivors
    }
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests;
