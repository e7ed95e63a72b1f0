//! The parameters of requests.

use crate::distribution::Distribution;

/// The parameters of requests.
#[derive(Debug, Clone, PartialEq)]
pub enum Params {
    /// The default of the operation: for `ping` a different string each time.
    Unique,
    /// This JSON text, each time.
    Json(String),
    /// For `ping`: a string of this length, different each time if there is room for a number.
    Payload(usize),
    /// For `spin`, `sleep` and `block`: a random time for each request.
    Times(Distribution),
}
