//! The processes of a server, as `/proc` shows them.

use std::iter::Sum;
use std::ops::Add;
use std::time::Duration;

use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;
use procfs::process::{ProcState, Process, Stat, Status, all_processes};
use serde::{Deserialize, Serialize};

/// What a tree of processes held at one moment, or the most that it held at several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Footprint {
    /// The proportional set size (PSS) of all: a page that n processes share counts 1/n in each, and so once.
    pub(crate) memory_bytes: u64,
    pub(crate) processes: u64,
    pub(crate) threads: u64,
}

/// What processes have spent since they began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) cpu: Duration,
    /// Switches because a thread had to wait.
    pub(crate) voluntary_switches: u64,
    /// Switches because another thread was due.
    pub(crate) involuntary_switches: u64,
}

impl Footprint {
    /// Of the process group that this process leads, zombies left out.
    pub(crate) fn of(leader: Pid) -> Self {
        members(leader)
            .map(|(process, stat)| Self {
                memory_bytes: memory_bytes(&process),
                processes: 1,
                threads: stat.num_threads.unsigned_abs(),
            })
            .sum()
    }

    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            processes: self.processes.max(other.processes),
            threads: self.threads.max(other.threads),
        }
    }
}

impl Spent {
    /// By the living members of the process group that this process leads.
    pub(crate) fn by(leader: Pid) -> Self {
        members(leader).map(|(process, _)| Self::by_one(&process)).sum()
    }

    /// What was spent after that earlier time.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            voluntary_switches: self.voluntary_switches.saturating_sub(earlier.voluntary_switches),
            involuntary_switches: self
                .involuntary_switches
                .saturating_sub(earlier.involuntary_switches),
        }
    }

    fn by_one(process: &Process) -> Self {
        // The clock of a process counts nanoseconds, where /proc/PID/stat counts hundredths of a second.
        let clock = clock_getcpuclockid(Pid::from_raw(process.pid())).ok();
        let cpu = clock
            .and_then(|clock| ClockId::now(clock).ok())
            .map(Duration::from);
        let tasks = process.tasks().into_iter().flatten().flatten();
        let switches = tasks
            .filter_map(|task| task.status().ok())
            .map(|status| switches(&status));
        switches.fold(
            Self {
                cpu: cpu.unwrap_or_default(),
                ..Self::default()
            },
            Add::add,
        )
    }
}

fn switches(status: &Status) -> Spent {
    Spent {
        cpu: Duration::ZERO,
        voluntary_switches: status.voluntary_ctxt_switches.unwrap_or(0),
        involuntary_switches: status.nonvoluntary_ctxt_switches.unwrap_or(0),
    }
}

fn members(leader: Pid) -> impl Iterator<Item = (Process, Stat)> {
    let all = all_processes().into_iter().flatten();
    all.filter_map(move |process| {
        // A process may end between the listing and this look: then it is not a member.
        let process = process.ok()?;
        let stat = process.stat().ok()?;
        let lives = !matches!(stat.state(), Ok(ProcState::Zombie | ProcState::Dead));
        (lives && stat.pgrp == leader.as_raw()).then_some((process, stat))
    })
}

fn memory_bytes(process: &Process) -> u64 {
    let maps = process.smaps_rollup().map(|rollup| rollup.memory_map_rollup);
    maps.into_iter()
        .flatten()
        .filter_map(|map| map.extension.map.get("Pss").copied())
        .sum()
}

impl Add for Spent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            cpu: self.cpu + other.cpu,
            voluntary_switches: self.voluntary_switches + other.voluntary_switches,
            involuntary_switches: self.involuntary_switches + other.involuntary_switches,
        }
    }
}

impl Sum for Spent {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

impl Sum for Footprint {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            memory_bytes: sum.memory_bytes + one.memory_bytes,
            processes: sum.processes + one.processes,
            threads: sum.threads + one.threads,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    use nix::sys::signal::{Signal, killpg};

    use super::*;

    #[test]
    fn a_group_is_seen_with_all_its_processes_and_no_others() {
        // `cat` waits for what never comes, and the shell waits for `cat`.
        let mut shell = Command::new("sh")
            .args(["-c", "cat; true"])
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let leader = Pid::from_raw(shell.id().try_into().unwrap());
        let footprint = loop {
            let footprint = Footprint::of(leader);
            if footprint.processes == 2 && footprint.memory_bytes > 0 {
                break footprint;
            }
        };
        assert_eq!(footprint.threads, 2);
        assert!(footprint.memory_bytes < 1 << 30, "{footprint:?}");
        assert!(Spent::by(leader).cpu > Duration::ZERO);
        killpg(leader, Signal::SIGKILL).unwrap();
        shell.wait().unwrap();
        assert_eq!(Spent::by(leader), Spent::default());
    }
}
