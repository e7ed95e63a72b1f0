//! The queue of operations to submit, and that of completions.
#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::time::Duration;
use std::{io, ptr};

use io_uring::squeue::{Entry, Flags};
use io_uring::types::{CancelBuilder, DestinationSlot, Fd, Fixed, SubmitArgs, Timespec};
use io_uring::{IoUring, Probe, cqueue, opcode};
use rustix::event::PollFlags;
use rustix::net::{SendFlags, SocketFlags};
use slab::Slab;

use crate::buffers::{Buffers, GROUP, Received};
use crate::settings::{Receive, Settings, Target, TaskWork};

/// Whose completion it is: the highest bits of the number that the kernel returns with it. The rest is the caller's token,
/// or the place of the bytes that were sent. A token with one of these bits would be taken for something else.
const KIND: u64 = 3 << 62;
const OTHER: u64 = 0;
const SEND: u64 = 1 << 62;
const ACCEPT: u64 = 2 << 62;
/// Nobody waits for it: it can only report that there was nothing to do.
const UNWANTED: u64 = 3 << 62;

/// An operation is done, or a multishot operation has done one more.
#[derive(Debug)]
pub struct Completion {
    /// What the caller gave with the operation.
    pub token: u64,
    /// What has been done.
    pub outcome: io::Result<Outcome>,
    /// The operation stays in force, and more completions follow.
    pub more: bool,
    /// The bytes of a send, done or not.
    pub returned: Option<Vec<u8>>,
}

/// What an operation has done.
#[derive(Debug)]
pub enum Outcome {
    /// A connection was accepted.
    Accepted(OwnedFd),
    /// A connection was accepted into this place of the ring's table.
    AcceptedDirect(u32),
    /// Bytes were received.
    Received(Received),
    /// Anything else. This is the kernel's number: bytes sent, events of a poll, 0 at the end of what can be received.
    Done(u32),
}

/// An io_uring instance that one thread uses.
#[derive(Debug)]
pub struct Ring {
    queues: Queues,
    buffers: Buffers,
    /// Bytes that the kernel sends at present, with the caller's token. They are not freed with the ring.
    sending: ManuallyDrop<Slab<(u64, Vec<u8>)>>,
    /// Completions that were fetched and not taken yet.
    fetched: VecDeque<cqueue::Entry>,
    /// Operations that found the queue full, in order.
    unqueued: VecDeque<Entry>,
    accepts_direct: bool,
}

struct Queues(IoUring);

/// Builds an entry for a socket of either kind.
macro_rules! for_target {
    ($target:expr, |$socket:ident| $build:expr) => {
        match $target {
            Target::Descriptor($socket) => {
                let $socket = Fd($socket);
                $build
            }
            Target::Direct($socket) => {
                let $socket = Fixed($socket);
                $build
            }
        }
    };
}

impl Ring {
    /// Makes a ring. It fails where the kernel, or a sandbox, allows none, and where the kernel lacks an operation.
    pub fn new(settings: &Settings) -> io::Result<Self> {
        let mut builder = IoUring::builder();
        builder.setup_cqsize(settings.completions).setup_submit_all();
        match settings.task_work {
            TaskWork::Interrupting => {}
            TaskWork::Cooperative => {
                builder.setup_coop_taskrun().setup_single_issuer();
            }
            TaskWork::Deferred => {
                builder.setup_defer_taskrun().setup_single_issuer();
            }
        }
        if let Some(idle_ms) = settings.kernel_thread_idle_ms {
            builder.setup_sqpoll(idle_ms);
        }
        let ring = builder.build(settings.submissions)?;
        require_operations(&ring)?;
        if settings.direct > 0 {
            ring.submitter().register_files_sparse(settings.direct)?;
        }
        let buffers = Buffers::register(&ring, settings.buffers, settings.buffer_bytes)?;
        Ok(Self {
            queues: Queues(ring),
            buffers,
            sending: ManuallyDrop::default(),
            fetched: VecDeque::new(),
            unqueued: VecDeque::new(),
            accepts_direct: settings.direct > 0,
        })
    }

    /// Accepts connections from a listener: one, or all that come (multishot). They get a descriptor, or a place in the
    /// table of the ring if it has one.
    pub fn accept(&mut self, listener: BorrowedFd<'_>, multishot: bool, token: u64) {
        let listener = Fd(listener.as_raw_fd());
        let flags = SocketFlags::CLOEXEC.bits().cast_signed();
        let entry = if multishot && self.accepts_direct {
            opcode::AcceptMulti::new(listener)
                .allocate_file_index(true)
                .build()
        } else if multishot {
            opcode::AcceptMulti::new(listener).flags(flags).build()
        } else {
            let one = opcode::Accept::new(listener, ptr::null_mut(), ptr::null_mut());
            if self.accepts_direct {
                one.file_index(Some(DestinationSlot::auto_target())).build()
            } else {
                one.flags(flags).build()
            }
        };
        self.push(entry, ACCEPT | checked(token));
    }

