//! A frame is a length, then that many bytes.
//!
//! ```text
//!   25 00 00 00  7b 22 70 61 72 …  7d
//!   └─ 37 ─────┘ └─ 37 bytes of JSON ┘
//! ```
//!
//! The length is unsigned, 32 bits, little-endian, as Python's `struct.pack("I", n)` writes it on common machines. This
//! file knows nothing of JSON.

use thiserror::Error;

/// The bytes of a frame's length.
pub const PREFIX_BYTES: usize = 4;

/// The longest body a peer may send: a number that has been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameLimit(u32);

impl FrameLimit {
    /// With a smaller limit the error replies of the service would not fit.
    pub const LEAST_BYTES: u32 = 256;
    /// With a larger limit one peer could make a server hold more memory than most machines can spare.
    pub const MOST_BYTES: u32 = 1 << 30;

    /// The largest limit, for a client that accepts replies of any length.
    pub const MOST: Self = Self(Self::MOST_BYTES);

    /// A limit of `bytes` for the body of a frame.
    pub fn new(bytes: u32) -> Result<Self, FrameLimitError> {
        if (Self::LEAST_BYTES..=Self::MOST_BYTES).contains(&bytes) {
            Ok(Self(bytes))
        } else {
            Err(FrameLimitError { bytes })
        }
    }

    /// The limit in bytes.
    #[must_use]
    pub fn bytes(self) -> usize {
        self.0 as usize
    }

    /// The longest string that `blob` may ask for: the limit without the 64 bytes for the rest of the reply.
    #[must_use]
    pub fn blob_bytes(self) -> usize {
        self.bytes() - 64
    }
}

impl Default for FrameLimit {
    /// 1 MiB.
    fn default() -> Self {
        Self(1 << 20)
    }
}

/// A frame limit that is too small to be useful, or too large to be safe.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "a frame limit of {bytes} bytes is out of range; use {least} to {most}",
    least = FrameLimit::LEAST_BYTES,
    most = FrameLimit::MOST_BYTES
)]
pub struct FrameLimitError {
    bytes: u32,
}

/// What the received bytes begin with.
#[derive(Debug, PartialEq, Eq)]
pub enum Head<'a> {
    /// Not a whole frame yet.
    Incomplete,
    /// A whole frame with this body; the next one starts [`PREFIX_BYTES`] and `body.len()` further on.
    Whole(&'a [u8]),
    /// The peer announces a body over the limit. No frame can be found behind it.
    TooLarge {
        /// The length it announced.
        announced_bytes: u32,
    },
}

/// Looks at the head of `bytes` for a frame within `limit`.
#[must_use]
pub fn head(bytes: &[u8], limit: FrameLimit) -> Head<'_> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX_BYTES>() else {
        return Head::Incomplete;
    };
    let announced_bytes = u32::from_le_bytes(*prefix);
    if announced_bytes > limit.0 {
        return Head::TooLarge { announced_bytes };
    }
    rest.get(..announced_bytes as usize)
        .map_or(Head::Incomplete, Head::Whole)
}

/// Appends a frame to `out` whose body is what `write_body` appends.
///
/// # Panics
/// If the body is longer than a prefix can express. A reply within a [`FrameLimit`] never is.
pub fn append(out: &mut Vec<u8>, write_body: impl FnOnce(&mut Vec<u8>)) {
    let prefix_at = out.len();
    out.extend_from_slice(&[0; PREFIX_BYTES]);
    write_body(out);
    let body_bytes = u32::try_from(out.len() - prefix_at - PREFIX_BYTES).expect("a body fits its prefix");
    out[prefix_at..prefix_at + PREFIX_BYTES].copy_from_slice(&body_bytes.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_the_original_client_are_a_frame() {
        let body = br#"{"params": "ireader 0", "in": "ping"}"#;
        let mut frame = Vec::new();
        append(&mut frame, |out| out.extend_from_slice(body));
        assert_eq!(frame[..4], [0x25, 0, 0, 0]);
        assert_eq!(head(&frame, FrameLimit::default()), Head::Whole(body));
    }

    #[test]
    fn a_length_over_the_limit_is_found_without_its_body() {
        let limit = FrameLimit::new(256).unwrap();
        assert_eq!(
            head(&257u32.to_le_bytes(), limit),
            Head::TooLarge { announced_bytes: 257 }
        );
        assert_eq!(head(&256u32.to_le_bytes(), limit), Head::Incomplete);
    }

    #[test]
    fn a_limit_out_of_range_is_refused_with_the_range() {
        let message = FrameLimit::new(12).unwrap_err().to_string();
        assert!(
            message.contains("12 bytes") && message.contains("256 to 1073741824"),
            "{message}"
        );
    }
}
