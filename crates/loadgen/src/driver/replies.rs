//! Reads, checks and counts replies.

use std::collections::VecDeque;
use std::io::ErrorKind;

use protocol::frame::{self, Head, PREFIX_BYTES};

use super::state::{Driver, Phase};
use crate::connection::{InFlight, Received};
use crate::histogram::record;
use crate::plan::Fault;
use crate::work::{Verdict, Work};
use schema::load::Failure;

impl Driver<'_> {
    /// Reads and checks what is there, and sends what may be sent then.
    pub(super) fn receive(&mut self, index: usize) {
        self.lend_spare(index);
        self.receive_all(index);
        self.lend_spare(index);
    }

    /// Lends the read buffer to a connection whose own is empty, or takes it back. Few replies come in pieces, so one buffer is
    /// enough for nearly all. Thousands of buffers would not fit the CPU cache.
    pub(super) fn lend_spare(&mut self, index: usize) {
        let input = &mut self.connections[index].input;
        if input.bytes().is_empty() {
            std::mem::swap(input, &mut self.spare);
        }
    }

    pub(super) fn receive_all(&mut self, index: usize) {
        loop {
            match self.connections[index].receive(self.reply_limit) {
                Ok(Received::Some) => {}
                Ok(Received::All) => return,
                Ok(Received::End) => return self.lose(index, &ErrorKind::UnexpectedEof.into()),
                Err(error) => return self.lose(index, &error),
            }
            let now_ns = self.tick();
            if !self.take_replies(index, now_ns) {
                return;
            }
            self.put_to_use(index, now_ns);
        }
    }

    /// Checks the replies that have arrived whole. Returns whether the connection is still open.
    pub(super) fn take_replies(&mut self, index: usize, now_ns: u64) -> bool {
        self.enqueue_due(now_ns);
        loop {
            let connection = &mut self.connections[index];
            match frame::head(connection.input.bytes(), self.reply_limit) {
                Head::Incomplete => return true,
                Head::TooLarge { announced_bytes } => {
                    self.lose_first_as_wrong(index, announced_bytes, now_ns);
                    return false;
                }
                Head::Whole(body) => {
                    let Some(request) = connection.in_flight.pop_front() else {
                        let example = || crate::operation::shortened(&String::from_utf8_lossy(body));
                        self.tally.fail(Failure::Unasked, 1, example);
                        self.abandon(index);
                        return false;
                    };
                    let unchecked = self.plan.fault == Some(Fault::UncheckedReplies)
                        && request.number.is_multiple_of(1000);
                    let verdict = if unchecked {
                        Verdict::Good
                    } else {
                        match self.work.judge(request.number, body) {
                            Verdict::Wrong(text) => {
                                Verdict::Wrong(out_of_turn(&mut self.work, &connection.in_flight, body, text))
                            }
                            other => other,
                        }
                    };
                    connection.input.consume(PREFIX_BYTES + body.len());
                    if connection.given_up > 0 {
                        connection.given_up -= 1;
                        self.count_given_up(&verdict);
                    } else {
                        self.outstanding -= 1;
                        self.count(index, request, &verdict, now_ns);
                    }
                }
            }
        }
    }

    /// Counts a request that has ended with a reply.
    pub(super) fn count(&mut self, index: usize, request: InFlight, verdict: &Verdict, now_ns: u64) {
        let is_good = *verdict == Verdict::Good;
        self.tally.answered_total += u64::from(is_good);
        if is_good && self.pauses.came_ns(now_ns) <= request.deadline_ns {
            self.leave(request, now_ns);
            if self.counts(request) {
                self.tally.requests.ok += 1;
                let connection = &mut self.connections[index];
                connection.was_served = true;
                if self.phase == Phase::Measuring {
                    self.tally.completed += 1;
                    connection.served += 1;
                }
                self.record(request, now_ns);
                if let Some(marks) = &mut self.marks {
                    marks.note_request(&self.connections[index], index, request, now_ns);
                }
            }
            return;
        }
        let counts = self.end_failed(request, now_ns);
        match verdict {
            Verdict::Good => {
                self.tally.requests.timeout += counts;
                self.count_timeouts(1);
            }
            Verdict::Error(text) => {
                self.tally.requests.error += counts;
                self.tally.fail(Failure::ErrorReply, 1, || text.clone());
            }
            Verdict::Wrong(text) => {
                self.tally.requests.wrong += counts;
                self.tally.fail(Failure::WrongValue, 1, || text.clone());
            }
        }
    }

    /// Counts the reply to a request that has timed out: it stays a timeout, and a wrong reply is reported.
    #[cold]
    fn count_given_up(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Good => self.tally.answered_total += 1,
            Verdict::Error(text) => self.tally.fail(Failure::ErrorReply, 1, || text.clone()),
            Verdict::Wrong(text) => self.tally.fail(Failure::WrongValue, 1, || text.clone()),
        }
    }

    /// Whether a request that ends now counts: it was in the system within the window, since nothing is sent after it. With a
    /// limited number of requests, those of the warm-up do not count.
    pub(super) fn counts(&self, request: InFlight) -> bool {
        self.phase != Phase::WarmingUp && request.number >= self.counts_from
    }

    /// Records the times of a good reply: in the slice in which it came, or separately after the window.
    pub(super) fn record(&mut self, request: InFlight, now_ns: u64) {
        let latency_ns = self.latency_ns(request, now_ns);
        if self.within_ns.is_some_and(|bound_ns| latency_ns <= bound_ns) {
            self.tally.within += 1;
        }
        let times = match self.phase {
            Phase::Finishing => &mut self.tally.after_window,
            Phase::WarmingUp | Phase::Measuring => &mut self.slice.times,
        };
        record(&mut times.latency, latency_ns);
        if self.open_loop.is_some() {
            record(&mut times.service, now_ns.saturating_sub(request.sent_ns));
        }
        if !self.tally.parts.is_empty() {
            let part = self.work.part(request.number);
            record(&mut self.tally.parts[part], latency_ns);
        }
    }

    /// The time since a request was due; in a closed loop it was due when it was sent.
    pub(super) fn latency_ns(&self, request: InFlight, now_ns: u64) -> u64 {
        let from_ns = match self.plan.fault {
            Some(Fault::LatencyFromSend) => request.sent_ns,
            _ => request.due_ns,
        };
        now_ns.saturating_sub(from_ns)
    }

    /// Ends a request as failed. Returns 1 if it counts, else 0.
    pub(super) fn end_failed(&mut self, request: InFlight, now_ns: u64) -> u64 {
        self.leave(request, now_ns);
        let counts = u64::from(self.counts(request));
        self.slice.failed += if self.phase == Phase::Measuring { counts } else { 0 };
        counts
    }

    /// Lets a request leave the system, whether it failed or not.
    pub(super) fn leave(&mut self, request: InFlight, now_ns: u64) {
        self.in_system.leave(now_ns, 1);
        let from_ns = now_ns - self.latency_ns(request, now_ns);
        if self.pauses.met_pause(request.due_ns) && self.counts(request) {
            self.tally.pauses.requests += 1;
        }
        self.tally.waits_ns += u128::from(self.in_system.clip(from_ns, now_ns));
    }
}

/// Adds to the text of a wrong reply whether it answers a later request of the same connection. Then the value is right, but a
/// reply before it was dropped or overtaken, and all that follow are wrong too.
#[cold]
fn out_of_turn(work: &mut Work, in_flight: &VecDeque<InFlight>, body: &[u8], text: String) -> String {
    let answers = |request: &InFlight| work.judge(request.number, body) == Verdict::Good;
    match in_flight.iter().position(answers) {
        None => text,
        Some(later) => format!(
            "{text}: it answers a request sent {} later on this connection, so a reply before it is missing or was overtaken",
            later + 1
        ),
    }
}
