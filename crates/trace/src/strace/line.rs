//! The lines that strace writes, with `-f -y -o` and with times of nanoseconds.

/// A line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// The number of the thread.
    pub(super) thread: i32,
    /// The time at its beginning, in nanoseconds of `CLOCK_REALTIME`.
    pub(super) at_ns: u64,
    /// What it is about.
    pub(super) what: What<'a>,
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What<'a> {
    /// A call began. A later line has the rest, since another thread's line came between, or nothing has it.
    Begun {
        /// The name of the call.
        call: &'a str,
        /// The arguments that were known when it began.
        arguments: &'a str,
    },
    /// A call that had begun in an earlier line ended.
    Resumed {
        /// The arguments that were known only when it ended.
        arguments: &'a str,
        /// How it ended.
        end: End<'a>,
    },
    /// A call began and ended, with no other thread's line between.
    Whole {
        /// The name of the call.
        call: &'a str,
        /// All arguments.
        arguments: &'a str,
        /// How it ended.
        end: End<'a>,
    },
    /// The thread got a signal, for which strace stopped it.
    Signal,
    /// The thread ended.
    Ended,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End<'a> {
    /// What it returned: `0`, `-1 EAGAIN (…)`, `7<socket:[81]>`, `? ERESTARTSYS (…)`, or `?` if it never returns.
    pub(super) result: &'a str,
    /// How long it took. strace begins to measure only when it has written the arguments.
    pub(super) took_ns: Option<u64>,
}

/// Takes a line apart; none if it is of no such form.
pub(super) fn parse(line: &str) -> Option<Line<'_>> {
    let (thread, rest) = line.trim_start().split_once(' ')?;
    let (at, text) = rest.trim_start().split_once(' ')?;
    Some(Line {
        thread: thread.parse().ok()?,
        at_ns: nanoseconds(at)?,
        what: what(text)?,
    })
}

fn what(text: &str) -> Option<What<'_>> {
    if text.starts_with("---") {
        return Some(What::Signal);
    }
    if let Some(ending) = text.strip_prefix("+++ ") {
        // A thread whose process another thread has replaced gets that one's line: its number lives on.
        let ended = ending.starts_with("exited") || ending.starts_with("killed");
        return ended.then_some(What::Ended);
    }
    if let Some(resumed) = text.strip_prefix("<... ") {
        let (_call, rest) = resumed.split_once(" resumed>")?;
        let (arguments, end) = end(rest)?;
        return Some(What::Resumed { arguments, end });
    }
    let (call, rest) = text.split_once('(')?;
    if call.is_empty()
        || !call
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        return None;
    }
    for cut in ["<unfinished ...>", "<detached ...>"] {
        if let Some(arguments) = rest.strip_suffix(cut) {
            let arguments = arguments.trim_end();
            return Some(What::Begun { call, arguments });
        }
    }
    let (arguments, end) = end(rest)?;
    Some(What::Whole { call, arguments, end })
}

/// Splits the end of a call's line into its arguments and how it ended.
///
/// It looks for the last `) = `, since a string among the arguments may contain another. strace fills up with spaces.
fn end(text: &str) -> Option<(&str, End<'_>)> {
    let (text, took_ns) = match text.rsplit_once(" <") {
        Some((before, took)) => match took.strip_suffix('>').and_then(nanoseconds) {
            Some(took_ns) => (before, Some(took_ns)),
            None => (text, None),
        },
        None => (text, None),
    };
    let mut until = text.len();
    while let Some(equals) = text[..until].rfind("= ") {
        let before = text[..equals].trim_end_matches(' ');
        if let Some(arguments) = before.strip_suffix(')')
            && before.len() < equals
        {
            let result = &text[equals + 2..];
            return Some((arguments, End { result, took_ns }));
        }
        until = equals;
    }
    // A call that never returns has a bare question mark, after which nothing follows.
    None
}

