use schema::trace::Source;

use super::*;
use crate::build::samples::{A, B, build, marks, offloading};

/// What the physics report of the trace of a loop and a worker, after a change.
fn faults(change: impl FnOnce(&mut Trace)) -> String {
    let (threads, lines) = offloading();
    let mut trace = build(
        Source::Perf,
        threads,
        lines,
        &marks(&[(A, 98, 800), (B, 99, 800)]),
    );
    change(&mut trace);
    check(&trace).unwrap_err().join("; ")
}

#[test]
fn states_with_a_gap_or_an_overlap_are_found() {
    let gap = faults(|trace| {
        trace.lanes[1].slices.remove(2);
    });
    assert!(gap.contains("thread 1 is in one state until"), "{gap}");
    let overlap = faults(|trace| trace.lanes[0].slices[0].to_ns += 1);
    assert!(overlap.contains("main is in one state until"), "{overlap}");
    let late = faults(|trace| trace.length_ns -= 1);
    assert!(late.contains("after the trace"), "{late}");
    let empty = faults(|trace| trace.lanes[1].slices.clear());
    assert!(empty.contains("thread 1 has no state"), "{empty}");
}

#[test]
fn two_threads_on_one_cpu_are_found() {
    let both = faults(|trace| {
        for slice in &mut trace.lanes[1].slices {
            (slice.state, slice.cpu) = (State::Running, Some(0));
        }
    });
    assert!(
        both.contains("main and thread 1 both run on CPU 0") || both.contains("thread 1 and main both"),
        "{both}"
    );
}

#[test]
fn states_without_cpu_or_call_are_found() {
    let change = |state: State, cpu: Option<u32>| {
        faults(move |trace| {
            let slices = &mut trace.lanes[0].slices;
            let slice = slices.iter_mut().find(|slice| slice.state == state).unwrap();
            (slice.cpu, slice.call) = (cpu, None);
        })
    };
    assert!(change(State::Running, None).contains("on no CPU"));
    assert!(change(State::Blocked, None).contains("in nothing"));
    assert!(change(State::Runnable, Some(0)).contains("does not run"));
}

#[test]
fn a_band_outside_its_marks_is_found() {
    let early = faults(|trace| trace.requests[0].parts[0].from_ns = trace.requests[0].sent_ns - 1);
    assert!(early.contains("request 1 is held from"), "{early}");
    let late = faults(|trace| trace.requests[1].parts[2].to_ns = trace.requests[1].received_ns + 1);
    assert!(late.contains("request 2 is held from"), "{late}");
    let nowhere = faults(|trace| trace.requests[0].parts[0].lane = 7);
    assert!(nowhere.contains("does not live then"), "{nowhere}");
}

#[test]
fn marks_out_of_order_are_found() {
    let sent = faults(|trace| trace.requests[0].due_ns = trace.requests[0].sent_ns + 1);
    assert!(sent.contains("request 1 is due at"), "{sent}");
    let number = faults(|trace| trace.requests[0].number = 2);
    assert!(number.contains("request 2 is in place 1"), "{number}");
    let connection = faults(|trace| trace.requests[0].connection = 3);
    assert!(connection.contains("no connection 3"), "{connection}");
}

#[test]
fn a_thread_that_is_woken_while_it_runs_is_found() {
    let running = faults(|trace| trace.wakes[0].at_ns += 50_000);
    assert!(running.contains("was not waiting"), "{running}");
    let nobody = faults(|trace| trace.wakes[0].by = Waker::Lane(9));
    assert!(nobody.contains("by a thread that does not live"), "{nobody}");
    let nowhere = faults(|trace| trace.wakes[0].lane = 9);
    assert!(nowhere.contains("lane 9 is woken"), "{nowhere}");
}
