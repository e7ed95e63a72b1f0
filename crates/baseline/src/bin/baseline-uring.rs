//! The least that a correct server on completions can do: it accepts and receives with operations that stay in force
//! (multishot), and all that it queues is submitted by the call that waits. It prints `listening on ADDRESS`.
//!
//! usage: `baseline-uring [--reply-bytes N] [--receive-once] [--direct] [--zero-copy] [--kernel-thread]
//! [--cooperative | --interrupting] [--submit-every SENDS]`
//!
//! With `--submit-every` so many sends are submitted at once, in place of all those of a round.

#![forbid(unsafe_code)]

use std::error::Error;
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use baseline::{Flags, MAX_REPLIES, PartialFrame};
use completions::{Outcome, Receive, Ring, Settings, Target, TaskWork};
use rustix::net::sockopt::set_tcp_nodelay;

/// The accept. A connection's operations have its place as their token.
const ACCEPT: u64 = u32::MAX as u64;

/// Connections by their descriptor, or by their place in the table of the ring. The kernel keeps both small.
struct Connection {
    /// None where the ring has the socket.
    descriptor: Option<OwnedFd>,
    partial: PartialFrame,
}

fn main() -> Result<(), Box<dyn Error>> {
    let flags = Flags::parse()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    set_tcp_nodelay(&listener, true)?;
    flags.prepare(&listener)?;
    let mut ring = Ring::new(&Settings {
        task_work: match () {
            // With a thread of the kernel the others are no setting (io_uring_setup(2)).
            () if flags.has("--interrupting") || flags.has("--kernel-thread") => TaskWork::Interrupting,
            () if flags.has("--cooperative") => TaskWork::Cooperative,
            () => TaskWork::Deferred,
        },
        kernel_thread_idle_ms: flags.has("--kernel-thread").then_some(100),
        direct: if flags.has("--direct") { 16_384 } else { 0 },
        ..Settings::default()
    })?;
    println!("listening on {}", listener.local_addr()?);
    let how = if flags.has("--receive-once") {
        Receive::Once
    } else {
        Receive::Multishot
    };
    let zero_copy = flags.has("--zero-copy");
    let sends_at_once = flags.number("--submit-every")?.unwrap_or(usize::MAX);
    let mut unsubmitted;
    // Never freed, so that the kernel can send from here at any time.
    let reply = flags.reply();
    let replies: &'static [u8] = reply.repeat(MAX_REPLIES).leak();
    let mut connections: Vec<Option<Connection>> = Vec::new();
    ring.accept(listener.as_fd(), true, ACCEPT);
    loop {
        ring.submit_and_wait(None)?;
        unsubmitted = 0;
        while let Some(completion) = ring.next_completion() {
            let place = completion.token as usize;
            let received = match completion.outcome {
                Ok(outcome @ (Outcome::Accepted(_) | Outcome::AcceptedDirect(_))) => {
                    let (target, descriptor) = match outcome {
                        Outcome::Accepted(descriptor) => {
                            (Target::Descriptor(descriptor.as_raw_fd()), Some(descriptor))
                        }
                        Outcome::AcceptedDirect(place) => (Target::Direct(place), None),
                        _ => unreachable!("it was accepted"),
                    };
                    let place = place_of(target);
                    connections.resize_with(connections.len().max(place + 1), || None);
                    connections[place] = Some(Connection {
                        descriptor,
                        partial: PartialFrame::default(),
                    });
                    ring.receive(target, how, place as u64);
                    continue;
                }
                Ok(Outcome::Received(received)) => Some(received),
                // A send without a copy has been done, or its bytes are free again.
                Ok(Outcome::Done(sent)) if sent > 0 => continue,
                Err(error) if completion.token == ACCEPT => return Err(error.into()),
                // All buffers were in use. They are free again at the end of this round.
                Err(error) if error.raw_os_error() == Some(ENOBUFS) => {
                    if let Some(connection) = &connections[place] {
                        ring.receive(connection.target(place), how, place as u64);
                    }
                    continue;
                }
                // The end, or a peer that has gone.
                _ => None,
            };
            let Some(connection) = &mut connections[place] else {
                continue;
            };
            let target = connection.target(place);
            let Some(received) = received else {
                let ended = connections[place].take();
                match ended.and_then(|connection| connection.descriptor) {
                    Some(descriptor) => ring.close(descriptor),
                    None => ring.close_direct(place as u32),
                }
                continue;
            };
            let mut frames = connection.partial.count_frames(received.bytes());
            drop(received);
            while frames > 0 {
                let together = frames.min(MAX_REPLIES);
                let bytes = &replies[..together * reply.len()];
                if zero_copy {
                    ring.send_static_zero_copy(target, bytes, place as u64);
                } else {
                    ring.send_static(target, bytes, place as u64);
                }
                frames -= together;
                unsubmitted += 1;
                if unsubmitted >= sends_at_once {
                    ring.submit()?;
                    unsubmitted = 0;
                }
            }
            if !completion.more {
                ring.receive(target, how, place as u64);
            }
        }
    }
}

const ENOBUFS: i32 = 105;

fn place_of(target: Target) -> usize {
    match target {
        Target::Descriptor(descriptor) => descriptor.cast_unsigned() as usize,
        Target::Direct(place) => place as usize,
    }
}

impl Connection {
    fn target(&self, place: usize) -> Target {
        match &self.descriptor {
            Some(descriptor) => Target::Descriptor(descriptor.as_raw_fd()),
            None => Target::Direct(place as u32),
        }
    }
}
