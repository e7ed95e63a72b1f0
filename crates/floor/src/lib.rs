//! The least that a server and a client can do on the wire, for ours to be held against.
//!
//! The two servers find where frames end and answer each with the same constant reply; the client sends one constant
//! request on each connection as soon as the last is answered. No JSON is read, no reply is checked, nothing is measured
//! beyond a count, and a mistake ends the process. What is left is the kernel's share, which nobody can save: what a model
//! costs above its floor is what its program costs.
//!
//! `cargo bench -p floor` measures each of ours and its floor in turn, on processors of their own, and prints the ratios.

#![forbid(unsafe_code)]

/// The bytes that a connection can hold.
pub const BUFFER_BYTES: usize = 64 * 1024;

const REQUEST: &[u8] = br#"{"in":"ping","params":"ireader 0"}"#;
const REPLY: &[u8] = br#"{"out":"pong","result":"ireader 0"}"#;

/// The one request of the client.
#[must_use]
pub fn request() -> Vec<u8> {
    frame(REQUEST)
}

/// The one reply of the servers.
#[must_use]
pub fn reply() -> Vec<u8> {
    frame(REPLY)
}

/// How many whole frames stand at the head of `bytes`, and where they end.
///
/// # Panics
/// If a frame could never fit a buffer.
#[must_use]
pub fn whole_frames(bytes: &[u8]) -> (usize, usize) {
    let (mut frames, mut end) = (0, 0);
    while let Some((prefix, rest)) = bytes[end..].split_first_chunk::<4>() {
        let body_bytes = u32::from_le_bytes(*prefix) as usize;
        assert!(
            body_bytes <= BUFFER_BYTES - 4,
            "a frame of {body_bytes} bytes does not fit the floor's buffer"
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

/// Bytes received and not yet used, in a buffer of fixed size.
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
    /// The room that is left.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.have..]
    }

    /// Takes note of received bytes, and takes off the whole frames. Says how many they were.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_where_they_end() {
        let mut buffer = Buffer::default();
        let bytes = [request(), request(), request()[..9].to_vec()].concat();
        buffer.room()[..bytes.len()].copy_from_slice(&bytes);
        assert_eq!(buffer.take_frames(bytes.len()), 2);
        let rest = &request()[9..];
        buffer.room()[..rest.len()].copy_from_slice(rest);
        assert_eq!(buffer.take_frames(rest.len()), 1);
    }
}
