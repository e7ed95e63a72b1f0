//! Which thread held a request, and when.
//!
//! A thread holds a request from the end of the call in which it read it, until it sends the reply or enters a call in which it
//! waits for whatever comes next. A thread that sends a reply to a request that it does not hold, as an event loop does after
//! a timer, has held it since it last read, sent, or stopped waiting. One call of io_uring reads and sends for several
//! connections, so its thread may hold several requests at a time.

use std::collections::HashMap;

use schema::trace::{Part, RequestMark, State};

use super::timeline::{Call, Timeline, Transfer};
use crate::calls;

/// The parts of each request, in the order of the marks and of time. Their lanes are the numbers of timelines.
pub(super) fn parts(timelines: &[Timeline], marks: &[RequestMark]) -> Vec<Vec<Part>> {
    let mut steps: Vec<_> = timelines
        .iter()
        .enumerate()
        .flat_map(|(lane, timeline)| steps(timeline).into_iter().map(move |step| (lane, step)))
        .collect();
    steps.sort_by_key(|(_, step)| step.at_ns);
    let mut held = Held {
        marks,
        holders: timelines.iter().map(|_| Holder::default()).collect(),
        unanswered: HashMap::new(),
        parts: vec![Vec::new(); marks.len()],
    };
    for (lane, step) in steps {
        held.take(lane, step);
    }
    held.parts
        .into_iter()
        .zip(marks)
        .map(|(parts, mark)| within(parts, mark))
        .collect()
}

/// The parts within a request's own time, in the order of time. Those that touch are one.
fn within(parts: Vec<Part>, mark: &RequestMark) -> Vec<Part> {
    let clipped = parts.into_iter().map(|part| Part {
        from_ns: part.from_ns.max(mark.sent_ns),
        to_ns: part.to_ns.min(mark.received_ns),
        ..part
    });
    let mut clipped: Vec<_> = clipped.filter(|part| part.from_ns < part.to_ns).collect();
    clipped.sort_by_key(|part| part.from_ns);
    clipped.dedup_by(|next, last| {
        let touch = next.lane == last.lane && next.from_ns <= last.to_ns;
        if touch {
            last.to_ns = last.to_ns.max(next.to_ns);
        }
        touch
    });
    clipped
}

/// Something that a thread did and that begins or ends a part.
#[derive(Debug)]
struct Step {
    at_ns: u64,
    kind: StepKind,
}

#[derive(Debug)]
enum StepKind {
    /// It left a call, entered at this time, in which it read from the connections with these ports.
    Read { ports: Vec<u16>, entered_ns: u64 },
    /// It sent on the connection with this port, in a call that it entered at this time.
    Send { port: u16, entered_ns: u64 },
    /// It entered a call in which it waits for whatever comes next, and sends nothing but on the connections with these ports.
    Wait { sends: Vec<u16> },
    /// It left such a call.
    Resume,
}

/// What a thread did, in the order of time.
fn steps(timeline: &Timeline) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut transfers = &timeline.transfers[..];
    for call in &timeline.calls {
        steps.extend(
            take_until(&mut transfers, call.from_ns)
                .iter()
                .map(outside_a_call),
        );
        let inside = take_until(&mut transfers, call.to_ns);
        let ports = |is_sent: bool| {
            let of_kind = inside.iter().filter(move |transfer| transfer.is_sent == is_sent);
            of_kind.map(|transfer| transfer.port).collect::<Vec<_>>()
        };
        let waits = waits_for_next(timeline, call);
        if waits {
            steps.push(Step {
                at_ns: call.from_ns,
                kind: StepKind::Wait { sends: ports(true) },
            });
        }
        steps.extend(
            inside
                .iter()
                .filter(|transfer| transfer.is_sent)
                .map(|transfer| Step {
                    at_ns: transfer.at_ns,
                    kind: StepKind::Send {
                        port: transfer.port,
                        entered_ns: call.from_ns,
                    },
                }),
        );
        let read = ports(false);
        if !read.is_empty() {
            steps.push(Step {
                at_ns: call.to_ns,
                kind: StepKind::Read {
                    ports: read,
                    entered_ns: call.from_ns,
                },
            });
        } else if waits {
            steps.push(Step {
                at_ns: call.to_ns,
                kind: StepKind::Resume,
            });
        }
    }
    steps.extend(transfers.iter().map(outside_a_call));
    steps
}

