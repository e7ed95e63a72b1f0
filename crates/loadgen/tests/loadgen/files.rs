//! The files of a run: when they are written, and what happens to files that were there before.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::fake::{Fake, PATIENCE};
use crate::output::{logged, short_run};
use crate::ports::dead_port;
use crate::program::{Running, hour_long_run, loadgen, loadgen_with};

/// The names of all files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry
            .expect("it can be read")
            .file_name()
            .to_string_lossy()
            .into_owned()
    };
    let mut names: Vec<_> = entries.map(name).collect();
    names.sort();
    names
}

/// Waits until a log has so many lines of intervals, and returns all its whole lines.
#[track_caller]
fn wait_for_lines(log: &Path, lines: usize) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(log).unwrap_or_default();
        let whole = whole_lines(&text);
        // Comments begin with a number sign, and the header of the columns with a quotation mark.
        let found = whole.lines().filter(|line| !line.starts_with(['#', '"']));
        if found.count() >= lines {
            return whole.to_owned();
        }
        assert!(Instant::now() < deadline, "the log has only {text:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A text without the line at its end that is still being written.
fn whole_lines(text: &str) -> &str {
    &text[..text.rfind('\n').map_or(0, |end| end + 1)]
}

/// The kernel may cut the write that a kill interrupts, at the end of a page. So the last line may be incomplete.
#[test]
fn a_log_keeps_its_whole_lines_after_a_kill() {
    let fake = Fake::good();
    let folder = tempfile::tempdir().unwrap();
    let (log, json) = (folder.path().join("log"), folder.path().join("json"));
    fs::write(&log, "of yesterday").unwrap();
    let files = format!("--hdr {} --json {}", log.display(), json.display());
    let running = Running::start_line(&hour_long_run(fake.address, &files));
    let seen = wait_for_lines(&log, 4);
    running.signal(Signal::SIGKILL);
    assert_eq!(running.end().code, None);
    let text = fs::read_to_string(&log).unwrap();
    assert!(
        text.starts_with('#') && text.starts_with(&seen),
        "{seen} then {text}"
    );
    let times = logged(whole_lines(&text), None);
    assert!(
        times > 0 && times <= fake.requests(),
        "{times} of {}",
        fake.requests()
    );
    assert_eq!(
        names(folder.path()),
        ["log"],
        "no result stands for a run that has none"
    );
}

#[test]
fn a_log_on_stdout_comes_interval_by_interval() {
    let fake = Fake::good();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let script = format!(
        "exec {} {} > {}",
        env!("CARGO_BIN_EXE_loadgen"),
        hour_long_run(fake.address, "--hdr -"),
        log.display()
    );
    let running = Running::start_program("sh", &["-c", &script], std::process::Stdio::piped());
    wait_for_lines(&log, 1);
    running.signal(Signal::SIGHUP);
    assert_eq!(running.end().code, Some(1));
    assert!(logged(&fs::read_to_string(&log).unwrap(), None) > 0);
}

#[test]
fn a_run_that_could_not_start_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (_held, address) = dead_port();
    let files = ["--json", &name("json"), "--hdr", &name("log")];
    let address = address.to_string();
    let all = [&["run", "--connect", &address][..], &files].concat();
    assert_eq!(loadgen_with(&all).code, Some(1));
    assert_eq!(names(folder.path()), [""; 0]);
    // A refused run leaves no file either.
    assert_eq!(
        loadgen_with(&[&all[..], &["--cpus", "1023"]].concat())
            .code
            .map(|code| code > 0),
        Some(true)
    );
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_result_takes_the_place_of_the_one_before_it() {
    let fake = Fake::good();
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("result"), folder.path().join("link"));
    fs::write(&file, "of yesterday").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("result", &link).unwrap();
    let left = short_run(&fake, &["--json", link.to_str().unwrap()]);
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    assert!(fs::read_to_string(&file).unwrap().starts_with("{\n"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(link.is_symlink());
    assert_eq!(names(folder.path()), ["link", "result"]);
}

#[test]
fn a_new_result_can_be_read_as_any_new_file() {
    let fake = Fake::good();
    let folder = tempfile::tempdir().unwrap();
    let (result, other) = (folder.path().join("result"), folder.path().join("other"));
    fs::write(&other, "").unwrap();
    let left = short_run(&fake, &["--json", result.to_str().unwrap()]);
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&result), mode(&other));
}

#[test]
fn a_pipe_without_a_reader_is_refused_before_the_load() {
    let fake = Fake::good();
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    for flag in ["--json", "--hdr"] {
        let left = loadgen(&format!(
            "run --connect {} {flag} {}",
            fake.address,
            pipe.display()
        ));
        assert_eq!(left.code, Some(2));
        assert!(
            left.stderr.contains(flag) && left.stderr.contains("no process reads"),
            "{}",
            left.stderr
        );
    }
    assert_eq!(fake.requests(), 0);
    // With a reader it works like a file.
    let reader = thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).expect("it can be read")
    });
    let left = short_run(&fake, &["--json", pipe.to_str().unwrap()]);
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    assert!(reader.join().unwrap().starts_with("{\n"));
}
