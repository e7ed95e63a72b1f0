//! When requests are due in an open loop: a pure function of the plan and its seed.
//!
//! The schedule does not depend on the replies. Requests that are due and not yet sent need no list: they are those between
//! the next request to be sent and now. So a queue of any length takes no memory.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::clock::nanoseconds;
use crate::partition::Partition;
use crate::profile::Profile;

/// How the gaps between requests are distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrivals {
    /// Exponential gaps: many independent clients.
    Poisson,
    /// Equal gaps.
    Uniform,
}

impl fmt::Display for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Poisson => "poisson",
            Self::Uniform => "uniform",
        })
    }
}

/// When the requests of one thread are due, in nanoseconds from the start of the load. It never ends.
#[derive(Debug, Clone)]
pub(crate) enum Due {
    /// The time of a request follows from its number, so that rounding errors do not add up.
    Uniform { first_ns: f64, gap_ns: f64, number: u64 },
    Poisson {
        next_ns: f64,
        mean_gap_ns: f64,
        random: Box<ChaCha8Rng>,
    },
    /// The next request is at this point of a stream of rate 1 on the clock of the profile.
    Staged {
        point: f64,
        random: Option<Box<ChaCha8Rng>>,
        profile: Arc<Profile>,
        /// Its time, computed once; the maximum if the profile has no more requests.
        next_ns: u64,
    },
}

impl Due {
    /// A thread's part of a rate in requests/s. The threads together make one stream of this kind: Poisson streams add up to a
    /// Poisson stream, and uniform ones take turns, which is exact if all threads have the same number of connections.
    pub(crate) fn new(arrivals: Arrivals, rate_per_s: f64, partition: Partition, seed: u64) -> Self {
        let gap_ns = 1e9 / (rate_per_s * partition.fraction());
        match arrivals {
            Arrivals::Uniform => Self::Uniform {
                first_ns: gap_ns * partition.thread as f64 / partition.threads as f64,
                gap_ns,
                number: 0,
            },
            Arrivals::Poisson => {
                let mut random = stream(partition, seed);
                Self::Poisson {
                    next_ns: exponential(gap_ns, &mut random),
                    mean_gap_ns: gap_ns,
                    random,
                }
            }
        }
    }

    /// A thread's part of a changing rate, with the profile of that part.
    pub(crate) fn staged(arrivals: Arrivals, profile: Arc<Profile>, partition: Partition, seed: u64) -> Self {
        let mut random = (arrivals == Arrivals::Poisson).then(|| stream(partition, seed));
        let point = match &mut random {
            Some(random) => exponential(1.0, random),
            None => partition.thread as f64 / partition.threads as f64,
        };
        Self::Staged {
            next_ns: due_time(&profile, point),
            point,
            random,
            profile,
        }
    }

    /// When the next one is due.
    pub(crate) fn peek_ns(&self) -> u64 {
        match *self {
            Self::Uniform {
                first_ns,
                gap_ns,
                number,
            } => gap_ns.mul_add(number as f64, first_ns) as u64,
            Self::Poisson { next_ns, .. } => next_ns as u64,
            Self::Staged { next_ns, .. } => next_ns,
        }
    }
}

/// When the requests of a run on one thread are due, in microseconds from the start of the load.
#[must_use]
pub fn due_us(arrivals: Arrivals, rate_per_s: f64, seed: u64, length: Duration) -> Vec<f64> {
    let due = Due::new(arrivals, rate_per_s, Partition::WHOLE, seed);
    let length_ns = nanoseconds(length);
    due.take_while(|&ns| ns < length_ns)
        .map(|ns| ns as f64 / 1e3)
        .collect()
}

/// The random generator of a thread: it has 2^64 independent streams.
fn stream(partition: Partition, seed: u64) -> Box<ChaCha8Rng> {
    let mut random = Box::new(ChaCha8Rng::seed_from_u64(seed));
    random.set_stream(partition.thread as u64);
    random
}

fn due_time(profile: &Profile, point: f64) -> u64 {
    profile
        .time_of_request(point)
        .map_or(u64::MAX, |at_ns| at_ns as u64)
}

/// A random gap of this mean: the inverse of the exponential distribution function.
fn exponential(mean_ns: f64, random: &mut ChaCha8Rng) -> f64 {
    -mean_ns * (1.0 - random.random::<f64>()).ln()
}

