//! Intervals, comparisons, ties, queueing theory and searches: pure functions.

#![forbid(unsafe_code)]
