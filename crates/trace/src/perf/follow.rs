//! What happened to the threads of the server, from all that `perf script` printed.

mod unseen;

use std::collections::HashMap;

use self::unseen::Unseen;
use super::line::{Event as Printed, Leaves, Line};
use crate::event::{Event, Kind, Recording, Thread};
use crate::threads::call_name;

/// Keeps of these lines what happened to the server's threads, and completes the recording with it. Its threads are those
/// that were found when it had just begun.
pub(super) fn complete(
    recording: Recording,
    lines: &[Line],
    client_threads: &[i32],
) -> Result<Recording, String> {
    let mut follower = Follower::new(recording, client_threads);
    for line in lines {
        check(line)?;
        if (follower.recording.from_ns..=follower.recording.to_ns).contains(&line.at_ns) {
            follower.take(line);
        }
    }
    Ok(follower.finish())
}

/// A thread of the server.
#[derive(Debug, Default)]
struct Followed {
    /// The number of its process.
    process: i32,
    /// Its place among the threads that were there when the recording began.
    found: Option<usize>,
    place: Place,
    /// Who woke it while it still ran. That counts if it stops nevertheless: it was about to wait, and could not any more.
    woken_early_by: Option<i32>,
    call: Call,
    has_been_renamed: bool,
    /// The connection that it has read from in this call. The socket is in the next line.
    read_from: Option<u16>,
}

/// Where a thread is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Unknown,
    Running,
    Ready,
    Blocked {
        since_ns: u64,
        is_woken: bool,
    },
}

/// Which system call a thread is in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Call {
    /// Its first event is not there yet.
    #[default]
    Unknown,
    None,
    In(String),
}

impl Followed {
    /// Whether nothing has happened to it yet.
    fn is_untouched(&self) -> bool {
        self.place == Place::Unknown && self.call == Call::Unknown && !self.has_been_renamed
    }
}

struct Follower {
    recording: Recording,
    /// The threads of the server that live, by their numbers.
    threads: HashMap<i32, Followed>,
    /// Whether each of the load generator's threads is in a system call.
    client: HashMap<i32, bool>,
    /// How many timers expire on each CPU just now. One may interrupt another.
    timers: HashMap<u32, u32>,
    /// The port of the other side of each socket that was read from, by its address. An address is used again; the latest
    /// port counts.
    ports: HashMap<u64, u16>,
    /// What was found out later: threads that ran already when the recording began.
    ran_before: Vec<Event>,
    unseen: Unseen,
}

impl Follower {
    fn new(recording: Recording, client_threads: &[i32]) -> Self {
        let followed = |(place, thread): (usize, &Thread)| {
            let followed = Followed {
                process: thread.process,
                found: Some(place),
                ..Followed::default()
            };
            (thread.thread, followed)
        };
        Self {
            threads: recording.threads.iter().enumerate().map(followed).collect(),
            // A thread of which nothing is known yet may be in a call.
            client: client_threads.iter().map(|&thread| (thread, true)).collect(),
            timers: HashMap::new(),
            ports: HashMap::new(),
            ran_before: Vec::new(),
            unseen: Unseen::default(),
            recording,
        }
    }

    fn take(&mut self, line: &Line) {
        self.note_running(line);
        let (thread, at_ns) = (line.thread, line.at_ns);
        match &line.event {
            &Printed::Switch {
                previous,
                leaves,
                next,
            } => {
                self.switch_out(previous, leaves, at_ns);
                self.switch_in(next, line.cpu, at_ns);
            }
            Printed::TimerBegins => *self.timers.entry(line.cpu).or_default() += 1,
            // Its beginning may have been before the recording's.
            Printed::TimerEnds => {
                let timers = self.timers.entry(line.cpu).or_default();
                *timers = timers.saturating_sub(1);
            }
            &Printed::Waking { thread: woken } => {
                let by = self.waker(line);
                self.wake(woken, by, at_ns);
            }
            &Printed::New {
                thread: new,
                is_of_same_process,
            } => self.start(thread, new, is_of_same_process, at_ns),
            Printed::Rename {
                thread: named,
                old,
                new,
            } => self.rename(named.unwrap_or(thread), old, new, at_ns),
            &Printed::Enter { number } => self.enter(thread, number, at_ns),
            &Printed::Exit { number } => self.exit(thread, number, at_ns),
            &Printed::Adjust { port } => {
                if let Some(followed) = self.threads.get_mut(&thread) {
                    followed.read_from = Some(port);
                    self.push(at_ns, thread, Kind::Received { port });
                }
            }
            Printed::Receive { socket, .. } => {
                let read_from = self
                    .threads
                    .get_mut(&thread)
                    .and_then(|followed| followed.read_from.take());
                self.ports.extend(read_from.map(|port| (*socket, port)));
            }
            Printed::Send { socket, length } => {
                let port = self.ports.get(socket).filter(|_| *length > 0);
                if let Some(&port) = port.filter(|_| self.threads.contains_key(&thread)) {
                    self.push(at_ns, thread, Kind::Sent { port });
                }
            }
            Printed::OtherSocket | Printed::Lost { .. } => {}
        }
    }

