//! What the load generator can do at all on this machine, as `loadgen calibrate` found it, kept for later runs.
//!
//! It is kept in the user's cache folder, with the processor's model: on another machine, or after the home folder has
//! moved to one, it is not believed.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::{env, fs, io, thread};

use serde::{Deserialize, Serialize};

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ceiling {
    /// The machine's processor.
    pub cpu_model: String,
    /// The most requests a second that one thread sent and checked, in a closed loop at 64 connections.
    pub per_thread_per_s: f64,
}

impl Ceiling {
    /// Of this machine.
    #[must_use]
    pub fn of_this_machine(per_thread_per_s: f64) -> Self {
        Self {
            cpu_model: cpu_model(),
            per_thread_per_s,
        }
    }

    /// Keeps it for later runs, and says where.
    pub fn keep(&self) -> io::Result<PathBuf> {
        let path = place().ok_or_else(|| io::Error::other("there is no home folder to keep it in"))?;
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        fs::write(&path, serde_json::to_string_pretty(self)?)?;
        Ok(path)
    }
}

/// The most that so many threads can do on these processors of this machine, or on all that it may use if none are named, if
/// it was ever calibrated. Threads that share a processor share what one can do.
#[must_use]
pub fn known(threads: usize, cpus: &[usize]) -> Option<f64> {
    let text = fs::read_to_string(place()?).ok()?;
    let ceiling: Ceiling = serde_json::from_str(&text).ok()?;
    (ceiling.cpu_model == cpu_model()).then_some(ceiling.per_thread_per_s * at_once(threads, cpus) as f64)
}

/// How many of these threads can be at work at the same time.
fn at_once(threads: usize, cpus: &[usize]) -> usize {
    let processors = if cpus.is_empty() {
        thread::available_parallelism().map_or(1, NonZero::get)
    } else {
        cpus.iter().collect::<BTreeSet<_>>().len()
    };
    threads.min(processors)
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
