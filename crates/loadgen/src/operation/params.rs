//! What a request is asked with.

use crate::distribution::Distribution;

/// What a request is asked with.
#[derive(Debug, Clone, PartialEq)]
pub enum Params {
    /// The operation's default: for `ping` a different string each time.
    Unique,
    /// This JSON text, each time.
    Json(String),
    /// A string of this many characters, for `ping`; different each time if there is room for a number.
    Payload(usize),
    /// A time drawn anew for each request, for `spin`, `sleep` and `block`.
    Times(Distribution),
}
