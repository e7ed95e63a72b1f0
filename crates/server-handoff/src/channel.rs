//! The socket pair between the parent and one worker: descriptors go one way, counts come back.
//!
//! A message to the worker is one descriptor (`SCM_RIGHTS`, unix(7)). A message to the parent is one number: how many of the
//! worker's connections have ended so far, and whether it has a descriptor for another one. The last message is true, so
//! none has to arrive, and a worker sends one only after connections have ended.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType, recv, recvmsg, send, sendmsg,
    shutdown, socketpair,
};

/// What a worker reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// How many of the connections that it has received have ended.
    pub(crate) ended: u64,
    /// It has no descriptor for another one.
    pub(crate) is_full: bool,
}

/// The parent's end.
#[derive(Debug)]
pub(crate) struct Sender {
    socket: OwnedFd,
    /// A duplicate of the worker's end. What the worker has not received when it dies, or drains, is read from here.
    receiver: Receiver,
}

/// The worker's end.
#[derive(Debug)]
pub(crate) struct Receiver(OwnedFd);

/// What a worker's end holds.
#[derive(Debug)]
pub(crate) enum Received {
    Connection(TcpStream),
    /// Nothing now.
    Nothing,
    /// Something, but this process has no descriptor for it. To receive it would close it.
    NoDescriptor,
    /// A connection that the kernel closed, because it could not give this process a descriptor for it after all.
    Lost,
    /// Nothing, and nothing will come.
    End,
}

/// Makes both ends. The parent keeps a duplicate of the worker's.
pub(crate) fn channel() -> io::Result<(Sender, Receiver)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    // With message boundaries, so that a message is sent whole or not at all.
    let (socket, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    let receiver = Receiver(theirs.try_clone()?);
    Ok((Sender { socket, receiver }, Receiver(theirs)))
}

impl Sender {
    /// Sends a connection, and closes this process's copy: as long as that is open, the peer does not see the worker close
    /// it. If the channel is full, the connection is returned.
    pub(crate) fn send(&self, connection: TcpStream) -> Result<(), TcpStream> {
        let descriptors = [connection.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        let byte = [IoSlice::new(&[0])];
        // Whatever the reason, another worker or another attempt may do: no room (EAGAIN, ENOBUFS), or too many descriptors
        // of this user in flight (ETOOMANYREFS).
        match sendmsg(&self.socket, &byte, &mut control, SendFlags::NOSIGNAL) {
            Ok(_) => Ok(()),
            Err(_) => Err(connection),
        }
    }

    /// The next connection that the worker has not received.
    pub(crate) fn take_back(&self) -> Received {
        self.receiver.receive()
    }

    /// Whether there is a connection that the worker has not received.
    pub(crate) fn has_rest(&self) -> bool {
        matches!(self.receiver.peek(), Received::NoDescriptor)
    }

    /// Lets the worker see the end behind what it has not received.
    pub(crate) fn end(&self) {
        // It fails only if the worker has gone.
        let _ = shutdown(&self.socket, Shutdown::Write);
    }

    /// The last report since the last call.
    pub(crate) fn report(&self) -> Option<Report> {
        let mut last = None;
        let mut bytes = [0; 8];
        while let Ok((8, _)) = recv(&self.socket, &mut bytes, RecvFlags::DONTWAIT) {
            last = Some(Report::decoded(bytes));
        }
        last
    }
}

impl AsFd for Sender {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Receiver {
    /// The next connection. Never blocks.
    pub(crate) fn receive(&self) -> Received {
        if self.require_descriptor().is_err() {
            return self.peek();
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let flags = RecvFlags::CMSG_CLOEXEC;
        loop {
            match recvmsg(&self.0, &mut [IoSliceMut::new(&mut byte)], &mut control, flags) {
                Ok(message) if message.bytes == 0 => return Received::End,
                Ok(_) => break,
                Err(Errno::INTR) => {}
                Err(_) => return Received::Nothing,
            }
        }
        let descriptor = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        descriptor.map_or(Received::Lost, |descriptor| {
            Received::Connection(descriptor.into())
        })
    }

    /// Fails if this process could not receive a descriptor. The kernel closes one that it has no number for.
    pub(crate) fn require_descriptor(&self) -> io::Result<()> {
        fcntl_dupfd_cloexec(&self.0, 0)?;
        Ok(())
    }

    /// What there is, without receiving it.
    fn peek(&self) -> Received {
        match recv(&self.0, &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((0, _)) => Received::End,
            Ok(_) => Received::NoDescriptor,
            Err(_) => Received::Nothing,
        }
    }

    /// Sends a report, unless the channel is full. Returns whether it was sent.
    pub(crate) fn report(&self, report: Report) -> bool {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        send(&self.0, &report.encoded(), flags).is_ok()
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Report {
    fn encoded(self) -> [u8; 8] {
        (self.ended << 1 | u64::from(self.is_full)).to_ne_bytes()
    }

    fn decoded(bytes: [u8; 8]) -> Self {
        let number = u64::from_ne_bytes(bytes);
        Self {
            ended: number >> 1,
            is_full: number & 1 == 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Both ends of a connection.
    fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    fn received(received: Received) -> TcpStream {
        match received {
            Received::Connection(connection) => connection,
            other => panic!("a connection was sent: {other:?}"),
        }
    }

    #[test]
    fn a_connection_is_received_once() {
        let (sender, receiver) = channel().unwrap();
        let (mut client, server) = connection();
        sender.send(server).unwrap();
        let mut server = received(receiver.receive());
        assert!(matches!(receiver.receive(), Received::Nothing));
        assert!(matches!(sender.take_back(), Received::Nothing));
        server.write_all(b"x").unwrap();
        drop(server);
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert_eq!(text, "x", "the sender's copy is closed too");
    }

    #[test]
    fn what_a_worker_has_not_received_can_be_taken_back() {
        let (sender, receiver) = channel().unwrap();
        let (client, server) = connection();
        sender.send(server).unwrap();
        drop(receiver);
        sender.end();
        assert!(sender.has_rest());
        let taken = received(sender.take_back());
        assert!(!sender.has_rest());
        assert!(matches!(sender.take_back(), Received::End));
        assert_eq!(taken.peer_addr().unwrap(), client.local_addr().unwrap());
    }

    #[test]
    fn a_message_without_its_descriptor_is_a_lost_connection() {
        let (sender, receiver) = channel().unwrap();
        send(&sender.socket, &[0], SendFlags::empty()).unwrap();
        assert!(matches!(receiver.receive(), Received::Lost));
        assert!(matches!(receiver.receive(), Received::Nothing));
    }

    #[test]
    fn a_full_channel_returns_the_connection() {
        let (sender, receiver) = channel().unwrap();
        let (_client, server) = connection();
        let mut sent = 0;
        while sender.send(server.try_clone().unwrap()).is_ok() {
            sent += 1;
        }
        received(receiver.receive());
        sender.send(server).unwrap();
        for _ in 0..sent {
            received(receiver.receive());
        }
        sender.end();
        assert!(matches!(receiver.receive(), Received::End));
    }

    #[test]
    fn the_last_report_is_what_counts() {
        let (sender, receiver) = channel().unwrap();
        assert_eq!(sender.report(), None);
        for ended in 1..=3 {
            let is_full = ended == 3;
            assert!(receiver.report(Report { ended, is_full }));
        }
        let (ended, is_full) = (3, true);
        assert_eq!(sender.report(), Some(Report { ended, is_full }));
        assert_eq!(sender.report(), None);
    }
}
