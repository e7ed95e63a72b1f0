//! The program perf(1): what it can here, and why not.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// The first version that can be controlled while it records (`--control`).
const OLDEST: (u32, u32) = (5, 10);
/// The first version that need not list all processes first (`--synth`).
const LISTS_ON_REQUEST: (u32, u32) = (5, 16);

/// A version of perf(1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version((u32, u32));

impl Version {
    /// That of the perf(1) which would be started. The error is the reason why there is none that can be used.
    pub(super) fn installed() -> Result<Self, String> {
        let output = command()
            .arg("--version")
            .output()
            .map_err(|error| not_started(&error))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let Some(version) = Self::parse(&text) else {
            // Some distributions have a script of this name, which looks for the perf of the running kernel.
            let reason =
                reason(&String::from_utf8_lossy(&output.stderr)).unwrap_or_else(|| text.trim().to_owned());
            return Err(format!("perf does not work here ({reason}); {INSTALL}"));
        };
        if version.0 < OLDEST {
            return Err(format!(
                "perf {}.{} is too old; install {}.{} or a later one",
                version.0.0, version.0.1, OLDEST.0, OLDEST.1
            ));
        }
        Ok(version)
    }

    fn parse(text: &str) -> Option<Self> {
        let numbers = text.trim().strip_prefix("perf version ")?;
        let mut numbers = numbers.split(|character: char| !character.is_ascii_digit());
        let mut number = || numbers.next()?.parse().ok();
        Some(Self((number()?, number()?)))
    }

    /// Whether `--synth` is known.
    pub(super) fn lists_on_request(self) -> bool {
        self.0 >= LISTS_ON_REQUEST
    }
}

const INSTALL: &str = "install linux-perf (Debian), linux-tools-generic (Ubuntu) or perf (Fedora)";

/// Starts perf(1) with neither a user's settings nor translated messages.
pub(super) fn command() -> Command {
    let mut command = Command::new("perf");
    command
        .env("PERF_CONFIG", "/dev/null")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    command
}

/// Why perf(1) could not be started.
pub(super) fn not_started(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        format!("perf is missing; {INSTALL}")
    } else {
        format!("can't start perf: {error}")
    }
}

/// Where the kernel shows its tracepoints.
const TRACEPOINTS: [&str; 2] = ["/sys/kernel/tracing/events", "/sys/kernel/debug/tracing/events"];

/// Whether the kernel has a tracepoint, such as `sched:sched_switch`. The error is the reason why that can't be found out.
pub(super) fn has_tracepoint(name: &str) -> Result<bool, String> {
    let folders = TRACEPOINTS.map(Path::new);
    let Some(folder) = folders.iter().find(|folder| folder.join("sched").is_dir()) else {
        return Err(unseen(&folders.map(|folder| fs::metadata(folder).err())));
    };
    Ok(folder.join(name.replace(':', "/")).is_dir())
}

/// Why the tracepoints can't be seen, from what became of looking for each folder.
fn unseen(errors: &[Option<io::Error>]) -> String {
    let is_refused = |error: &Option<io::Error>| {
        let kind = error.as_ref().map(io::Error::kind);
        kind == Some(io::ErrorKind::PermissionDenied)
    };
    let folder = TRACEPOINTS[0];
    if errors.iter().any(is_refused) {
        format!("the kernel's tracepoints in {folder} may not be read; run as root")
    } else {
        format!(
            "the kernel's tracepoints are not in {folder}; mount them as root (mount -t tracefs tracefs \
             /sys/kernel/tracing)"
        )
    }
}

/// Checks that this process and the kernel's tracepoints use the same numbers of processes.
pub(super) fn has_the_kernels_numbers() -> Result<(), String> {
    /// The first namespace of process numbers, `PROC_PID_INIT_INO` of the kernel.
    const FIRST: u64 = 0xEFFF_FFFC;
    match fs::metadata("/proc/self/ns/pid") {
        Ok(namespace) if namespace.ino() != FIRST => Err(
            "perf reports other process numbers than this container has; run outside of it, or with the host's \
             process numbers (docker run --pid=host)"
                .to_owned(),
        ),
        // A kernel without namespaces has one of numbers.
        _ => Ok(()),
    }
}