    /// Receives into a buffer of the ring.
    pub fn receive(&mut self, from: Target, how: Receive, token: u64) {
        let entry = match how {
            Receive::Multishot => for_target!(from, |socket| opcode::RecvMulti::new(socket, GROUP).build()),
            Receive::Once => {
                let bytes = self.buffers.buffer_bytes();
                let once = for_target!(from, |socket| {
                    opcode::Recv::new(socket, ptr::null_mut(), bytes)
                        .buf_group(GROUP)
                        .build()
                });
                once.flags(Flags::BUFFER_SELECT)
            }
        };
        self.push(entry, OTHER | checked(token));
    }

    /// Sends these bytes from an offset on. They come back with the completion.
    pub fn send(&mut self, to: Target, bytes: Vec<u8>, offset: usize, token: u64) {
        let rest = &bytes[offset..];
        // A vector's bytes stay where they are when the vector moves, and the slab keeps it until the completion.
        let (start, length) = (rest.as_ptr(), rest.len() as u32);
        let place = self.sending.insert((checked(token), bytes));
        let flags = SendFlags::NOSIGNAL.bits().cast_signed();
        let entry = for_target!(to, |socket| {
            opcode::Send::new(socket, start, length).flags(flags).build()
        });
        self.push(entry, SEND | place as u64);
    }

    /// Sends bytes that are never freed, as a whole. There is a completion only if that fails.
    pub fn send_static(&mut self, to: Target, bytes: &'static [u8], token: u64) {
        let (start, length) = (bytes.as_ptr(), bytes.len() as u32);
        let flags = (SendFlags::NOSIGNAL.bits() | MSG_WAITALL).cast_signed();
        let entry = for_target!(to, |socket| {
            opcode::Send::new(socket, start, length).flags(flags).build()
        });
        self.push(entry.flags(Flags::SKIP_SUCCESS), OTHER | checked(token));
    }

    /// The same, without a copy of the bytes. There are two completions, which both have the token.
    pub fn send_static_zero_copy(&mut self, to: Target, bytes: &'static [u8], token: u64) {
        let (start, length) = (bytes.as_ptr(), bytes.len() as u32);
        let flags = (SendFlags::NOSIGNAL.bits() | MSG_WAITALL).cast_signed();
        let entry = for_target!(to, |socket| {
            opcode::SendZc::new(socket, start, length).flags(flags).build()
        });
        self.push(entry, OTHER | checked(token));
    }

    /// Reports events of a descriptor, which include errors and a hang-up: the first one, or each change (multishot).
    pub fn poll(&mut self, descriptor: BorrowedFd<'_>, events: PollFlags, multishot: bool, token: u64) {
        let entry = opcode::PollAdd::new(Fd(descriptor.as_raw_fd()), u32::from(events.bits()))
            .multi(multishot)
            .build();
        self.push(entry, OTHER | checked(token));
    }

    /// Cancels the operation that has this token and is neither a send nor an accept. Its completion still comes.
    pub fn cancel(&mut self, token: u64) {
        self.push_cancel(CancelBuilder::user_data(OTHER | checked(token)));
    }

    /// Cancels the accept that has this token. Its completion still comes.
    pub fn cancel_accept(&mut self, token: u64) {
        self.push_cancel(CancelBuilder::user_data(ACCEPT | checked(token)));
    }

    /// Cancels all operations on a descriptor. Their completions still come.
    pub fn cancel_all(&mut self, descriptor: BorrowedFd<'_>) {
        self.push_cancel(CancelBuilder::fd(Fd(descriptor.as_raw_fd())).all());
    }

    fn push_cancel(&mut self, which: CancelBuilder) {
        let entry = opcode::AsyncCancel2::new(which).build();
        self.push(entry.flags(Flags::SKIP_SUCCESS), UNWANTED);
    }

    /// Closes a descriptor, behind all that was queued before.
    pub fn close(&mut self, descriptor: OwnedFd) {
        let entry = opcode::Close::new(Fd(descriptor.into_raw_fd())).build();
        self.push(entry.flags(Flags::SKIP_SUCCESS), UNWANTED);
    }

    /// Closes a socket that has a place in the table of the ring.
    pub fn close_direct(&mut self, place: u32) {
        let entry = opcode::Close::new(Fixed(place)).build();
        self.push(entry.flags(Flags::SKIP_SUCCESS), UNWANTED);
    }

    /// Queues an operation. Where the queue is full, it waits for the next system call: one that was made here would receive
    /// bytes, and whoever counts those that have arrived would miss them.
    ///
    /// It is private: whatever an entry points to must stay in place until its completion.
    fn push(&mut self, entry: Entry, user_data: u64) {
        let entry = entry.user_data(user_data);
        if !self.unqueued.is_empty() || !self.queues.push(&entry) {
            self.unqueued.push_back(entry);
        }
    }

    /// Queues those that had found the queue full, as far as there is room. Returns whether there was any.
    fn queue_more(&mut self) -> bool {
        let before = self.unqueued.len();
        while let Some(entry) = self.unqueued.front()
            && self.queues.push(entry)
        {
            self.unqueued.pop_front();
        }
        self.unqueued.len() < before
    }

