//! Builds contenders that are written in a compiled language: once, before the run, into a temporary folder.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use host::{Fault, is_installed, program_named};
use schema::text::{self, terminal};

use super::Contender;

/// How long a build may take. It may have to fetch and compile dependencies.
const WITHIN: Duration = Duration::from_secs(600);

/// Builds a contender, if there is something to build.
pub(crate) fn built(contender: &Contender, output: &Path, cancel: &AtomicBool) -> Result<(), Fault> {
    if contender.built_in {
        return Ok(());
    }
    if contender.build.is_some() {
        let made = fs::create_dir_all(&contender.built);
        made.map_err(Fault::own("can't make a folder for what is built"))?;
    }
    build(contender, output, cancel)
}

/// Builds a contender into its folder, and checks that its program is installed. What the build prints is kept in `output`.
/// The error is why the contender can't be measured.
fn build(contender: &Contender, output: &Path, cancel: &AtomicBool) -> Result<(), Fault> {
    if let Some(command) = contender.build_command() {
        run(contender, &command, output, cancel)?;
    }
    installed(contender, &contender.program(), "it needs")
}

/// Fails if a program of a contender's commands is missing.
fn installed(contender: &Contender, name: &str, needed: &str) -> Result<(), Fault> {
    if is_installed(contender, name) {
        return Ok(());
    }
    Err(Fault::Unavailable(format!(
        "{needed} the program {}, which is not installed",
        terminal::line(name)
    )))
}

fn run(contender: &Contender, command: &[String], output: &Path, cancel: &AtomicBool) -> Result<(), Fault> {
    let (name, arguments) = command.split_first().expect("a build has a program");
    installed(contender, name, "its build needs")?;
    let kept = |error| Fault::own(format!("can't write {}", output.display()))(error);
    fs::create_dir_all(output.parent().unwrap_or(Path::new("."))).map_err(kept)?;
    let stdout = File::create(output).map_err(kept)?;
    let stderr = stdout.try_clone().map_err(kept)?;
    let child = Command::new(program_named(contender, name))
        .args(arguments)
        .current_dir(&contender.folder)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .spawn();
    let ended = child.and_then(|mut child| wait(&mut child, cancel));
    let reason = match ended {
        Ok(Some(status)) if status.success() => {
            // Most builds print nothing.
            if fs::metadata(output).is_ok_and(|file| file.len() == 0) {
                let _ = fs::remove_file(output);
            }
            return Ok(());
        }
        Ok(Some(status)) => format!("its build failed ({status})"),
        Ok(None) => format!("its build did not end within {WITHIN:?}"),
        Err(error) => format!("its build can't be started: {error}"),
    };
    let first = first_line(output).map_or_else(String::new, |line| format!("; first line: {line}"));
    Err(Fault::Trial(format!(
        "{reason}{first}; its output: {}",
        output.display()
    )))
}

/// How a build ended; none if it took too long, or the run is to stop.
fn wait(child: &mut Child, cancel: &AtomicBool) -> io::Result<Option<ExitStatus>> {
    let until = Instant::now() + WITHIN;
    while Instant::now() < until && !cancel.load(Ordering::Relaxed) {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// The first line that a compiler printed: its first error.
fn first_line(output: &Path) -> Option<String> {
    let printed = fs::read(output).ok()?;
    let printed = String::from_utf8_lossy(&printed);
    let line = printed.lines().find(|line| !line.trim().is_empty())?;
    Some(text::cut(&terminal::line(line), text::QUOTED_MOST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::samples;

    /// The result of this build of a program called `server` in the folder, with a folder for what is built.
    fn built(folder: &Path, build: &[&str]) -> Result<(), Fault> {
        let mut contender = samples::contenders().remove(0);
        contender.built_in = false;
        contender.build = Some(build.iter().map(|&argument| argument.to_owned()).collect());
        contender.command = vec!["{built}/server".to_owned(), "{addr}".to_owned()];
        contender.folder = folder.to_owned();
        contender.built = folder.join("built");
        fs::create_dir_all(&contender.built).unwrap();
        build_it(&contender, folder)
    }

    fn build_it(contender: &Contender, folder: &Path) -> Result<(), Fault> {
        build(
            contender,
            &folder.join("output/build.log"),
            &AtomicBool::new(false),
        )
    }

    #[test]
    fn a_build_fills_its_folder_from_the_files_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("source"), "#!/bin/sh").unwrap();
        let copy = ["cp", "source", "{built}/server"];
        assert_eq!(built(folder.path(), &copy), Ok(()));
        let log = folder.path().join("output/build.log");
        assert!(!log.exists(), "it printed nothing");
    }

    #[test]
    fn a_build_that_fails_is_reported_with_its_first_line() {
        let folder = tempfile::tempdir().unwrap();
        let fails = [
            "sh",
            "-c",
            "echo; echo a.c:1: error >&2; echo more; exit 3; {built}",
        ];
        let Err(Fault::Trial(reason)) = built(folder.path(), &fails) else {
            panic!("it failed");
        };
        assert!(
            reason.starts_with("its build failed (exit status: 3); first line: a.c:1: error; its output: "),
            "{reason}"
        );
    }

    #[test]
    fn a_program_that_is_not_installed_makes_it_unavailable() {
        let folder = tempfile::tempdir().unwrap();
        let missing = |reason: &str| Err(Fault::Unavailable(reason.to_owned()));
        assert_eq!(
            built(folder.path(), &["no-such-compiler", "{built}"]),
            missing("its build needs the program no-such-compiler, which is not installed")
        );
        let mut contender = samples::contenders().remove(0);
        contender.command[0] = "no-such-server".to_owned();
        assert_eq!(
            build_it(&contender, folder.path()),
            missing("it needs the program no-such-server, which is not installed")
        );
    }
}