/// Why perf(1) failed, from what it printed on stderr.
pub(super) fn failed(stderr: &str) -> String {
    let reason = reason(stderr).unwrap_or_else(|| "it printed no reason".to_owned());
    let lower = stderr.to_lowercase();
    let refused = ["permission", "permitted", "paranoid", "access to", "can't access"];
    if refused.iter().any(|word| lower.contains(word)) {
        format!("perf may not record tracepoints here ({reason}); run as root")
    } else {
        format!("perf failed: {reason}")
    }
}

/// The lines of stderr that have the reason: the first, and what follows `Error:`.
fn reason(stderr: &str) -> Option<String> {
    let lines = || stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_title = |line: &&str| line.trim_end_matches(':').eq_ignore_ascii_case("error");
    let marked = lines()
        .skip_while(|line| !line.starts_with("Error:"))
        .map(|line| line.trim_start_matches("Error:").trim())
        .find(|line| !line.is_empty());
    let first = lines().find(|line| !is_title(line));
    marked.or(first).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_what_perf_prints() {
        for (text, version) in [
            ("perf version 6.1.187\n", (6, 1)),
            ("perf version 5.10.g1234abc\n", (5, 10)),
            ("perf version 6.8.12-300.fc40.x86_64", (6, 8)),
        ] {
            assert_eq!(Version::parse(text), Some(Version(version)), "{text}");
        }
        for other in [
            "",
            "perf version",
            "perf version x.y",
            "WARNING: perf not found for kernel 6.8",
        ] {
            assert_eq!(Version::parse(other), None, "{other}");
        }
        assert!(Version((6, 1)) > Version((5, 16)) && Version((5, 9)) < Version(OLDEST));
    }

    #[test]
    fn the_reason_of_a_failure_is_quoted() {
        let stderr = "event syntax error: 'raw_syscalls:sys_enter'\n    \\___ can't access trace events\n\n\
                      Error:\tNo permissions to read /sys/kernel/tracing/events/raw_syscalls/sys_enter\n\
                      Hint:\tTry 'sudo mount -o remount,mode=755 /sys/kernel/tracing/'\n";
        assert_eq!(
            failed(stderr),
            "perf may not record tracepoints here (No permissions to read \
             /sys/kernel/tracing/events/raw_syscalls/sys_enter); run as root"
        );
        let stderr = "Error:\nAccess to performance monitoring and observability operations is limited.\n";
        assert!(
            failed(stderr).contains("(Access to performance monitoring"),
            "{}",
            failed(stderr)
        );
        assert_eq!(
            failed("failed to mmap with 12\n"),
            "perf failed: failed to mmap with 12"
        );
        assert_eq!(failed(""), "perf failed: it printed no reason");
    }

    #[test]
    fn the_reason_why_tracepoints_are_unseen_is_named() {
        let error = |kind: io::ErrorKind| Some(io::Error::from(kind));
        let (refused, missing) = (io::ErrorKind::PermissionDenied, io::ErrorKind::NotFound);
        let reason = unseen(&[error(refused), error(missing)]);
        assert!(reason.ends_with("may not be read; run as root"), "{reason}");
        let reason = unseen(&[error(missing), None]);
        assert!(reason.contains("mount -t tracefs"), "{reason}");
    }

    #[test]
    fn a_tracepoint_that_does_not_exist_is_missing() {
        match has_tracepoint("sched:sched_switch") {
            Ok(has) => {
                assert!(has);
                assert_eq!(has_tracepoint("sched:sched_nothing"), Ok(false));
            }
            Err(reason) => test_support::skip(reason),
        }
    }
}
