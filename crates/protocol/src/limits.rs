//! The limits of the numbers that operations take.

/// The most terms that `pi` sums: about 20 ms of one CPU.
pub const PI_MOST_TERMS: u64 = 10_000_000;
/// The longest that `spin` and the first part of `work` keep a CPU busy.
pub const SPIN_MOST_US: u64 = 10_000_000;
/// The longest that `sleep`, `block` and `work` wait.
pub const WAIT_MOST_MS: u64 = 60_000;

/// The number of a JSON text, if it is a whole one up to `most` and written in digits.
pub(crate) fn whole_number(text: &str, most: u64) -> Option<u64> {
    serde_json::from_str(text).ok().filter(|&n| n <= most)
}