/// A time such as `1795765284.009727730`.
fn nanoseconds(text: &str) -> Option<u64> {
    let (seconds, fraction) = text.split_once('.')?;
    if fraction.len() != 9 {
        return None;
    }
    let seconds: u64 = seconds.parse().ok()?;
    seconds
        .checked_mul(1_000_000_000)?
        .checked_add(fraction.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of_text(text: &str) -> What<'_> {
        parse(text)
            .map(|line| line.what)
            .expect("the line is of a known form")
    }

    #[test]
    fn a_whole_call_has_its_arguments_result_and_duration() {
        let line = "26402 1795765291.366540758 recvfrom(4<socket:[81]>, \"\", 4096, 0, NULL, NULL) = 0 <0.000046429>";
        let expected = Line {
            thread: 26_402,
            at_ns: 1_795_765_291_366_540_758,
            what: What::Whole {
                call: "recvfrom",
                arguments: "4<socket:[81]>, \"\", 4096, 0, NULL, NULL",
                end: End {
                    result: "0",
                    took_ns: Some(46_429),
                },
            },
        };
        assert_eq!(parse(line), Some(expected));
    }

    #[test]
    fn short_calls_are_filled_up_with_spaces() {
        let What::Whole { call, arguments, end } =
            of_text("7     12.000000001 getpid()     = 26229 <0.000007772>")
        else {
            panic!("the call is whole");
        };
        assert_eq!((call, arguments, end.result), ("getpid", "", "26229"));
    }

    #[test]
    fn a_call_may_be_cut_into_two_lines() {
        let begun = of_text("7 12.000000001 accept4(8<socket:[81]>,  <unfinished ...>");
        let arguments = "8<socket:[81]>,";
        assert_eq!(
            begun,
            What::Begun {
                call: "accept4",
                arguments
            }
        );
        assert_eq!(
            of_text("7 12.000000001 ppoll([{fd=3, events=POLLIN}], 1 <detached ...>"),
            What::Begun {
                call: "ppoll",
                arguments: "[{fd=3, events=POLLIN}], 1"
            }
        );
        let What::Resumed { arguments, end } =
            of_text("7 12.000000001 <... accept4 resumed>NULL, NULL, 0) = 3<socket:[82]> <0.507477245>")
        else {
            panic!("the call is resumed");
        };
        assert_eq!(
            (arguments, end.result, end.took_ns),
            ("NULL, NULL, 0", "3<socket:[82]>", Some(507_477_245))
        );
    }

    #[test]
    fn results_have_several_forms() {
        for (text, result) in [
            ("poll([], 0, 0) = 0 (Timeout) <0.000008462>", "0 (Timeout)"),
            ("exit_group(0) = ?", "?"),
            (
                "read(0, 0x1, 9) = ? ERESTARTSYS (To be restarted if SA_RESTART is set) <0.250000000>",
                "? ERESTARTSYS (To be restarted if SA_RESTART is set)",
            ),
            (
                "poll([{fd=3, events=POLLIN}], 1, -1) = 1 ([{fd=3, revents=POLLIN}]) <0.483423621>",
                "1 ([{fd=3, revents=POLLIN}])",
            ),
            ("write(1, \"f(x) = 3 <0.5>\", 14) = 14 <0.000000500>", "14"),
        ] {
            let line = format!("7 12.000000001 {text}");
            let What::Whole { end, .. } = of_text(&line) else {
                panic!("{text} is whole");
            };
            assert_eq!(end.result, result, "{text}");
        }
    }

    #[test]
    fn signals_and_ends_of_threads_are_known() {
        assert_eq!(
            of_text("7 12.000000001 --- SIGCHLD {si_signo=SIGCHLD} ---"),
            What::Signal
        );
        assert_eq!(of_text("7 12.000000001 +++ exited with 0 +++"), What::Ended);
        assert_eq!(of_text("7 12.000000001 +++ killed by SIGKILL +++"), What::Ended);
    }

    #[test]
    fn other_lines_are_nothing() {
        for line in [
            "",
            "7",
            "strace: Process 7 attached",
            "7 12.000000001",
            "7 12.5 getpid() = 7 <0.000000001>",
            "7 12.000000001 +++ superseded by execve in pid 8 +++",
            "7 12.000000001 ????( <detached ...>",
            "7 12.000000001 (x) = 1",
            "7 99999999999999999999.000000001 getpid() = 7",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_line_causes_a_panic(text in "\\PC*", number in any::<i32>()) {
            let _ = parse(&text);
            let _ = parse(&format!("{number} 12.000000001 {text}"));
            let _ = parse(&format!("{number} 12.000000001 call({text}) = {text} <0.000000001>"));
            let _ = parse(&format!("{number} 12.000000001 <... call resumed>{text}"));
        }
    }
}
