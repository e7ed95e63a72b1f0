//! The client of the original tutorial: it sends a request, waits for the reply, pauses, and repeats.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use protocol::buffer::ReadBuffer;
use protocol::frame::{self, Head, PREFIX_BYTES};
use protocol::{FrameLimit, Reply, Request};
use rustix::net::RecvFlags;
use thiserror::Error;

use crate::connecting::reach;
use crate::target::Target;

/// Why a call failed.
#[derive(Debug, Error)]
pub enum CallError {
    /// No server answers there.
    #[error("can't connect to {target}: {cause}; check that the server is running there")]
    Unreachable {
        /// The server.
        target: String,
        /// The cause.
        cause: io::Error,
    },
    /// The connection failed.
    #[error("the connection to the server failed")]
    Connection(#[from] io::Error),
    /// The reply did not come in time.
    #[error("no reply within {0:?}")]
    Timeout(Duration),
    /// The server closed without a reply.
    #[error("the server closed the connection in the middle of a reply")]
    Closed,
    /// The server sent something else than a reply.
    #[error("the server sent something that is not a reply: {0}")]
    NotAReply(String),
}

/// A connection that waits for each reply.
#[derive(Debug)]
pub struct Caller {
    stream: TcpStream,
    timeout: Duration,
    input: ReadBuffer,
}

/// The kind of a reply, and its result as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The kind of the result.
    pub kind: String,
    /// The result as it was received.
    pub result: String,
}

impl Caller {
    /// Connects. A call that takes longer than `timeout`, from its request to the end of its reply, is an error.
    ///
    /// Each address of the server is tried in turn, each for as long as `timeout`.
    /// A server that does not accept connections yet is tried again for as long as `patience`.
    pub fn connect(target: &Target, timeout: Duration, patience: Duration) -> Result<Self, CallError> {
        let cancel = AtomicBool::new(false);
        let (stream, _) =
            reach(target, timeout, patience, &cancel).map_err(|cause| CallError::Unreachable {
                target: target.to_string(),
                cause,
            })?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            timeout,
            input: ReadBuffer::default(),
        })
    }

    /// Sends a request and waits for its reply. `params` must be one JSON value.
    pub fn call(&mut self, operation: &str, params: &str) -> Result<Answer, CallError> {
        let mut request = Vec::new();
        Request::append(&mut request, operation, params);
        let began = Instant::now();
        self.send(&request, began)?;
        loop {
            match frame::head(self.input.bytes(), FrameLimit::MOST) {
                Head::Whole(body) => {
                    let reply = Reply::parse(body).map_err(CallError::NotAReply)?;
                    let answer = Answer {
                        kind: reply.kind.into_owned(),
                        result: reply.result.get().to_owned(),
                    };
                    let used = PREFIX_BYTES + body.len();
                    self.input.consume(used);
                    return Ok(answer);
                }
                Head::TooLarge { announced_bytes } => {
                    return Err(CallError::NotAReply(format!(
                        "it announces {announced_bytes} bytes"
                    )));
                }
                Head::Incomplete => self.receive(began)?,
            }
        }
    }

    fn send(&mut self, mut bytes: &[u8], began: Instant) -> Result<(), CallError> {
        while !bytes.is_empty() {
            self.stream.set_write_timeout(Some(self.left(began)?))?;
            let sent = self.stream.write(bytes);
            bytes = &bytes[self.unless_interrupted(sent)?.unwrap_or(0)..];
        }
        Ok(())
    }

    /// Reads once. After the timeout it still reads what is there: a client that was stopped could not read it earlier.
    fn receive(&mut self, began: Instant) -> Result<(), CallError> {
        let room = self.input.room(PREFIX_BYTES + FrameLimit::MOST_BYTES as usize);
        let left = self.timeout.saturating_sub(began.elapsed());
        let received = if left.is_zero() {
            let received = rustix::net::recv(&self.stream, room, RecvFlags::DONTWAIT);
            received.map(|(_, bytes)| bytes).map_err(io::Error::from)
        } else {
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(room) {
                // The time is over. The caller reads once more, for what came in the last moment.
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                other => other,
            }
        };
        match self.unless_interrupted(received)? {
            Some(0) => Err(CallError::Closed),
            received => {
                self.input.filled(received.unwrap_or(0));
                Ok(())
            }
        }
    }

    /// The time left for a call. A server that sends single bytes does not extend it.
    fn left(&self, began: Instant) -> Result<Duration, CallError> {
        let left = self.timeout.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Err(CallError::Timeout(self.timeout));
        }
        Ok(left)
    }

    /// The number of bytes of a read or a write; none if it has to be repeated.
    fn unless_interrupted(&self, done: io::Result<usize>) -> Result<Option<usize>, CallError> {
        match done {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(None),
            // The kernel reports this when a blocking call takes too long.
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(CallError::Timeout(self.timeout)),
            Err(error) => Err(error.into()),
        }
    }
}
