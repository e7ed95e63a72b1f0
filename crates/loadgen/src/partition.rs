//! What one of several threads has of a run.

/// A thread's partition of a run's connections, and so of its load: a thread that has one connection fewer than another is not
/// to have as many requests wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Partition {
    /// The thread's number, and how many there are.
    pub(crate) thread: usize,
    pub(crate) threads: usize,
    /// How many connections it has, of how many.
    pub(crate) connections: usize,
    pub(crate) all_connections: usize,
}

impl Partition {
    /// What a thread has that is the only one.
    pub(crate) const WHOLE: Self = Self {
        thread: 0,
        threads: 1,
        connections: 1,
        all_connections: 1,
    };

    /// The partition of `thread` of `threads`, where connections are dealt out to each in turn.
    pub(crate) fn new(connections: usize, thread: usize, threads: usize) -> Self {
        Self {
            thread,
            threads,
            connections: connections / threads + usize::from(thread < connections % threads),
            all_connections: connections,
        }
    }

    /// What a thread has of so many requests. Together the threads have them all.
    pub(crate) fn part_of(self, requests: u64) -> u64 {
        let up_to = |thread: usize| {
            let dealt = self.all_connections / self.threads * thread
                + thread.min(self.all_connections % self.threads);
            u128::from(requests) * dealt as u128 / self.all_connections as u128
        };
        (up_to(self.thread + 1) - up_to(self.thread)) as u64
    }

    /// The partition as a number, 1 for the whole.
    pub(crate) fn fraction(self) -> f64 {
        self.connections as f64 / self.all_connections as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_connections_evenly() {
        for (connections, threads) in [(1, 1), (3, 2), (64, 5), (7, 7)] {
            let partitions: Vec<_> = (0..threads)
                .map(|thread| Partition::new(connections, thread, threads))
                .collect();
            let counts: Vec<_> = partitions.iter().map(|partition| partition.connections).collect();
            assert_eq!(counts.iter().sum::<usize>(), connections);
            assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1);
            let whole: f64 = partitions.iter().map(|partition| partition.fraction()).sum();
            assert!((whole - 1.0).abs() < 1e-9);
            for requests in [0, 1, 2, 1_000, u64::MAX] {
                let parts = partitions.iter().map(|partition| partition.part_of(requests));
                assert_eq!(parts.sum::<u64>(), requests);
            }
        }
    }
}
