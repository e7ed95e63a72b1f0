//! What must have happened, and was not reported.
//!
//! A kernel may report nothing that happens while one of its CPUs is idle, though it does for the others. It has been seen on
//! Linux 6.18 in a virtual machine.

use std::collections::BTreeSet;

/// What was not reported, and derived from what came next.
#[derive(Debug, Default)]
pub(super) struct Unseen {
    /// The CPUs on which a thread began to run.
    pub(super) beginnings: BTreeSet<u32>,
    /// How many threads were woken.
    pub(super) wakes: u64,
}

impl Unseen {
    /// A sentence for each kind.
    pub(super) fn sentences(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        if !self.beginnings.is_empty() {
            let cpus: Vec<_> = self.beginnings.iter().map(ToString::to_string).collect();
            sentences.push(format!(
                "The kernel did not report when idle CPUs ({}) began to run a thread: it runs from its next event on.",
                cpus.join(", ")
            ));
        }
        if self.wakes > 0 {
            sentences.push(format!(
                "The kernel did not report {} wake-ups: a thread without one becomes runnable only when it runs.",
                self.wakes
            ));
        }
        sentences
    }
}
