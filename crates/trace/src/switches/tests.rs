use super::*;
use crate::event::Kind;
use crate::live::{self, Shell};

#[test]
fn switches_and_calls_of_a_real_process_are_recorded() {
    let shell = Shell::start();
    let cpus = meter::cpus::allowed().unwrap();
    let split = Split {
        server: cpus.clone(),
        client: cpus,
        shared: true,
    };
    let session = match Session::start(shell.server(), &split) {
        Ok(session) => session,
        Err(reason) => {
            shell.give_up();
            return test_support::skip(reason);
        }
    };
    let number = shell.run();
    let recording = session.stop(&[]).unwrap();
    let (own, child) = live::check(&recording, number);
    // It waited when the recording began.
    assert_eq!(own[0], Kind::SwitchOut { runnable: false });
    for kinds in [&own, &child] {
        check_stops(kinds);
    }
    let sleeps = |kind: &Kind| matches!(kind, Kind::Enter(call) if call.contains("nanosleep"));
    let from = child.iter().position(sleeps).unwrap();
    let has_left = |kind: &Kind| matches!(kind, Kind::Exit(call) if call.contains("nanosleep"));
    let mut within = child[from..].iter().take_while(|kind| !has_left(kind));
    assert!(
        within.any(|kind| *kind == Kind::SwitchOut { runnable: false }),
        "{child:?}"
    );
}

/// strace stops a thread before each call and after it, and a thread that is in a call is not in a stop.
fn check_stops(kinds: &[Kind]) {
    let calls = kinds.iter().filter_map(|kind| match kind {
        Kind::Enter(call) => Some((true, call.as_str())),
        Kind::Exit(call) => Some((false, call.as_str())),
        _ => None,
    });
    let calls: Vec<_> = calls.collect();
    for pair in calls.windows(2) {
        if let [(true, call), (true, "ptrace stop")] = pair {
            assert!(
                ["vfork", "clone", "clone3", "exit_group"].contains(call),
                "{calls:?}"
            );
        }
    }
    for call in calls.iter().enumerate() {
        if let (place, (true, name)) = call
            && *name != "ptrace stop"
            && place > 0
        {
            assert_eq!(calls[place - 1], (false, "ptrace stop"), "{calls:?}");
        }
    }
}
