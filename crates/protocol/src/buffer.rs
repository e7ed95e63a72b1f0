//! The bytes of one direction of one connection: received and not yet used, or written and not yet sent.
//!
//! A buffer keeps its memory while it is empty, so that a warm connection allocates nothing. One that grew for a large
//! frame gives that memory back. An event loop lends the same [`SharedBuffers`] to each connection in turn, so an idle
//! connection keeps no memory at all.

use std::mem;

/// What an empty buffer may keep. A larger one gives its memory back, so that a connection that once carried a megabyte
/// does not hold it for ever.
pub const RETAINED_BYTES: usize = 64 * 1024;

const FIRST_ROOM_BYTES: usize = 4 * 1024;

/// Buffers that one session after another borrows for its turn. They are empty in between.
#[derive(Debug, Default)]
pub struct SharedBuffers {
    pub(crate) input: ReadBuffer,
    pub(crate) output: WriteBuffer,
}

/// Bytes that have been received and not yet used.
///
/// ```text
///   0        start          end            storage.len()
///   |  used  |    bytes()   |    room()    |
/// ```
#[derive(Debug, Default)]
pub struct ReadBuffer {
    /// Initialised throughout, so that a reader can be given the room as a plain slice.
    storage: Vec<u8>,
    start: usize,
    end: usize,
    /// The last read filled all of its room, so more bytes may be waiting.
    crowded: bool,
}

impl ReadBuffer {
    /// What has been received and not yet consumed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.storage[self.start..self.end]
    }

    /// Room to receive into: never empty, and at most `most_bytes` are ever held.
    ///
    /// The room starts at 4 KiB and doubles while reads fill it. Beyond 64 KiB it grows only for bytes that have
    /// arrived: a length prefix alone costs its sender four bytes, and must not make the receiver allocate a megabyte.
    pub fn room(&mut self, most_bytes: usize) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.crowded && self.storage.len() < RETAINED_BYTES {
                self.grow(RETAINED_BYTES);
            }
        } else if self.end == self.storage.len() && self.start > 0 {
            self.storage.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.storage.len() {
            self.grow(most_bytes.max(self.end + 1));
        }
        &mut self.storage[self.end..]
    }

    /// The first `bytes` of the room have been filled.
    ///
    /// # Panics
    /// If that is more than the room.
    pub fn filled(&mut self, bytes: usize) {
        assert!(
            bytes <= self.storage.len() - self.end,
            "a reader can't fill more than its room"
        );
        self.end += bytes;
        self.crowded = self.end == self.storage.len();
    }

    /// The first `bytes` of [`bytes`](Self::bytes) have been used.
    ///
    /// # Panics
    /// If that is more than there are.
    pub fn consume(&mut self, bytes: usize) {
        assert!(
            bytes <= self.end - self.start,
            "what was not received can't be consumed"
        );
        self.start += bytes;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.storage.len() > RETAINED_BYTES {
                self.storage = Vec::new();
            }
        }
    }

    /// Uses the memory of a shared buffer from now on, unless this buffer holds bytes in memory of its own.
    pub(crate) fn borrow(&mut self, shared: &mut Self) {
        if self.storage.is_empty() {
            mem::swap(self, shared);
        }
    }

    /// Gives the memory back, and keeps no more than its bytes need. A byte is copied at most once for that: later ones
    /// are received behind it, in memory of its own.
    pub(crate) fn give_back(&mut self, shared: &mut Self) {
        let is_borrowed = shared.storage.is_empty();
        if self.bytes().is_empty() {
            let unused = mem::take(self);
            if is_borrowed {
                *shared = unused;
            }
        } else if is_borrowed && 2 * self.bytes().len() <= self.storage.len() {
            let kept = self.bytes().to_vec();
            *shared = mem::replace(self, Self::holding(kept));
            shared.consume(shared.bytes().len());
        }
        // Else most of the memory is in use. This buffer keeps it, and the next one to read allocates the shared
        // buffer.
    }

    fn holding(storage: Vec<u8>) -> Self {
        Self {
            start: 0,
            end: storage.len(),
            storage,
            crowded: false,
        }
    }

    fn grow(&mut self, most_bytes: usize) {
        let doubled = (self.storage.len() * 2).max(FIRST_ROOM_BYTES);
        self.storage
            .resize(doubled.min(most_bytes).max(self.storage.len()), 0);
    }
}

/// Bytes that have been written and not yet sent.
///
/// ```text
///   0        sent          storage.len()
///   |  sent  |   bytes()   |  tail()
/// ```
#[derive(Debug, Default)]
pub struct WriteBuffer {
    storage: Vec<u8>,
    sent: usize,
}

