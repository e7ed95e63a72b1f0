//! What each thread did, event by event: its states, its system calls, and when it read and sent.

use std::collections::HashMap;

use schema::trace::{Slice, Source, State, Waker};

use crate::calls;
use crate::event::{Event, Kind, Recording};

/// What a thread waits in that blocks outside of any system call.
pub(crate) const NO_CALL: &str = "no system call";

/// A thread of the server, from its beginning to its end, in the clock's own time.
#[derive(Debug, Clone)]
pub(crate) struct Timeline {
    pub(crate) process: i32,
    pub(crate) thread: i32,
    pub(crate) name: String,
    /// Its states without a gap; neighbours differ.
    pub(crate) slices: Vec<Slice>,
    /// Its system calls in the order of time; one may contain another only if a tracer stopped the thread in it.
    pub(crate) calls: Vec<Call>,
    /// When it read from a connection or sent on one.
    pub(crate) transfers: Vec<Transfer>,
}

/// A system call of a thread. One that was left at no known time ends with the thread or the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
}

/// Data that a thread read or sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transfer {
    pub(crate) at_ns: u64,
    /// The port of the load generator's side.
    pub(crate) port: u16,
    pub(crate) is_sent: bool,
}

/// A thread that was blocked became runnable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Woken {
    pub(crate) at_ns: u64,
    /// The number of the woken thread's timeline.
    pub(crate) timeline: usize,
    /// Who woke it; the number of a lane is that of a timeline.
    pub(crate) by: Waker,
}

/// Follows the events of a recording.
pub(crate) fn follow(recording: &Recording, client_threads: &[i32]) -> (Vec<Timeline>, Vec<Woken>) {
    let mut follower = Follower {
        source: recording.source,
        client_threads,
        threads: Vec::new(),
        living: HashMap::new(),
        woken: Vec::new(),
    };
    let first_events = first_events(recording);
    for thread in &recording.threads {
        let first = first_events.get(&thread.thread).copied();
        let call = thread.call.clone().or_else(|| called_before(first));
        let mut follow = Follow::new(thread.process, thread.thread, &thread.name, recording.from_ns);
        follow.calls = call.into_iter().map(|name| (name, recording.from_ns)).collect();
        follow.state = state_before(first);
        follower.add(follow);
    }
    for event in &recording.events {
        follower.take(event);
    }
    let timelines = follower
        .threads
        .into_iter()
        .map(|follow| follow.end(recording.to_ns));
    (timelines.collect(), follower.woken)
}

/// The first event of each thread.
fn first_events(recording: &Recording) -> HashMap<i32, &Kind> {
    let mut first = HashMap::new();
    for event in &recording.events {
        first.entry(event.thread).or_insert(&event.kind);
    }
    first
}

/// The state of a thread before its first event.
fn state_before(first: Option<&Kind>) -> State {
    match first {
        None | Some(Kind::Woken { .. }) => State::Blocked,
        Some(Kind::SwitchIn { .. }) => State::Runnable,
        Some(_) => State::Running,
    }
}

/// The call that a thread was in before its first event.
fn called_before(first: Option<&Kind>) -> Option<String> {
    match first {
        Some(Kind::Exit(name)) => Some(name.clone()),
        _ => None,
    }
}

/// All threads while their events are followed.
struct Follower<'a> {
    source: Source,
    client_threads: &'a [i32],
    /// In the order in which they began.
    threads: Vec<Follow>,
    /// The places of those that have not ended, by their numbers.
    living: HashMap<i32, usize>,
    woken: Vec<Woken>,
}

impl Follower<'_> {
    fn add(&mut self, mut follow: Follow) {
        if self.source == Source::Strace {
            follow.derive_state();
        }
        self.living.insert(follow.timeline.thread, self.threads.len());
        self.threads.push(follow);
    }

    fn take(&mut self, event: &Event) {
        let Some(&place) = self.living.get(&event.thread) else {
            return;
        };
        let follow = &mut self.threads[place];
        let at_ns = event.at_ns;
        match &event.kind {
            Kind::Woken { by } => return self.wake(place, *by, at_ns),
            Kind::Started { process, thread } => return self.start(place, (*process, *thread), at_ns),
            Kind::SwitchIn { cpu } => follow.run(*cpu, at_ns),
            Kind::SwitchOut { runnable } => {
                follow.stop(*runnable, at_ns);
                if follow.is_ending {
                    self.end(place, at_ns);
                    return;
                }
            }
            Kind::Named(name) => follow.timeline.name.clone_from(name),
            // It runs to its last switch, if switches are recorded.
            Kind::Ended if self.source != Source::Strace && follow.state == State::Running => {
                follow.is_ending = true;
            }
            Kind::Ended => return self.end(place, at_ns),
            Kind::Enter(name) => follow.enter(name, at_ns),
            Kind::Exit(name) => follow.exit(name, at_ns),
            Kind::Received { port } => follow.transfer(*port, false, at_ns),
            Kind::Sent { port } => follow.transfer(*port, true, at_ns),
        }
        if self.source == Source::Strace {
            self.threads[place].derive_state();
        }
    }

    fn start(&mut self, parent: usize, (process, thread): (i32, i32), at_ns: u64) {
        let name = self.threads[parent].timeline.name.clone();
        let mut follow = Follow::new(process, thread, &name, at_ns);
        follow.state = State::Runnable;
        let timeline = self.threads.len();
        self.add(follow);
        self.woken.push(Woken {
            at_ns,
            timeline,
            by: Waker::Lane(parent),
        });
    }

    /// The start of a thread is its first wake-up, which the kernel reports once more.
    fn wake(&mut self, place: usize, by: i32, at_ns: u64) {
        let sleeps = self.threads[place].call().is_some_and(calls::sleeps);
        let by = if sleeps { Waker::Kernel } else { self.waker(by) };
        let follow = &mut self.threads[place];
        if follow.state == State::Blocked {
            follow.cut(at_ns);
            follow.state = State::Runnable;
            self.woken.push(Woken {
                at_ns,
                timeline: place,
                by,
            });
        }
    }

    /// Only a thread that is in a system call can wake another. One that is in none was interrupted, by a timer for example.
    fn waker(&self, by: i32) -> Waker {
        if self.client_threads.contains(&by) {
            return Waker::Client;
        }
        match self.living.get(&by) {
            Some(&place) if !self.threads[place].calls.is_empty() => Waker::Lane(place),
            _ => Waker::Kernel,
        }
    }

    fn end(&mut self, place: usize, at_ns: u64) {
        let follow = &mut self.threads[place];
        follow.cut(at_ns);
        follow.ended_ns = Some(at_ns);
        self.living.remove(&follow.timeline.thread);
    }
}

