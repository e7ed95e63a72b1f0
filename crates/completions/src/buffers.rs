//! Buffers that the kernel receives into. It chooses one when bytes have arrived, so connections that wait hold none.
//!
//! Process and kernel share a queue of free buffers. The process adds at its tail, and the kernel takes from its head.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::io;
use std::ptr::NonNull;
use std::rc::Rc;
use std::slice;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::IoUring;
use io_uring::types::BufRingEntry;

/// The only group of buffers of a ring.
pub(crate) const GROUP: u16 = 0;

/// The kernel wants the queue at the start of a page.
const PAGE_BYTES: usize = 4096;

/// Received bytes in a buffer of the ring. When this is dropped, the kernel can receive into the buffer again.
#[derive(Debug)]
pub struct Received {
    home: Rc<Memory>,
    id: u16,
    bytes: u32,
}

impl Received {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the buffer lies within the memory, because its number and size were checked. The kernel has filled these
        // bytes. It does not write to the buffer before that is provided again, which happens when `self` is dropped.
        unsafe { slice::from_raw_parts(self.home.place(self.id).as_ptr(), self.bytes as usize) }
    }

    /// How many bytes there are.
    #[must_use]
    pub fn length(&self) -> usize {
        self.bytes as usize
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        self.home.provide(self.id);
    }
}

/// The buffers of a ring.
#[derive(Debug)]
pub(crate) struct Buffers(Rc<Memory>);

/// The memory is never freed, because the kernel may use it until the process ends.
#[derive(Debug)]
struct Memory {
    queue: NonNull<BufRingEntry>,
    tail: Cell<u16>,
    count: u16,
    buffers: NonNull<u8>,
    buffer_bytes: u32,
}

impl Buffers {
    /// Makes this many buffers, a power of two, and gives them all to the kernel.
    pub(crate) fn register(ring: &IoUring, count: u16, buffer_bytes: u32) -> io::Result<Self> {
        let invalid = |_| io::Error::from(io::ErrorKind::InvalidInput);
        if count == 0 || buffer_bytes == 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let queue_bytes = usize::from(count) * size_of::<BufRingEntry>();
        let queue_layout = Layout::from_size_align(queue_bytes, PAGE_BYTES).map_err(invalid)?;
        let all_bytes = usize::from(count) * buffer_bytes as usize;
        let buffers_layout = Layout::from_size_align(all_bytes, PAGE_BYTES).map_err(invalid)?;
        let queue = allocate(queue_layout);
        // SAFETY: the queue has room for `count` entries and starts at a page. It is freed only if the kernel refuses it.
        let registered = unsafe {
            ring.submitter()
                .register_buf_ring_with_flags(queue.as_ptr() as u64, count, GROUP, 0)
        };
        if let Err(error) = registered {
            // SAFETY: it was allocated with this layout, and the kernel has refused to use it.
            unsafe { dealloc(queue.as_ptr(), queue_layout) };
            return Err(error);
        }
        let memory = Memory {
            queue: queue.cast(),
            tail: Cell::new(0),
            count,
            buffers: allocate(buffers_layout),
            buffer_bytes,
        };
        for id in 0..count {
            memory.provide(id);
        }
        Ok(Self(Rc::new(memory)))
    }

    /// What the kernel put into the buffer of this number.
    pub(crate) fn received(&self, id: u16, bytes: u32) -> Received {
        assert!(id < self.0.count && bytes <= self.0.buffer_bytes);
        Received {
            home: Rc::clone(&self.0),
            id,
            bytes,
        }
    }

    pub(crate) fn buffer_bytes(&self) -> u32 {
        self.0.buffer_bytes
    }
}

impl Memory {
    /// Gives a buffer to the kernel.
    fn provide(&self, id: u16) {
        let index = usize::from(self.tail.get() & (self.count - 1));
        let address = self.place(id).as_ptr() as u64;
        // SAFETY: the index is below `count`. At most `count` buffers are free at a time, so the kernel does not look at
        // this entry before the tail is moved, which is in a field of the first entry that the setters leave alone.
        unsafe {
            let entry = self.queue.add(index).as_ptr();
            (*entry).set_addr(address);
            (*entry).set_len(self.buffer_bytes);
            (*entry).set_bid(id);
        }
        self.tail.set(self.tail.get().wrapping_add(1));
        // SAFETY: the queue starts with its first entry, and the tail is aligned. The kernel only reads it, so an atomic
        // store with release order shows it whole entries.
        let tail = unsafe { AtomicU16::from_ptr(BufRingEntry::tail(self.queue.as_ptr()).cast_mut()) };
        tail.store(self.tail.get(), Ordering::Release);
    }

    fn place(&self, id: u16) -> NonNull<u8> {
        // SAFETY: every number is below `count`, so this stays within the memory.
        unsafe { self.buffers.add(usize::from(id) * self.buffer_bytes as usize) }
    }
}

/// Memory of zeros.
fn allocate(layout: Layout) -> NonNull<u8> {
    assert!(layout.size() > 0);
    // SAFETY: the size is not zero.
    let memory = unsafe { alloc_zeroed(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}
