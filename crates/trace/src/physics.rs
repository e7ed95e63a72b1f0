//! What no trace of a real machine can violate.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use schema::trace::{Lane, Part, Request, Slice, Source, State, Trace, Waker};

/// Checks a trace. The error has a sentence for each violation.
pub fn check(trace: &Trace) -> Result<(), Vec<String>> {
    let mut faults = Vec::new();
    for lane in &trace.lanes {
        check_lane(lane, trace, &mut faults);
    }
    check_cpus(trace, &mut faults);
    check_wakes(trace, &mut faults);
    for (place, request) in trace.requests.iter().enumerate() {
        if request.number != place + 1 {
            faults.push(format!("request {} is in place {}", request.number, place + 1));
        }
        check_request(request, trace, &mut faults);
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// The states of a lane add up to its whole time: there is no gap and no overlap.
fn check_lane(lane: &Lane, trace: &Trace, faults: &mut Vec<String>) {
    let name = &lane.name;
    let Some((from_ns, to_ns)) = lane.span_ns() else {
        faults.push(format!("{name} has no state"));
        return;
    };
    if to_ns > trace.length_ns {
        faults.push(format!(
            "{name} ends at {to_ns} ns, after the trace of {} ns",
            trace.length_ns
        ));
    }
    for slice in lane.slices.iter().filter(|slice| slice.from_ns >= slice.to_ns) {
        faults.push(format!("{name} has a state of no length at {} ns", slice.from_ns));
    }
    for pair in lane
        .slices
        .windows(2)
        .filter(|pair| pair[0].to_ns != pair[1].from_ns)
    {
        faults.push(format!(
            "{name} is in one state until {} ns, and in the next from {} ns on",
            pair[0].to_ns, pair[1].from_ns
        ));
    }
    if faults.is_empty() {
        let states = [State::Running, State::Runnable, State::Blocked];
        let total_ns: u64 = states.map(|state| lane.total_ns(state)).iter().sum();
        if total_ns != to_ns - from_ns {
            faults.push(format!(
                "the states of {name} last {total_ns} ns of its {} ns",
                to_ns - from_ns
            ));
        }
    }
    for slice in &lane.slices {
        check_slice(slice, name, trace.source, faults);
    }
}

fn check_slice(slice: &Slice, name: &str, source: Source, faults: &mut Vec<String>) {
    let at_ns = slice.from_ns;
    match slice.state {
        State::Running if slice.cpu.is_none() && source != Source::Strace => {
            faults.push(format!("{name} runs at {at_ns} ns on no CPU"));
        }
        State::Runnable | State::Blocked if slice.cpu.is_some() => {
            faults.push(format!("{name} has a CPU at {at_ns} ns and does not run"));
        }
        State::Blocked if slice.call.is_none() => {
            faults.push(format!("{name} is blocked at {at_ns} ns in nothing"));
        }
        _ => {}
    }
}

/// No two threads run on one CPU at the same time.
fn check_cpus(trace: &Trace, faults: &mut Vec<String>) {
    let mut by_cpu: HashMap<u32, Vec<(&Slice, &str)>> = HashMap::new();
    for lane in &trace.lanes {
        for slice in &lane.slices {
            if let Some(cpu) = slice.cpu {
                by_cpu.entry(cpu).or_default().push((slice, &lane.name));
            }
        }
    }
    for (cpu, mut slices) in by_cpu {
        slices.sort_by_key(|(slice, _)| slice.from_ns);
        for pair in slices.windows(2) {
            let ((first, one), (second, other)) = (pair[0], pair[1]);
            if second.from_ns < first.to_ns {
                faults.push(format!(
                    "{one} and {other} both run on CPU {cpu} from {} ns to {} ns",
                    second.from_ns,
                    first.to_ns.min(second.to_ns)
                ));
            }
        }
    }
}

/// A thread is woken only out of a wait, or when it is started.
fn check_wakes(trace: &Trace, faults: &mut Vec<String>) {
    for wake in &trace.wakes {
        let Some(lane) = trace.lanes.get(wake.lane) else {
            faults.push(format!("lane {} is woken and does not exist", wake.lane));
            continue;
        };
        let at_ns = wake.at_ns;
        let before = lane.slices.iter().find(|slice| slice.to_ns == at_ns);
        let after = lane.slices.iter().find(|slice| slice.from_ns == at_ns);
        let was_waiting = before.is_none_or(|slice| slice.state == State::Blocked);
        let is_ready = after.is_some_and(|slice| slice.state != State::Blocked);
        // It was about to wait, and could not any more: the wait has no length.
        let was_about_to_wait = before.is_some_and(|slice| slice.state == State::Running)
            && after.is_some_and(|slice| slice.state == State::Runnable);
        if !(was_waiting && is_ready || was_about_to_wait) {
            faults.push(format!(
                "{} is woken at {at_ns} ns and was not waiting",
                lane.name
            ));
        }
        if let Waker::Lane(by) = wake.by
            && !trace.lanes.get(by).is_some_and(|waker| waker.lives_at(at_ns))
        {
            faults.push(format!(
                "{} is woken at {at_ns} ns by a thread that does not live",
                lane.name
            ));
        }
    }
}

/// A request's band lies between its sent and received marks, on threads that live and run in that time.
fn check_request(request: &Request, trace: &Trace, faults: &mut Vec<String>) {
    let number = request.number;
    if request.due_ns > request.sent_ns
        || request.sent_ns >= request.received_ns
        || request.received_ns > trace.length_ns
    {
        faults.push(format!(
            "request {number} is due at {} ns, sent at {} ns and answered at {} ns",
            request.due_ns, request.sent_ns, request.received_ns
        ));
    }
    if trace
        .connections
        .iter()
        .all(|connection| connection.number != request.connection)
    {
        faults.push(format!(
            "request {number} has no connection {}",
            request.connection
        ));
    }
    for part in &request.parts {
        let &Part { lane, from_ns, to_ns } = part;
        if from_ns >= to_ns || from_ns < request.sent_ns || to_ns > request.received_ns {
            faults.push(format!(
                "request {number} is held from {from_ns} ns to {to_ns} ns, and was sent at {} ns and answered at {} ns",
                request.sent_ns, request.received_ns
            ));
        }
        let lives = |lane: &Lane| lane.lives_at(from_ns) && lane.lives_at(to_ns);
        if !trace.lanes.get(lane).is_some_and(lives) {
            faults.push(format!(
                "request {number} is held by lane {lane}, which does not live then"
            ));
        }
    }
}
