//! One connection's conversation, from the server's side: requests in, replies out, in order.
//!
//! This file may know frames, messages and operations. It may not know how bytes travel, what time it is, or whether its
//! caller can do anything else meanwhile.

use std::time::{Duration, Instant};

use crate::buffer::{RETAINED_BYTES, ReadBuffer, SharedBuffers, WriteBuffer};
use crate::frame::{self, FrameLimit, Head, PREFIX_BYTES};
use crate::job::{Job, LateReply, Outcome, append_text};
use crate::message::{ErrorCode, Reply, Request};
use crate::operation::{Operation, Refusal};

/// With this much unsent, a session answers no more until it is flushed. So a peer that does not read its replies costs one
/// buffer, and at most one reply beyond it.
pub const UNSENT_MOST_BYTES: usize = RETAINED_BYTES;

/// What a session needs to know of its service.
#[derive(Debug, Clone, Copy, Default)]
pub struct SessionOptions {
    /// The longest body that a peer may send.
    pub limit: FrameLimit,
    /// How a reply is cut for writing.
    pub writes: Writes,
}

/// How a reply leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Writes {
    /// All that is ready in one write.
    #[default]
    Whole,
    /// The prefix in a write of its own, then the body, as the original does it.
    PrefixThenBody,
}

/// What a session needs next. Except for [`Step::Job`], it asks for the same again until it gets that.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// It has answered a request; ask again.
    Replied,
    /// It has used all that was received. Flush, then read more: [`Session::room`], or [`Session::end_of_input`].
    Read,
    /// It has too much unsent to answer more. Flush.
    Flush,
    /// Flush, run this job on any thread, and pass its outcome to [`Session::done`].
    Job(Job),
    /// A job is in progress, which was given with [`Step::Job`]. Flush, and wait for its outcome.
    Working,
    /// Flush, then set a timer with [`Session::wait_until`].
    Sleep(Duration),
    /// It waits for the time that was set. Flush, and call [`Session::wake`] then.
    Waiting(Instant),
    /// The conversation is over. Flush, then close.
    Close {
        /// The peer may still be sending bytes that are never read. To close at once would reset the connection, and the
        /// last reply could be lost. So stop writing, and read to the end first.
        unread: bool,
    },
}

/// One connection's conversation.
#[derive(Debug)]
pub struct Session {
    options: SessionOptions,
    input: ReadBuffer,
    output: WriteBuffer,
    state: State,
    input_ended: bool,
    answered: u64,
    /// Where in a frame the output stands; looked at with [`Writes::PrefixThenBody`] only.
    cut: Cut,
}

#[derive(Debug)]
enum State {
    /// Takes the next request.
    Serving,
    /// Has handed out a job, whose reply is due with its outcome. Requests behind it wait.
    Working,
    /// Has a reply that is due at a time that the caller sets. Requests behind it wait.
    Sleeping {
        ms: u64,
        until: Option<Instant>,
        reply: LateReply,
    },
    /// Takes no further requests.
    Ended { unread: bool },
}

/// Where in a frame the next write starts, and so where it has to end if prefix and body are written separately.
#[derive(Debug, Clone, Copy)]
enum Cut {
    FrameStart,
    InPrefix { left_bytes: usize, body_bytes: usize },
    InBody { left_bytes: usize },
}

impl Session {
    /// A conversation without a request so far. It holds no memory until its first byte.
    #[must_use]
    pub fn new(options: SessionOptions) -> Self {
        Self {
            options,
            input: ReadBuffer::default(),
            output: WriteBuffer::default(),
            state: State::Serving,
            input_ended: false,
            answered: 0,
            cut: Cut::FrameStart,
        }
    }

    /// Works in these buffers from now on. Bytes that the session has kept stay where they are.
    ///
    /// For an event loop, whose connections have their turns one after another. A session that never borrows has buffers
    /// of its own.
    pub fn borrow_buffers(&mut self, shared: &mut SharedBuffers) {
        self.input.borrow(&mut shared.input);
        self.output.borrow(&mut shared.output);
    }