    /// The thread of a line runs on the line's CPU. If it was not seen to begin, it did so before the recording, or the kernel
    /// reported nothing of the idle CPU that it began on.
    fn note_running(&mut self, line: &Line) {
        let Some(followed) = self.threads.get_mut(&line.thread) else {
            return;
        };
        match followed.place {
            Place::Running => {}
            Place::Unknown => {
                followed.place = Place::Running;
                self.ran_before.push(Event {
                    at_ns: self.recording.from_ns,
                    thread: line.thread,
                    kind: Kind::SwitchIn { cpu: line.cpu },
                });
            }
            Place::Ready | Place::Blocked { .. } => {
                self.unseen.beginnings.insert(line.cpu);
                self.switch_in(line.thread, line.cpu, line.at_ns);
            }
        }
    }

    fn switch_out(&mut self, thread: i32, leaves: Leaves, at_ns: u64) {
        let Some(followed) = self.threads.get_mut(&thread) else {
            return;
        };
        followed.place = if leaves == Leaves::Runnable {
            followed.woken_early_by = None;
            Place::Ready
        } else {
            Place::Blocked {
                since_ns: at_ns,
                is_woken: false,
            }
        };
        if leaves == Leaves::Ended {
            self.threads.remove(&thread);
            self.push(at_ns, thread, Kind::Ended);
        }
        let runnable = leaves == Leaves::Runnable;
        self.push(at_ns, thread, Kind::SwitchOut { runnable });
    }

    fn switch_in(&mut self, thread: i32, cpu: u32, at_ns: u64) {
        let Some(followed) = self.threads.get_mut(&thread) else {
            return;
        };
        let before = std::mem::replace(&mut followed.place, Place::Running);
        let early = followed.woken_early_by.take();
        if let Place::Blocked {
            since_ns,
            is_woken: false,
        } = before
        {
            let (woken_ns, by) = match early {
                // The waker waits until it has stopped, and then makes it runnable at once.
                Some(by) => ((since_ns + 1).min(at_ns), by),
                // A CPU that is not recorded, or one that was idle and of which the kernel reported nothing.
                None => (at_ns, 0),
            };
            self.unseen.wakes += u64::from(early.is_none());
            self.push(woken_ns, thread, Kind::Woken { by });
        }
        self.push(at_ns, thread, Kind::SwitchIn { cpu });
    }

    /// Who wakes a thread; 0 where nobody but the kernel does. A thread that was interrupted by a timer does not, nor does one
    /// of the load generator that is in no system call.
    fn waker(&self, line: &Line) -> i32 {
        let in_timer = self.timers.get(&line.cpu).is_some_and(|&timers| timers > 0);
        let was_interrupted = in_timer || self.client.get(&line.thread) == Some(&false);
        if was_interrupted { 0 } else { line.thread.max(0) }
    }

    fn wake(&mut self, thread: i32, by: i32, at_ns: u64) {
        let Some(followed) = self.threads.get_mut(&thread) else {
            return;
        };
        match &mut followed.place {
            Place::Running => followed.woken_early_by = Some(by),
            Place::Ready => {}
            Place::Blocked { is_woken, .. } => {
                *is_woken = true;
                self.push(at_ns, thread, Kind::Woken { by });
            }
            place @ Place::Unknown => {
                *place = Place::Blocked {
                    since_ns: at_ns,
                    is_woken: true,
                };
                self.push(at_ns, thread, Kind::Woken { by });
            }
        }
    }

