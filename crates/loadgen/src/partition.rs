//! The part of a run that one of several threads drives.

/// A thread's part of the connections, and so of the load: a thread with one connection fewer also has fewer requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Partition {
    /// The number of the thread, and the number of threads.
    pub(crate) thread: usize,
    pub(crate) threads: usize,
    /// The number of its connections, and of all connections.
    pub(crate) connections: usize,
    pub(crate) all_connections: usize,
}

impl Partition {
    /// The part of a single thread.
    pub(crate) const WHOLE: Self = Self {
        thread: 0,
        threads: 1,
        connections: 1,
        all_connections: 1,
    };

    /// The part of `thread` of `threads`, if connections are dealt out in turn.
    pub(crate) fn new(connections: usize, thread: usize, threads: usize) -> Self {
        Self {
            thread,
            threads,
            connections: connections / threads + usize::from(thread < connections % threads),
            all_connections: connections,
        }
    }

    /// The index in the whole load of its connection with this index.
    pub(crate) fn index_in_load(self, index: usize) -> usize {
        index * self.threads + self.thread
    }

    /// Its number of so many requests. The parts of all threads add up to them.
    pub(crate) fn requests_of(self, requests: u64) -> u64 {
        let up_to = |thread: usize| {
            let dealt = self.all_connections / self.threads * thread
                + thread.min(self.all_connections % self.threads);
            u128::from(requests) * dealt as u128 / self.all_connections as u128
        };
        (up_to(self.thread + 1) - up_to(self.thread)) as u64
    }

    /// The part as a number, 1 for the whole.
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
                let parts = partitions.iter().map(|partition| partition.requests_of(requests));
                assert_eq!(parts.sum::<u64>(), requests);
            }
        }
    }
}