    /// Gives the buffers back, at the end of a turn. The session keeps the bytes that are not used or not sent yet, in
    /// memory of its own. If there are none, it keeps no memory.
    pub fn return_buffers(&mut self, shared: &mut SharedBuffers) {
        self.input.give_back(&mut shared.input);
        self.output.give_back(&mut shared.output);
    }

    /// Where received bytes go. It is never empty. Report with [`filled`](Self::filled) how many came.
    pub fn room(&mut self) -> &mut [u8] {
        self.input
            .room((PREFIX_BYTES + self.options.limit.bytes()).max(RETAINED_BYTES))
    }

    /// The first `bytes` of the room were received.
    pub fn filled(&mut self, bytes: usize) {
        self.input.filled(bytes);
    }

    /// The peer sends nothing more. Whole requests are still answered, and an incomplete one is dropped.
    pub fn end_of_input(&mut self) {
        self.input_ended = true;
    }

    /// Answers the next request, or returns what that takes.
    pub fn step(&mut self) -> Step {
        match self.state {
            State::Serving => self.next_request(),
            State::Working => Step::Working,
            State::Sleeping {
                until: Some(until), ..
            } => Step::Waiting(until),
            State::Sleeping { ms, until: None, .. } => Step::Sleep(Duration::from_millis(ms)),
            State::Ended { unread } => Step::Close { unread },
        }
    }

    /// The wait that the last step asked for ends at this time.
    pub fn wait_until(&mut self, deadline: Instant) {
        if let State::Sleeping { until, .. } = &mut self.state {
            *until = Some(deadline);
        }
    }

    /// It is `now`: a wait that ends by then is over, and its reply is written. Returns whether one was.
    pub fn wake(&mut self, now: Instant) -> bool {
        match &self.state {
            State::Sleeping {
                until: Some(until),
                reply,
                ..
            } if *until <= now => {
                reply.append(self.output.tail());
                self.resume();
                true
            }
            _ => false,
        }
    }

    /// The job of [`Step::Job`] has run, with this outcome: its reply is written, or due after a wait.
    pub fn done(&mut self, outcome: Outcome) {
        if let State::Working = self.state {
            self.conclude(outcome);
        }
    }

    fn conclude(&mut self, Outcome { reply, sleep_ms }: Outcome) {
        if let Some(ms) = sleep_ms {
            let until = None;
            self.state = State::Sleeping { ms, until, reply };
        } else {
            reply.append(self.output.tail());
            self.resume();
        }
    }

    /// Counts the reply to a request that took time, and goes on behind it.
    fn resume(&mut self) {
        self.answered += 1;
        self.state = State::Serving;
    }

    /// What is to be written now, which may be nothing. Report with [`sent`](Self::sent) how much was written.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        let bytes = self.output.bytes();
        match self.options.writes {
            Writes::Whole => bytes,
            Writes::PrefixThenBody => &bytes[..self.cut.piece_bytes().min(bytes.len())],
        }
    }

    /// The first `bytes` of the output were written.
    pub fn sent(&mut self, bytes: usize) {
        if self.options.writes == Writes::PrefixThenBody {
            self.cut = self.cut.after(bytes, self.output.bytes());
        }
        self.output.sent(bytes);
    }

    /// Whether a part of a frame has been received, and not the whole, where the last step was [`Step::Read`].
    #[must_use]
    pub fn has_part_of_a_frame(&self) -> bool {
        !self.input.bytes().is_empty()
    }

    /// How many requests have a reply, an error or not, whether or not it was written yet.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answered
    }

    fn next_request(&mut self) -> Step {
        if self.output.bytes().len() >= UNSENT_MOST_BYTES {
            return Step::Flush;
        }
        match frame::head(self.input.bytes(), self.options.limit) {
            Head::Incomplete if self.input_ended => {
                self.state = State::Ended { unread: false };
                Step::Close { unread: false }
            }
            Head::Incomplete => Step::Read,
            Head::TooLarge { announced_bytes } => {
                let limit = self.options.limit.bytes();
                let message = format!("a frame of {announced_bytes} bytes is over the limit of {limit}");
                Reply::append_error(self.output.tail(), ErrorCode::FrameTooLarge, &message);
                self.answered += 1;
                self.state = State::Ended { unread: true };
                Step::Close { unread: true }
            }
            Head::Whole(body) => {
                let body_bytes = body.len();
                let answer = answer(body, self.options.limit, self.output.tail());
                self.input.consume(PREFIX_BYTES + body_bytes);
                match answer {
                    Answer::Written => {
                        self.answered += 1;
                        Step::Replied
                    }
                    Answer::Job(job) => {
                        self.state = State::Working;
                        Step::Job(job)
                    }
                    Answer::Sleep(outcome) => {
                        self.conclude(outcome);
                        self.step()
                    }
                }
            }
        }
    }
}

