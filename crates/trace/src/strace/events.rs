//! The events of a recording by strace alone.

use std::collections::HashSet;

use super::tracing::Traced;
use crate::event::{Event, Kind};

/// The events within a recording, in the order of time.
pub(super) fn events(traced: &Traced) -> Vec<Event> {
    let calls = &traced.calls;
    let mut known: HashSet<i32> = traced.threads.iter().map(|thread| thread.thread).collect();
    let mut events = Vec::new();
    for (call, times) in calls.all.iter().zip(&traced.times) {
        let mut push = |at_ns: u64, kind: Kind| {
            events.push(Event {
                at_ns,
                thread: call.thread,
                kind,
            });
        };
        push(times.entered_ns, Kind::Enter(call.name.clone()));
        let Some(left_ns) = times.left_ns else { continue };
        match &call.effect {
            Some(kind @ Kind::Started { thread, .. }) => {
                known.insert(*thread);
                // A thread may call the kernel before the call that started it has ended.
                let first_ns = calls.first_lines.get(thread).copied().unwrap_or(left_ns);
                push(first_ns.min(left_ns).max(times.entered_ns), kind.clone());
            }
            Some(kind) => push(left_ns, kind.clone()),
            None => {}
        }
        push(left_ns, Kind::Exit(call.name.clone()));
    }
    events.extend(calls.ended.iter().map(|&(thread, at_ns)| Event {
        at_ns,
        thread,
        kind: Kind::Ended,
    }));
    // Nothing is known of a thread whose parent was not traced.
    events.retain(|event| {
        (traced.from_ns..=traced.to_ns).contains(&event.at_ns) && known.contains(&event.thread)
    });
    events.sort_by_key(|event| (event.at_ns, !matches!(event.kind, Kind::Started { .. })));
    events
}
