//! The least possible servers and client, which the project's own programs are compared with.
//!
//! The servers find the end of each frame and answer every frame with the same constant reply. The client sends one
//! constant request per connection, and the next one when the reply arrives. They parse no JSON, check no reply, and count
//! requests only. An error ends the process. What remains is the kernel's share, which no program can avoid. The cost of a
//! model above its baseline is the cost of its program.
//!
//! `cargo bench -p baseline` measures each program and its baseline in turn, on separate CPUs, and prints the ratios.

#![forbid(unsafe_code)]

pub mod page;

use std::error::Error;
use std::io;
use std::os::fd::AsFd;

use rustix::net::sockopt::set_socket_send_buffer_size;

/// The size of a connection's buffer.
pub const BUFFER_BYTES: usize = 64 * 1024;

/// Replies that a server on completions sends together.
pub const MAX_REPLIES: usize = 64;

const REQUEST: &[u8] = br#"{"in":"ping","params":"ireader 0"}"#;
const REPLY: &[u8] = br#"{"out":"pong","result":"ireader 0"}"#;

/// The client's constant request.
#[must_use]
pub fn request() -> Vec<u8> {
    frame(REQUEST)
}

/// The servers' constant reply.
#[must_use]
pub fn reply() -> Vec<u8> {
    frame(REPLY)
}

/// The flags of a server, from its command line.
#[derive(Debug)]
pub struct Flags {
    given: Vec<String>,
    reply_bytes: Option<usize>,
}

impl Flags {
    /// Reads `--reply-bytes N` and flags without a value.
    pub fn parse() -> Result<Self, Box<dyn Error>> {
        let mut flags = Self {
            given: std::env::args().skip(1).collect(),
            reply_bytes: None,
        };
        flags.reply_bytes = flags.number("--reply-bytes")?;
        if flags
            .reply_bytes
            .is_some_and(|bytes| !(64..=BUFFER_BYTES).contains(&bytes))
        {
            return Err(format!("--reply-bytes takes 64 to {BUFFER_BYTES}").into());
        }
        Ok(flags)
    }

    /// The number behind this flag, if it was given.
    pub fn number(&self, flag: &str) -> Result<Option<usize>, Box<dyn Error>> {
        let at = self.given.iter().position(|given| given == flag);
        let value = at.and_then(|at| self.given.get(at + 1));
        let number = value.map(|value| value.parse()).transpose();
        Ok(number.map_err(|_| format!("{flag} takes a number"))?)
    }

    /// Whether this flag was given.
    #[must_use]
    pub fn has(&self, flag: &str) -> bool {
        self.given.iter().any(|given| given == flag)
    }

    /// Makes room for large replies in the sockets that this listener accepts, so that no write is partial.
    pub fn prepare(&self, listener: impl AsFd) -> io::Result<()> {
        match self.reply_bytes {
            Some(bytes) => Ok(set_socket_send_buffer_size(listener, 4 * bytes)?),
            None => Ok(()),
        }
    }

    /// The constant reply, of the size that was asked for, prefix included.
    #[must_use]
    pub fn reply(&self) -> Vec<u8> {
        self.reply_bytes
            .map_or_else(reply, |bytes| frame(&vec![b'x'; bytes - 4]))
    }
}

/// Counts the whole frames at the start of `bytes`, and returns the count and the offset of the end of the last one.
///
/// # Panics
/// If a frame is longer than a buffer can be.
#[must_use]
pub fn whole_frames(bytes: &[u8]) -> (usize, usize) {
    let (mut frames, mut end) = (0, 0);
    while let Some((prefix, rest)) = bytes[end..].split_first_chunk::<4>() {
        let body_bytes = u32::from_le_bytes(*prefix) as usize;
        assert!(
            body_bytes <= BUFFER_BYTES - 4,
            "a frame of {body_bytes} bytes does not fit into the buffer"
        );
        if rest.len() < body_bytes {
            break;
        }
        frames += 1;
        end += 4 + body_bytes;
    }
    (frames, end)
}

fn frame(body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as u32).to_le_bytes().to_vec();
    frame.extend_from_slice(body);
    frame
}

/// Bytes that were received and not used yet, in a buffer of fixed size.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    have: usize,
}

impl Default for Buffer {
    fn default() -> Self {
        Self {
            bytes: vec![0; BUFFER_BYTES],
            have: 0,
        }
    }
}

impl Buffer {
    /// Returns the free part, to receive into.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.have..]
    }

    /// Adds the received bytes, removes the whole frames, and returns the number of frames.
    pub fn take_frames(&mut self, received_bytes: usize) -> usize {
        self.have += received_bytes;
        let (frames, end) = whole_frames(&self.bytes[..self.have]);
        if end > 0 {
            self.bytes.copy_within(end..self.have, 0);
            self.have -= end;
        }
        frames
    }
}

/// The beginning of a frame whose rest has not arrived.
#[derive(Debug, Default)]
pub struct PartialFrame {
    bytes: Vec<u8>,
}

impl PartialFrame {
    /// Counts the frames that end in these bytes, and keeps the beginning of the next one.
    pub fn count_frames(&mut self, received: &[u8]) -> usize {
        if self.bytes.is_empty() {
            let (frames, end) = whole_frames(received);
            self.bytes.extend_from_slice(&received[end..]);
            return frames;
        }
        self.bytes.extend_from_slice(received);
        let (frames, end) = whole_frames(&self.bytes);
        self.bytes.drain(..end);
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_counted_when_its_last_byte_arrives() {
        let mut buffer = Buffer::default();
        let bytes = [request(), request(), request()[..9].to_vec()].concat();
        buffer.room()[..bytes.len()].copy_from_slice(&bytes);
        assert_eq!(buffer.take_frames(bytes.len()), 2);
        let rest = &request()[9..];
        buffer.room()[..rest.len()].copy_from_slice(rest);
        assert_eq!(buffer.take_frames(rest.len()), 1);
    }
    #[test]
    fn a_frame_in_pieces_is_counted_once() {
        let mut partial = PartialFrame::default();
        let bytes = [request(), request()].concat();
        let counts: Vec<_> = bytes.chunks(9).map(|piece| partial.count_frames(piece)).collect();
        assert_eq!(counts.iter().sum::<usize>(), 2);
        assert!(partial.bytes.is_empty());
    }
}
