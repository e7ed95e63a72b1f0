//! A control group for a server, whose CPU time the kernel accounts for.
//!
//! A process starts in the group of its parent, and the group accounts for every process that was ever in it. So nothing is
//! lost of a process that lived between two readings, or of one that nobody waits for.
//!
//! Version 2 accounts for CPU time without any controller. With the `cpu` controller the scheduler would treat the group as
//! a unit of its own, which costs time at each switch, so such a group is not used. Version 1 is used where `cpuacct` is
//! mounted by itself, for the same reason.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{AccessFlags, Pid, access};
use procfs::process::{MountInfo, Process};

use crate::maker::Maker;

/// CPU time in the program, and in the kernel on its behalf.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// In the program.
    pub user: Duration,
    /// In the kernel on its behalf.
    pub system: Duration,
}

/// A control group below this process's own. Dropping it kills the processes in it, and removes it.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
    version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Cgroup {
    /// Makes one. None where this process may not, or where it would change how processes are scheduled.
    #[must_use]
    pub fn create() -> Option<Self> {
        let mut folders = folders().into_iter();
        folders.find_map(|(folder, version)| Self::below(&folder, version))
    }

    /// Removes the groups that a killed process of this program left, with the processes in them, and counts them.
    pub fn remove_leftovers() -> usize {
        let entries = folders()
            .into_iter()
            .filter_map(|(folder, _)| fs::read_dir(folder).ok())
            .flat_map(Iterator::flatten);
        let left = entries.filter(|entry| {
            let maker = entry.file_name().to_str().and_then(maker);
            maker.is_some_and(Maker::is_gone)
        });
        let removed = left.filter(|entry| {
            Self::remove(&entry.path());
            !entry.path().exists()
        });
        removed.count()
    }

    /// Where it is. A process joins by writing its number to `cgroup.procs` there.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What all processes that were ever in it have spent. A running thread is counted up to the last tick or switch on its
    /// CPU.
    pub fn cpu(&self) -> io::Result<CpuTime> {
        let read = |file: &str| fs::read_to_string(self.path.join(file));
        let time = match self.version {
            Version::Two => of_stat(&read("cpu.stat")?),
            Version::One => of_usage(
                &read("cpuacct.usage")?,
                &read("cpuacct.usage_user")?,
                &read("cpuacct.usage_sys")?,
            ),
        };
        time.ok_or_else(|| io::Error::other("the kernel's account of CPU time can't be parsed"))
    }

    /// The processes in it now.
    pub(crate) fn members(&self) -> io::Result<Vec<i32>> {
        members(&self.path)
    }

    fn below(folder: &Path, version: Version) -> Option<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = name(Maker::this(), MADE.fetch_add(1, Ordering::Relaxed));
        let group = Self {
            path: folder.join(name),
            version,
        };
        fs::create_dir(&group.path).ok()?;
        if !group.can_be_joined_from(folder) || group.cpu().is_err() {
            return None;
        }
        // Pressure is accounted at every switch for every group that a thread is in, and nothing reads this one's.
        let _ = fs::write(group.path.join("cgroup.pressure"), "0");
        Some(group)
    }

    /// Whether a process may move here from that folder, and is scheduled as before then.
    fn can_be_joined_from(&self, folder: &Path) -> bool {
        let may_write = |folder: &Path| access(&folder.join("cgroup.procs"), AccessFlags::W_OK).is_ok();
        let is_plain = || {
            let read = |file: &str| fs::read_to_string(self.path.join(file)).unwrap_or_default();
            read("cgroup.type").trim() == "domain"
                && !read("cgroup.controllers")
                    .split_whitespace()
                    .any(|name| name == "cpu")
        };
        // Version 2 also requires write permission in the group above both.
        may_write(&self.path) && (self.version == Version::One || (may_write(folder) && is_plain()))
    }

    /// Kills the processes in the group of this folder.
    pub fn end_members(folder: &Path) {
        // Version 1 and kernels before 5.14 have no such file, and it must not be created.
        let all_at_once = fs::OpenOptions::new()
            .write(true)
            .open(folder.join("cgroup.kill"));
        if all_at_once.and_then(|mut file| file.write_all(b"1")).is_ok() {
            return;
        }
        for pid in members(folder).unwrap_or_default() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }

    /// Removes the group of this folder, with the processes in it.
    pub fn remove(folder: &Path) {
        const WITHIN: Duration = Duration::from_secs(2);
        let began = Instant::now();
        // A group can be removed when no process in it lives. Zombies do not prevent that.
        while fs::remove_dir(folder).is_err() && folder.exists() && began.elapsed() < WITHIN {
            Self::end_members(folder);
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        Self::remove(&self.path);
    }
}

/// The processes in the group of this folder. One of another namespace has the number 0 here.
fn members(folder: &Path) -> io::Result<Vec<i32>> {
    let members = fs::read_to_string(folder.join("cgroup.procs"))?;
    let numbers = members.lines().filter_map(|line| line.parse().ok());
    Ok(numbers.filter(|&pid| pid > 0).collect())
}

fn name(maker: Maker, number: u32) -> String {
    format!("compare-{maker}-{number}")
}

