//! Contenders that pass verification and lose requests under load.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::support::{compare, event_loop, has_python, only_run, servers, text};

/// A server with a thread for each connection, which takes 5 ms for each reply. `reset N` resets a connection instead of
/// every N-th reply. `stop N` stops answering after N requests under load, which begins when four connections are open.
const LOSSY: &str = r#"
import json, socket, struct, sys, threading, time
host, port = sys.argv[1].rsplit(":", 1)
way, number = sys.argv[2], int(sys.argv[3])
open_now, served, loaded = 0, 0, False
lock = threading.Lock()
def exactly(peer, length):
    data = b""
    while len(data) < length:
        more = peer.recv(length - len(data))
        if not more:
            raise EOFError
        data += more
    return data
def serve(peer):
    global open_now, served, loaded
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with lock:
        open_now += 1
        loaded = loaded or open_now >= 4
    try:
        while True:
            (length,) = struct.unpack("<I", exactly(peer, 4))
            request = json.loads(exactly(peer, length))
            time.sleep(0.005)
            with lock:
                served += loaded
                mine = served
            if loaded and way == "reset" and mine % number == 0:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            if loaded and way == "stop" and mine > number:
                threading.Event().wait()
            body = json.dumps({"out": "pong", "result": request["params"]}).encode()
            peer.sendall(struct.pack("<I", len(body)) + body)
    except (EOFError, ConnectionError):
        pass
    finally:
        with lock:
            open_now -= 1
        peer.close()
listener = socket.create_server((host, int(port)), backlog=128)
print("listening on %s:%d" % listener.getsockname()[:2], flush=True)
while True:
    peer, _ = listener.accept()
    threading.Thread(target=serve, args=(peer,), daemon=True).start()
"#;

const EXPERIMENT: &str = r#"
key = "mine"
title = "Mine"
question = "What does it lose?"
setup = "A closed loop of pings."
headline = "p50_us"
metrics = ["throughput_per_s", "cpu_us_per_request"]
window_ms = 3000
[load]
connections = 4
[[setting]]
key = "four"
title = "four"
"#;

/// A smoke run of this contender: how it ended, and its page; none without Python.
fn run_of(way: &str, number: u32, folder: &Path) -> Option<(Output, String)> {
    if !has_python() {
        return None;
    }
    let contenders = format!(
        "[[contender]]\nname = \"lossy\"\nready = \"line\"\noperations = [\"ping\"]\n\
         command = [\"python3\", \"lossy.py\", \"{{addr}}\", \"{way}\", \"{number}\"]\n"
    );
    for (name, content) in [
        ("contenders.toml", &*contenders),
        ("lossy.py", LOSSY),
        ("mine.toml", EXPERIMENT),
    ] {
        fs::write(folder.join(name), content).expect("a file can be written");
    }
    servers();
    let out = folder.join("results");
    let mut command = compare(&["run", "--profile", "smoke", "--models", event_loop()]);
    command.arg("--experiments").arg(folder.join("mine.toml"));
    command.arg("--contenders").arg(folder.join("contenders.toml"));
    command.arg("--out").arg(&out);
    let done = command.output().expect("compare can be started");
    let page = fs::read_to_string(out.join("README.md"));
    let page = page.unwrap_or_else(|_| panic!("{}", text(&done.stderr)));
    Some((done, page))
}

#[test]
fn a_run_with_reset_requests_exits_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let Some((done, page)) = run_of("reset", 8, folder.path()) else {
        return;
    };
    let (message, tables) = (text(&done.stderr), text(&done.stdout));
    assert_eq!(done.status.code(), Some(1), "{message}");
    assert!(
        message.contains("lossy, mine, four: ") && message.contains(" reset)"),
        "{message}"
    );
    assert!(!message.contains(event_loop()), "{message}");
    assert!(page.contains("\n|lossy|errors "), "{page}");
    assert!(tables.contains("errors"), "{tables}");
    let run = only_run(&folder.path().join("results"));
    let html = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(html.contains("errors") && html.contains(" reset)"));
    // Both runs are the same, and what has errors is not compared.
    let run = run.to_str().unwrap();
    let diff = text(&compare(&["diff", run, run]).output().unwrap().stdout);
    assert!(diff.contains("of its requests failed"), "{diff}");
    let check = compare(&["check", "--baseline", run, run]).output().unwrap();
    let message = text(&check.stdout) + &text(&check.stderr);
    assert!(message.contains("of its requests failed"), "{message}");
}

#[test]
fn a_server_that_stops_answering_is_named() {
    let folder = tempfile::tempdir().unwrap();
    // It serves at most four requests in 5 ms, so it stops after the warm-up. The window has time for many more.
    let Some((done, page)) = run_of("stop", 120, folder.path()) else {
        return;
    };
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{message}");
    assert!(
        message.contains("lossy, mine, four: stopped answering"),
        "{message}"
    );
    let line = page.lines().find(|line| line.starts_with("|lossy|")).unwrap();
    assert!(line.contains("stopped answering"), "{line}");
}