impl Iterator for Due {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let due_ns = self.peek_ns();
        match self {
            Self::Uniform { number, .. } => *number += 1,
            Self::Poisson {
                next_ns,
                mean_gap_ns,
                random,
            } => *next_ns += exponential(*mean_gap_ns, random),
            Self::Staged {
                point,
                random,
                profile,
                next_ns,
            } => {
                *point += random.as_mut().map_or(1.0, |random| exponential(1.0, random));
                *next_ns = due_time(profile, *point);
            }
        }
        Some(due_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::anderson_darling;
    use schema::load;

    fn until(seconds: f64, due: Due) -> Vec<u64> {
        due.take_while(|&ns| (ns as f64) < seconds * 1e9).collect()
    }

    fn gaps(due: &[u64]) -> Vec<f64> {
        due.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect()
    }

    #[test]
    fn a_uniform_schedule_has_equal_gaps_and_threads_take_turns() {
        let mut all = Vec::new();
        for thread in 0..3 {
            all.extend(Due::new(Arrivals::Uniform, 1000.0, Partition::new(3, thread, 3), 1).take(100));
        }
        all.sort_unstable();
        assert_eq!(all.len(), 300);
        assert!(gaps(&all).iter().all(|gap| (gap - 1e6).abs() <= 1.0), "{all:?}");
    }

    #[test]
    fn rounding_does_not_add_up() {
        let mut due = Due::new(Arrivals::Uniform, 300_000.0, Partition::WHOLE, 1);
        assert_eq!(due.nth(30_000_000), Some(100_000_000_000));
    }

    #[test]
    fn a_poisson_schedule_has_its_rate() {
        let due = until(10.0, Due::new(Arrivals::Poisson, 10_000.0, Partition::WHOLE, 7));
        // Its count has a standard deviation of its square root.
        assert!(
            (due.len() as f64 - 1e5).abs() < 5.0 * 1e5f64.sqrt(),
            "{}",
            due.len()
        );
    }

    #[test]
    fn a_poisson_schedule_is_poisson_on_one_and_four_threads() {
        for threads in [1, 4] {
            let beyond = (0..100)
                .filter(|&seed| {
                    let streams = (0..threads).map(|thread| {
                        let partition = Partition::new(threads, thread, threads);
                        until(1.0, Due::new(Arrivals::Poisson, 1_000.0, partition, seed))
                    });
                    let mut due: Vec<_> = streams.flatten().collect();
                    due.sort_unstable();
                    anderson_darling(&gaps(&due)).unwrap() > load::Arrivals::ANDERSON_DARLING_MOST
                })
                .count();
            // One true stream in twenty exceeds it: five of a hundred, and hardly ever more than twelve.
            assert!(beyond <= 12, "{threads} threads: {beyond}");
        }
    }

    #[test]
    fn a_thread_with_twice_the_connections_has_twice_the_requests() {
        for arrivals in [Arrivals::Poisson, Arrivals::Uniform] {
            let [more, fewer] = [0, 1].map(|thread| {
                until(
                    10.0,
                    Due::new(arrivals, 30_000.0, Partition::new(3, thread, 2), 5),
                )
                .len() as f64
            });
            assert!((more + fewer - 3e5).abs() < 3e3, "{more} {fewer}");
            assert!((more / fewer - 2.0).abs() < 0.05, "{more} {fewer}");
        }
    }

    #[test]
    fn a_seed_gives_its_own_schedule_and_always_the_same() {
        let first = |seed, thread| -> Vec<u64> {
            Due::new(Arrivals::Poisson, 1000.0, Partition::new(2, thread, 2), seed)
                .take(20)
                .collect()
        };
        assert_eq!(first(1, 0), first(1, 0));
        assert_ne!(first(1, 0), first(2, 0));
        assert_ne!(first(1, 0), first(1, 1));
    }

    /// Four seconds: the rate rises from 500 to 2,500, and stays there for two.
    fn ramp(partition: Partition) -> Arc<Profile> {
        let stage = |from_per_s, to_per_s| crate::stages::Stage {
            name: None,
            from_per_s,
            to_per_s,
            duration: Duration::from_secs(2),
        };
        let stages = [stage(500.0, 2_500.0), stage(2_500.0, 2_500.0)];
        Arc::new(Profile::new(Duration::ZERO, &stages, partition.fraction()))
    }

    #[test]
    fn stages_have_their_rates_on_all_threads_together() {
        for arrivals in [Arrivals::Poisson, Arrivals::Uniform] {
            let streams = (0..4).map(|thread| {
                let partition = Partition::new(4, thread, 4);
                until(99.0, Due::staged(arrivals, ramp(partition), partition, 3))
            });
            let due: Vec<_> = streams.flatten().collect();
            for (from_s, to_s, requests) in [(0, 1, 1_000), (1, 2, 2_000), (2, 4, 5_000)] {
                let within = from_s * 1_000_000_000..to_s * 1_000_000_000;
                let count = due.iter().filter(|ns| within.contains(*ns)).count() as f64;
                let allowed = match arrivals {
                    Arrivals::Uniform => 4.0,
                    Arrivals::Poisson => 5.0 * f64::from(requests).sqrt(),
                };
                assert!(
                    (count - f64::from(requests)).abs() <= allowed,
                    "{arrivals}, from {from_s} s: {count}"
                );
            }
        }
    }

    #[test]
    fn poisson_stages_are_poisson_on_the_rescaled_clock_only() {
        let profile = ramp(Partition::WHOLE);
        let (mut on_its_own, mut on_the_wall) = (0, 0);
        for seed in 0..100 {
            let due = until(
                99.0,
                Due::staged(Arrivals::Poisson, Arc::clone(&profile), Partition::WHOLE, seed),
            );
            let points: Vec<_> = due
                .iter()
                .map(|&ns| (profile.requests_by(ns as f64) * 1e9) as u64)
                .collect();
            let beyond = |due: &[u64]| {
                usize::from(anderson_darling(&gaps(due)).unwrap() > load::Arrivals::ANDERSON_DARLING_MOST)
            };
            on_its_own += beyond(&points);
            on_the_wall += beyond(&due);
        }
        assert!(on_its_own <= 12, "{on_its_own}");
        assert!(on_the_wall >= 90, "{on_the_wall}");
    }

    #[test]
    fn time_never_goes_back() {
        for arrivals in [Arrivals::Poisson, Arrivals::Uniform] {
            let due: Vec<_> = Due::new(arrivals, 2e6, Partition::new(3, 1, 3), 9)
                .take(100_000)
                .collect();
            assert!(due.is_sorted());
        }
    }
}
