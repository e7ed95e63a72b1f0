//! Contenders whose processes leave their group, their session and their parent: none of them survives the run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{
    compare, event_loop, eventually, has_python, processes_with, servers, text, was_measured,
};

const MARK: &str = "COMPARE_TEST_MARK";

/// A server of pings. `leak` leaves a process behind that has its own session, and init as its parent. `background` serves in
/// such a process, and its first process ends. `silent` answers nothing.
const SERVER: &str = r#"
import json, os, signal, socket, struct, sys, threading, time

def detach(work):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            work()
        os._exit(0)
    os.wait()

def sleep():
    while True:
        time.sleep(1000)

def answer(connection):
    data = b""
    while piece := connection.recv(65536):
        data += piece
        while len(data) >= 4 and len(data) >= (end := 4 + struct.unpack("<I", data[:4])[0]):
            body = json.dumps({"out": "pong", "result": json.loads(data[4:end])["params"]}).encode()
            data = data[end:]
            connection.sendall(struct.pack("<I", len(body)) + body)

def serve():
    host, port = sys.argv[2].rsplit(":", 1)
    listener = socket.create_server((host, int(port)))
    print("listening on localhost:" + port, flush=True)
    while True:
        connection = listener.accept()[0]
        if sys.argv[1] != "silent":
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

if sys.argv[1] == "background":
    detach(serve)
else:
    detach(sleep)
    serve()
"#;

/// A folder with that server, and a file that names it as a contender.
struct Contender {
    folder: tempfile::TempDir,
}

