//! Which CPUs this process may run on, and how they are shared out between server and load generator.

use std::fs;
use std::io;

use nix::errno::Errno;
use nix::sched::{CpuSet as Mask, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use schema::cpus::{CpuSet, Split};

/// The CPUs that this process may run on.
pub fn allowed() -> io::Result<CpuSet> {
    let mask = sched_getaffinity(Pid::from_raw(0))
        .map_err(|error| failed("can't find out which CPUs may be used", error))?;
    Ok((0..Mask::count())
        .filter(|&cpu| mask.is_set(cpu).unwrap_or(false))
        .collect())
}

/// Keeps this thread, and all that it will start, on these CPUs.
pub fn pin_this_thread(cpus: &CpuSet) -> io::Result<()> {
    let mut mask = Mask::new();
    let set = cpus.numbers().into_iter().try_for_each(|cpu| mask.set(cpu));
    set.and_then(|()| sched_setaffinity(Pid::from_raw(0), &mask))
        .map_err(|error| failed(&format!("can't run on CPUs {cpus}"), error))
}

fn failed(what: &str, error: Errno) -> io::Error {
    let error = io::Error::from(error);
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

/// The CPUs of each side. A set that was not asked for is what the other side leaves. If neither was asked for, each side
/// gets half of the cores. A single CPU is shared.
#[must_use]
pub fn split(allowed: &CpuSet, server: Option<&CpuSet>, client: Option<&CpuSet>) -> Split {
    among(&cores(allowed), server, client)
}

/// A core is not divided as long as there are two: CPUs that share a core slow each other down.
fn among(cores: &[CpuSet], server: Option<&CpuSet>, client: Option<&CpuSet>) -> Split {
    let all = union(cores);
    let rest = |taken: &CpuSet| {
        let rest = all.without(taken);
        if rest.is_empty() { all.clone() } else { rest }
    };
    let (server, client) = match (server, client) {
        (Some(server), Some(client)) => (server.clone(), client.clone()),
        (Some(server), None) => (server.clone(), rest(server)),
        (None, Some(client)) => (rest(client), client.clone()),
        (None, None) => {
            let server = if cores.len() > 1 {
                union(&cores[..cores.len() / 2])
            } else {
                all.numbers().into_iter().take((all.len() / 2).max(1)).collect()
            };
            let client = rest(&server);
            (server, client)
        }
    };
    let shared = server.overlaps(&client)
        || cores
            .iter()
            .any(|core| server.overlaps(core) && client.overlaps(core));
    Split {
        server,
        client,
        shared,
    }
}

/// The CPUs by the core that they are threads of. Where the kernel does not report that, each is its own core.
fn cores(allowed: &CpuSet) -> Vec<CpuSet> {
    let mut cores: Vec<CpuSet> = Vec::new();
    for cpu in allowed.numbers() {
        if cores.iter().any(|core| core.contains(cpu)) {
            continue;
        }
        let path = format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list");
        let siblings: Option<CpuSet> = fs::read_to_string(path)
            .ok()
            .and_then(|list| list.trim().parse().ok());
        let siblings = siblings.unwrap_or_default();
        let siblings = siblings.numbers().into_iter();
        let usable = siblings.filter(|&sibling| allowed.contains(sibling));
        cores.push(usable.chain([cpu]).collect());
    }
    cores
}

fn union(sets: &[CpuSet]) -> CpuSet {
    sets.iter().flat_map(CpuSet::numbers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> CpuSet {
        text.parse().unwrap()
    }

    #[test]
    fn each_side_gets_half_of_the_cores() {
        // Two threads per core, numbered as on most machines: the second threads after all first ones.
        let cores = ["0,4", "1,5", "2,6", "3,7"].map(set);
        let split = among(&cores, None, None);
        assert_eq!(
            (split.server, split.client, split.shared),
            (set("0-1,4-5"), set("2-3,6-7"), false)
        );
    }

    #[test]
    fn one_side_gets_what_the_other_leaves() {
        let cores = ["0", "1", "2", "3"].map(set);
        let split = among(&cores, Some(&set("1")), None);
        assert_eq!(
            (split.server, split.client, split.shared),
            (set("1"), set("0,2-3"), false)
        );
        let split = among(&cores, None, Some(&set("3")));
        assert_eq!(
            (split.server, split.client, split.shared),
            (set("0-2"), set("3"), false)
        );
    }

    #[test]
    fn sides_with_a_common_cpu_or_core_are_shared() {
        let whole = ["0", "1"].map(set);
        assert!(among(&whole, Some(&set("0-1")), None).shared);
        assert!(among(&whole[..1], None, None).shared);
        let threads = [set("0-1")];
        let split = among(&threads, None, None);
        assert_eq!(
            (split.server, split.client, split.shared),
            (set("0"), set("1"), true)
        );
    }
}
