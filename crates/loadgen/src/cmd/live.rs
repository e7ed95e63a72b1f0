//! A line on the terminal that says how the load is going.

use std::io::{self, IsTerminal, Write};

use loadgen::report::Interval;

use super::text::time;

/// A line that each second writes over.
#[derive(Debug)]
pub(crate) struct Line {
    from_s: f64,
}

impl Line {
    /// Only where somebody watches.
    pub(crate) fn on_a_terminal() -> Option<Self> {
        io::stderr().is_terminal().then(|| Self { from_s: 0.0 })
    }

    pub(crate) fn show(&mut self, interval: &Interval) {
        let line = self.line(interval);
        self.from_s = interval.t_s;
        // Back to the left, the line, and away with what is left of the one before. Nobody is told if it fails.
        let _ = write!(io::stderr(), "\r{line}\x1b[K");
    }

    fn line(&self, interval: &Interval) -> String {
        let length_s = interval.t_s - self.from_s;
        let rate = interval.ok as f64 / length_s;
        let p99 = interval.p99_us.map_or("–".to_owned(), time);
        format!(
            "{:.0} s: {rate:.0} requests/s, p99 {p99}, {} failed",
            interval.t_s, interval.failed
        )
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_the_last_second_was_like() {
        let interval = Interval {
            t_s: 3.5,
            ok: 1000,
            failed: 2,
            p50_us: Some(50.0),
            p99_us: Some(1234.0),
        };
        assert_eq!(
            Line { from_s: 3.0 }.line(&interval),
            "4 s: 2000 requests/s, p99 1.23 ms, 2 failed"
        );
    }
}
