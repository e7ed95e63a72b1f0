//! The cost of wrk against nginx, where both are installed. nginx answers a few bytes from its configuration.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeVal;
use nix::unistd::Pid;

use crate::shared::on_cpu;
use crate::{Bench, CONNECTIONS};

/// Prints CPU per request of wrk against nginx beside that of the load generator against the least event loop.
pub(crate) fn measure(bench: &Bench) {
    let installed = |program: &&str| Command::new(program).arg("-v").output().is_ok();
    if !["wrk", "nginx"].iter().all(installed) {
        println!("\nwrk and nginx are not installed: wrk was not measured");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let nginx = Nginx::start(bench, folder.path());
    println!("\n       loadgen            wrk  ratio");
    let mut ratios: Vec<f64> = (0..bench.pairs)
        .map(|_| {
            let (ours, wrk) = (bench.client_cost("loadgen"), nginx.wrk_cost(bench));
            println!("{ours:14.3} {wrk:14.3}  {:.3}", ours / wrk);
            ours / wrk
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    println!("median {:.3}", ratios[ratios.len() / 2]);
}

struct Nginx {
    process: Child,
    address: String,
}

impl Nginx {
    fn start(bench: &Bench, folder: &Path) -> Self {
        // A port that was free a moment ago: nginx can't be asked which one it was given.
        let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = address.expect("there is a free port").to_string();
        let config = folder.join("nginx.conf");
        fs::write(&config, configuration(folder, &address)).expect("a configuration can be written");
        let mut command = Command::new("nginx");
        command
            .arg("-p")
            .arg(folder)
            .arg("-c")
            .arg(&config)
            .stderr(Stdio::null());
        let process = on_cpu(bench.server_cpu, || command.spawn()).expect("nginx can be started");
        let nginx = Self { process, address };
        let deadline = Instant::now() + Duration::from_secs(10);
        // Before nginx listens, the kernel may connect a socket to itself.
        let listens = || {
            TcpStream::connect(&nginx.address)
                .is_ok_and(|stream| stream.local_addr().ok() != stream.peer_addr().ok())
        };
        while !listens() {
            assert!(Instant::now() < deadline, "nginx does not listen");
            thread::sleep(Duration::from_millis(10));
        }
        nginx
    }

    /// wrk's CPU time per request, in microseconds.
    fn wrk_cost(&self, bench: &Bench) -> f64 {
        let mut command = Command::new("wrk");
        let duration = format!("-d{}s", bench.seconds);
        command.args([
            "-t1",
            &format!("-c{CONNECTIONS}"),
            &duration,
            &format!("http://{}/", self.address),
        ]);
        let before = children();
        let output = on_cpu(bench.client_cpu, || command.output()).expect("wrk can be started");
        let after = children();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let requests: f64 = text
            .lines()
            .find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok())
            .expect("wrk prints how many requests it made");
        (after.user_s + after.system_s - before.user_s - before.system_s) * 1e6 / requests
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM, so that nginx ends its worker too.
        let _ = kill(Pid::from_raw(self.process.id().cast_signed()), Signal::SIGTERM);
        let _ = self.process.wait();
    }
}

fn configuration(folder: &Path, address: &str) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let folders = folders
        .map(|name| format!("{name}_temp_path {};", path(name)))
        .join(" ");
    format!(
        "daemon off; worker_processes 1; pid {}; error_log {};
         events {{ worker_connections 1024; }}
         http {{ access_log off; {folders}
                 server {{ listen {address}; keepalive_requests 1000000000; location / {{ return 200 pong; }} }} }}",
        path("pid"),
        path("error.log")
    )
}

/// The CPU time of all children that have ended.
#[derive(Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) user_s: f64,
    pub(crate) system_s: f64,
}

pub(crate) fn children() -> Spent {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("a process may ask that");
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Spent {
        user_s: seconds(usage.user_time()),
        system_s: seconds(usage.system_time()),
    }
}
