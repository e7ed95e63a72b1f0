//! The servers in `examples/contenders` behave as their entries in `contenders.toml` describe.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use schema::contender::Ready;
use schema::model::{BlockHolds, CrashLoses, Serves, WaitHolds};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fake::PATIENCE;
use crate::program::loadgen_with;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contenders {
    contender: Vec<Contender>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contender {
    name: String,
    command: Vec<String>,
    #[serde(rename = "ready")]
    _ready: Option<Ready>,
    #[serde(default = "only_ping")]
    operations: Vec<String>,
    #[serde(rename = "summary")]
    _summary: Option<String>,
    #[serde(rename = "serves")]
    _serves: Option<Serves>,
    #[serde(rename = "wait_holds")]
    _wait_holds: Option<WaitHolds>,
    #[serde(rename = "block_holds")]
    _block_holds: Option<BlockHolds>,
    #[serde(rename = "crash_loses")]
    _crash_loses: Option<CrashLoses>,
}

fn only_ping() -> Vec<String> {
    vec!["ping".to_owned()]
}

/// A contender while it runs. It is killed at the end of its test.
struct Running {
    child: Child,
    stderr: File,
    address: SocketAddr,
}

#[test]
fn every_contender_answers_what_its_entry_lists() {
    for_each_contender(|contender, running| {
        let values = [
            json!(null),
            json!(true),
            json!(false),
            json!(0),
            json!(-1),
            json!(12_345_678_901_234_567_890_u64),
            json!(1e-7),
            json!(""),
            json!("\"\\/\u{0}é漢🦀"),
            json!([]),
            json!([1, [2, [3]]]),
            json!({}),
            json!({"a": {"in": "ping", "params": null}}),
            json!("x".repeat(100_000)),
        ];
        let mut stream = running.connect();
        for value in &values {
            send(&mut stream, &[&ping(value)]);
            assert_eq!(receive(&mut stream), pong(value), "{}", contender.name);
        }
        let all: Vec<u8> = values.iter().flat_map(ping).collect();
        send(&mut stream, &[&all]);
        for value in &values {
            assert_eq!(receive(&mut stream), pong(value), "{}: pipelined", contender.name);
        }
        drop(stream);

        let address = running.address.to_string();
        for operation in &contender.operations {
            let left = loadgen_with(&["call", "--connect", &address, "--op", operation, "--params", "20"]);
            let expected = match operation.as_str() {
                "ping" => "pong 20\n",
                "sleep" => "slept 20\n",
                other => panic!("{}: what does {other} answer?", contender.name),
            };
            assert_eq!((&*left.stdout, left.code), (expected, Some(0)), "{}", left.stderr);
        }
        let left = loadgen_with(&["call", "--connect", &address, "--op", "nonsense"]);
        assert!(
            left.code == Some(1) && left.stdout.contains("unknown_operation"),
            "{}: {}{}",
            contender.name,
            left.stdout,
            left.stderr
        );
    });
}

#[test]
fn every_contender_takes_split_frames_and_survives_resets() {
    for_each_contender(|contender, running| {
        let value = json!("in pieces");
        let whole = ping(&value);
        for cut in [1, 3, 4, 5, whole.len() - 1] {
            let mut stream = running.connect();
            send(&mut stream, &[&whole[..cut], &whole[cut..]]);
            assert_eq!(
                receive(&mut stream),
                pong(&value),
                "{}: cut at {cut}",
                contender.name
            );
        }
        // A whole frame and the beginning of the next one.
        let mut stream = running.connect();
        let two = whole.repeat(2);
        send(&mut stream, &[&two[..whole.len() + 2], &two[whole.len() + 2..]]);
        assert_eq!(receive(&mut stream), pong(&value), "{}", contender.name);
        assert_eq!(receive(&mut stream), pong(&value), "{}", contender.name);
        // Some serve one connection at a time.
        drop(stream);

        send(&mut running.connect(), &[&whole[..9]]);
        let mut stream = running.connect();
        send(&mut stream, &[&frame(b"nonsense")]);
        assert_eq!(
            receive(&mut stream)["result"]["code"],
            "bad_request",
            "{}",
            contender.name
        );
        send(&mut stream, &[&whole]);
        assert_eq!(receive(&mut stream), pong(&value), "{}", contender.name);
    });
}

/// The load generator has no advice on a run against them.
#[test]
fn every_contender_can_be_loaded() {
    for_each_contender(|contender, running| {
        let address = running.address.to_string();
        let left = loadgen_with(&[
            "run",
            "--connect",
            &address,
            "--connections",
            "1",
            "--pipeline",
            "3",
            "--warmup",
            "0",
            "--duration",
            "300ms",
            "--timeout",
            "60s",
        ]);
        assert_eq!(
            left.code,
            Some(0),
            "{}: {}{}",
            contender.name,
            left.stdout,
            left.stderr
        );
    });
}

/// Starts one contender after the other, and ends each by SIGTERM.
fn for_each_contender(check: impl Fn(&Contender, &Running)) {
    let python = Command::new("python3")
        .args(["-c", "import sys; sys.exit(sys.version_info < (3, 9))"])
        .stderr(Stdio::null())
        .status();
    if !python.is_ok_and(|status| status.success()) {
        return test_support::skip("this machine has no python3 from 3.9 on");
    }
    let text = fs::read_to_string(folder().join("contenders.toml")).expect("the file can be read");
    let contenders: Contenders = toml::from_str(&text).expect("the file has the form that README.md shows");
    for contender in &contenders.contender {
        let running = Running::start(contender);
        check(contender, &running);
        let _idle = running.connect();
        let (status, stderr) = running.end();
        assert!(
            status.code() == Some(0) || status.signal() == Some(Signal::SIGTERM as i32),
            "{}: {status}",
            contender.name
        );
        assert_eq!(stderr, "", "{} has nothing to say", contender.name);
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/contenders")
}

impl Running {
    /// Runs the command in its folder on a port that the kernel chooses, and waits for its ready line.
    #[track_caller]
    fn start(contender: &Contender) -> Self {
        let command: Vec<_> = contender
            .command
            .iter()
            .map(|word| word.replace("{addr}", "127.0.0.1:0"))
            .collect();
        let stderr = tempfile::tempfile().expect("a file for stderr");
        let child = Command::new(&command[0])
            .args(&command[1..])
            .current_dir(folder())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr.try_clone().expect("a handle for stderr"))
            .spawn()
            .expect("a contender can be started");
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut running = Self {
            child,
            stderr,
            address,
        };
        let stdout = running.child.stdout.take().expect("it is piped");
        let mut line = String::new();
        // If the program ends instead, the line ends too.
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("its stdout can be read");
        running.address = line
            .trim_end()
            .strip_prefix("listening on ")
            .and_then(|address| address.parse().ok())
            .unwrap_or_else(|| panic!("{}: {line:?} is not a ready line", contender.name));
        running
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the contender takes connections");
        stream.set_nodelay(true).expect("an option can be set");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a timeout can be set");
        stream
    }

    /// Sends SIGTERM, waits for the end, and returns its stderr too.
    #[track_caller]
    fn end(mut self) -> (ExitStatus, String) {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        kill(pid, Signal::SIGTERM).expect("the contender is there");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                let mut text = String::new();
                self.stderr.rewind().expect("a file has a beginning");
                self.stderr
                    .read_to_string(&mut text)
                    .expect("what was said is text");
                return (status, text);
            }
            assert!(Instant::now() < deadline, "SIGTERM does not end it");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn frame(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("a length has 32 bits");
    [&length.to_le_bytes(), body].concat()
}

fn ping(value: &Value) -> Vec<u8> {
    frame(json!({"in": "ping", "params": value}).to_string().as_bytes())
}

fn pong(value: &Value) -> Value {
    json!({"out": "pong", "result": value})
}

/// Sends each piece in its own write and, because of a pause, in its own packet.
fn send(stream: &mut TcpStream, pieces: &[&[u8]]) {
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            thread::sleep(Duration::from_millis(20));
        }
        stream.write_all(piece).expect("the contender takes what is sent");
    }
}

fn receive(stream: &mut TcpStream) -> Value {
    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix).expect("a reply comes");
    let mut body = vec![0; u32::from_le_bytes(prefix) as usize];
    stream.read_exact(&mut body).expect("the whole reply comes");
    serde_json::from_slice(&body).expect("a reply is JSON")
}
