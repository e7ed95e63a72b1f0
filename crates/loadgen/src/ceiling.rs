//! The highest rate that the load generator reaches on this machine, as measured by `loadgen calibrate`.
//!
//! It is saved in the user's cache folder, with the CPU model. On a machine with another CPU model it is not used.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::{env, fs, io, thread};

use serde::{Deserialize, Serialize};

/// The result of a calibration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ceiling {
    /// The CPU model of the machine.
    pub cpu_model: String,
    /// The highest rate of one thread, in requests/s, in a closed loop at 64 connections.
    pub per_thread_per_s: f64,
}

impl Ceiling {
    /// A result of this machine.
    #[must_use]
    pub fn for_this_machine(per_thread_per_s: f64) -> Self {
        Self {
            cpu_model: cpu_model(),
            per_thread_per_s,
        }
    }

    /// Saves it for later runs, and returns the path.
    pub fn save(&self) -> io::Result<PathBuf> {
        let path = place().ok_or_else(|| io::Error::other("neither HOME nor XDG_CACHE_HOME is set"))?;
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        fs::write(&path, serde_json::to_string_pretty(self)?)?;
        Ok(path)
    }
}

/// The highest rate of so many threads on these CPUs, or on all CPUs if the list is empty; none without a calibration of this
/// machine. Threads that share a CPU share its rate.
#[must_use]
pub fn known(threads: usize, cpus: &[usize]) -> Option<f64> {
    let text = fs::read_to_string(place()?).ok()?;
    let ceiling: Ceiling = serde_json::from_str(&text).ok()?;
    (ceiling.cpu_model == cpu_model()).then_some(ceiling.per_thread_per_s * at_once(threads, cpus) as f64)
}

/// How many of these threads can run at the same time.
fn at_once(threads: usize, cpus: &[usize]) -> usize {
    let available = if cpus.is_empty() {
        thread::available_parallelism().map_or(1, NonZero::get)
    } else {
        cpus.iter().collect::<BTreeSet<_>>().len()
    };
    threads.min(available)
}

fn place() -> Option<PathBuf> {
    let folder = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let cache = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("concurrency-workbench/ceiling.json"))
}

fn cpu_model() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(
        || env::consts::ARCH.to_owned(),
        |(_, model)| model.trim().to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_share_a_cpu_count_as_one() {
        assert_eq!(at_once(4, &[1]), 1);
        assert_eq!(at_once(4, &[0, 1, 1]), 2);
        assert_eq!(at_once(1, &[0, 1]), 1);
        assert_eq!(at_once(1, &[]), 1);
    }
}