impl Contender {
    /// None without Python.
    fn new(mode: &str) -> Option<Self> {
        if !has_python() {
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder can be made");
        fs::write(folder.path().join("server.py"), SERVER).expect("a file can be written");
        let contender = format!(
            "[[contender]]\nname = \"{mode}\"\ncommand = [\"python3\", \"server.py\", \"{mode}\", \"{{addr}}\"]\n"
        );
        fs::write(folder.path().join("contenders.toml"), contender).expect("a file can be written");
        Some(Self { folder })
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("results")
    }

    fn mark(&self) -> &str {
        self.folder
            .path()
            .to_str()
            .expect("a temporary folder has a plain name")
    }

    /// A run of it beside an event loop, with or without control groups.
    fn run(&self, cgroups: bool, more: &[&str]) -> Command {
        servers();
        let run = ["run", "--experiments", "request-cost", "--models", event_loop()];
        let mut command = if cgroups {
            compare(&run)
        } else {
            let mut without = Command::new("unshare");
            without.args(["-rm", "sh", "-c", HIDE_CGROUPS, env!("CARGO_BIN_EXE_compare")]);
            without.args(run);
            without
        };
        command
            .args(more)
            .arg("--contenders")
            .arg(self.folder.path().join("contenders.toml"))
            .arg("--out")
            .arg(self.out())
            .env(MARK, self.mark())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Whether the detached process is there: the leader of its session has ended.
    fn has_detached(&self) -> bool {
        processes_with(MARK, self.mark()).into_iter().any(|pid| {
            let stat = procfs::process::Process::new(pid).and_then(|process| process.stat());
            stat.is_ok_and(|stat| stat.session > 0 && !Path::new(&format!("/proc/{}", stat.session)).exists())
        })
    }

    fn processes(&self) -> usize {
        processes_with(MARK, self.mark()).len()
    }

    #[track_caller]
    fn leaves_nothing(&self) {
        assert_eq!(self.processes(), 0, "processes of the contender survive");
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        for pid in processes_with(MARK, self.mark()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// An empty file system over the control groups, then the program.
const HIDE_CGROUPS: &str = "mount -t tmpfs none /sys/fs/cgroup && exec \"$0\" \"$@\"";

fn can_hide_cgroups() -> bool {
    let hidden = Command::new("unshare")
        .args(["-rm", "sh", "-c", HIDE_CGROUPS, "true"])
        .output();
    let can = hidden.is_ok_and(|hidden| hidden.status.success());
    if !can {
        test_support::skip("control groups can't be hidden here (unshare -rm)");
    }
    can
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().try_into().expect("a process id fits"));
    kill(pid, signal).expect("the run is there to be signalled");
}

fn a_whole_run_leaves_nothing(cgroups: bool) {
    let Some(contender) = Contender::new("leak") else {
        return;
    };
    let done = contender
        .run(cgroups, &["--profile", "smoke"])
        .output()
        .expect("compare can be started");
    was_measured(&done, &contender.out(), "leak");
    contender.leaves_nothing();
}

#[test]
fn a_detached_process_does_not_survive_a_run() {
    a_whole_run_leaves_nothing(true);
}

#[test]
fn a_detached_process_does_not_survive_a_run_without_cgroups() {
    if can_hide_cgroups() {
        a_whole_run_leaves_nothing(false);
    }
}

/// A run that would take minutes, once both kinds of its server's processes are there.
fn under_load(contender: &Contender, cgroups: bool) -> Child {
    let more = ["--profile", "quick", "--trials", "100"];
    let child = contender
        .run(cgroups, &more)
        .spawn()
        .expect("compare can be started");
    let records = || {
        let runs = fs::read_dir(contender.out().join("runs"))
            .into_iter()
            .flatten()
            .flatten();
        let records = runs.filter_map(|run| fs::read_to_string(run.path().join("records.jsonl")).ok());
        records.map(|records| records.lines().count()).sum::<usize>()
    };
    eventually("a trial is written down", || records() >= 1);
    eventually("the contender has detached a process", || {
        contender.has_detached()
    });
    child
}

fn a_killed_run_leaves_nothing(cgroups: bool) {
    let Some(contender) = Contender::new("leak") else {
        return;
    };
    let mut child = under_load(&contender, cgroups);
    signal(&child, Signal::SIGKILL);
    child.wait().expect("it can be waited for");
    eventually("no process survives", || contender.processes() == 0);
}

#[test]
fn a_detached_process_does_not_survive_kill_9() {
    a_killed_run_leaves_nothing(true);
}

#[test]
fn a_detached_process_does_not_survive_kill_9_without_cgroups() {
    if can_hide_cgroups() {
        a_killed_run_leaves_nothing(false);
    }
}

fn ctrl_c_twice(contender: &Contender, cgroups: bool) -> Output {
    let child = contender
        .run(cgroups, &["--profile", "smoke"])
        .spawn()
        .expect("compare can be started");
    eventually("the contender has detached a process", || {
        contender.has_detached()
    });
    signal(&child, Signal::SIGINT);
    signal(&child, Signal::SIGINT);
    child.wait_with_output().expect("it can be waited for")
}

#[test]
fn ctrl_c_twice_during_verification_leaves_no_process() {
    let Some(contender) = Contender::new("silent") else {
        return;
    };
    assert_eq!(ctrl_c_twice(&contender, true).status.code(), Some(1));
    contender.leaves_nothing();
    if can_hide_cgroups() {
        assert_eq!(ctrl_c_twice(&contender, false).status.code(), Some(1));
        contender.leaves_nothing();
    }
}

#[test]
fn a_server_in_the_background_is_refused() {
    let Some(contender) = Contender::new("background") else {
        return;
    };
    let done = contender.run(true, &["--profile", "smoke"]).output().unwrap();
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{message}");
    let cause = "background is left out: went into the background: its first process ended (exit status: 0) and 1 \
                 process of it runs on; start it in the foreground";
    assert!(message.contains(cause), "{message}");
    contender.leaves_nothing();
}

/// Leftovers of a run that was killed together with its keeper.
#[test]
fn leftovers_are_removed_by_the_next_run_which_reports_it() {
    let Some(contender) = Contender::new("leak") else {
        return;
    };
    let mut child = under_load(&contender, true);
    let keepers = || {
        let marked = processes_with(MARK, contender.mark());
        let name = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        marked
            .into_iter()
            .filter(move |pid| name(pid) == "server-keeper\n")
            .collect::<Vec<_>>()
    };
    // Between two trials there is no keeper.
    let mut killed = Vec::new();
    signal(&child, Signal::SIGSTOP);
    eventually("its keeper is killed", || {
        killed = keepers();
        if killed.is_empty() {
            signal(&child, Signal::SIGCONT);
        }
        !killed.is_empty()
    });
    for pid in killed {
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    }
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let left = temporary
        .path()
        .join(format!("compare-{}-8388608-1-x", own_namespace()));
    fs::write(&left, "").unwrap();

    let next = tempfile::tempdir().unwrap();
    let run = [
        "run",
        "--profile",
        "smoke",
        "--experiments",
        "request-cost",
        "--models",
        event_loop(),
        "--out",
    ];
    let done = compare(&run)
        .arg(next.path())
        .env("TMPDIR", temporary.path())
        .output()
        .unwrap();
    let message = text(&done.stderr);
    assert!(
        message.contains("removed what a killed run left: ") && message.contains("1 temporary file"),
        "{message}"
    );
    assert!(!left.exists());
    contender.leaves_nothing();
}

fn own_namespace() -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(Path::new("/proc/self/ns/pid"))
        .expect("there are namespaces")
        .ino()
}
