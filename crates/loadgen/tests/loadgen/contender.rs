//! The servers in `examples/contenders`, as tests build and start them.

use std::env;
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
use schema::model::{BlockHolds, CrashLoses, Serves, WaitHolds, Workers};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fake::PATIENCE;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contenders {
    contender: Vec<Contender>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contender {
    pub(crate) name: String,
    #[serde(default)]
    build: Vec<String>,
    command: Vec<String>,
    #[serde(rename = "ready")]
    _ready: Option<Ready>,
    #[serde(default = "only_ping")]
    pub(crate) operations: Vec<String>,
    #[serde(rename = "summary")]
    _summary: Option<String>,
    #[serde(rename = "serves")]
    _serves: Option<Serves>,
    #[serde(rename = "workers")]
    _workers: Option<Workers>,
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
pub(crate) struct Running {
    _built: tempfile::TempDir,
    child: Child,
    stderr: File,
    pub(crate) address: SocketAddr,
}

/// Starts one contender after the other, and ends each by SIGTERM. Those whose language is not installed are skipped.
pub(crate) fn for_each_contender(check: impl Fn(&Contender, &Running)) {
    let text = fs::read_to_string(folder().join("contenders.toml")).expect("the file can be read");
    let contenders: Contenders = toml::from_str(&text).expect("the file has the form that README.md shows");
    for contender in &contenders.contender {
        if let Some(missing) = contender.missing() {
            test_support::skip(format!("{} needs {missing}", contender.name));
            continue;
        }
        let Some(running) = Running::start(contender) else {
            continue;
        };
        check(contender, &running);
        let _idle = running.connect();
        let (status, stderr) = running.end();
        assert!(
            // A Java virtual machine exits with 128 and the signal.
            matches!(status.code(), Some(0 | 143)) || status.signal() == Some(Signal::SIGTERM as i32),
            "{}: {status}",
            contender.name
        );
        assert_eq!(stderr, "", "{} has nothing to say", contender.name);
    }
}

impl Contender {
    /// A program that its commands need and this machine lacks.
    fn missing(&self) -> Option<&str> {
        let path = env::var_os("PATH").unwrap_or_default();
        let is_installed = |name: &str| env::split_paths(&path).any(|folder| folder.join(name).is_file());
        let programs = self.build.first().into_iter().chain(self.command.first());
        let mut named = programs.map(|name| &**name).filter(|name| !name.contains('/'));
        let missing = named.find(|name| !is_installed(name));
        missing.or_else(|| (self.command[0] == "python3" && !has_python()).then_some("Python 3.9 or newer"))
    }

    /// A new folder that its build has filled.
    fn built(&self) -> tempfile::TempDir {
        let built = tempfile::tempdir().expect("a folder can be made");
        if let [program, arguments @ ..] = &with_folder(&self.build, built.path())[..] {
            let done = Command::new(program)
                .args(arguments)
                .current_dir(folder())
                .output()
                .expect("a build can be started");
            let printed = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "{}: {printed}", self.name);
        }
        built
    }
}

fn has_python() -> bool {
    let python = Command::new("python3")
        .args(["-c", "import sys; sys.exit(sys.version_info < (3, 9))"])
        .stderr(Stdio::null())
        .status();
    python.is_ok_and(|status| status.success())
}

fn with_folder(command: &[String], built: &Path) -> Vec<String> {
    let built = built.to_str().expect("the path is plain");
    let words = command.iter();
    words.map(|word| word.replace("{built}", built)).collect()
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/contenders")
}

impl Running {
    /// Runs the command in its folder on a port that the kernel chooses, and waits for its ready line. None if it reports that
    /// it can't run here, as with a version of its language that is too old.
    #[track_caller]
    fn start(contender: &Contender) -> Option<Self> {
        let built = contender.built();
        let command = with_folder(&contender.command, built.path());
        let command: Vec<_> = command
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
            _built: built,
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
        if line.is_empty() {
            let status = running.child.wait().expect("it can be waited for");
            let printed = running.printed();
            assert!(
                status.code() == Some(1) && printed.lines().count() == 1,
                "{}: {status}: {printed}",
                contender.name
            );
            return None;
        }
        running.address = line
            .trim_end()
            .strip_prefix("listening on ")
            .and_then(|address| address.parse().ok())
            .unwrap_or_else(|| panic!("{}: {line:?} is not a ready line", contender.name));
        Some(running)
    }

    /// What it printed to stderr.
    fn printed(&mut self) -> String {
        let mut text = String::new();
        self.stderr.rewind().expect("a file has a beginning");
        self.stderr
            .read_to_string(&mut text)
            .expect("what was said is text");
        text
    }

    pub(crate) fn connect(&self) -> TcpStream {
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
                return (status, self.printed());
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

pub(crate) fn frame(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("a length has 32 bits");
    [&length.to_le_bytes(), body].concat()
}

pub(crate) fn ping(value: &Value) -> Vec<u8> {
    frame(json!({"in": "ping", "params": value}).to_string().as_bytes())
}

pub(crate) fn pong(value: &Value) -> Value {
    json!({"out": "pong", "result": value})
}

/// Sends each piece in its own write and, because of a pause, in its own packet.
pub(crate) fn send(stream: &mut TcpStream, pieces: &[&[u8]]) {
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            thread::sleep(Duration::from_millis(20));
        }
        stream.write_all(piece).expect("the contender takes what is sent");
    }
}

pub(crate) fn receive(stream: &mut TcpStream) -> Value {
    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix).expect("a reply comes");
    let mut body = vec![0; u32::from_le_bytes(prefix) as usize];
    stream.read_exact(&mut body).expect("the whole reply comes");
    serde_json::from_slice(&body).expect("a reply is JSON")
}
