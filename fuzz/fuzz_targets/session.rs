//! Whatever bytes a peer sends, in whatever pieces, a session gives the same replies, and ends.
//!
//! The first byte of the input is the size of the pieces of the rest. `scripts/fuzz.sh` runs this.

#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use protocol::{Clock, FrameLimit, Session, SessionOptions, SharedBuffers, Step, Writes};

fuzz_target!(|input: &[u8]| {
    let Some((&cut, bytes)) = input.split_first() else {
        return;
    };
    let piece_bytes = usize::from(cut).max(1);
    let whole = replies(bytes, usize::MAX, Writes::Whole, None);
    assert_eq!(whole, replies(bytes, piece_bytes, Writes::Whole, None));
    assert_eq!(whole, replies(bytes, piece_bytes, Writes::PrefixThenBody, None));
    let shared = Some(SharedBuffers::default());
    assert_eq!(whole, replies(bytes, piece_bytes, Writes::Whole, shared));
});

/// All replies of a session to these bytes, in pieces of at most this size. Its jobs take no time. If there are shared
/// buffers, it borrows them for each step.
fn replies(
    mut bytes: &[u8],
    piece_bytes: usize,
    writes: Writes,
    mut shared: Option<SharedBuffers>,
) -> Vec<u8> {
    let limit = FrameLimit::new(4096).expect("a limit within the range");
    let mut session = Session::new(SessionOptions { limit, writes });
    let (mut replies, start) = (Vec::new(), Instant::now());
    loop {
        if let Some(shared) = &mut shared {
            session.return_buffers(shared);
            session.borrow_buffers(shared);
        }
        match session.step() {
            Step::Replied => {}
            Step::Read if bytes.is_empty() => session.end_of_input(),
            Step::Read => {
                let room = session.room();
                let now = bytes.len().min(piece_bytes).min(room.len());
                room[..now].copy_from_slice(&bytes[..now]);
                session.filled(now);
                bytes = &bytes[now..];
            }
            Step::Flush => send(&mut session, &mut replies),
            Step::Job(job) => session.done(job.run(&NoTime)),
            Step::Working => unreachable!("each job is done at once"),
            Step::Sleep(_) => session.wait_until(start),
            Step::Waiting(until) => assert!(session.wake(until)),
            Step::Close { .. } => break,
        }
    }
    send(&mut session, &mut replies);
    replies
}

/// A clock on which everything takes no time.
struct NoTime;

impl Clock for NoTime {
    fn spin(&self, _: Duration) {}
    fn block(&self, _: Duration) {}
}

fn send(session: &mut Session, replies: &mut Vec<u8>) {
    while !session.output().is_empty() {
        replies.extend_from_slice(session.output());
        session.sent(session.output().len());
    }
}
