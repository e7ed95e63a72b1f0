//! Sends requests: in a closed loop whenever a connection is free, in an open loop when a request is due and a connection is
//! free.

use super::state::{Driver, Phase};
use crate::connection::InFlight;
use crate::histogram::record;

impl Driver<'_> {
    /// Uses a connection that may be free: sends what may be sent on it, or replaces it after its last request.
    pub(super) fn put_to_use(&mut self, index: usize, now_ns: u64) {
        if !self.sends_more() {
            return self.close_if_spent(index, now_ns);
        }
        let connection = &mut self.connections[index];
        if !connection.can_send() {
            return;
        }
        if connection.is_spent(self.plan) {
            if connection.in_flight.is_empty() {
                self.close(index, now_ns, now_ns);
                if self.plan.replace_spent {
                    self.connect(index, now_ns);
                }
            }
        } else if self.open_loop.is_some() {
            self.add_free(index);
            self.send_due(now_ns);
        } else {
            self.refill(index, now_ns);
        }
    }

    /// Whether there is, or will be, a request to send.
    pub(super) fn sends_more(&self) -> bool {
        self.phase != Phase::Finishing && !self.has_sent_all()
    }

    /// Whether all requests of a limited number were sent.
    pub(super) fn has_sent_all(&self) -> bool {
        self.budget.is_some()
            && match &self.open_loop {
                Some((queue, _)) => queue.is_exhausted(),
                None => self.left == 0,
            }
    }

    /// When nothing more is sent, closes an idle connection with a limited number of requests. An open one would hold up a server
    /// that serves one connection at a time, and the requests of the window that wait behind it.
    pub(super) fn close_if_spent(&mut self, index: usize, now_ns: u64) {
        let connection = &self.connections[index];
        let is_idle = connection.can_send() && connection.in_flight.is_empty();
        if is_idle && self.plan.requests_per_connection.is_some() {
            self.close(index, now_ns, now_ns);
        }
    }

    /// Sends as many requests as a connection may have in flight.
    pub(super) fn refill(&mut self, index: usize, now_ns: u64) {
        self.outgoing.clear();
        let share = self.plan.requests_per_connection.unwrap_or(u64::MAX);
        let connection = &mut self.connections[index];
        let in_flight = connection.in_flight.len() as u64;
        let room = (self.plan.pipeline as u64).saturating_sub(in_flight);
        let entering = room.min(share.saturating_sub(connection.sent)).min(self.left);
        for _ in 0..entering {
            self.work.append_request(self.next_number, &mut self.outgoing);
            connection.in_flight.push_back(InFlight {
                number: self.next_number,
                due_ns: now_ns,
                sent_ns: now_ns,
                deadline_ns: now_ns + self.timeout_ns,
            });
            connection.sent += 1;
            self.next_number += self.plan.threads as u64;
            self.tally.requests.sent += u64::from(self.phase == Phase::Measuring);
        }
        if entering > 0 {
            self.in_system.enter(now_ns, entering);
            self.outstanding += entering as usize;
            // Sent requests were counted one by one, so a missing one would show.
            if self.phase == Phase::Measuring {
                self.tally.requests.planned += entering;
                self.left -= if self.budget.is_some() { entering } else { 0 };
            }
            self.send(index);
        }
    }

    /// Lets all requests that have fallen due enter the system. Planned requests are counted here, independently of the sending,
    /// so a request that was due and got lost would show.
    pub(super) fn enqueue_due(&mut self, now_ns: u64) {
        if let Some((queue, _)) = &mut self.open_loop {
            let paused_until_ns = self.pauses.paused_until_ns();
            let due = queue.enqueue_due(&mut self.in_system, now_ns, paused_until_ns, self.cancel);
            self.tally.requests.planned += due;
            self.slice.due += due;
        }
    }

    /// Adds a connection to the free ones, if it is free and not listed yet.
    pub(super) fn add_free(&mut self, index: usize) {
        let Some((queue, _)) = &mut self.open_loop else {
            return;
        };
        let connection = &mut self.connections[index];
        if !connection.is_listed_free && connection.is_free(self.plan) {
            connection.is_listed_free = true;
            queue.add_free(index);
        }
    }

    /// Sends what is due, as far as connections are free. Returns how many requests.
    pub(super) fn send_due(&mut self, now_ns: u64) -> usize {
        let mut sent = 0;
        while self.phase != Phase::Finishing {
            let Some((queue, _)) = &mut self.open_loop else {
                break;
            };
            if queue.next_due_ns() > now_ns {
                break;
            }
            let Some(index) = queue.take_free() else { break };
            self.connections[index].is_listed_free = false;
            // It may have been lost or used since it was added.
            if !self.connections[index].is_free(self.plan) {
                continue;
            }
            let due_ns = queue.dequeue();
            self.send_one(index, due_ns);
            self.add_free(index);
            sent += 1;
        }
        sent
    }

    /// Sends a request that is due, on a connection that is free.
    pub(super) fn send_one(&mut self, index: usize, due_ns: u64) {
        let sent_ns = self.clock.now_ns();
        let number = self.next_number;
        self.outgoing.clear();
        self.work.append_request(number, &mut self.outgoing);
        let connection = &mut self.connections[index];
        connection.in_flight.push_back(InFlight {
            number,
            due_ns,
            sent_ns,
            deadline_ns: sent_ns + self.timeout_ns,
        });
        connection.sent += 1;
        self.next_number += self.plan.threads as u64;
        self.outstanding += 1;
        if self.phase == Phase::Measuring && number >= self.counts_from {
            self.tally.requests.sent += 1;
            record(&mut self.slice.times.send_delay, sent_ns.saturating_sub(due_ns));
            if let Some((queue, _)) = &mut self.open_loop {
                queue.record_gap(due_ns);
            }
        }
        self.send(index);
    }

    /// Sends the requests in `outgoing`.
    pub(super) fn send(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        if self.plan.two_writes {
            connection.send_apart(&self.outgoing);
        } else {
            connection.send(&self.outgoing);
        }
    }
}
