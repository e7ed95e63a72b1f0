//! What a trace comes to: a few numbers that make traces comparable. They are of the time from when the first request was due
//! until all were answered.

use schema::trace::{Lane, Slice, Source, State, Trace};

use crate::numbers::{counted, rounded};

/// The numbers of a trace; none where its source does not record what they count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The time from when the first request was due until all were answered; none if no request was answered.
    pub(crate) answered_ns: Option<u64>,
    /// The same of the load before, while nothing was recorded.
    pub(crate) unrecorded_ns: Option<u64>,
    /// The time that the server's threads ran.
    pub(crate) cpu_ns: Option<u64>,
    /// How many times one of its threads began to run.
    pub(crate) switches: Option<usize>,
    /// The system calls that its threads began.
    pub(crate) calls: usize,
    /// How many times one of its threads was woken.
    pub(crate) wakes: Option<usize>,
    /// The most requests at once of which a thread had read something and that were not answered yet.
    pub(crate) in_progress_most: Option<usize>,
}

impl Facts {
    /// Counts them.
    pub(crate) fn count(trace: &Trace) -> Self {
        let from = trace.zero_ns;
        let answered = trace.requests.iter().map(|request| request.received_ns).max();
        let to = answered.unwrap_or(trace.length_ns);
        let has_switches = trace.source != Source::Strace;
        let has_wakes = trace.source == Source::Perf;
        let wakes = trace.wakes.iter().filter(|wake| (from..to).contains(&wake.at_ns));
        Self {
            answered_ns: answered.map(|answered| answered.saturating_sub(from)),
            unrecorded_ns: trace.recorded.unrecorded_ns,
            cpu_ns: has_switches.then(|| trace.lanes.iter().map(|lane| cpu_ns(lane, from, to)).sum()),
            switches: has_switches.then(|| trace.lanes.iter().map(|lane| switches(lane, from, to)).sum()),
            calls: trace.lanes.iter().map(|lane| calls(lane, from, to)).sum(),
            wakes: has_wakes.then(|| wakes.count()),
            in_progress_most: in_progress_most(trace),
        }
    }

