//! Sets of CPUs, and which side of a measurement runs on which.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many CPUs the C library's mask has room for.
const NUMBERS: usize = 1024;

/// A set of CPUs, by the kernel's numbers; written as `0,2-3`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CpuSet(BTreeSet<usize>);

/// The CPUs of both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Those of the server.
    pub server: CpuSet,
    /// Those of the load generator, and of all else that `compare` does.
    pub client: CpuSet,
    /// Whether the two sides have a CPU or a core in common.
    pub shared: bool,
}

impl CpuSet {
    /// Their numbers, in ascending order.
    #[must_use]
    pub fn numbers(&self) -> Vec<usize> {
        self.0.iter().copied().collect()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether this CPU is one of them.
    #[must_use]
    pub fn contains(&self, cpu: usize) -> bool {
        self.0.contains(&cpu)
    }

    /// Whether the two have a CPU in common.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        !self.0.is_disjoint(&other.0)
    }

    /// Those of these that are not among the others.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        self.0.difference(&other.0).copied().collect()
    }
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
                .map_err(|_| format!("{text:?} is not the number of a CPU; use a list such as 0,2-3"))?;
            if cpu < NUMBERS {
                Ok(cpu)
            } else {
                Err(format!(
                    "CPU {cpu} is out of range; the highest number is {}",
                    NUMBERS - 1
                ))
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
                        return Err(format!(
                            "the range {part:?} is empty; write the lower number first"
                        ));
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
}
