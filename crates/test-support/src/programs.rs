//! The programs of the workspace, built from the current sources.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// A server program of the workspace.
#[derive(Debug, Clone)]
pub struct Server {
    /// The model's name: the program's without `server-`.
    pub name: String,
    /// The program.
    pub path: PathBuf,
    /// What it prints for `--describe`.
    pub description: Value,
}

/// The folder of the workspace's programs: all servers, `compare` and `loadgen`.
///
/// The first call in a test process lets Cargo build what has changed since the last build, with the profile of the test
/// itself. So no test runs a program of older sources, whichever package is tested. It takes a fraction of a second if
/// nothing has changed. Several test processes may call it at the same time: Cargo lets one wait for the other.
///
/// # Panics
///
/// If a program can't be built.
#[must_use]
pub fn programs() -> &'static Path {
    &built().folder
}

/// Every server program of the workspace with its description, by name.
///
/// # Panics
///
/// If a program can't be built, or prints no JSON for `--describe`.
#[must_use]
pub fn servers() -> &'static [Server] {
    static SERVERS: OnceLock<Vec<Server>> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let built = built();
        built
            .servers
            .iter()
            .map(|name| describe(&built.folder, name))
            .collect()
    })
}

/// The first server, by name, whose description fulfils the condition.
///
/// # Panics
///
/// If no server does.
#[track_caller]
pub fn server_that(fulfils: impl Fn(&Value) -> bool) -> &'static Server {
    let found = servers().iter().find(|server| fulfils(&server.description));
    found.expect("a server of the workspace fulfils the condition")
}

struct Built {
    folder: PathBuf,
    servers: BTreeSet<String>,
}

fn built() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(build)
}

fn build() -> Built {
    let folder = folder_of_programs();
    let target = folder
        .parent()
        .expect("a profile has a folder in the target folder");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            "build",
            "--offline",
            "--workspace",
            "--bins",
            "--message-format",
            "json",
        ])
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit());
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    // Cargo describes the tested package to its tests in variables that must not reach another build.
    for (name, _) in env::vars_os() {
        let about_the_package = [
            "CARGO_PKG_",
            "CARGO_BIN_",
            "CARGO_MANIFEST_",
            "CARGO_CRATE_",
            "CARGO_PRIMARY_",
        ];
        if about_the_package
            .iter()
            .any(|prefix| name.to_string_lossy().starts_with(prefix))
        {
            cargo.env_remove(name);
        }
    }
    let output = cargo.output().expect("cargo can be started");
    assert!(
        output.status.success(),
        "the programs can't be built:\n{}",
        compiler_messages(&output.stdout)
    );
    let servers = messages(&output.stdout)
        .filter(|message| message["executable"].is_string())
        .filter_map(|message| {
            Some(
                message["target"]["name"]
                    .as_str()?
                    .strip_prefix("server-")?
                    .to_owned(),
            )
        })
        .collect();
    Built { folder, servers }
}

/// The folder above `deps`, where Cargo puts test programs.
fn folder_of_programs() -> PathBuf {
    let test = env::current_exe().expect("a running program has a path");
    let deps = test.ancestors().find(|folder| folder.ends_with("deps"));
    deps.and_then(Path::parent)
        .expect("a test program lies in the folder `deps` of a profile")
        .to_owned()
}

fn describe(folder: &Path, name: &str) -> Server {
    let path = folder.join(format!("server-{name}"));
    let output = Command::new(&path)
        .arg("--describe")
        .output()
        .expect("a program that was built can be started");
    let description = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{} --describe printed no JSON: {error}\n{}",
            path.display(),
            String::from_utf8_lossy(&output.stderr)
        )
    });
    Server {
        name: name.to_owned(),
        path,
        description,
    }
}

/// Cargo's messages: one JSON object per line.
fn messages(stdout: &[u8]) -> impl Iterator<Item = Value> {
    let lines = stdout.split(|&byte| byte == b'\n');
    lines.filter_map(|line| serde_json::from_slice(line).ok())
}

/// What the compiler printed, as a terminal would show it.
fn compiler_messages(stdout: &[u8]) -> String {
    messages(stdout)
        .filter_map(|message| Some(message["message"]["rendered"].as_str()?.to_owned()))
        .collect()
}