/// A transfer whose call is not recorded.
fn outside_a_call(transfer: &Transfer) -> Step {
    Step {
        at_ns: transfer.at_ns,
        kind: if transfer.is_sent {
            StepKind::Send {
                port: transfer.port,
                entered_ns: transfer.at_ns,
            }
        } else {
            StepKind::Read {
                ports: vec![transfer.port],
                entered_ns: transfer.at_ns,
            }
        },
    }
}

/// Takes the transfers up to this time.
fn take_until<'a>(transfers: &mut &'a [Transfer], until_ns: u64) -> &'a [Transfer] {
    let count = transfers.partition_point(|transfer| transfer.at_ns <= until_ns);
    let (taken, rest) = transfers.split_at(count);
    *transfers = rest;
    taken
}

/// Whether a thread waits for whatever comes next in this call.
pub(super) fn waits_for_next(timeline: &Timeline, call: &Call) -> bool {
    if !calls::waits_for_next(&call.name) {
        return false;
    }
    !calls::waits_if_blocked(&call.name) || {
        let first = timeline
            .slices
            .partition_point(|slice| slice.to_ns <= call.from_ns);
        let within = timeline.slices[first..]
            .iter()
            .take_while(|slice| slice.from_ns < call.to_ns);
        within.into_iter().any(|slice| slice.state == State::Blocked)
    }
}

/// A thread that may hold requests.
#[derive(Debug, Default)]
struct Holder {
    /// The requests that it holds, and since when: the places of their marks.
    held: Vec<(usize, u64)>,
    /// Since when it has neither read, nor sent, nor waited.
    free_since_ns: u64,
}

struct Held<'a> {
    marks: &'a [RequestMark],
    holders: Vec<Holder>,
    /// The request of each port that was read last.
    unanswered: HashMap<u16, usize>,
    parts: Vec<Vec<Part>>,
}

impl Held<'_> {
    fn take(&mut self, lane: usize, step: Step) {
        let at_ns = step.at_ns;
        match step.kind {
            StepKind::Read { ports, entered_ns } => {
                self.release(lane, entered_ns, &[]);
                for port in ports {
                    if let Some(request) = self.request_at(port, at_ns) {
                        self.unanswered.insert(port, request);
                        self.holders[lane].held.push((request, at_ns));
                    }
                }
                self.holders[lane].free_since_ns = at_ns;
            }
            StepKind::Send { port, entered_ns } => self.send(lane, port, entered_ns, at_ns),
            StepKind::Wait { sends } => self.release(lane, at_ns, &sends),
            StepKind::Resume => {
                self.release(lane, at_ns, &[]);
                self.holders[lane].free_since_ns = at_ns;
            }
        }
    }

    /// The request that was the last to be sent on this connection at a time.
    fn request_at(&self, port: u16, at_ns: u64) -> Option<usize> {
        let sent = self
            .marks
            .iter()
            .enumerate()
            .filter(|(_, mark)| mark.port == port && mark.sent_ns <= at_ns);
        sent.max_by_key(|(_, mark)| mark.sent_ns)
            .map(|(request, _)| request)
    }

    fn send(&mut self, lane: usize, port: u16, entered_ns: u64, at_ns: u64) {
        let marks = self.marks;
        let holder = &mut self.holders[lane];
        let held = holder
            .held
            .iter()
            .position(|(request, _)| marks[*request].port == port);
        let answered = match held {
            Some(place) => Some(holder.held.remove(place)),
            None => self.unanswered.get(&port).map(|&request| {
                let holds_others = !holder.held.is_empty();
                (
                    request,
                    if holds_others {
                        entered_ns
                    } else {
                        holder.free_since_ns
                    },
                )
            }),
        };
        if held.is_none() {
            self.release(lane, entered_ns, &[]);
        }
        if let Some((request, from_ns)) = answered {
            self.end_part(request, lane, from_ns, at_ns);
        }
        self.holders[lane].free_since_ns = at_ns;
    }

    /// Ends the parts of a lane, but for those on the connections with these ports.
    fn release(&mut self, lane: usize, at_ns: u64, keep: &[u16]) {
        let marks = self.marks;
        let held = std::mem::take(&mut self.holders[lane].held);
        let (kept, released) = held
            .into_iter()
            .partition(|(request, _)| keep.contains(&marks[*request].port));
        self.holders[lane].held = kept;
        let released: Vec<_> = released;
        for (request, from_ns) in released {
            self.end_part(request, lane, from_ns, at_ns);
        }
    }

    fn end_part(&mut self, request: usize, lane: usize, from_ns: u64, to_ns: u64) {
        self.parts[request].push(Part { lane, from_ns, to_ns });
    }
}