/// A thread that is being followed.
struct Follow {
    timeline: Timeline,
    state: State,
    cpu: Option<u32>,
    /// Since when it has been in this state and call.
    since_ns: u64,
    /// The calls that it is in, the innermost last, and when it entered each.
    calls: Vec<(String, u64)>,
    /// Whether it ends when it is switched out.
    is_ending: bool,
    ended_ns: Option<u64>,
}

impl Follow {
    fn new(process: i32, thread: i32, name: &str, since_ns: u64) -> Self {
        Self {
            timeline: Timeline {
                process,
                thread,
                name: name.to_owned(),
                slices: Vec::new(),
                calls: Vec::new(),
                transfers: Vec::new(),
            },
            state: State::Blocked,
            cpu: None,
            since_ns,
            calls: Vec::new(),
            is_ending: false,
            ended_ns: None,
        }
    }

    /// The call that it is in.
    fn call(&self) -> Option<&str> {
        self.calls.last().map(|(name, _)| &**name)
    }

    /// Where no context switch is recorded, a thread runs unless it is in a call that may block.
    fn derive_state(&mut self) {
        self.state = match self.call() {
            Some(call) if calls::may_block(call) => State::Blocked,
            _ => State::Running,
        };
    }

    fn run(&mut self, cpu: u32, at_ns: u64) {
        self.cut(at_ns);
        (self.state, self.cpu) = (State::Running, Some(cpu));
    }

    fn stop(&mut self, is_runnable: bool, at_ns: u64) {
        self.cut(at_ns);
        self.state = if is_runnable {
            State::Runnable
        } else {
            State::Blocked
        };
    }

    fn enter(&mut self, name: &str, at_ns: u64) {
        self.cut(at_ns);
        self.calls.push((name.to_owned(), at_ns));
    }

    /// Leaves a call, and all within it whose end is not recorded.
    fn exit(&mut self, name: &str, at_ns: u64) {
        self.cut(at_ns);
        if let Some(depth) = self.calls.iter().rposition(|(entered, _)| entered == name) {
            self.leave(depth, at_ns);
        }
    }

    /// Leaves all calls from this depth on.
    fn leave(&mut self, depth: usize, at_ns: u64) {
        let left = self.calls.drain(depth..).map(|(name, from_ns)| Call {
            name,
            from_ns,
            to_ns: at_ns,
        });
        self.timeline.calls.extend(left);
    }

    fn transfer(&mut self, port: u16, is_sent: bool, at_ns: u64) {
        self.timeline.transfers.push(Transfer { at_ns, port, is_sent });
    }

    /// Ends the slice that it is in.
    fn cut(&mut self, at_ns: u64) {
        if at_ns <= self.since_ns {
            return;
        }
        let call = self.call().map(ToOwned::to_owned);
        let slice = Slice {
            from_ns: self.since_ns,
            to_ns: at_ns,
            state: self.state,
            cpu: self.cpu.filter(|_| self.state == State::Running),
            call: call.or_else(|| (self.state == State::Blocked).then(|| NO_CALL.to_owned())),
        };
        self.since_ns = at_ns;
        match self.timeline.slices.last_mut() {
            Some(last) if is_same(last, &slice) => last.to_ns = at_ns,
            _ => self.timeline.slices.push(slice),
        }
    }

    /// Its timeline, when the recording ends at this time.
    fn end(mut self, at_ns: u64) -> Timeline {
        let at_ns = self.ended_ns.unwrap_or_else(|| {
            self.cut(at_ns);
            at_ns
        });
        self.leave(0, at_ns);
        self.timeline.calls.sort_by_key(|call| call.from_ns);
        self.timeline
    }
}

fn is_same(one: &Slice, other: &Slice) -> bool {
    (one.state, one.cpu, &one.call) == (other.state, other.cpu, &other.call)
}