impl WriteBuffer {
    /// What is still to be sent.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.storage[self.sent..]
    }

    /// Where the next frame is appended.
    pub fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.storage
    }

    /// The first `bytes` of [`bytes`](Self::bytes) have been sent.
    ///
    /// # Panics
    /// If that is more than there are.
    pub fn sent(&mut self, bytes: usize) {
        assert!(
            bytes <= self.storage.len() - self.sent,
            "what was not written can't have been sent"
        );
        self.sent += bytes;
        if self.sent == self.storage.len() {
            self.sent = 0;
            self.storage.clear();
            if self.storage.capacity() > 2 * RETAINED_BYTES {
                self.storage = Vec::new();
            }
        } else if self.sent >= RETAINED_BYTES.max(self.storage.len() / 2) {
            // A peer that always leaves a little unread must not make the sent part grow for ever. Moving at most as
            // much as has been sent keeps the cost of a byte constant.
            self.storage.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Uses the memory of a shared buffer from now on, unless this buffer holds bytes in memory of its own.
    pub(crate) fn borrow(&mut self, shared: &mut Self) {
        if self.storage.capacity() == 0 {
            mem::swap(self, shared);
        }
    }

    /// Gives the memory back, and keeps no more than its bytes need.
    pub(crate) fn give_back(&mut self, shared: &mut Self) {
        let is_borrowed = shared.storage.capacity() == 0;
        if self.bytes().is_empty() {
            let unused = mem::take(self);
            if is_borrowed {
                *shared = unused;
            }
        } else if is_borrowed && 2 * self.bytes().len() <= self.storage.capacity() {
            let kept = Self {
                storage: self.bytes().to_vec(),
                sent: 0,
            };
            *shared = mem::replace(self, kept);
            shared.sent(shared.bytes().len());
        }
        // Else most of the memory is in use. This buffer keeps it, and the next one to reply allocates the shared
        // buffer.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_never_empty_and_never_more_than_allowed() {
        let mut buffer = ReadBuffer::default();
        let mut held = 0;
        while held < 10_000 {
            let room = buffer.room(10_000).len();
            assert!(room > 0 && held + room <= 10_000);
            buffer.filled(room);
            held += room;
        }
        assert_eq!(buffer.bytes().len(), 10_000);
    }

    #[test]
    fn memory_for_a_large_frame_is_given_back() {
        let mut buffer = ReadBuffer::default();
        while buffer.bytes().len() < 1 << 20 {
            let room = buffer.room(1 << 20).len();
            buffer.filled(room);
        }
        buffer.consume(1 << 20);
        assert_eq!(buffer.storage.capacity(), 0);
    }

    #[test]
    fn unused_bytes_move_to_the_front_at_the_end() {
        let mut buffer = ReadBuffer::default();
        buffer.room(FIRST_ROOM_BYTES)[FIRST_ROOM_BYTES - 3..].copy_from_slice(b"abc");
        buffer.filled(FIRST_ROOM_BYTES);
        buffer.consume(FIRST_ROOM_BYTES - 3);
        assert_eq!(buffer.room(FIRST_ROOM_BYTES).len(), FIRST_ROOM_BYTES - 3);
        assert_eq!(buffer.bytes(), b"abc");
    }

    #[test]
    fn a_shared_buffer_comes_back_empty_with_its_memory() {
        let (mut shared, mut own) = (ReadBuffer::default(), ReadBuffer::default());
        for kept in [b"".as_slice(), b"abc", b""] {
            own.borrow(&mut shared);
            let bytes_before = own.bytes().len();
            let room = own.room(RETAINED_BYTES);
            room[..kept.len()].copy_from_slice(kept);
            own.filled(kept.len());
            own.consume(bytes_before);
            own.give_back(&mut shared);
            assert_eq!(own.bytes(), kept);
            assert!(shared.bytes().is_empty());
            assert!(shared.storage.len() >= FIRST_ROOM_BYTES);
        }
        assert_eq!(own.storage.capacity(), 0);
    }

    #[test]
    fn a_large_partial_frame_is_kept_without_a_copy() {
        let (mut shared, mut own) = (ReadBuffer::default(), ReadBuffer::default());
        own.borrow(&mut shared);
        let room = own.room(RETAINED_BYTES).len();
        own.filled(room);
        let place = own.bytes().as_ptr();
        own.give_back(&mut shared);
        assert_eq!(own.bytes().as_ptr(), place);
        assert_eq!(shared.storage.capacity(), 0);
    }

    #[test]
    fn a_shared_buffer_frees_what_it_grew_for_a_frame() {
        let (mut shared, mut own) = (ReadBuffer::default(), ReadBuffer::default());
        own.borrow(&mut shared);
        while own.bytes().len() < 4 * RETAINED_BYTES {
            let room = own.room(8 * RETAINED_BYTES).len();
            own.filled(room);
        }
        own.consume(own.bytes().len() - 10);
        own.give_back(&mut shared);
        assert_eq!((own.bytes().len(), own.storage.capacity()), (10, 10));
        assert!(shared.storage.len() <= RETAINED_BYTES);
    }

    #[test]
    fn unsent_bytes_stay_when_the_buffer_is_given_back() {
        let (mut shared, mut own) = (WriteBuffer::default(), WriteBuffer::default());
        own.borrow(&mut shared);
        own.tail().extend_from_slice(&[1; 1000]);
        own.sent(990);
        own.give_back(&mut shared);
        assert_eq!(own.bytes(), [1; 10]);
        assert!(shared.bytes().is_empty() && shared.storage.capacity() >= 1000);
        own.borrow(&mut shared);
        assert_eq!(own.bytes(), [1; 10]);
        own.sent(10);
        own.give_back(&mut shared);
        assert_eq!(own.storage.capacity(), 0);
        assert!(shared.storage.capacity() >= 1000);
    }
}
