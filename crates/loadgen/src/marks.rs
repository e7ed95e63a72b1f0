//! The times of single connections and requests, for whoever sets them beside what the server did.

use nix::unistd::gettid;
use schema::trace::{ConnectionMark, Marks, RequestMark};

use crate::clock::Clock;
use crate::connection::{Connection, InFlight};
use crate::partition::Partition;

/// What one thread of the load notes.
#[derive(Debug)]
pub(crate) struct Noted {
    clock: Clock,
    partition: Partition,
    marks: Marks,
}

impl Noted {
    /// Nothing so far, by the thread that calls this.
    pub(crate) fn by_this_thread(clock: Clock, partition: Partition) -> Self {
        Self {
            clock,
            partition,
            marks: Marks {
                threads: vec![gettid().as_raw()],
                ..Marks::default()
            },
        }
    }

    /// Notes a connection that is open, in the slot of this index.
    pub(crate) fn note_connection(&mut self, connection: &mut Connection, index: usize) {
        // It has an address unless it was reset meanwhile. Then nothing is received on it.
        connection.port = connection.local_port().unwrap_or(0);
        self.marks.connections.push(ConnectionMark {
            connection: self.partition.index_in_load(index),
            port: connection.port,
            opens_ns: self.clock.of_the_kernel_ns(connection.began_ns),
        });
    }

    /// Notes a request that was answered now.
    pub(crate) fn note_request(
        &mut self,
        connection: &Connection,
        index: usize,
        request: InFlight,
        now_ns: u64,
    ) {
        self.marks.requests.push(RequestMark {
            connection: self.partition.index_in_load(index),
            port: connection.port,
            due_ns: self.clock.of_the_kernel_ns(request.due_ns),
            sent_ns: self.clock.of_the_kernel_ns(request.sent_ns),
            received_ns: self.clock.of_the_kernel_ns(now_ns),
        });
    }

    pub(crate) fn into_marks(self) -> Marks {
        merge(Some(self.marks), None).unwrap_or_default()
    }
}

/// The marks of both, each kind in the order of time.
pub(crate) fn merge(one: Option<Marks>, other: Option<Marks>) -> Option<Marks> {
    let mut all = one.into_iter().chain(other).reduce(|mut all, marks| {
        all.threads.extend(marks.threads);
        all.connections.extend(marks.connections);
        all.requests.extend(marks.requests);
        all
    })?;
    all.threads.sort_unstable();
    all.connections
        .sort_by_key(|mark| (mark.opens_ns, mark.connection));
    all.requests
        .sort_by_key(|mark| (mark.sent_ns, mark.connection, mark.received_ns));
    Some(all)
}
