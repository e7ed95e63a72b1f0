//! Messages between `compare` and a keeper: JSON, a line each, over a socket.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// One end of the connection.
#[derive(Debug)]
pub(crate) struct Line {
    stream: UnixStream,
    /// What came of a message that is not whole yet, or of further ones.
    inbox: Vec<u8>,
}

impl Line {
    pub(crate) fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            inbox: Vec::new(),
        }
    }

    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    pub(crate) fn send(&mut self, message: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.stream.write_all(&line)
    }

    /// The next message; none if none came in that time. The end of the connection is an error.
    pub(crate) fn receive<T: DeserializeOwned>(&mut self, within: Duration) -> io::Result<Option<T>> {
        if let Some(message) = self.kept()? {
            return Ok(Some(message));
        }
        // A timeout of zero would be none at all.
        self.stream
            .set_read_timeout(Some(within.max(Duration::from_millis(1))))?;
        self.fill()?;
        self.kept()
    }

    /// A message that is here already.
    pub(super) fn kept<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let Some(end) = self.inbox.iter().position(|&byte| byte == b'\n') else {
            return Ok(None);
        };
        let message = serde_json::from_slice(&self.inbox[..end])?;
        self.inbox.drain(..=end);
        Ok(Some(message))
    }

    /// Reads once. The end of the connection is an error.
    pub(super) fn fill(&mut self) -> io::Result<()> {
        let mut block = [0; 8192];
        match self.stream.read(&mut block) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.inbox.extend_from_slice(&block[..count]);
                Ok(())
            }
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}
