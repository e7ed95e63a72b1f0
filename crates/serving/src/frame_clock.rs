//! The time limit for a whole frame, from its first byte.

use std::io;
use std::time::{Duration, Instant};

use protocol::Session;

/// What a connection may still read of the frame that it is receiving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// Anything: no frame has begun, or there is no limit.
    Anything,
    /// Anything until this time.
    Until(Instant),
    /// This many bytes: the time is over, and they had arrived by then without having been read. If the frame is still
    /// incomplete after them, its connection is over.
    Bytes(usize),
}

impl Allowed {
    /// The part of the room that may be filled.
    #[must_use]
    pub fn part_of(self, room: &mut [u8]) -> &mut [u8] {
        match self {
            Self::Anything | Self::Until(_) => room,
            Self::Bytes(most) => {
                let most = most.min(room.len());
                &mut room[..most]
            }
        }
    }
}

/// Measures how long a connection has been receiving a frame.
#[derive(Debug)]
pub struct FrameClock {
    timeout: Option<Duration>,
    /// The frame that is being received: how many came before it, and its state.
    frame: Option<(u64, Frame)>,
}

#[derive(Debug, Clone, Copy)]
enum Frame {
    Due(Instant),
    Late { left_bytes: u64 },
}

impl FrameClock {
    /// A clock that starts when a frame begins. Without a timeout it never starts.
    #[must_use]
    pub fn new(timeout: Option<Duration>) -> Self {
        Self { timeout, frame: None }
    }

    /// What may be read now by a session that needs to read. `unread` counts the bytes that wait in the socket; it is
    /// called once for a frame that is late.
    pub fn allowed(
        &mut self,
        session: &Session,
        now: impl FnOnce() -> Instant,
        unread: impl FnOnce() -> io::Result<u64>,
    ) -> io::Result<Allowed> {
        let Some(timeout) = self.timeout else {
            return Ok(Allowed::Anything);
        };
        if !session.has_part_of_a_frame() {
            self.frame = None;
            return Ok(Allowed::Anything);
        }
        let (number, now) = (session.answered(), now());
        let frame = match self.frame {
            Some((of, Frame::Due(due))) if of == number && due <= now => Frame::Late {
                left_bytes: unread()?,
            },
            Some((of, frame)) if of == number => frame,
            _ => Frame::Due(now + timeout),
        };
        self.frame = Some((number, frame));
        Ok(match frame {
            Frame::Due(due) => Allowed::Until(due),
            Frame::Late { left_bytes } => Allowed::Bytes(usize::try_from(left_bytes).unwrap_or(usize::MAX)),
        })
    }

    /// This many bytes have been read.
    pub fn filled(&mut self, bytes: usize) {
        if let Some((_, Frame::Late { left_bytes })) = &mut self.frame {
            *left_bytes = left_bytes.saturating_sub(bytes as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::SessionOptions;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(1);

    struct Stepped {
        clock: FrameClock,
        session: Session,
        start: Instant,
    }

    impl Stepped {
        fn new() -> Self {
            Self {
                clock: FrameClock::new(Some(TIMEOUT)),
                session: Session::new(SessionOptions::default()),
                start: Instant::now(),
            }
        }

        fn receives(&mut self, bytes: &[u8]) {
            self.session.room()[..bytes.len()].copy_from_slice(bytes);
            self.session.filled(bytes.len());
            self.clock.filled(bytes.len());
            while self.session.step() == protocol::Step::Replied {}
        }

        fn allowed(&mut self, after_ms: u64, unread: u64) -> Allowed {
            let now = self.start + Duration::from_millis(after_ms);
            self.clock.allowed(&self.session, || now, || Ok(unread)).unwrap()
        }

        fn until(&self, ms: u64) -> Allowed {
            Allowed::Until(self.start + Duration::from_millis(ms))
        }
    }

    fn ping() -> Vec<u8> {
        let mut frame = Vec::new();
        protocol::frame::append(&mut frame, |out| {
            out.extend_from_slice(br#"{"in":"ping","params":1}"#);
        });
        frame
    }

    #[test]
    fn the_time_counts_from_the_first_byte_of_each_frame() {
        let (mut stepped, ping) = (Stepped::new(), ping());
        assert_eq!(stepped.allowed(0, 0), Allowed::Anything);
        stepped.receives(&ping[..1]);
        assert_eq!(stepped.allowed(100, 0), stepped.until(1_100));
        stepped.receives(&ping[1..9]);
        assert_eq!(stepped.allowed(900, 0), stepped.until(1_100));
        // The rest of this frame, and the beginning of the next.
        stepped.receives(&[&ping[9..], &ping[..5]].concat());
        assert_eq!(stepped.allowed(1_000, 0), stepped.until(2_000));
        stepped.receives(&ping[5..]);
        assert_eq!(stepped.allowed(9_000, 0), Allowed::Anything);
    }

    #[test]
    fn bytes_that_arrived_in_time_are_still_read() {
        let (mut stepped, ping) = (Stepped::new(), ping());
        stepped.receives(&ping[..4]);
        assert_eq!(stepped.allowed(0, 0), stepped.until(1_000));
        assert_eq!(stepped.allowed(1_000, 7), Allowed::Bytes(7));
        stepped.receives(&ping[4..9]);
        assert_eq!(stepped.allowed(1_001, 99), Allowed::Bytes(2));
        stepped.receives(&ping[9..11]);
        assert_eq!(stepped.allowed(1_002, 99), Allowed::Bytes(0));
        stepped.receives(&ping[11..]);
        assert_eq!(stepped.allowed(1_003, 99), Allowed::Anything);
    }
}
