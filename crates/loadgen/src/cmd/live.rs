//! A line on the terminal that shows the progress of the load.

use std::env;
use std::io::{self, IsTerminal, Write};

use loadgen::terminal;
use schema::load::Interval;

use super::format::time;

/// A line that each interval overwrites. It is never wider than the terminal: a wrapped line can't be overwritten.
#[derive(Debug)]
pub(crate) struct Line {
    from_s: f64,
    /// Whether only text and carriage returns may be written.
    plain: bool,
    /// The width of the present line, in columns.
    shown: usize,
}

/// The width of a terminal that does not report it.
const USUAL_COLUMNS: usize = 80;

impl Line {
    /// None if stderr is no terminal. A dumb terminal gets no escape sequences, and neither does one with `NO_COLOR`.
    pub(crate) fn on_a_terminal() -> Option<Self> {
        let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        io::stderr().is_terminal().then(|| Self {
            from_s: 0.0,
            plain: terminal::is_dumb() || no_color,
            shown: 0,
        })
    }

    pub(crate) fn show(&mut self, interval: &Interval) {
        // A terminal may wrap after the last column.
        let room = columns().saturating_sub(1);
        let line = self.line(interval, room);
        self.from_s = interval.t_s;
        let wide = line.chars().count();
        self.write_over(&line, wide, room);
        self.shown = wide;
    }

    /// Overwrites the present line. Nothing depends on it, so it may fail.
    fn write_over(&self, line: &str, wide: usize, room: usize) {
        let rest = if self.plain {
            " ".repeat(self.shown.min(room).saturating_sub(wide))
        } else {
            "\x1b[K".to_owned()
        };
        let _ = write!(io::stderr(), "\r{line}{rest}");
    }

    /// The longest text that fits.
    fn line(&self, interval: &Interval, room: usize) -> String {
        let length_s = interval.t_s - self.from_s;
        let rate = interval.ok as f64 / length_s;
        let p99 = interval.p99_us.map_or("–".to_owned(), time);
        let (t_s, failed) = (interval.t_s, interval.failed);
        let lines = [
            format!("{t_s:.0} s: {rate:.0} requests/s, p99 {p99}, {failed} failed"),
            format!("{t_s:.0} s: {rate:.0}/s, p99 {p99}, {failed} failed"),
            format!("{t_s:.0} s: {rate:.0}/s, {failed} failed"),
            format!("{rate:.0}/s"),
        ];
        let fitting = lines.into_iter().find(|line| line.chars().count() <= room);
        fitting.unwrap_or_default()
    }
}

/// The width of the terminal, which may have changed.
fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok();
    let columns = size.map(|size| usize::from(size.ws_col));
    columns.filter(|&columns| columns > 0).unwrap_or(USUAL_COLUMNS)
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.shown > 0 {
            self.write_over("", 0, columns().saturating_sub(1));
            if self.plain {
                let _ = write!(io::stderr(), "\r");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_the_terminal() {
        let interval = Interval {
            t_s: 3.5,
            ok: 1000,
            failed: 2,
            p50_us: Some(50.0),
            p99_us: Some(1234.0),
        };
        let line = Line {
            from_s: 3.0,
            plain: false,
            shown: 0,
        };
        for (room, shown) in [
            (79, "4 s: 2000 requests/s, p99 1.23 ms, 2 failed"),
            (43, "4 s: 2000 requests/s, p99 1.23 ms, 2 failed"),
            (42, "4 s: 2000/s, p99 1.23 ms, 2 failed"),
            (29, "4 s: 2000/s, 2 failed"),
            (20, "2000/s"),
            (5, ""),
            (0, ""),
        ] {
            assert_eq!(line.line(&interval, room), shown);
        }
    }
}
