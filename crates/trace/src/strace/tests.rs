use super::*;
use crate::event::Kind;
use crate::live::{self, Shell};

#[test]
fn calls_and_children_of_a_real_process_are_recorded() {
    let shell = Shell::start();
    let tracing = match Tracing::start(shell.server()) {
        Ok(tracing) => tracing,
        Err(reason) => {
            shell.give_up();
            return test_support::skip(reason);
        }
    };
    let number = shell.run();
    let recording = Session(tracing).stop(&[]).unwrap();
    let (own, child) = live::check(&recording, number);
    // It was in this call when the recording began.
    assert_eq!(own[0], Kind::Exit("read".to_owned()));
    assert!(child.contains(&Kind::Enter("execve".to_owned())), "{child:?}");
    assert!(recording.lacks.len() >= 2);
    let switches = |kind: &Kind| matches!(kind, Kind::SwitchIn { .. } | Kind::SwitchOut { .. });
    assert!(!own.iter().any(switches));
}
