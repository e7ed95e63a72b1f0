//! What both benches do before and around a trial: build the programs, choose CPUs, and run a server on one of them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The folder of the programs that are built with the release profile.
pub(crate) fn binaries() -> PathBuf {
    // target/release/deps/BENCH-HASH is this program.
    let this = std::env::current_exe().unwrap();
    this.ancestors().nth(2).unwrap().to_owned()
}

/// The repository.
fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// The page that `--into FILE` names, which has a part of this name. A relative path is one within the repository, because
/// cargo runs a bench in the folder of its crate.
pub(crate) fn page(file: &str, part: &str) -> PathBuf {
    let file = workspace().join(file);
    if let Err(error) = baseline::page::check(&file, part) {
        panic!("--into: {error}");
    }
    file
}

/// Builds the programs of these packages with the release profile; of all packages if none is named.
pub(crate) fn build(packages: &[&str]) {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--bins"])
        .args(packages.iter().flat_map(|package| ["--package", package]))
        .current_dir(workspace())
        .status()
        .unwrap();
    assert!(built.success(), "the binaries could not be built");
}

/// A CPU for the server and one for the client: the first two that this process may use.
pub(crate) fn two_cpus() -> (usize, usize) {
    let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap();
    let mut cpus = (0..CpuSet::count()).filter(|&cpu| allowed.is_set(cpu).unwrap_or(false));
    let (Some(server), Some(client)) = (cpus.next(), cpus.next()) else {
        panic!("this needs two CPUs: one for the server, one for the client");
    };
    (server, client)
}

/// Runs a function on one CPU. A process that it starts stays on that CPU.
pub(crate) fn on_cpu<T>(cpu: usize, run: impl FnOnce() -> T) -> T {
    let this_thread = Pid::from_raw(0);
    let before = sched_getaffinity(this_thread).unwrap();
    let mut only = CpuSet::new();
    only.set(cpu).unwrap();
    sched_setaffinity(this_thread, &only).unwrap();
    let result = run();
    sched_setaffinity(this_thread, &before).unwrap();
    result
}

/// A server that is killed at the end of its trial.
pub(crate) struct Server {
    pub(crate) process: Child,
    pub(crate) address: String,
}

impl Server {
    /// Starts a server on one CPU, and waits until it prints where it listens.
    pub(crate) fn start(mut command: Command, cpu: usize) -> Self {
        command.stdout(Stdio::piped());
        let mut process = on_cpu(cpu, || command.spawn()).unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().strip_prefix("listening on ");
        let address = address.expect("a server prints where it listens").to_owned();
        Self { process, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
