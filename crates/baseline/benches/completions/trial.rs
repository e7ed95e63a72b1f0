//! One server under one load.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

use crate::settings::{Load, Program};
use crate::shared::{self, Server, on_cpu};

const LOADGEN: &str = "loadgen";
/// How long perf may take before it counts.
const PERF_STARTS: Duration = Duration::from_millis(300);

pub(crate) struct Bench {
    binaries: PathBuf,
    server_cpu: usize,
    client_cpu: usize,
    seconds: String,
}

impl Bench {
    pub(crate) fn prepare(seconds: &str) -> Self {
        let (server_cpu, client_cpu) = shared::two_cpus();
        if !std::env::args().any(|argument| argument == "--no-build") {
            shared::build(&["baseline", "loadgen", "server-async", "server-uring"]);
        }
        Self {
            binaries: shared::binaries(),
            server_cpu,
            client_cpu,
            seconds: seconds.to_owned(),
        }
    }

    /// The server's CPU time per request, in microseconds.
    pub(crate) fn cost(&self, server: &Program, load: &Load) -> f64 {
        let server = self.start(Command::new(self.binaries.join(server.name)), server);
        let (requests, cpu) = self.load(load, &server);
        cpu.as_secs_f64() * 1e6 / requests
    }

    /// System calls per request, those that accept included. None where perf can't count them.
    pub(crate) fn calls_per_request(&self, server: &Program, load: &Load) -> Option<f64> {
        let folder = tempfile::tempdir().unwrap();
        let counts = folder.path().join("calls");
        let server = self.start(Command::new(self.binaries.join(server.name)), server);
        let mut perf = Command::new("perf");
        perf.args(["stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-o"])
            .arg(&counts)
            .args(["-p", &server.process.id().to_string()]);
        let mut perf = on_cpu(self.client_cpu, || perf.stderr(Stdio::null()).spawn()).ok()?;
        thread::sleep(PERF_STARTS);
        let (requests, _) = self.load(load, &server);
        let _ = kill(Pid::from_raw(perf.id().cast_signed()), Signal::SIGINT);
        let _ = perf.wait();
        let text = fs::read_to_string(&counts).ok()?;
        let line = text.lines().find(|line| line.contains("sys_enter"))?;
        let calls: f64 = line.split(',').next()?.parse().ok()?;
        Some(calls / requests)
    }

    /// Returns the requests, and the server's CPU time meanwhile.
    fn load(&self, load: &Load, server: &Server) -> (f64, Duration) {
        let (name, arguments) = match load {
            Load::Least { connections } => (
                "baseline-client",
                vec![&*server.address, connections, &*self.seconds],
            ),
            Load::Loadgen { flags } => {
                let params = ["--params", "\"ireader 0\""];
                let params = if flags.contains(&"--params") {
                    &[][..]
                } else {
                    &params[..]
                };
                let to = [
                    "run",
                    "--connect",
                    &server.address,
                    "--warmup",
                    "0",
                    "--json",
                    "-",
                ];
                (LOADGEN, [&to[..], params, flags].concat())
            }
        };
        let duration = format!("{}s", self.seconds);
        let mut command = Command::new(self.binaries.join(name));
        command.args(arguments);
        if name == LOADGEN {
            command.args(["--duration", &duration]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut before = cpu(server);
        let mut client = on_cpu(self.client_cpu, || command.spawn()).unwrap();
        let mut output = BufReader::new(client.stdout.take().unwrap());
        let requests = match load {
            Load::Least { .. } => {
                let mut line = String::new();
                output.read_line(&mut line).unwrap();
                assert_eq!(line, "loading\n");
                before = cpu(server);
                line.clear();
                output.read_line(&mut line).unwrap();
                line.trim().rsplit(' ').next().unwrap().parse().unwrap()
            }
            Load::Loadgen { .. } => {
                let mut text = String::new();
                output.read_to_string(&mut text).unwrap();
                let result: serde_json::Value = serde_json::from_str(&text).unwrap();
                result["requests"]["ok"].as_f64().unwrap()
            }
        };
        let cpu_time = cpu(server).saturating_sub(before);
        // The least client keeps its connections until now.
        drop(client.stdin.take());
        let status = client.wait().unwrap();
        assert!(status.success() && requests > 0.0, "{name}: {status}");
        (requests, cpu_time)
    }

    fn start(&self, mut command: Command, server: &Program) -> Server {
        command.args(server.flags);
        Server::start(command, self.server_cpu)
    }
}

/// The CPU time of the process, with all its threads, those of the kernel included.
fn cpu(server: &Server) -> Duration {
    let clock = clock_getcpuclockid(Pid::from_raw(server.process.id().cast_signed())).unwrap();
    clock_gettime(clock).unwrap().into()
}
