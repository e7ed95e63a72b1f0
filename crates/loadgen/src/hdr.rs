//! The interval log of `HdrHistogram` (version 2), which its tools read.
//!
//! A line for each interval of the window and each of the three times: latency without a tag, the service time with the tag
//! `service`, and the send delay with the tag `lateness`. Values are nanoseconds; the maximum in each line is in milliseconds.

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

pub use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{
    IntervalLogWriter, IntervalLogWriterBuilder, IntervalLogWriterError, Tag,
};

use crate::slices::Times;
use schema::load::Interval;

/// A log that is being written.
pub struct Log<'a, W: Write> {
    lines: IntervalLogWriter<'a, 'a, W, V2DeflateSerializer>,
    /// When the next interval begins, in seconds from the start of the window.
    from_s: f64,
}

impl<'a, W: Write> Log<'a, W> {
    /// Begins the log of a window that opens at this time.
    pub fn begin(
        out: &'a mut W,
        serializer: &'a mut V2DeflateSerializer,
        opens: SystemTime,
    ) -> io::Result<Self> {
        let lines = IntervalLogWriterBuilder::new()
            .add_comment("[Histogram log format version 1.3]")
            .add_comment("[Values are nanoseconds, maxima milliseconds]")
            .with_start_time(opens)
            .with_max_value_divisor(1e6)
            .begin_log_with(out, serializer)?;
        Ok(Self { lines, from_s: 0.0 })
    }

    /// Writes the lines of the next interval.
    pub fn append(&mut self, interval: &Interval, times: &Times) -> io::Result<()> {
        let from = Duration::from_secs_f64(self.from_s);
        let length = Duration::from_secs_f64((interval.t_s - self.from_s).max(0.0));
        self.from_s = interval.t_s;
        for (histogram, tag) in [
            (&times.latency, None),
            (&times.service, Tag::new("service")),
            (&times.send_delay, Tag::new("lateness")),
        ] {
            if tag.is_none() || !histogram.is_empty() {
                let written = self.lines.write_histogram(histogram, from, length, tag);
                written.map_err(|error| match error {
                    IntervalLogWriterError::IoError(error) => error,
                    IntervalLogWriterError::SerializeError(error) => io::Error::other(format!("{error:?}")),
                })?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;
    use crate::histogram::record;

    #[test]
    fn a_log_can_be_read_by_the_hdrhistogram_reader() {
        let mut times = Times::default();
        for ns in [1_000, 2_000, 3_000_000] {
            record(&mut times.latency, ns);
        }
        record(&mut times.send_delay, 50);
        let interval = |t_s| Interval {
            t_s,
            ok: 3,
            failed: 0,
            p50_us: None,
            p99_us: None,
        };
        let (mut out, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
        let mut log = Log::begin(&mut out, &mut serializer, SystemTime::UNIX_EPOCH).unwrap();
        log.append(&interval(1.0), &times).unwrap();
        log.append(&interval(1.5), &times).unwrap();
        let mut found = Vec::new();
        for entry in IntervalLogIterator::new(&out) {
            if let LogEntry::Interval(line) = entry.unwrap() {
                use base64::Engine;
                let bytes = base64::engine::general_purpose::STANDARD
                    .decode(line.encoded_histogram())
                    .unwrap();
                let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut &*bytes).unwrap();
                let tag = line.tag().map(|tag| tag.as_str().to_owned());
                found.push((
                    line.start_timestamp(),
                    line.duration(),
                    tag,
                    histogram.len(),
                    histogram.max(),
                ));
            }
        }
        let seconds = Duration::from_secs_f64;
        let send_delay = Some("lateness".to_owned());
        let most = times.latency.max();
        assert_eq!(
            found,
            [
                (seconds(0.0), seconds(1.0), None, 3, most),
                (seconds(0.0), seconds(1.0), send_delay.clone(), 1, 50),
                (seconds(1.0), seconds(0.5), None, 3, most),
                (seconds(1.0), seconds(0.5), send_delay, 1, 50),
            ]
        );
    }
}
