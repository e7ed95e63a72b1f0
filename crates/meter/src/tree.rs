//! The processes of a server: those of the process group that it leads, and all that descend from them.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;

use nix::unistd::Pid;
use procfs::FromRead;
use procfs::process::{ProcState, Stat};

/// Which processes belong to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// This process, its group, and all that descend from them.
    LedBy(Pid),
    /// All that descend from this process, without itself. Below a subreaper, processes that lost their parent are included.
    Below(Pid),
}

impl Family {
    /// What `/proc/PID/stat` has of each of its processes. Zombies are included: what they have spent is counted nowhere else
    /// until they are waited for.
    #[must_use]
    pub fn processes(self) -> Vec<Stat> {
        match self {
            Self::LedBy(leader) => members(leader, of_numbers(numbers_in("/proc"))),
            Self::Below(root) => below(root),
        }
    }
}

/// All processes that descend from this one, parents before their children.
#[must_use]
pub fn below(root: Pid) -> Vec<Stat> {
    descendants(root, of_numbers(numbers_in("/proc")))
}

/// What `/proc/PID/stat` has of the processes with these numbers.
pub(crate) fn of_numbers(pids: impl IntoIterator<Item = i32>) -> Vec<Stat> {
    // A process may end after it was listed. Then its file is gone, and it is left out.
    let stats = pids.into_iter().filter_map(|pid| stat(pid).ok());
    stats.collect()
}

/// What `/proc/PID/stat` has of one process.
pub fn stat(pid: i32) -> io::Result<Stat> {
    let text = fs::read(format!("/proc/{pid}/stat"))?;
    Stat::from_read(text.as_slice()).map_err(io::Error::other)
}

/// Whether it has ended, so that it holds nothing any more.
#[must_use]
pub fn has_ended(stat: &Stat) -> bool {
    matches!(stat.state(), Ok(ProcState::Zombie | ProcState::Dead))
}

/// The entries of a folder in `/proc` that are numbers; none where there is no such folder.
pub fn numbers_in(folder: &str) -> impl Iterator<Item = i32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn descendants(root: Pid, mut all: Vec<Stat>) -> Vec<Stat> {
    let mut found = Vec::new();
    let mut parents = HashSet::from([root.as_raw()]);
    while !parents.is_empty() {
        let (children, rest) = all
            .into_iter()
            .partition::<Vec<_>, _>(|stat| parents.contains(&stat.ppid) && stat.pid != root.as_raw());
        parents = children.iter().map(|stat| stat.pid).collect();
        found.extend(children);
        all = rest;
    }
    found
}

fn members(leader: Pid, all: Vec<Stat>) -> Vec<Stat> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for stat in &all {
        children.entry(stat.ppid).or_default().push(stat.pid);
    }
    let in_group = all.iter().filter(|stat| stat.pgrp == leader.as_raw());
    let mut to_visit: Vec<i32> = in_group.map(|stat| stat.pid).collect();
    let mut members = HashSet::new();
    while let Some(pid) = to_visit.pop() {
        if members.insert(pid) {
            to_visit.extend(children.get(&pid).into_iter().flatten());
        }
    }
    all.into_iter()
        .filter(|stat| members.contains(&stat.pid))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of `/proc/PID/stat`, with the same values in all other fields.
    fn process(pid: i32, parent: i32, group: i32) -> Stat {
        let line = format!(
            "{pid} (a name) S {parent} {group} {group} 0 -1 4194304 100 0 0 0 0 0 0 0 20 0 1 0 305 0 0 \
             18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0"
        );
        Stat::from_read(line.as_bytes()).expect("the line is as the kernel writes it")
    }

    fn numbers(leader: i32, all: &[(i32, i32, i32)]) -> Vec<i32> {
        let all = all
            .iter()
            .map(|&(pid, parent, group)| process(pid, parent, group));
        members(Pid::from_raw(leader), all.collect())
            .iter()
            .map(|stat| stat.pid)
            .collect()
    }

    #[test]
    fn a_tree_has_its_group_and_all_descendants() {
        let (leader, worker, own_group, below, other) =
            ((10, 1, 10), (11, 10, 10), (12, 10, 12), (13, 12, 12), (14, 1, 14));
        assert_eq!(
            numbers(10, &[leader, worker, own_group, below, other]),
            [10, 11, 12, 13]
        );
    }

    #[test]
    fn orphans_of_the_group_are_in_the_tree() {
        assert_eq!(numbers(10, &[(10, 5, 10), (11, 1, 10)]), [10, 11]);
    }

    #[test]
    fn children_with_lower_numbers_than_their_parent_are_found() {
        assert_eq!(
            numbers(900, &[(3, 901, 3), (900, 1, 900), (901, 900, 901)]),
            [3, 900, 901]
        );
    }

    #[test]
    fn below_a_process_are_its_descendants_in_any_group() {
        let all = [(10, 5, 10), (3, 11, 3), (11, 10, 11), (12, 3, 12), (14, 1, 10)];
        let all = all.map(|(pid, parent, group)| process(pid, parent, group));
        let found = descendants(Pid::from_raw(10), all.to_vec());
        let found: Vec<_> = found.iter().map(|stat| stat.pid).collect();
        assert_eq!(found, [11, 3, 12]);
    }

    #[test]
    fn a_server_that_is_gone_has_no_processes() {
        assert_eq!(numbers(10, &[(11, 1, 11)]), [] as [i32; 0]);
    }
}
