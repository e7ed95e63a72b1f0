//! Which processors the servers run on, and which the load.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::str::FromStr;

use anyhow::{Context, Result};
use nix::sched::{CpuSet as Mask, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// Some processors, by the kernel's numbers; written as `0,2-3`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct CpuSet(BTreeSet<usize>);

/// The processors of both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Split {
    /// Those of the server.
    pub(crate) server: CpuSet,
    /// Those of the load generator, and of all else that `compare` does.
    pub(crate) client: CpuSet,
    /// Whether the two have a processor in common, or two that share a core.
    pub(crate) shared: bool,
}

impl CpuSet {
    pub(crate) fn numbers(&self) -> Vec<usize> {
        self.0.iter().copied().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The processors that this process may run on.
    pub(crate) fn allowed() -> Result<Self> {
        let mask = sched_getaffinity(Pid::from_raw(0)).context("can't tell which processors may be used")?;
        Ok((0..Mask::count())
            .filter(|&cpu| mask.is_set(cpu).unwrap_or(false))
            .collect())
    }

    /// Keeps this thread, and all that it will start, on these processors.
    pub(crate) fn pin_this_thread(&self) -> Result<()> {
        let mut mask = Mask::new();
        let set = self.0.iter().try_for_each(|&cpu| mask.set(cpu));
        set.and_then(|()| sched_setaffinity(Pid::from_raw(0), &mask))
            .with_context(|| format!("can't run on processors {self}"))
    }

    /// Those of these that are not among the others.
    pub(crate) fn without(&self, other: &Self) -> Self {
        self.0.difference(&other.0).copied().collect()
    }
}

impl Split {
    /// The sets that were asked for; where one was not, it is what the other leaves, and where neither was, each side
    /// gets half of the cores. On a single processor, both share it.
    pub(crate) fn of(allowed: &CpuSet, server: Option<&CpuSet>, client: Option<&CpuSet>) -> Self {
        Self::among(&cores(allowed), server, client)
    }

    /// Cores are kept whole as long as there are two: processors that share one slow each other down.
    fn among(cores: &[CpuSet], server: Option<&CpuSet>, client: Option<&CpuSet>) -> Self {
        let all = union(cores);
        let rest = |taken: &CpuSet| {
            let rest = all.without(taken);
            if rest.len() == 0 { all.clone() } else { rest }
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
        let uses = |set: &CpuSet, core: &CpuSet| !set.0.is_disjoint(&core.0);
        let shared = !server.0.is_disjoint(&client.0)
            || cores
                .iter()
                .any(|core| uses(&server, core) && uses(&client, core));
        Self {
            server,
            client,
            shared,
        }
    }
}

/// The processors by the core that they are threads of, as the kernel tells it; each its own core where it doesn't.
fn cores(allowed: &CpuSet) -> Vec<CpuSet> {
    let mut cores: Vec<CpuSet> = Vec::new();
    for cpu in allowed.numbers() {
        if cores.iter().any(|core| core.0.contains(&cpu)) {
            continue;
        }
        let path = format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list");
        let siblings: Option<CpuSet> = fs::read_to_string(path)
            .ok()
            .and_then(|list| list.trim().parse().ok());
        let siblings = siblings.unwrap_or_default();
        let mut core: CpuSet = siblings.0.intersection(&allowed.0).copied().collect();
        core.0.insert(cpu);
        cores.push(core);
    }
    cores
}

fn union(sets: &[CpuSet]) -> CpuSet {
    sets.iter().flat_map(CpuSet::numbers).collect()
}

impl FromIterator<usize> for CpuSet {
    fn from_iter<I: IntoIterator<Item = usize>>(cpus: I) -> Self {
        Self(cpus.into_iter().collect())
    }
}

impl FromStr for CpuSet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            let cpu: usize = text
                .trim()
                .parse()
                .map_err(|_| format!("{text:?} is not a processor's number"))?;
            if cpu < Mask::count() {
                Ok(cpu)
            } else {
                Err(format!("there is no processor {cpu}"))
            }
        };
        let mut cpus = BTreeSet::new();
        for part in text.split(',') {
            match part.split_once('-') {
                None => {
                    cpus.insert(number(part)?);
                }
                Some((first, last)) => {
                    let range = number(first)?..=number(last)?;
                    if range.is_empty() {
                        return Err(format!("{part:?} goes backwards"));
                    }
                    cpus.extend(range);
                }
            }
        }
        Ok(Self(cpus))
    }
}

impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        for &cpu in &self.0 {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == cpu => *last = cpu,
                _ => ranges.push((cpu, cpu)),
            }
        }
        let ranges = ranges.into_iter().map(|(first, last)| match last - first {
            0 => first.to_string(),
            _ => format!("{first}-{last}"),
        });
        f.write_str(&ranges.collect::<Vec<_>>().join(","))
    }
}

impl From<CpuSet> for String {
    fn from(set: CpuSet) -> Self {
        set.to_string()
    }
}

impl TryFrom<String> for CpuSet {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> CpuSet {
        text.parse().unwrap()
    }

    #[test]
    fn a_set_is_read_as_it_is_written() {
        assert_eq!(set("3,0-1,8").numbers(), [0, 1, 3, 8]);
        for text in ["0", "0-1", "0,2-5,9"] {
            assert_eq!(set(text).to_string(), text);
        }
        for bad in ["", "x", "1-", "3-1", "1,,2", "99999999"] {
            assert!(bad.parse::<CpuSet>().is_err(), "{bad}");
        }
    }

    #[test]
    fn each_side_gets_half_of_the_cores_and_no_core_is_cut() {
        // Two threads a core, numbered as most machines do it: the second ones after all first ones.
        let cores = ["0,4", "1,5", "2,6", "3,7"].map(set);
        let split = Split::among(&cores, None, None);
        assert_eq!(
            (split.server, split.client, split.shared),
            (set("0-1,4-5"), set("2-3,6-7"), false)
        );
    }

    #[test]
    fn what_one_side_leaves_is_the_others() {
        let cores = ["0", "1", "2", "3"].map(set);
        let split = Split::among(&cores, Some(&set("1")), None);
        assert_eq!(
            (split.server, split.client, split.shared),
            (set("1"), set("0,2-3"), false)
        );
        let split = Split::among(&cores, None, Some(&set("3")));
        assert_eq!(
            (split.server, split.client, split.shared),
            (set("0-2"), set("3"), false)
        );
    }

    #[test]
    fn sides_that_share_a_processor_or_a_core_are_said_to() {
        let whole = ["0", "1"].map(set);
        assert!(Split::among(&whole, Some(&set("0-1")), None).shared);
        assert!(Split::among(&whole[..1], None, None).shared);
        let threads = [set("0-1")];
        let split = Split::among(&threads, None, None);
        assert_eq!(
            (split.server, split.client, split.shared),
            (set("0"), set("1"), true)
        );
    }
}
