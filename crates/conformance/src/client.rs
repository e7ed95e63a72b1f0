//! A blocking client with its own framing, which can misbehave in every way that a case needs.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use serde_json::value::RawValue;
use socket2::SockRef;

use crate::wait::{MOMENT, TIMEOUT};

/// A connection to a server. A read or write that takes longer than the timeout is a failure.
pub(crate) struct Client {
    stream: TcpStream,
}

/// A reply: its kind, and its result as the exact text that was sent.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) out: String,
    pub(crate) result: String,
}

/// A frame with this body.
pub(crate) fn frame(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut frame = prefix(body.len());
    frame.extend_from_slice(body);
    frame
}

/// The length that stands before a body: 32 bits, little-endian.
pub(crate) fn prefix(length: usize) -> Vec<u8> {
    u32::try_from(length)
        .expect("a length has 32 bits")
        .to_le_bytes()
        .to_vec()
}

/// The longest frame that a server takes without `--max-frame`.
pub(crate) const MAX_FRAME: usize = 1 << 20;

/// The request for a `ping` whose body has this length.
pub(crate) fn ping_of_body_length(length: usize) -> Vec<u8> {
    let empty = r#"{"in": "ping", "params": ""}"#;
    frame(empty.replace(r#""""#, &format!("\"{}\"", "x".repeat(length - empty.len()))))
}

/// The frame of a request; `params` is JSON text.
pub(crate) fn request(operation: &str, params: &str) -> Vec<u8> {
    frame(format!(r#"{{"in": "{operation}", "params": {params}}}"#))
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self { stream })
    }

    /// Another handle of the same connection, for another thread.
    pub(crate) fn another_handle(&self) -> Self {
        Self {
            stream: self.stream.try_clone().expect("a socket can be duplicated"),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.stream
            .local_addr()
            .expect("a connected socket has an address")
            .port()
    }

    /// Sends bytes in one write, or in as few as the kernel takes them in.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("the server takes what is sent");
    }

    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Reads a frame's body; `None` if the connection has ended before one.
    pub(crate) fn try_receive(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut prefix = [0; 4];
        if self.read(&mut prefix[..1])? == 0 {
            return Ok(None);
        }
        self.stream.read_exact(&mut prefix[1..])?;
        let mut body = vec![0; u32::from_le_bytes(prefix) as usize];
        self.stream.read_exact(&mut body)?;
        Ok(Some(body))
    }

    /// A read with a timeout is also interrupted when the machine or this process was stopped for a while.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    #[track_caller]
    pub(crate) fn receive(&mut self) -> Reply {
        let body = self
            .try_receive()
            .expect("a reply can be read")
            .expect("a reply comes before the end");
        Reply::parse(&body)
    }

    /// Sends a request and reads its reply.
    #[track_caller]
    pub(crate) fn call(&mut self, operation: &str, params: &str) -> Reply {
        self.send(request(operation, params));
        self.receive()
    }

    /// Asserts that the connection is served.
    #[track_caller]
    pub(crate) fn expect_pong(&mut self) {
        self.call("ping", r#""are you there""#)
            .is("pong", r#""are you there""#);
    }

    /// Asserts that the server closes the connection cleanly, without another reply.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        let received = self.try_receive().expect("the connection ends cleanly");
        assert!(
            received.is_none(),
            "a frame came, where the connection should end: {received:?}"
        );
    }

    /// Asserts that the connection ends without another reply, cleanly or by a reset.
    #[track_caller]
    pub(crate) fn expect_disconnect(&mut self) {
        match self.try_receive() {
            Ok(None) => {}
            Ok(Some(body)) => panic!("a frame came, where the connection should end: {body:?}"),
            Err(error) => assert!(is_disconnection(&error), "the connection does not end: {error}"),
        }
    }

    /// Whether a part of a reply has come; does not wait for it.
    pub(crate) fn has_data(&self) -> bool {
        let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
        matches!(recv(self.stream.as_raw_fd(), &mut [0], flags), Ok(1))
    }

    /// Whether a reply has come, or the end, or an error.
    pub(crate) fn is_readable(&self) -> bool {
        let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
        !matches!(recv(self.stream.as_raw_fd(), &mut [0], flags), Err(Errno::EAGAIN))
    }

    /// Asserts that neither a reply nor the end comes for a moment.
    #[track_caller]
    pub(crate) fn expect_silence(&mut self) {
        let received = self.within(MOMENT, |client| client.stream.peek(&mut [0]));
        match received {
            Err(error) if is_timeout(&error) || error.kind() == io::ErrorKind::Interrupted => {}
            received => panic!("nothing should have come: {received:?}"),
        }
    }

    /// Whether a reply comes within a moment.
    pub(crate) fn is_answered_soon(&mut self) -> bool {
        self.within(MOMENT, |client| matches!(client.try_receive(), Ok(Some(_))))
    }

    fn within<T>(&mut self, time: Duration, act: impl FnOnce(&mut Self) -> T) -> T {
        self.stream
            .set_read_timeout(Some(time))
            .expect("a timeout can be set");
        let result = act(self);
        self.stream
            .set_read_timeout(Some(TIMEOUT))
            .expect("a timeout can be set");
        result
    }

    /// What one `recv` of this size returns; empty at the end of the stream.
    pub(crate) fn try_receive_once(&mut self, size: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; size];
        let received = self.read(&mut bytes)?;
        bytes.truncate(received);
        Ok(bytes)
    }

    /// Ends the sending direction; the client can still read.
    pub(crate) fn finish_sending(&self) {
        self.stream
            .shutdown(Shutdown::Write)
            .expect("a socket can be shut down");
    }

    /// Ends the connection for every handle of it.
    pub(crate) fn hang_up(&self) {
        // The server may have ended it already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Resets the connection: what is in flight in either direction is lost.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .expect("a socket can linger");
    }
}

impl Reply {
    #[track_caller]
    pub(crate) fn parse(body: &[u8]) -> Self {
        let text = || String::from_utf8_lossy(body);
        let fields: BTreeMap<String, &RawValue> =
            serde_json::from_slice(body).unwrap_or_else(|error| panic!("not a reply: {error}: {}", text()));
        assert!(
            fields.keys().eq(["out", "result"]),
            "not the fields of a reply: {}",
            text()
        );
        let out = serde_json::from_str(fields["out"].get()).expect("the kind of a reply is a string");
        Self {
            out,
            result: fields["result"].get().to_owned(),
        }
    }

    /// Asserts that this is the reply of that kind with that JSON text as its result.
    #[track_caller]
    pub(crate) fn is(&self, out: &str, result: &str) {
        assert_eq!((self.out.as_str(), self.result.as_str()), (out, result));
    }

    /// Asserts that this is an error reply with that code, and returns its message.
    #[track_caller]
    pub(crate) fn is_error(&self, code: &str) -> String {
        assert_eq!(self.out, "error", "an error was expected: {}", self.result);
        let fields: BTreeMap<String, String> =
            serde_json::from_str(&self.result).expect("an error has a code and a message, both strings");
        assert!(
            fields.keys().eq(["code", "message"]),
            "not the fields of an error: {}",
            self.result
        );
        assert_eq!(fields["code"], code, "{}", self.result);
        assert!(!fields["message"].is_empty(), "an error has a message");
        fields["message"].clone()
    }
}

/// Whether an error means that the peer has ended the connection.
pub(crate) fn is_disconnection(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected
    )
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
