//! Times in flags: each is within a range that the help names, so that no sum with the clock can overflow.

use std::time::Duration;

/// A time, or none.
#[derive(Debug, Clone, Copy)]
pub struct TimeOrOff(pub Option<Duration>);

/// What a flag takes: `from` to `to`, both as the user writes them.
struct Range {
    from: &'static str,
    to: &'static str,
}

/// The range of most flags. Sockets count in milliseconds, and nobody waits longer than a year.
const ANY: Range = Range {
    from: "1ms",
    to: "365days",
};

/// The kernel counts whole seconds, up to 32,767 (tcp(7), `TCP_KEEPIDLE`).
const KEEPALIVE: Range = Range { from: "1s", to: "9h" };

/// A timeout that can be switched off.
pub(crate) fn timeout(text: &str) -> Result<TimeOrOff, String> {
    time_or_off(text, &ANY)
}

/// The time of `--keepalive`.
pub(crate) fn keepalive(text: &str) -> Result<TimeOrOff, String> {
    time_or_off(text, &KEEPALIVE)
}

/// The time of `--drain-timeout`. It may be zero: then requests in progress are cut off.
pub(crate) fn drain(text: &str) -> Result<Duration, String> {
    let range = Range { from: "0", ..ANY };
    if parse(text, &range)?.is_zero() {
        // A timer of zero never fires.
        return Ok(Duration::from_millis(1));
    }
    time(text, &range)
}

fn time_or_off(text: &str, range: &Range) -> Result<TimeOrOff, String> {
    if text == "off" {
        return Ok(TimeOrOff(None));
    }
    time(text, range)
        .map(|time| TimeOrOff(Some(time)))
        .map_err(|error| format!("{error}, or off"))
}

fn time(text: &str, range: &Range) -> Result<Duration, String> {
    let time = parse(text, range)?;
    let at_least = if range.from == "0" { ANY.from } else { range.from };
    if time < parse(at_least, range)? || time > parse(range.to, range)? {
        return Err(wanted("out of range", range));
    }
    Ok(time)
}

fn parse(text: &str, range: &Range) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text).map_err(|error| wanted(&error.to_string(), range))
}

fn wanted(what: &str, Range { from, to }: &Range) -> String {
    format!("{what}; use a time from {from} to {to}, such as 30s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_out_of_range_is_refused_with_its_range() {
        for text in [
            "0",
            "0s",
            "999us",
            "366days",
            "500000000000years",
            "1",
            "-1s",
            "",
            "soon",
        ] {
            let error = timeout(text).unwrap_err();
            assert!(
                error.contains("1ms to 365days") && error.ends_with("or off"),
                "{error}"
            );
        }
        for text in ["0", "999ms", "10h"] {
            let error = keepalive(text).unwrap_err();
            assert!(error.contains("1s to 9h"), "{error}");
        }
        for text in ["999us", "366days", "99999999999999999999s"] {
            let error = drain(text).unwrap_err();
            assert!(error.contains("0 to 365days"), "{error}");
        }
    }

    #[test]
    fn a_time_within_its_range_is_accepted() {
        for (text, ms) in [("1ms", 1), ("30s", 30_000), ("365days", 31_536_000_000)] {
            let time = Duration::from_millis(ms);
            assert_eq!(timeout(text).unwrap().0, Some(time), "{text}");
            assert_eq!(drain(text).unwrap(), time, "{text}");
        }
        assert_eq!(timeout("off").unwrap().0, None);
        for text in ["0", "0s", "0ms"] {
            assert_eq!(drain(text).unwrap(), Duration::from_millis(1), "{text}");
        }
    }
}
