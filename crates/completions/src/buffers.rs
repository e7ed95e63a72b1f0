//! Buffers that the kernel receives into. It chooses one when bytes have arrived, so connections that wait hold none.
//!
//! Process and kernel share a queue of free buffers. The process adds at its tail, and the kernel takes from its head.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::io;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::IoUring;
use io_uring::types::BufRingEntry;

/// The only group of buffers of a ring.
pub(crate) const GROUP: u16 = 0;

/// The kernel wants the queue at the start of a page.
const PAGE_BYTES: usize = 4096;

/// Received bytes in a buffer of the ring. It must go back to the ring, or the ring has one buffer less.
#[derive(Debug)]
#[must_use]
pub struct Received {
    memory: NonNull<u8>,
    id: u16,
    bytes: u32,
}

impl Received {
    /// How many bytes there are.
    #[must_use]
    pub fn length(&self) -> usize {
        self.bytes as usize
    }
}

/// The buffers of a ring. Their memory is never freed, because the kernel may use it until the process ends.
#[derive(Debug)]
pub(crate) struct Buffers {
    queue: NonNull<BufRingEntry>,
    tail: u16,
    count: u16,
    memory: NonNull<u8>,
    buffer_bytes: u32,
}

impl Buffers {
    /// Makes this many buffers, a power of two, and gives them all to the kernel.
    pub(crate) fn register(ring: &IoUring, count: u16, buffer_bytes: u32) -> io::Result<Self> {
        let invalid = |_| io::Error::from(io::ErrorKind::InvalidInput);
        let queue_bytes = usize::from(count) * size_of::<BufRingEntry>();
        let queue = allocate(Layout::from_size_align(queue_bytes, PAGE_BYTES).map_err(invalid)?)?;
        let memory_bytes = usize::from(count) * buffer_bytes as usize;
        let memory = allocate(Layout::from_size_align(memory_bytes, PAGE_BYTES).map_err(invalid)?)?;
        // SAFETY: the queue has room for `count` entries, starts at a page, and is never freed.
        unsafe {
            ring.submitter()
                .register_buf_ring_with_flags(queue.as_ptr() as u64, count, GROUP, 0)?;
        }
        let mut buffers = Self {
            queue: queue.cast(),
            tail: 0,
            count,
            memory,
            buffer_bytes,
        };
        for id in 0..count {
            buffers.provide(id);
        }
        Ok(buffers)
    }

    /// What the kernel put into the buffer of this number.
    pub(crate) fn received(&self, id: u16, bytes: u32) -> Received {
        assert!(id < self.count && bytes <= self.buffer_bytes);
        Received {
            memory: self.memory,
            id,
            bytes,
        }
    }

    pub(crate) fn buffer_bytes(&self) -> u32 {
        self.buffer_bytes
    }

    pub(crate) fn bytes(&self, received: &Received) -> &[u8] {
        assert_eq!(received.memory, self.memory, "it belongs to another ring");
        // SAFETY: the buffer lies within the memory, because its number and size were checked. The kernel has filled these
        // bytes. It does not write to the buffer until the buffer is given back, which takes `received` away.
        unsafe { slice::from_raw_parts(self.place(received.id).as_ptr(), received.bytes as usize) }
    }

    /// Gives a buffer back to the kernel.
    #[expect(clippy::needless_pass_by_value, reason = "nobody may read it any more")]
    pub(crate) fn give_back(&mut self, received: Received) {
        assert_eq!(received.memory, self.memory, "it belongs to another ring");
        self.provide(received.id);
    }

    fn provide(&mut self, id: u16) {
        let index = usize::from(self.tail & (self.count - 1));
        let address = self.place(id).as_ptr() as u64;
        // SAFETY: the index is below `count`. At most `count` buffers are free at a time, so the kernel does not look at
        // this entry before the tail is moved, which is in a field of the first entry that the setters leave alone.
        unsafe {
            let entry = self.queue.add(index).as_ptr();
            (*entry).set_addr(address);
            (*entry).set_len(self.buffer_bytes);
            (*entry).set_bid(id);
        }
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: the queue starts with its first entry, and the tail is aligned. The kernel only reads it, so an atomic
        // store with release order shows it whole entries.
        let tail = unsafe { AtomicU16::from_ptr(BufRingEntry::tail(self.queue.as_ptr()).cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }

    fn place(&self, id: u16) -> NonNull<u8> {
        // SAFETY: every number is below `count`, so this stays within the memory.
        unsafe { self.memory.add(usize::from(id) * self.buffer_bytes as usize) }
    }
}

/// Memory of zeros that is never freed.
fn allocate(layout: Layout) -> io::Result<NonNull<u8>> {
    if layout.size() == 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the size is not zero.
    let memory = unsafe { alloc_zeroed(layout) };
    Ok(NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout)))
}
