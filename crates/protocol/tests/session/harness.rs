//! A session that gets its bytes from a test, and whose jobs take no time.

use std::time::{Duration, Instant};

use protocol::frame::{self, Head, PREFIX_BYTES};
use protocol::{Clock, FrameLimit, Reply, Request, Session, SessionOptions, SharedBuffers, Step};

pub(crate) fn requests(messages: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (operation, params) in messages {
        Request::append(&mut bytes, operation, params);
    }
    bytes
}

/// Gives a session as much of `bytes` as it has room for.
pub(crate) fn receive(session: &mut Session, bytes: &mut &[u8], most_bytes: usize) {
    let room = session.room();
    let now = room.len().min(bytes.len()).min(most_bytes);
    room[..now].copy_from_slice(&bytes[..now]);
    session.filled(now);
    *bytes = &bytes[now..];
}

pub(crate) fn send_all(session: &mut Session, out: &mut Vec<u8>) {
    while !session.output().is_empty() {
        out.extend_from_slice(session.output());
        session.sent(session.output().len());
    }
}

/// Whose memory a session works in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Buffers {
    /// Its own, as on a thread of its own.
    Own,
    /// Lent for each step and given back after it, as in an event loop.
    Lent,
}

/// A session that gets a stream of bytes, in pieces of these sizes in turn. Jobs and waits take no time.
pub(crate) struct Player<'a> {
    session: Session,
    left: &'a [u8],
    piece_bytes: std::iter::Cycle<std::slice::Iter<'a, usize>>,
    out: Vec<u8>,
}

impl<'a> Player<'a> {
    pub(crate) fn new(options: SessionOptions, bytes: &'a [u8], piece_bytes: &'a [usize]) -> Self {
        Self {
            session: Session::new(options),
            left: bytes,
            piece_bytes: piece_bytes.iter().cycle(),
            out: Vec::new(),
        }
    }

    /// Makes one step in memory that is lent. Returns whether there is a next one.
    pub(crate) fn step_in(&mut self, shared: &mut SharedBuffers) -> bool {
        self.session.borrow_buffers(shared);
        let goes_on = self.step();
        self.session.return_buffers(shared);
        goes_on
    }

    /// Makes one step. Returns whether there is a next one.
    fn step(&mut self) -> bool {
        let session = &mut self.session;
        match session.step() {
            Step::Replied => {}
            Step::Read if self.left.is_empty() => session.end_of_input(),
            Step::Read => {
                let most_bytes = *self.piece_bytes.next().expect("the sizes go round");
                receive(session, &mut self.left, most_bytes);
            }
            Step::Flush => send_all(session, &mut self.out),
            Step::Job(job) => session.done(job.run(&NoTime)),
            Step::Working => unreachable!("each job is done at once"),
            Step::Sleep(_) => session.wait_until(Instant::now()),
            Step::Waiting(until) => assert!(session.wake(until)),
            Step::Close { .. } => {
                send_all(session, &mut self.out);
                return false;
            }
        }
        true
    }

    /// All that the session sent.
    pub(crate) fn into_output(self) -> Vec<u8> {
        assert_eq!(self.session.answered(), replies(&self.out).len() as u64);
        self.out
    }
}

/// Plays all of `bytes`, in pieces of these sizes in turn, and returns the output.
pub(crate) fn play(
    options: SessionOptions,
    bytes: &[u8],
    piece_bytes: &[usize],
    buffers: Buffers,
) -> Vec<u8> {
    let mut player = Player::new(options, bytes, piece_bytes);
    let mut shared = SharedBuffers::default();
    while match buffers {
        Buffers::Own => player.step(),
        Buffers::Lent => player.step_in(&mut shared),
    } {}
    player.into_output()
}

/// A clock on which everything takes no time.
pub(crate) struct NoTime;

impl Clock for NoTime {
    fn spin(&self, _: Duration) {}
    fn block(&self, _: Duration) {}
}

/// The replies in `bytes`, as kind and result.
pub(crate) fn replies(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut replies = Vec::new();
    while let Head::Whole(body) = frame::head(bytes, FrameLimit::MOST) {
        let reply = Reply::parse(body).expect("a session writes replies");
        replies.push((reply.kind.to_string(), reply.result.get().to_owned()));
        bytes = &bytes[PREFIX_BYTES + body.len()..];
    }
    assert!(
        bytes.is_empty(),
        "{} bytes are left behind the last whole reply",
        bytes.len()
    );
    replies
}