    /// Submits what is queued, without waiting. Where nothing is, there is no system call.
    pub fn submit(&mut self) -> io::Result<()> {
        loop {
            if !self.queues.0.submission().is_empty() {
                ignore_passing(self.queues.0.submit())?;
            }
            if !self.queue_more() {
                return Ok(());
            }
        }
    }

    /// Submits what is queued, and waits: for a completion, a signal, or until the time is over. Completions that wait are
    /// fetched for [`next_completion`](Self::next_completion).
    pub fn submit_and_wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        if !self.unqueued.is_empty() {
            self.submit()?;
            self.queue_more();
        }
        // It must not wait for others if there are completions, or if the kernel takes no more before some are fetched.
        let least = usize::from(self.unqueued.is_empty() && self.fetched.is_empty());
        let waited = match timeout {
            None => self.queues.0.submit_and_wait(least),
            Some(timeout) => {
                let timeout = Timespec::from(timeout);
                let arguments = SubmitArgs::new().timespec(&timeout);
                self.queues.0.submitter().submit_with_args(least, &arguments)
            }
        };
        ignore_passing(waited)?;
        self.fetch();
        // The kernel keeps those that found the queue full, until a call asks for them.
        while self.queues.0.submission().cq_overflow() {
            ignore_passing(self.queues.0.submit())?;
            self.fetch();
        }
        Ok(())
    }

    /// Takes note of the completions that have come, without a system call.
    fn fetch(&mut self) {
        self.fetched.extend(self.queues.0.completion());
    }

    /// Whether a completion with this token, of an operation that is neither a send nor an accept, has come and was not
    /// taken yet.
    pub fn has_completion(&mut self, token: u64) -> bool {
        self.fetch();
        let sought = OTHER | checked(token);
        self.fetched.iter().any(|entry| entry.user_data() == sought)
    }

    /// The next completion of those that the last wait fetched.
    pub fn next_completion(&mut self) -> Option<Completion> {
        loop {
            let entry = self.fetched.pop_front()?;
            let (kind, token) = (entry.user_data() & KIND, entry.user_data() & !KIND);
            if kind == UNWANTED || cqueue::notif(entry.flags()) {
                continue;
            }
            let returned = (kind == SEND).then(|| self.sending.remove(token as usize));
            let done = u32::try_from(entry.result());
            let received = cqueue::buffer_select(entry.flags())
                .map(|id| self.buffers.received(id, done.unwrap_or_default()));
            let outcome = match done {
                Err(_) => Err(io::Error::from_raw_os_error(-entry.result())),
                Ok(place) if kind == ACCEPT && self.accepts_direct => Ok(Outcome::AcceptedDirect(place)),
                Ok(descriptor) if kind == ACCEPT => {
                    // SAFETY: the kernel has just opened it for this completion, so nobody else owns it.
                    let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor.cast_signed()) };
                    Ok(Outcome::Accepted(descriptor))
                }
                Ok(number) => Ok(match received {
                    Some(received) if number > 0 => Outcome::Received(received),
                    // A buffer without bytes goes back to the kernel.
                    _ => Outcome::Done(number),
                }),
            };
            let (token, returned) = match returned {
                Some((token, bytes)) => (token, Some(bytes)),
                None => (token, None),
            };
            return Some(Completion {
                token,
                outcome,
                more: cqueue::more(entry.flags()),
                returned,
            });
        }
    }
}

const MSG_WAITALL: u32 = 0x100;

/// A token that can't be taken for one of the ring's own numbers.
fn checked(token: u64) -> u64 {
    assert!(token & KIND == 0, "a token has 62 bits");
    token
}

/// Fails if the kernel lacks one of the operations, or hides it.
fn require_operations(ring: &IoUring) -> io::Result<()> {
    let mut probe = Probe::new();
    ring.submitter().register_probe(&mut probe)?;
    let needed = [
        opcode::Accept::CODE,
        opcode::Recv::CODE,
        opcode::Send::CODE,
        opcode::PollAdd::CODE,
        opcode::AsyncCancel2::CODE,
        opcode::Close::CODE,
    ];
    if needed.into_iter().all(|code| probe.is_supported(code)) {
        Ok(())
    } else {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// An interrupted wait is no failure, nor is a time that is over, nor a queue of completions that has to be read first.
fn ignore_passing(result: io::Result<usize>) -> io::Result<()> {
    const ETIME: i32 = 62;
    match result {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::ResourceBusy => Ok(()),
            _ if error.raw_os_error() == Some(ETIME) => Ok(()),
            _ => Err(error),
        },
    }
}

impl Queues {
    /// Queues an entry, if there is room. It comes from [`Ring::push`], and from nowhere else.
    fn push(&mut self, entry: &Entry) -> bool {
        // SAFETY: the entry points to nothing, to bytes that live as long as the process, or to bytes in `sending`, which
        // are neither moved nor freed before their completion. Where it receives, it names the group of buffers.
        unsafe { self.0.submission().push(entry) }.is_ok()
    }
}

impl std::fmt::Debug for Queues {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Queues")
    }
}
