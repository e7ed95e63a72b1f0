//! Streams that are closed or full, paths that are not UTF-8, and folders that are read-only.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{compare, event_loop, made, only_run, run, servers, smoke, text};

fn full() -> Option<File> {
    let full = File::options().write(true).open("/dev/full").ok();
    if full.is_none() {
        test_support::skip("there is no /dev/full");
    }
    full
}

#[test]
fn a_reader_that_stops_early_is_no_error() {
    let out = tempfile::tempdir().unwrap();
    made(&mut smoke("request-cost", event_loop(), out.path()));
    let folder = only_run(out.path());
    let folder = folder.to_str().unwrap();
    for arguments in [
        &["diff", folder, folder, "--all"][..],
        &["check", folder, "--baseline", folder],
        &["report", folder],
        &["list"],
    ] {
        let whole = run(arguments);
        // Nobody ever reads from this pipe.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let done = compare(arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let message = text(&done.stderr);
        assert_eq!(
            done.status.code(),
            whole.status.code(),
            "{arguments:?}: {message}"
        );
        assert_eq!(message, text(&whole.stderr), "{arguments:?}");
    }
}

#[test]
fn a_full_stdout_is_an_error() {
    let out = tempfile::tempdir().unwrap();
    let Some(stderr) = full() else {
        return;
    };
    let mut measured = smoke("request-cost", event_loop(), out.path());
    let done = measured.stdout(Stdio::piped()).stderr(stderr).output().unwrap();
    // The exit code is as with a stderr that is read. No signal and no panic ended it.
    assert!(
        matches!(done.status.code(), Some(0 | 1)),
        "{}",
        text(&done.stdout)
    );
    assert!(text(&done.stdout).contains("\npage: "));
    let folder = only_run(out.path());
    let folder = folder.to_str().unwrap();
    for arguments in [&["report", folder][..], &["diff", folder, folder], &["list"]] {
        let done = compare(arguments)
            .stdout(full().unwrap())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let message = text(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{arguments:?}: {message}");
        assert!(
            message.contains("can't write to stdout"),
            "{arguments:?}: {message}"
        );
        let both = compare(arguments)
            .stdout(full().unwrap())
            .stderr(full().unwrap())
            .status();
        assert_eq!(both.unwrap().code(), Some(1), "{arguments:?}");
    }
}

#[test]
fn paths_that_are_not_utf_8_work() {
    servers();
    let here = tempfile::tempdir().unwrap();
    let out = here.path().join(OsStr::from_bytes(b"x\xff"));
    if fs::create_dir(&out).is_err() {
        return test_support::skip("the file system takes no such name");
    }
    made(&mut smoke("request-cost", event_loop(), &out));
    let folder = only_run(&out);
    assert!(out.join("README.md").is_file());
    let with = |arguments: &[&OsStr]| {
        let done = compare(&[]).args(arguments).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", text(&done.stderr));
        done
    };
    let word = |word: &'static str| OsStr::new(word);
    with(&[word("report"), folder.as_os_str()]);
    with(&[word("diff"), folder.as_os_str(), folder.as_os_str()]);
    fs::write(folder.join("records.jsonl"), "").unwrap();
    made(compare(&["run", "--resume"]).arg(&folder));

    // The folder in the message is quoted for a shell.
    fs::remove_file(out.join("README.md")).unwrap();
    fs::create_dir(out.join("README.md")).unwrap();
    fs::write(folder.join("records.jsonl"), "").unwrap();
    let done = compare(&[])
        .args([word("run"), word("--resume"), folder.as_os_str()])
        .output()
        .unwrap();
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{message}");
    let quoted = message
        .split("compare report ")
        .nth(1)
        .expect("it names the command");
    let quoted = quoted.trim_end();
    let named = Command::new("bash")
        .args(["-c", &format!("printf %s {quoted}")])
        .output();
    if let Ok(named) = named {
        assert_eq!(std::ffi::OsString::from_vec(named.stdout), folder.as_os_str());
    }
}

/// Makes a folder read-only, then becomes the rest of the command line.
const READ_ONLY: &str = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && exec \"$@\"";

#[test]
fn a_read_only_run_prints_its_tables() {
    let out = tempfile::tempdir().unwrap();
    made(&mut smoke("request-cost", event_loop(), out.path()));
    let folder = only_run(out.path());
    let read_only = |arguments: &[&OsStr]| {
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", READ_ONLY]).arg(out.path());
        command.args(arguments).output()
    };
    let possible = read_only(&[OsStr::new("true")]);
    if !possible.is_ok_and(|done| done.status.success()) {
        return test_support::skip("no folder can be made read-only here (unshare -rm)");
    }
    let program = OsStr::new(env!("CARGO_BIN_EXE_compare"));
    let report = [program, OsStr::new("report"), folder.as_os_str()];
    let done = read_only(&report).unwrap();
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{message}");
    assert!(
        message.contains("can't write") && message.contains("--out"),
        "{message}"
    );
    assert!(
        text(&done.stdout).contains("The cost of a request"),
        "the tables are printed"
    );

    let elsewhere = tempfile::tempdir().unwrap();
    let with_out = [&report[..], &[OsStr::new("--out"), elsewhere.path().as_os_str()]].concat();
    let done = read_only(&with_out).unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
    for name in ["README.md", "report.html", "trials.csv"] {
        assert!(elsewhere.path().join(name).is_file(), "{name}");
    }
}

#[test]
fn line_ends_of_a_file_with_markers_are_kept() {
    let out = tempfile::tempdir().unwrap();
    made(&mut smoke("request-cost", event_loop(), out.path()));
    let folder = only_run(out.path());
    let file = out.path().join("mine.md");
    fs::write(
        &file,
        "# Mine\r\n<!-- results: begin -->\r\n<!-- results: end -->\r\nMore\r\n",
    )
    .unwrap();
    let report = |file: &Path| {
        run(&[
            "report",
            folder.to_str().unwrap(),
            "--into",
            file.to_str().unwrap(),
        ])
    };
    assert!(report(&file).status.success());
    let once = fs::read_to_string(&file).unwrap();
    assert_eq!(once.matches('\n').count(), once.matches("\r\n").count());
    assert!(once.matches('\n').count() > 10, "{once}");
    assert!(report(&file).status.success());
    assert_eq!(fs::read_to_string(&file).unwrap(), once);
}