/// The process of this program that made a group of this name, if one did.
fn maker(name: &str) -> Option<Maker> {
    let (maker, number) = name.strip_prefix("compare-")?.rsplit_once('-')?;
    number.parse::<u32>().ok()?;
    maker.parse().ok()
}

/// Where a group can be made: below this process's own, in each hierarchy that accounts for CPU time.
fn folders() -> Vec<(PathBuf, Version)> {
    let find = || -> Option<_> {
        let own = Process::myself().ok()?;
        let mounts: Vec<MountInfo> = own.mountinfo().ok()?.into_iter().collect();
        let groups = own.cgroups().ok()?;
        // Version 2 has no controllers in its line.
        let kinds: [(Version, &[&str]); 2] = [(Version::Two, &[]), (Version::One, &["cpuacct"])];
        let folders = kinds.into_iter().filter_map(|(version, controllers)| {
            let group = groups.0.iter().find(|group| group.controllers == controllers)?;
            Some((folder(&mounts, version, &group.pathname)?, version))
        });
        Some(folders.collect())
    };
    find().unwrap_or_default()
}

/// The folder of a group. A container may see only a part of the hierarchy. Then the mount has that part as its root, and a
/// group outside of it can't be reached.
fn folder(mounts: &[MountInfo], version: Version, group: &str) -> Option<PathBuf> {
    let mount = mounts.iter().find(|mount| match version {
        Version::Two => mount.fs_type == "cgroup2",
        Version::One => mount.fs_type == "cgroup" && mount.super_options.contains_key("cpuacct"),
    })?;
    let below_root = Path::new(group).strip_prefix(&mount.root).ok()?;
    let folder = mount.mount_point.join(below_root);
    folder.is_dir().then_some(folder)
}

/// From a `cpu.stat` of version 2.
fn of_stat(stat: &str) -> Option<CpuTime> {
    let us = |label: &str| {
        let line = stat.lines().find_map(|line| line.strip_prefix(label))?;
        Some(Duration::from_micros(line.trim().parse().ok()?))
    };
    Some(CpuTime {
        user: us("user_usec ")?,
        system: us("system_usec ")?,
    })
}

/// From the files of version 1, in nanoseconds. The sum is exact. Its parts are sampled by ticks, and need not add up to it.
fn of_usage(sum: &str, user: &str, system: &str) -> Option<CpuTime> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let (sum, user, system) = (number(sum)?, number(user)?, number(system)?);
    let sampled = (user + system).max(1);
    let user = u64::try_from(u128::from(sum) * u128::from(user) / u128::from(sampled)).ok()?;
    Some(CpuTime {
        user: Duration::from_nanos(user),
        system: Duration::from_nanos(sum - user),
    })
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn version_2_accounts_in_microseconds() {
        let stat = "usage_usec 1509464110\nuser_usec 1134943289\nsystem_usec 374520821\nnice_usec 0\n";
        let time = of_stat(stat).unwrap();
        assert_eq!(time.user, Duration::from_micros(1_134_943_289));
        assert_eq!(time.system, Duration::from_micros(374_520_821));
        assert_eq!(of_stat("nr_periods 0\n"), None);
    }

    #[test]
    fn version_1_adds_up_to_its_exact_sum() {
        let time = of_usage("1000\n", "600\n", "200\n").unwrap();
        assert_eq!(time.user, Duration::from_nanos(750));
        assert_eq!(time.system, Duration::from_nanos(250));
        assert_eq!(of_usage("0", "0", "0"), Some(CpuTime::default()));
    }

    #[test]
    fn only_names_of_this_program_have_a_maker() {
        assert_eq!(maker(&name(Maker::this(), 3)), Some(Maker::this()));
        for other in [
            "compare-12",
            "compare-12-3",
            "compare-x-1",
            "compare-12-x",
            "user-12-3",
            "compare",
        ] {
            assert_eq!(maker(other), None, "{other}");
        }
    }

    #[test]
    fn a_dropped_group_is_gone_with_its_processes() {
        let Some(group) = Cgroup::create() else {
            test_support::skip("no control group can be made here");
            return;
        };
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        fs::write(group.path().join("cgroup.procs"), child.id().to_string()).unwrap();
        let path = group.path().to_owned();
        drop(group);
        assert!(!path.exists());
        // It waits for input that never comes, so nothing else ends it.
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn a_group_whose_maker_is_gone_is_removed() {
        let Some(group) = Cgroup::create() else {
            test_support::skip("no control group can be made here");
            return;
        };
        // No process has a number beyond the kernel's limit of 2^22.
        let (namespace, _) = Maker::this()
            .to_string()
            .split_once('-')
            .map(|(one, rest)| (one.to_owned(), rest.to_owned()))
            .unwrap();
        let gone: Maker = format!("{namespace}-{}-1", 1 << 23).parse().unwrap();
        let left = group.path().with_file_name(name(gone, 0));
        fs::create_dir_all(&left).unwrap();
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        fs::write(left.join("cgroup.procs"), child.id().to_string()).unwrap();
        Cgroup::remove_leftovers();
        assert!(!left.exists() && group.path().exists());
        // It waits for input that never comes, so nothing else ends it.
        assert!(!child.wait().unwrap().success());
    }
}
