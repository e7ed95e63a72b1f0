//! What a server holds at one moment: memory, processes, threads.

use std::fs;

use procfs::process::Stat;
use schema::cost::Footprint;

use super::tree::{self, Family};

impl Family {
    /// What its processes hold now. [`Meter::footprint`](crate::Meter::footprint) is quicker where there is a control group.
    #[must_use]
    pub fn footprint(self) -> Footprint {
        of_processes(&self.processes())
    }
}

/// What these processes hold, without those that have ended.
///
/// The kernel walks the page tables of each for this and keeps it from mapping memory meanwhile.
pub(crate) fn of_processes(processes: &[Stat]) -> Footprint {
    let living = processes.iter().filter(|stat| !tree::has_ended(stat));
    living
        .map(|stat| Footprint {
            memory_bytes: memory_bytes(stat.pid),
            processes: 1,
            threads: stat.num_threads.unsigned_abs(),
        })
        .sum()
}

/// Zero if it has ended meanwhile, or is another user's.
fn memory_bytes(pid: i32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"));
    rollup.map_or(0, |rollup| pss_bytes(&rollup))
}

fn pss_bytes(rollup: &str) -> u64 {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib: Option<u64> = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    kib.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    use nix::sys::signal::{Signal, killpg};
    use nix::unistd::Pid;

    use super::*;

    #[test]
    fn the_proportional_size_is_read_and_none_of_its_parts() {
        let rollup = "55d0-7ffc ---p 00000000 00:00 0    [rollup]\nRss:      3768 kB\nPss:       432 kB\n\
                      Pss_Dirty:  312 kB\nPss_Anon:   304 kB\n";
        assert_eq!(pss_bytes(rollup), 432 * 1024);
        assert_eq!(pss_bytes(""), 0);
    }

    #[test]
    fn a_footprint_has_all_processes_of_a_server() {
        // `cat` waits for what never comes, and the shell waits for `cat`.
        let mut shell = Command::new("sh")
            .args(["-c", "cat; true"])
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let leader = Pid::from_raw(shell.id().cast_signed());
        let footprint = loop {
            let footprint = Family::LedBy(leader).footprint();
            if footprint.processes == 2 && footprint.memory_bytes > 0 {
                break footprint;
            }
        };
        assert_eq!(footprint.threads, 2);
        assert!(footprint.memory_bytes < 1 << 30, "{footprint:?}");
        killpg(leader, Signal::SIGKILL).unwrap();
        shell.wait().unwrap();
        // `cat` ends on its own, and then waits until its new parent reaps it.
        while Family::LedBy(leader).footprint() != Footprint::default() {
            std::thread::yield_now();
        }
    }
}
