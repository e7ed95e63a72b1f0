//! One connection at a time, and all else as everywhere.

conformance::suite!();
