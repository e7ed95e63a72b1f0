//! The connection between `compare` and a keeper: one line of JSON per message, over a socket.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// One end of the connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
    /// Bytes of messages that were not taken yet.
    inbox: Vec<u8>,
}

impl Connection {
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

    /// The next message; none if none came in that time. A closed connection is an error.
    pub(crate) fn receive<T: DeserializeOwned>(&mut self, within: Duration) -> io::Result<Option<T>> {
        let until = Instant::now() + within;
        loop {
            if let Some(message) = self.kept()? {
                return Ok(Some(message));
            }
            let left = until.saturating_duration_since(Instant::now());
            // A timeout of zero would mean none.
            let timeout = left.max(Duration::from_millis(1));
            self.stream.set_read_timeout(Some(timeout))?;
            self.fill()?;
            // A signal ends a read early, and a message may come in pieces.
            if left.is_zero() {
                return self.kept();
            }
        }
    }

    /// A message that has already arrived.
    pub(super) fn kept<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let Some(end) = self.inbox.iter().position(|&byte| byte == b'\n') else {
            return Ok(None);
        };
        let message = serde_json::from_slice(&self.inbox[..end])?;
        self.inbox.drain(..=end);
        Ok(Some(message))
    }

    /// Reads once. A closed connection is an error.
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

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_message_in_pieces_is_awaited() {
        let (one, mut other) = UnixStream::pair().unwrap();
        let writer = thread::spawn(move || {
            for piece in ["\"aw", "ake\"\n\"next", "\"\n"] {
                other.write_all(piece.as_bytes()).unwrap();
                thread::sleep(Duration::from_millis(20));
            }
            other
        });
        let mut connection = Connection::new(one);
        let mut next = |within| connection.receive::<String>(within);
        assert_eq!(next(Duration::from_secs(60)).unwrap().as_deref(), Some("awake"));
        assert_eq!(next(Duration::from_secs(60)).unwrap().as_deref(), Some("next"));
        assert_eq!(next(Duration::ZERO).unwrap(), None);
        drop(writer.join().unwrap());
        assert!(next(Duration::from_secs(60)).is_err());
    }
}
