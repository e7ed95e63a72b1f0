//! How much a connection may still read while its process drains.

use std::io;
use std::time::Duration;

/// How long after it was accepted a connection may take to send its first request, where the drain begins meanwhile. A
/// client that connects sends its request next. To close in between would reset the connection.
pub const FIRST_REQUEST: Duration = Duration::from_millis(100);

/// Bounds what a connection reads once its process drains: bytes that had arrived by then are read, later ones are not.
///
/// Before the drain it allows everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct DrainLimit {
    left_bytes: Option<u64>,
}

impl DrainLimit {
    /// Begins the drain of this connection. `unread` counts the bytes that wait in the socket (FIONREAD, tcp(7)); it is
    /// called once. If it fails, nothing more is read.
    pub fn begin(&mut self, unread: impl FnOnce() -> io::Result<u64>) {
        self.left_bytes.get_or_insert_with(|| unread().unwrap_or(0));
    }

    /// Whether the drain of this connection has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.left_bytes.is_some()
    }

    /// The part of this room that may be filled. If it is empty, the input has ended.
    #[must_use]
    pub fn allowed<'a>(&self, room: &'a mut [u8]) -> &'a mut [u8] {
        let most_bytes = self.left_bytes.map_or(room.len(), |left_bytes| {
            usize::try_from(left_bytes).map_or(room.len(), |left_bytes| left_bytes.min(room.len()))
        });
        &mut room[..most_bytes]
    }

    /// This many bytes have been read.
    pub fn filled(&mut self, bytes: usize) {
        if let Some(left_bytes) = &mut self.left_bytes {
            *left_bytes = left_bytes.saturating_sub(bytes as u64);
        }
    }

    /// Whether a connection that is about to close leaves bytes unread that came after the drain began. To close it at
    /// once would reset it, so it should linger.
    pub fn leaves_unread(&self, unread: impl FnOnce() -> io::Result<u64>) -> io::Result<bool> {
        Ok(self.has_begun() && unread()? > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bytes_that_had_arrived_are_read() {
        let (mut limit, mut room) = (DrainLimit::default(), [0; 8]);
        assert_eq!(limit.allowed(&mut room).len(), 8);
        limit.filled(5);
        limit.begin(|| Ok(10));
        assert_eq!(limit.allowed(&mut room).len(), 8);
        limit.filled(8);
        limit.begin(|| Ok(99));
        assert_eq!(limit.allowed(&mut room).len(), 2);
        limit.filled(2);
        assert!(limit.allowed(&mut room).is_empty());
    }

    #[test]
    fn a_socket_that_cannot_be_counted_is_not_read() {
        let mut limit = DrainLimit::default();
        limit.begin(|| Err(io::ErrorKind::NotConnected.into()));
        assert!(limit.allowed(&mut [0; 8]).is_empty());
    }

    #[test]
    fn bytes_that_came_later_are_left_unread() {
        let mut limit = DrainLimit::default();
        assert!(!limit.leaves_unread(|| Ok(1)).unwrap());
        limit.begin(|| Ok(0));
        assert!(limit.leaves_unread(|| Ok(1)).unwrap());
        assert!(!limit.leaves_unread(|| Ok(0)).unwrap());
    }
}
