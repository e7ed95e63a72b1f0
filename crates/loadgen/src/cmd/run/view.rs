//! What happens while the load runs: a line on the terminal, and the interval log.

use std::io::{self, LineWriter};
use std::time::SystemTime;

use loadgen::Observer;
use loadgen::hdr::{self, V2DeflateSerializer};
use loadgen::slices::Times;
use schema::load::Interval;

use crate::cmd::live;
use crate::cmd::output::{Lazy, Output};

/// Whole lines, each in one write, so that a log can be read at any time. After a run that was killed the last line may be
/// incomplete: the kernel can cut the write that a kill interrupts.
pub(super) type Lines<'a> = LineWriter<Lazy<'a>>;

pub(super) fn lines_to<'a>(to: &'a Output<'a>) -> Lines<'a> {
    /// Longer than any line.
    const LINE_BYTES: usize = 1 << 20;
    LineWriter::with_capacity(LINE_BYTES, Lazy::new(to))
}

/// What is shown and logged while the load runs.
pub(super) struct View<'a, 'to> {
    pub(super) live: Option<live::Line>,
    /// What writes the log, until the window opens and the log begins.
    pub(super) to_begin: Option<(&'a mut Lines<'to>, &'a mut V2DeflateSerializer)>,
    pub(super) log: Option<hdr::Log<'a, Lines<'to>>>,
    /// Why the log could not be written; it is reported when the load is over.
    pub(super) fault: Option<io::Error>,
}

impl Observer for View<'_, '_> {
    /// The log contains when the window opened. Nobody knows that before: opening thousands of connections takes a while.
    fn window_opens(&mut self) {
        if let Some((lines, serializer)) = self.to_begin.take() {
            match hdr::Log::begin(lines, serializer, SystemTime::now()) {
                Ok(log) => self.log = Some(log),
                Err(error) => self.fault = Some(error),
            }
        }
    }

    fn interval(&mut self, interval: &Interval, times: &Times) {
        if let Some(line) = &mut self.live {
            line.show(interval);
        }
        if let (Some(log), None) = (&mut self.log, &self.fault) {
            self.fault = log.append(interval, times).err();
        }
    }

    /// The log contains all that the result does, so these are its last interval.
    fn after_window(&mut self, until: &Interval, times: &Times) {
        if let (Some(log), None) = (&mut self.log, &self.fault) {
            self.fault = log.append(until, times).err();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn the_log_begins_when_the_window_opens() {
        let folder = tempfile::tempdir().expect("there can be a folder");
        let path = folder.path().join("log");
        let output = Output::open_if_asked("--hdr", Some(&path)).expect("it can be written");
        let output = output.expect("there is one");
        let (mut lines, mut serializer) = (lines_to(&output), V2DeflateSerializer::new());
        let mut view = View {
            live: None,
            to_begin: Some((&mut lines, &mut serializer)),
            log: None,
            fault: None,
        };
        view.connections_open();
        assert!(view.log.is_none() && !path.exists());
        let before = SystemTime::now();
        view.window_opens();
        assert!(view.log.is_some() && view.fault.is_none());
        let text = fs::read_to_string(&path).expect("a log is text");
        let started_s: f64 = text
            .lines()
            .find_map(|line| line.strip_prefix("#[StartTime: ")?.split_whitespace().next())
            .expect("it contains when it started")
            .parse()
            .expect("in seconds");
        // The log has whole milliseconds.
        let since_s = started_s
            - before
                .duration_since(UNIX_EPOCH)
                .expect("1970 is over")
                .as_secs_f64();
        assert!(since_s > -0.002, "{since_s} s after the window opened");
    }
}
