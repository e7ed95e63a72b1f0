//! Frames that differ only in a number.

/// The number of digits of the number in a unique request.
pub(super) const STAMP_DIGITS: usize = 12;

/// A frame that is the same each time, except for a number in it.
#[derive(Debug, Clone)]
pub(super) struct Template {
    pub(super) frame: Vec<u8>,
    pub(super) stamp_at: Option<usize>,
}

impl Template {
    /// The frame with this number in it.
    pub(super) fn stamped(&mut self, mut number: u64) -> &[u8] {
        if let Some(at) = self.stamp_at {
            for digit in self.frame[at..at + STAMP_DIGITS].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        &self.frame
    }
}
