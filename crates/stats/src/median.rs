//! What estimates and comparisons share: the median and the confidence.

/// The confidence of an interval, where nothing else is given.
pub const CONFIDENCE: f64 = 0.95;

/// The log ratio of something to nothing: larger than that of any two numbers.
pub(crate) const BEYOND_ALL_RATIOS: f64 = 10_000.0;

/// The median of these values, of which some may be infinite.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    median_of_sorted(&sorted)
}

/// The median of these values, which ascend: as many lie below as above.
pub(crate) fn median_of_sorted(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    match sorted {
        [] => None,
        _ if sorted.len() % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}
