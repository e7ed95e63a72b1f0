//! A server that can have few processes and threads.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use test_support::skip;

use crate::model::Model;
use crate::process::Finished;
use crate::server::Server;

/// A limit on the number of processes and threads.
pub(crate) struct ProcessLimit {
    launcher: Vec<String>,
}

/// Such a limit; `None` after the case was skipped, because this machine can't set one.
///
/// The limit does not apply to root. For anyone else, it counts all that the user runs. So this needs root, to become a
/// user who runs nothing else.
pub(crate) fn process_limit(model: &Model, processes: u32) -> Option<ProcessLimit> {
    static USERS: AtomicU32 = AtomicU32::new(0);
    let number = USERS.fetch_add(1, Ordering::Relaxed);
    let user = 1_000_000_000 + std::process::id() * 16 + number % 16;
    let launcher: Vec<String> = vec![
        "prlimit".to_owned(),
        format!("--nproc={processes}:{processes}"),
        "setpriv".to_owned(),
        format!("--reuid={user}"),
        format!("--regid={user}"),
        "--clear-groups".to_owned(),
    ];
    let can = Command::new(&launcher[0])
        .args(&launcher[1..])
        .args([&model.exe, "--help"])
        .output();
    let is_root = fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0);
    if !is_root || !can.is_ok_and(|output| output.status.success()) {
        skip("it needs root, prlimit and setpriv, and a program that every user may run");
        return None;
    }
    Some(ProcessLimit { launcher })
}

impl ProcessLimit {
    #[track_caller]
    pub(crate) fn start(&self, model: &Model, flags: &[&str]) -> Server {
        model.start_by(&self.launcher(), flags)
    }

    /// Runs a server that must exit and never be ready.
    #[track_caller]
    pub(crate) fn run(&self, model: &Model) -> Finished {
        model.start_unready(&self.launcher(), &[]).finish_unready()
    }

    fn launcher(&self) -> Vec<&str> {
        self.launcher.iter().map(String::as_str).collect()
    }
}