    /// What each is and its value: `–` where it was not recorded.
    pub(crate) fn in_words(&self) -> [(&'static str, String); 6] {
        let or_none = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
        let number =
            |number: Option<usize>| or_none(number.map(|number| crate::numbers::count(number as f64)));
        let time = |time: Option<u64>| or_none(time.map(ms));
        [
            ("all answered", time(self.answered_ns)),
            ("CPU time", time(self.cpu_ns)),
            ("context switches", number(self.switches)),
            ("system calls", number(Some(self.calls))),
            ("wake-ups", number(self.wakes)),
            ("most in progress", number(self.in_progress_most)),
        ]
    }

    /// How long it took, and how long it took without a recorder.
    pub(crate) fn answered(&self) -> Option<String> {
        let unrecorded = self
            .unrecorded_ns
            .map(|unrecorded| format!(" ({} when not recorded)", ms(unrecorded)));
        let answered = self.answered_ns?;
        Some(format!(
            "All requests answered after {}{}",
            ms(answered),
            unrecorded.unwrap_or_default()
        ))
    }

    /// All that are known, in a line.
    pub(crate) fn line(&self) -> String {
        let answered = self.answered().unwrap_or("No request was answered".to_owned());
        let parts = [
            self.cpu_ns.map(|cpu| format!("{} of CPU time", ms(cpu))),
            self.switches
                .map(|number| counted(number, "context switch", "context switches")),
            Some(counted(self.calls, "system call", "system calls")),
            self.wakes.map(|number| counted(number, "wake-up", "wake-ups")),
            self.in_progress_most.map(|number| {
                format!(
                    "at most {} in progress at once",
                    counted(number, "request", "requests")
                )
            }),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        format!("{answered}: {}.", parts.join(", "))
    }
}

/// Nanoseconds in milliseconds, with the unit.
fn ms(ns: u64) -> String {
    format!("{} ms", rounded(ns as f64 / 1e6))
}

fn cpu_ns(lane: &Lane, from: u64, to: u64) -> u64 {
    let running = lane.slices.iter().filter(|slice| slice.state == State::Running);
    running
        .map(|slice| slice.to_ns.min(to).saturating_sub(slice.from_ns.max(from)))
        .sum()
}

/// The slices that something begins with which was not so in the slice before.
fn begun(lane: &Lane, from: u64, to: u64, begins: impl Fn(usize) -> bool) -> usize {
    let is_within = |index: &usize| (from..to).contains(&lane.slices[*index].from_ns);
    (0..lane.slices.len())
        .filter(is_within)
        .filter(|&index| begins(index))
        .count()
}

/// What strace does to a thread, in the place of a system call. The server itself does not stop.
const STOP: &str = "ptrace stop";

/// A stop of strace is none.
fn switches(lane: &Lane, from: u64, to: u64) -> usize {
    let runs = |slice: &Slice| slice.state == State::Running;
    let is_stop = |slice: &Slice| slice.call.as_deref() == Some(STOP);
    begun(lane, from, to, |index| {
        if !runs(&lane.slices[index]) {
            return false;
        }
        let before = lane.slices[..index].iter().rev();
        let mut off = before.take_while(|slice| !runs(slice)).peekable();
        match off.peek() {
            None => index == 0,
            Some(_) => !off.any(is_stop),
        }
    })
}

fn calls(lane: &Lane, from: u64, to: u64) -> usize {
    let call = |index: usize| lane.slices[index].call.as_deref().filter(|call| *call != STOP);
    begun(lane, from, to, |index| {
        call(index).is_some() && (index == 0 || call(index - 1) != call(index))
    })
}

/// None if the records show of no request that it was read.
fn in_progress_most(trace: &Trace) -> Option<usize> {
    let read = trace.requests.iter().filter_map(|request| {
        let first = request.parts.first()?;
        Some((first.from_ns, request.received_ns))
    });
    let times: Vec<(u64, u64)> = read.collect();
    let at = |time: u64| {
        times
            .iter()
            .filter(|(from, to)| *from <= time && time < *to)
            .count()
    };
    times.iter().map(|(from, _)| at(*from)).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::sample;

    #[test]
    fn facts_are_those_of_the_time_of_the_requests() {
        let facts = Facts::count(&sample::trace());
        // Counted by hand in the sample.
        assert_eq!(facts.answered_ns, Some(3_128_000));
        assert_eq!(facts.cpu_ns, Some(1_422_000));
        assert_eq!(
            (facts.switches, facts.calls, facts.wakes),
            (Some(15), 23, Some(12))
        );
        assert_eq!(facts.in_progress_most, Some(2));
        assert_eq!(
            facts.line(),
            "All requests answered after 3.13 ms (2.95 ms when not recorded): 1.42 ms of CPU time, 15 context switches, \
             23 system calls, 12 wake-ups, at most 2 requests in progress at once."
        );
    }

    #[test]
    fn stops_of_strace_are_neither_switches_nor_calls() {
        let mut trace = sample::trace();
        let before = Facts::count(&trace);
        // The first worker is stopped in its own code, where it ran for long.
        let slices = &mut trace.lanes[1].slices;
        let place = slices
            .iter()
            .position(|slice| slice.call.is_none() && slice.length_ns() > 200_000);
        let place = place.expect("it runs for long");
        let whole = slices.remove(place);
        let middle = whole.from_ns + whole.length_ns() / 2;
        let part = |from_ns, to_ns, state, call: Option<&str>| Slice {
            from_ns,
            to_ns,
            state,
            cpu: None,
            call: call.map(str::to_owned),
        };
        let parts = [
            part(whole.from_ns, middle, State::Running, None),
            part(middle, middle + 10, State::Blocked, Some(STOP)),
            part(middle + 10, middle + 20, State::Runnable, Some(STOP)),
            part(middle + 20, whole.to_ns, State::Running, None),
        ];
        slices.splice(place..place, parts);
        let cpu_ns = before.cpu_ns.map(|cpu| cpu - 20);
        assert_eq!(Facts::count(&trace), Facts { cpu_ns, ..before });
    }

    #[test]
    fn what_a_source_does_not_record_is_no_fact() {
        let mut trace = sample::trace();
        trace.source = Source::Strace;
        trace.wakes.clear();
        for request in &mut trace.requests {
            request.parts.clear();
        }
        let facts = Facts::count(&trace);
        assert_eq!(
            (facts.cpu_ns, facts.switches, facts.wakes, facts.in_progress_most),
            (None, None, None, None)
        );
        assert_eq!(
            facts.line(),
            "All requests answered after 3.13 ms (2.95 ms when not recorded): 23 system calls."
        );
        let values = facts.in_words().map(|(_, value)| value);
        assert_eq!(values, ["3.13 ms", "–", "–", "23", "–", "–"]);
        trace.requests.clear();
        assert!(
            Facts::count(&trace)
                .line()
                .starts_with("No request was answered: ")
        );
    }
}