impl Cut {
    fn piece_bytes(self) -> usize {
        match self {
            Self::FrameStart => PREFIX_BYTES,
            Self::InPrefix { left_bytes, .. } | Self::InBody { left_bytes } => left_bytes,
        }
    }

    /// Where the output stands once `sent_bytes` of `unsent`, which end no later than the piece, have been written.
    fn after(self, sent_bytes: usize, unsent: &[u8]) -> Self {
        match self {
            Self::FrameStart => match unsent.first_chunk() {
                Some(prefix) if sent_bytes > 0 => {
                    let body_bytes = u32::from_le_bytes(*prefix) as usize;
                    Self::InPrefix {
                        left_bytes: PREFIX_BYTES,
                        body_bytes,
                    }
                    .after(sent_bytes, unsent)
                }
                _ => self,
            },
            Self::InPrefix {
                left_bytes,
                body_bytes,
            } if sent_bytes < left_bytes => Self::InPrefix {
                left_bytes: left_bytes - sent_bytes,
                body_bytes,
            },
            Self::InPrefix { body_bytes, .. } => Self::InBody {
                left_bytes: body_bytes,
            },
            Self::InBody { left_bytes } if sent_bytes < left_bytes => Self::InBody {
                left_bytes: left_bytes - sent_bytes,
            },
            Self::InBody { .. } => Self::FrameStart,
        }
    }
}

/// How a request is answered.
enum Answer {
    /// The reply is written.
    Written,
    /// The reply is, or follows, the outcome of this job.
    Job(Job),
    /// The reply is due after a wait.
    Sleep(Outcome),
}

/// Answers the request in `body` at once, or returns what its reply takes.
fn answer(body: &[u8], limit: FrameLimit, out: &mut Vec<u8>) -> Answer {
    let operation = Request::parse(body)
        .map_err(|message| Refusal {
            code: ErrorCode::BadRequest,
            message,
        })
        .and_then(|request| Operation::read(&request, limit));
    match operation {
        Ok(Operation::Ping(params)) => {
            Reply::append(out, "pong", |out| out.extend_from_slice(params.get().as_bytes()))
        }
        Ok(Operation::Blob(bytes)) => append_text(out, "blob", bytes),
        Ok(Operation::Job(job)) => return Answer::Job(job),
        Ok(Operation::Sleep(ms)) => return Answer::Sleep(Outcome::sleep(ms)),
        Ok(Operation::Work(work)) if work.holds_a_thread() => return Answer::Job(Job::work(work)),
        Ok(Operation::Work(work)) if work.sleep_ms > 0 => return Answer::Sleep(Outcome::rest_of(work)),
        Ok(Operation::Work(work)) => append_text(out, "worked", work.reply_bytes),
        Err(refusal) => Reply::append_error(out, refusal.code, &refusal.message),
    }
    Answer::Written
}
