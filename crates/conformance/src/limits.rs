//! A full descriptor table, and no process to be had: the server goes on with what it has, and takes more when it can.

use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use crate::client::{Client, request};
use crate::model::Model;
use crate::patience::eventually;
use crate::process::Finished;
use crate::server::Server;

/// Enough for any server to start with, and too few for the connections that are opened below, even if two processes
/// have so many each.
const DESCRIPTORS: &str = "40";
/// Likewise, of processes and threads.
const PROCESSES: u32 = 12;
const CONNECTIONS: usize = 100;

pub(crate) fn a_full_descriptor_table_is_ridden_out(model: &Model) {
    let limited = ["sh", "-c", r#"ulimit -n "$0" && exec "$@""#, DESCRIPTORS];
    rides_out_its_limit(&model.start_by(&limited, &[]));
}

pub(crate) fn a_refused_process_or_thread_is_ridden_out(model: &Model) {
    if let Some(limit) = process_limit(model, PROCESSES) {
        rides_out_its_limit(&limit.start(model, &[]));
    }
}

/// A limit of processes and threads.
pub(crate) struct ProcessLimit {
    launcher: Vec<String>,
}

/// The limit of processes does not bind root, and binds anyone else together with all that they run. So this needs
/// root, to become somebody who runs nothing else. Where that can't be, the case prints so, and ends.
pub(crate) fn process_limit(model: &Model, processes: u32) -> Option<ProcessLimit> {
    static SOMEBODY: AtomicU32 = AtomicU32::new(0);
    let number = SOMEBODY.fetch_add(1, Ordering::Relaxed);
    let somebody = 1_000_000_000 + std::process::id() * 16 + number % 16;
    let launcher: Vec<String> = vec![
        "prlimit".to_owned(),
        format!("--nproc={processes}:{processes}"),
        "setpriv".to_owned(),
        format!("--reuid={somebody}"),
        format!("--regid={somebody}"),
        "--clear-groups".to_owned(),
    ];
    let can = Command::new(&launcher[0])
        .args(&launcher[1..])
        .args([model.exe, "--help"])
        .output();
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0);
    if !is_root || !can.is_ok_and(|output| output.status.success()) {
        println!("skipped: it takes root, prlimit and setpriv, and a program that everybody may run");
        return None;
    }
    Some(ProcessLimit { launcher })
}

impl ProcessLimit {
    #[track_caller]
    pub(crate) fn start(&self, model: &Model, flags: &[&str]) -> Server {
        model.start_by(&self.launcher(), flags)
    }

    /// Runs a server that is expected to make an end by itself.
    #[track_caller]
    pub(crate) fn run(&self, model: &Model) -> Finished {
        model.start_unready(&self.launcher(), &[]).finish_unready()
    }

    fn launcher(&self) -> Vec<&str> {
        self.launcher.iter().map(String::as_str).collect()
    }
}

#[track_caller]
fn rides_out_its_limit(server: &Server) {
    let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(request("ping", "1"));
    }
    eventually("the server says that it has met its limit", || {
        !server.printed_on_stderr().is_empty()
    });
    server.settles(|| {});

    let (mut answered, waiting): (Vec<_>, Vec<_>) = clients.into_iter().partition(Client::has_heard);
    assert!(
        !answered.is_empty() && !waiting.is_empty(),
        "{} of {CONNECTIONS} are served",
        answered.len()
    );
    for client in &mut answered {
        client.receive().is("pong", "1");
        client.pings();
    }

    let before_s = server.tree().cpu_s();
    thread::sleep(Duration::from_secs(1));
    let used_s = server.tree().cpu_s() - before_s;
    assert!(
        used_s < 0.25,
        "it spins: {used_s} s of CPU time in a second without anything to do"
    );

    // Room for one is room for one of those that wait.
    let waiting_before = waiting.iter().filter(|client| !client.has_heard()).count();
    answered.pop();
    eventually("one that waited is served", || {
        waiting.iter().filter(|client| !client.has_heard()).count() < waiting_before
    });
    drop(answered);
    for mut client in waiting {
        client.receive().is("pong", "1");
        drop(client);
    }
    server.serves();

    let stderr = server.printed_on_stderr();
    assert_eq!(stderr.lines().count(), 1, "it says so once: {stderr}");
}