    fn start(&mut self, by: i32, thread: i32, is_of_same_process: bool, at_ns: u64) {
        let Some(parent) = self.threads.get(&by) else {
            return;
        };
        let process = if is_of_same_process {
            parent.process
        } else {
            thread
        };
        let followed = Followed {
            process,
            place: Place::Blocked {
                since_ns: at_ns,
                is_woken: false,
            },
            ..Followed::default()
        };
        let other = self.threads.insert(thread, followed);
        // It was made after the recording had begun, and before the threads were looked up.
        if let Some(place) = other.filter(Followed::is_untouched).and_then(|other| other.found) {
            self.forget(place);
        }
        self.push(at_ns, by, Kind::Started { process, thread });
    }

    /// A thread was not there when the recording began.
    fn forget(&mut self, place: usize) {
        self.recording.threads.remove(place);
        let later = self
            .threads
            .values_mut()
            .filter_map(|followed| followed.found.as_mut());
        later
            .filter(|found| **found > place)
            .for_each(|found| *found -= 1);
    }

    fn rename(&mut self, thread: i32, old: &str, new: &str, at_ns: u64) {
        let Some(followed) = self.threads.get_mut(&thread) else {
            return;
        };
        if let Some(place) = followed.found.filter(|_| !followed.has_been_renamed) {
            old.clone_into(&mut self.recording.threads[place].name);
        }
        followed.has_been_renamed = true;
        self.push(at_ns, thread, Kind::Named(new.to_owned()));
    }

    fn enter(&mut self, thread: i32, number: i64, at_ns: u64) {
        if let Some(in_call) = self.client.get_mut(&thread) {
            *in_call = true;
        }
        let Some(name) = name(number) else { return };
        if let Some(followed) = self.threads.get_mut(&thread) {
            let before = std::mem::replace(&mut followed.call, Call::In(name.clone()));
            self.correct(thread, before, None);
            self.push(at_ns, thread, Kind::Enter(name));
        }
    }

    /// A thread leaves the call that it has entered. `rt_sigreturn` and `execve` may leave with another number.
    fn exit(&mut self, thread: i32, number: i64, at_ns: u64) {
        if let Some(in_call) = self.client.get_mut(&thread) {
            *in_call = false;
        }
        let Some(followed) = self.threads.get_mut(&thread) else {
            return;
        };
        followed.read_from = None;
        let before = std::mem::replace(&mut followed.call, Call::None);
        let left = match &before {
            Call::In(name) => Some(name.clone()),
            Call::Unknown | Call::None => name(number),
        };
        self.correct(thread, before, left.clone());
        if let Some(name) = left {
            self.push(at_ns, thread, Kind::Exit(name));
        }
    }

    /// With its first event it is known which call a thread was in when the recording began. The threads were looked up a
    /// little later.
    fn correct(&mut self, thread: i32, before: Call, call: Option<String>) {
        let found = self.threads.get(&thread).and_then(|followed| followed.found);
        if let (Call::Unknown, Some(place)) = (before, found) {
            self.recording.threads[place].call = call;
        }
    }

    fn push(&mut self, at_ns: u64, thread: i32, kind: Kind) {
        self.recording.events.push(Event { at_ns, thread, kind });
    }

    fn finish(self) -> Recording {
        let Self {
            mut recording,
            ran_before,
            unseen,
            ..
        } = self;
        recording.lacks.extend(unseen.sentences());
        recording.events.splice(..0, ran_before);
        // A wake-up may have been found out later. Events of the same time keep their order.
        recording.events.sort_by_key(|event| event.at_ns);
        recording
    }
}

/// Whether what was recorded can be followed.
fn check(line: &Line) -> Result<(), String> {
    match line.event {
        Printed::Lost { count } => Err(format!(
            "perf lost {count} events, since this machine was too busy; record again with fewer requests"
        )),
        // The kernel's events have the numbers of the first namespace, and perf's own fields those of perf's namespace.
        Printed::Switch { previous, .. } if line.thread >= 0 && line.thread != previous => Err(format!(
            "the kernel reports process numbers of another namespace (thread {previous} is {} here); \
             trace outside of the container, or in one with the host's process numbers",
            line.thread
        )),
        _ => Ok(()),
    }
}

/// The name of a system call; none for a number that is no call's.
fn name(number: i64) -> Option<String> {
    usize::try_from(number).ok().map(call_name)
}

#[cfg(test)]
mod tests;
