//! `scripts/install.sh`, with a cargo that builds nothing and the programs of the tests in place of a release build.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use test_support::{programs, servers};

use crate::workspace::{files_below, root};

#[test]
fn installed_programs_find_each_other_in_any_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let target = folder.path().join("target");
    fs::create_dir(&target).expect("a folder can be made");
    symlink(programs(), target.join("release")).expect("a link can be made");
    let cargo = folder.path().join("cargo");
    fs::write(&cargo, "#!/bin/sh\nexit 0\n").expect("a script can be written");
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let path = env::var("PATH").unwrap_or_default();

    let installed = Command::new(root().join("scripts/install.sh"))
        .arg("bin")
        .current_dir(folder.path())
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .env("CARGO_TARGET_DIR", &target)
        .output()
        .expect("bash can be started");
    assert!(
        installed.status.success(),
        "{}",
        String::from_utf8_lossy(&installed.stderr)
    );

    let list = Command::new(folder.path().join("bin/compare"))
        .arg("list")
        .current_dir(Path::new("/"))
        .output()
        .expect("it was installed");
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    for server in servers() {
        assert!(
            list.contains(&server.name),
            "{} is missing in\n{list}",
            server.name
        );
    }
}

/// A default such as `~/.cargo/bin` may hold other programs whose names begin with `server-`.
#[test]
fn installing_needs_a_folder() {
    let refused = Command::new(root().join("scripts/install.sh"))
        .output()
        .expect("bash can be started");
    let message = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{message}");
    assert!(message.contains("usage: install.sh FOLDER"), "{message}");
}

#[test]
fn scripts_are_valid_bash() {
    let mut scripts = files_below(&root().join("scripts"), &["sh"]);
    scripts.push(root().join(".ci/run"));
    for script in scripts {
        let parsed = Command::new("bash")
            .arg("-n")
            .arg(&script)
            .output()
            .expect("bash can be started");
        assert!(
            parsed.status.success(),
            "{}",
            String::from_utf8_lossy(&parsed.stderr)
        );
    }
}
